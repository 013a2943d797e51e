from __future__ import annotations

import math

import pytest

from tasks.classification import Classification
from tasks.encoding.tokenization import split_words
from tasks.floors import Floor, Majority, TfidfLogistic
from tasks.matching import Matching
from tasks.ner import NER
from tasks.pos import POS
from tasks.sentiment import Sentiment

LOSS = {"label_smoothing": 0.0, "class_weights": "none", "focal_gamma": 0.0}
POOLED = {"hidden": 1, "dropout": 0.0, **LOSS}
CLASSIFICATION = Classification(name="classification", multi_label=False, label_separator=None, **POOLED)
SETS = Classification(name="classification", multi_label=True, label_separator=None, **POOLED)
MATCHING = Matching(name="matching", **POOLED)
SENTIMENT = Sentiment(name="sentiment", order=None, **POOLED)
NAMES = NER(name="ner", scheme="crf", tag_scheme="auto", invalid_bio="error", dropout=0.0, **LOSS)
SPEECH = POS(name="pos", scheme="softmax", dropout=0.0, **LOSS)


def make_tfidf(**changed) -> TfidfLogistic:
    options = {
        "word_ngrams": [1, 2],
        "character_ngrams": [2, 5],
        "lowercase": True,
        "inverse_penalty": 100.0,
        "max_iterations": 1000,
    }
    return TfidfLogistic(**{**options, **changed})


def fitted(floor: Floor, task, rows=None) -> Floor:
    floor.fit(task.samples() if rows is None else rows, task, tokenizer=split_words, seed=1)
    return floor


def test_majority_predicts_the_most_frequent_label():
    assert fitted(Majority(), CLASSIFICATION).predict([{"text": "x"}, {"text": "y"}]) == ["card_arrival"] * 2


def test_majority_predicts_the_most_frequent_set():
    rows = [{"text": "x", "label": found} for found in (["a"], ["a", "b"], ["c"], ["a", "b"])]
    assert fitted(Majority(), SETS, rows).predict([{"text": "x"}, {"text": "y"}]) == [["a", "b"]] * 2


def test_tfidf_chooses_each_label_by_itself():
    rows = [
        {"text": text, "label": sorted({*found, "all"})}
        for text, found in (("goal", ["sport"]), ("tax", ["money"]), ("goal tax", ["money", "sport"]), ("rain", []))
    ]
    floor = fitted(make_tfidf(), SETS, rows)
    assert floor.predict(rows) == [row["label"] for row in rows]
    assert floor.predict([{"text": "goal tax"}, {"text": "wind"}]) == [["all", "money", "sport"], ["all"]]


def test_tfidf_knows_how_probable_its_labels_are():
    rows = [{"text": "a word", "label": "often"}] * 3 + [{"text": "a word", "label": "seldom"}]
    floor = fitted(make_tfidf(), CLASSIFICATION, rows)
    assert floor.confidences(rows[:1], ["often"]) == [pytest.approx(0.75, abs=0.02)]
    sets = [{"text": "a word", "label": found} for found in (["x", "y"], ["x"], ["x", "y"], ["x", "y"])]
    several = fitted(make_tfidf(), SETS, sets)
    assert several.confidences(sets[:2], [["x", "y"], ["x"]]) == pytest.approx([0.75, 0.25], abs=0.02)
    assert Majority().confidences(rows, ["often"] * 4) is None


def test_tfidf_weighs_labels_as_the_task_does():
    rows = [{"text": "a word", "label": "often"}] * 3 + [{"text": "a word", "label": "seldom"}]
    assert fitted(make_tfidf(), CLASSIFICATION, rows).predict(rows[:1]) == ["often"]
    options = POOLED | {"class_weights": {"seldom": 9}}
    weighed = Classification(name="classification", multi_label=False, label_separator=None, **options)
    weighed.class_weights.settle([row["label"]] for row in rows)
    assert fitted(make_tfidf(), weighed, rows).predict(rows[:1]) == ["seldom"]
    rows = [{"text": "a word", "label": ["often"]}] * 3 + [{"text": "a word", "label": ["seldom"]}]
    assert fitted(make_tfidf(), SETS, rows).predict(rows[:1]) == [["often"]]
    several = Classification(name="classification", multi_label=True, label_separator=None, **options)
    several.class_weights.settle(row["label"] for row in rows)
    assert fitted(make_tfidf(), several, rows).predict(rows[:1]) == [["often", "seldom"]]


def test_majority_tags_each_word_as_usual_and_unknown_words_as_most_words():
    rows = [
        {"tokens": ["watch", "the", "watch"], "tags": ["VERB", "DET", "NOUN"]},
        {"tokens": ["the", "watch"], "tags": ["DET", "NOUN"]},
        {"tokens": ["the"], "tags": ["DET"]},
    ]
    floor = fitted(Majority(), SPEECH, rows)
    assert floor.predict([{"tokens": ["the", "watch", "unknown", "Watch"]}]) == [["DET", "NOUN", "DET", "DET"]]


def test_majority_leaves_orphans_to_the_strict_scorer():
    floor = fitted(Majority(), NAMES)
    predicted = floor.predict([{"tokens": ["Lovelace", "spoke"]}])
    assert predicted == [["I-PER", "O"]]
    assert NAMES.score_rows([{"tags": ["B-PER", "O"]}], predicted, labels=[])["entity_precision_strict_iob2"] == 0


@pytest.mark.parametrize("task", [CLASSIFICATION, SENTIMENT, MATCHING], ids=lambda task: task.name)
@pytest.mark.parametrize("character_ngrams", [None, [2, 5]], ids=["words", "words and characters"])
def test_tfidf_learns_the_samples(task, character_ngrams):
    floor = fitted(make_tfidf(character_ngrams=character_ngrams), task)
    assert floor.predict(task.samples()) == [row["label"] for row in task.samples()]


def test_tfidf_weighs_words_as_documented():
    rows = [{"text": "a a b", "label": "x"}, {"text": "a c", "label": "y"}]
    floor = fitted(make_tfidf(word_ngrams=[1, 1], character_ngrams=None), CLASSIFICATION, rows)
    in_both, in_one = math.log(3 / 3) + 1, math.log(3 / 2) + 1
    first = [(1 + math.log(2)) * in_both, in_one, 0.0]
    length = math.hypot(*first)
    vector = floor._features(rows[:1]).toarray()[0]
    assert vector.tolist() == pytest.approx([weight / length for weight in first])


def test_tfidf_reads_a_pair_as_both_vectors_their_distance_and_their_product():
    floor = fitted(make_tfidf(), MATCHING)
    row = MATCHING.samples()[0]
    a, b = (floor.vectorizer.transform([row[column]]).toarray()[0] for column in ("text_a", "text_b"))
    by_hand = [*a, *b, *(abs(x - y) for x, y in zip(a, b, strict=True)), *(x * y for x, y in zip(a, b, strict=True))]
    assert floor._features([row]).toarray()[0].tolist() == pytest.approx(by_hand)


def test_tfidf_reads_tokens_that_come_as_a_list():
    rows = [{"text": ["play", "it"], "label": "PlayMusic"}, {"text": ["rate", "it"], "label": "RateBook"}]
    assert fitted(make_tfidf(), CLASSIFICATION, rows).predict(rows) == ["PlayMusic", "RateBook"]


def test_tfidf_refuses_tagging_before_any_data_is_read():
    with pytest.raises(ValueError, match="task 'ner' needs a tag for every token; it serves classification"):
        make_tfidf().check(NAMES)
    Majority().check(NAMES)


def test_tfidf_refuses_a_single_label():
    with pytest.raises(ValueError, match="expects at least two labels in train, got only 'x'; use model=majority"):
        fitted(make_tfidf(), CLASSIFICATION, [{"text": "a b", "label": "x"}])


@pytest.mark.parametrize("option", ["word_ngrams", "character_ngrams"])
@pytest.mark.parametrize("value", [[2, 1], [0, 1], [1]])
def test_tfidf_refuses_impossible_ngrams(option: str, value: list[int]):
    with pytest.raises(ValueError, match=rf"expected {option} as \[shortest, longest\]"):
        make_tfidf(**{option: value})


@pytest.mark.parametrize("make", [Majority, make_tfidf])
def test_floors_say_what_they_miss(make):
    with pytest.raises(ValueError, match="a floor expects rows to learn from, got none"):
        fitted(make(), CLASSIFICATION, [])
    with pytest.raises(ValueError, match="has learnt nothing yet; call fit first"):
        make().predict([])
