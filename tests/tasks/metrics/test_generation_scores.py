"""Scores of written texts against their libraries, published numbers and cases worked by hand."""

from __future__ import annotations

import gzip
import json
import math
import random

import numpy as np
import pytest

from tasks.metrics.correction import (
    correction_definitions,
    correction_scores,
    correction_scores_from,
    correction_statistics,
    edit_f05,
    edits_between,
    gleu,
    gleu_counts,
)
from tasks.metrics.generation import check_texts, tokens_of
from tasks.metrics.summarization import (
    repetition_rate,
    summarization_definitions,
    summarization_scores,
    summarization_statistics,
)
from tasks.metrics.translation import (
    ALIGNMENT_DEFINITIONS,
    alignment_scores,
    bleu_lowercased_tokenised,
    bleu_tokens,
    signatures,
    translation_definitions,
    translation_scores,
    translation_scores_from,
    translation_statistics,
)

WORDS = (
    "the",
    "a",
    "cat",
    "dog",
    "sat",
    "ran",
    "on",
    "under",
    "mat",
    "tree",
    ",",
    ".",
    "Mr.",
    "it's",
    "red-hot",
    "3.5",
)


def sentences(count: int, seed: int) -> list[str]:
    draw = random.Random(seed)
    return [" ".join(draw.choices(WORDS, k=draw.randint(5, 14))) for _ in range(count)]


HYPOTHESES = sentences(40, seed=1)
REFERENCES = [[f"{text} again", other] for text, other in zip(HYPOTHESES, sentences(40, seed=2), strict=True)]


# Translation


@pytest.mark.parametrize(("language", "tokenizer"), [("en", "13a"), ("de", "13a"), ("zh", "zh"), ("ja", "char")])
def test_translation_is_scored_as_sacrebleu_scores_it(language: str, tokenizer: str):
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    extra = {"zh": "猫坐在垫子上。", "ja": "猫がマットに座った。"}.get(language, "")
    texts = [text + extra for text in HYPOTHESES]
    streams = [list(stream) for stream in zip(*REFERENCES, strict=True)]
    scores = translation_scores(texts, REFERENCES, language=language)
    assert scores["sacrebleu"] == pytest.approx(BLEU(tokenize=tokenizer).corpus_score(texts, streams).score / 100)
    assert scores["chrf"] == pytest.approx(CHRF().corpus_score(texts, streams).score / 100)
    assert 0.1 < scores["sacrebleu"] < 0.99


def test_a_translation_equal_to_its_reference_has_full_marks():
    scores = translation_scores(["a cat sat on a mat"], [["a cat sat on a mat"]], language="en")
    assert scores == {"sacrebleu": pytest.approx(1), "chrf": pytest.approx(1)}


def test_sentences_may_have_different_numbers_of_references():
    uneven = [accepted[: 1 + number % 2] for number, accepted in enumerate(REFERENCES)]
    repeated = [accepted if len(accepted) == 2 else accepted * 2 for accepted in uneven]
    assert translation_scores(HYPOTHESES, uneven, language="en") == translation_scores(
        HYPOTHESES, repeated, language="en"
    )


def test_a_missing_reference_is_no_empty_one():
    """An empty second reference would be nearest in length to the second hypothesis."""
    statistics = translation_statistics(["a b", "a b"], [["a b", "a"], ["a b c d e f g"]], language="en")
    assert [row["sacrebleu"][1] for row in statistics] == [2, 7]


def test_sums_of_statistics_give_the_scores_of_any_selection():
    chosen = [3, 3, 7, 20]
    statistics = translation_statistics(HYPOTHESES, REFERENCES, language="en")
    sums = {key: np.sum([statistics[n][key] for n in chosen], axis=0) for key in ("sacrebleu", "chrf")}
    selected = translation_scores([HYPOTHESES[n] for n in chosen], [REFERENCES[n] for n in chosen], language="en")
    assert translation_scores_from(sums, language="en") == pytest.approx(selected)


def test_statistics_of_a_sentence_are_those_of_the_bleu_paper():
    (row,) = translation_statistics(["the cat the cat"], [["the cat sat"]], language="en")
    assert row["sacrebleu"] == [4, 3, 2, 1, 0, 0, 4, 3, 2, 1]


@pytest.mark.parametrize(("language", "tokenizer"), [("de", "13a"), ("zh", "zh"), ("ja", "char")])
def test_definitions_carry_sacrebleus_signature(language: str, tokenizer: str):
    assert f"nrefs:1|case:mixed|eff:no|tok:{tokenizer}|smooth:exp|version:2" in signatures(language)["sacrebleu"]
    assert "nrefs:var|case:mixed|eff:yes|nc:6|nw:0" in signatures(language, references="var")["chrf"]
    assert set(translation_definitions(language)) == {"sacrebleu", "chrf"}
    assert f"tok:{tokenizer}" in translation_definitions(language)["sacrebleu"]


def test_bleu_goes_by_language_and_script_not_by_how_the_tag_is_written():
    texts, accepted = ["猫坐在垫子上。"], [["猫坐在红垫子上。"]]
    right = translation_scores(texts, accepted, language="zh")["sacrebleu"]
    assert 0.5 < right < 1
    for tag in ("zh-CN", "zh_TW", "zho", "yue", "und-Hani"):
        assert translation_scores(texts, accepted, language=tag)["sacrebleu"] == right
    assert translation_scores(texts, accepted, language="zh-Latn")["sacrebleu"] < 0.01
    assert bleu_tokens("猫が座った", language="jpn") == ["猫", "が", "座", "っ", "た"]


@pytest.mark.parametrize("language", ["th", "tha", "und-Thai"])
def test_bleu_of_scripts_without_spaces_counts_grapheme_clusters(language: str):
    scores = translation_scores(["ที่กินคน"], [["ที่กิน คด"]], language=language)
    # ที่ กิ น ค น against ที่ กิ น ค ด: 4 of 5, 3 of 4, 2 of 3 and 1 of 2 n-grams
    assert scores["sacrebleu"] == pytest.approx((4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25)
    assert translation_scores(["ที่กินคน"], [["ที่กิน คน", "x"]], language=language)["sacrebleu"] == 1
    definition = translation_definitions(language)["sacrebleu"]
    assert "on grapheme clusters (Unicode UAX 29, regex 20" in definition
    assert "tok:none" in definition


def test_no_score_passes_1_by_rounding():
    for language, text in (("en", "a b c d e"), ("zh", "猫坐在垫子上"), ("th", "ที่กินคนดี")):
        assert translation_scores([text] * 7, [[text]] * 7, language=language)["sacrebleu"] == 1


def test_bleu_of_the_multi30k_papers_is_not_smoothed():
    assert bleu_lowercased_tokenised(["a b c d e"], [["a b c x e"]]) == 0
    by_hand = (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25
    assert bleu_lowercased_tokenised(["a b c d e"], [["a b c d x"]]) == pytest.approx(by_hand)


def test_alignment_counts_links_by_hand():
    weights = [np.array([[0.6, 0.4, 0.0], [0.1, 0.2, 0.7]]), np.array([[0.5, 0.5], [0.0, 0.0]])]
    gold = [{(0, 0), (1, 1), (1, 0)}, {(0, 0)}]
    scores = alignment_scores(gold, weights)
    assert scores["alignment_precision"] == pytest.approx(2 / 3)
    assert scores["alignment_recall"] == pytest.approx(2 / 4)
    assert scores["alignment_f1"] == pytest.approx(2 * 2 / (3 + 4))
    assert scores.keys() == ALIGNMENT_DEFINITIONS.keys()


def test_alignment_without_links_is_zero():
    assert set(alignment_scores([set()], [np.zeros((1, 2))]).values()) == {0.0}


def test_alignment_refuses_links_beyond_the_weights():
    with pytest.raises(
        ValueError, match=r"sentence 0 as \(target words, source words\).*got an array of shape \(2, 3\)"
    ):
        alignment_scores([{(2, 0)}], [np.ones((2, 3))])
    with pytest.raises(ValueError, match="weights for at least one sentence, got 0 arrays for 1 sentences"):
        alignment_scores([set()], [])


# Summarization


def test_summaries_are_scored_as_rouge_score_scores_them():
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=True)
    single = [
        [scorer.score(one, text) for one in accepted] for text, accepted in zip(HYPOTHESES, REFERENCES, strict=True)
    ]
    scores = summarization_scores(HYPOTHESES, REFERENCES, language="en")
    for key, theirs in {"rouge_1_f1": "rouge1", "rouge_2_f1": "rouge2", "rouge_l_f1": "rougeL"}.items():
        best = [max(found[theirs].fmeasure for found in row) for row in single]
        assert scores[key] == pytest.approx(sum(best) / len(best))


def test_rouge_by_hand_with_stems_and_the_best_of_two_references():
    scores = summarization_scores(["two cats sat"], [["a dog ran", "the cat sat down"]], language="en")
    assert scores["rouge_1_f1"] == pytest.approx(2 * 2 / (3 + 4))
    assert scores["rouge_2_f1"] == pytest.approx(2 * 1 / (2 + 3))
    assert scores["rouge_l_f1"] == pytest.approx(2 * 2 / (3 + 4))


@pytest.mark.parametrize(
    ("language", "text", "reference", "expected"),
    [
        ("zh", "猫坐着。", "猫站着", 2 / 3),
        ("ja", "ねこ 座る", "ねこ座る!", 1),
        ("zh-CN", "猫坐着。", "猫站着", 2 / 3),
        ("und-Hani", "猫坐着。", "猫站着", 2 / 3),
        ("th", "กินข้าว", "กิน น้ำ", 2 * 2 / (5 + 3)),
        ("km", "ខ្មែរ", "ខ្មែ", 2 * 1 / (2 + 1)),
        ("en-US", "walking cats", "walk a cat", 2 * 2 / (2 + 3)),
        ("eng", "walking cats", "walk a cat", 2 * 2 / (2 + 3)),
        ("und-Latn", "walking cats", "walk a cat", 0),
        ("de", "Über Bäume", "über Träume", 1 / 2),
        ("ru", "кот спит", "КОТ ест.", 1 / 2),
    ],
)
def test_rouge_of_other_languages_keeps_their_letters(language: str, text: str, reference: str, expected: float):
    assert summarization_scores([text], [[reference]], language=language)["rouge_1_f1"] == pytest.approx(expected)


def test_summaries_of_nothing_score_nothing():
    assert set(summarization_scores([""], [["a cat"]], language="en").values()) == {0}


@pytest.mark.parametrize(
    ("text", "language", "rate"),
    [
        ("a b c a b c", "en", 1 / 4),
        ("a a a a a", "en", 2 / 3),
        ("a b c d", "en", 0),
        ("a b", "en", 0),
        ("猫猫猫猫", "zh", 1 / 2),
        ("ที่ที่ที่ที่", "th", 1 / 2),
    ],
)
def test_repetition_is_the_share_of_trigrams_seen_before(text: str, language: str, rate: float):
    assert repetition_rate(text, language=language) == pytest.approx(rate)


def test_a_summarization_score_is_the_mean_over_texts():
    rows = summarization_statistics(HYPOTHESES, REFERENCES, language="en")
    scores = summarization_scores(HYPOTHESES, REFERENCES, language="en")
    assert scores == {key: pytest.approx(np.mean([row[key] for row in rows])) for key in rows[0]}


def test_definitions_of_summaries_say_what_is_counted():
    assert summarization_definitions("en").keys() == summarization_scores(["a"], [["a"]], language="en").keys()
    assert "Porter-stemmed" in summarization_definitions("en")["rouge_l_f1"]
    assert "grapheme clusters" in summarization_definitions("zh")["rouge_1_f1"]
    assert "not stemmed" in summarization_definitions("de")["rouge_1_f1"]
    assert "grapheme clusters" in summarization_definitions("lo")["repetition_rate"]


# Correction


@pytest.mark.parametrize(
    ("before", "after", "edits"),
    [
        ("he go home", "he goes home", {(1, 2, ("goes",))}),
        ("he go to to home", "he goes home", {(1, 4, ("goes",))}),
        ("teh dgo ran", "the dog ran", {(0, 1, ("the",)), (1, 2, ("dog",))}),
        ("cat ran", "the cat ran", {(0, 0, ("the",))}),
        ("the the cat", "the cat", {(0, 1, ())}),
        ("a b", "a b", set()),
    ],
)
def test_edits_are_the_differing_spans(before: str, after: str, edits: set):
    assert edits_between(before.split(), after.split()) == edits


def test_frequent_words_of_a_long_text_are_aligned_too():
    before = [word for n in range(150) for word in ("the", f"old{n}")]
    after = [word.replace("old", "new") for word in before]
    assert edits_between(before, after) == {(2 * n + 1, 2 * n + 2, (f"new{n}",)) for n in range(150)}


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((1, 1, 1), (1 / 2, 1 / 2, 1 / 2)),
        ((1, 0, 3), (1, 1 / 4, 1.25 * 0.25 / (0.25 + 0.25))),
        ((0, 0, 2), (1, 0, 0)),
        ((0, 2, 0), (0, 1, 0)),
        ((0, 0, 0), (1, 1, 1)),
    ],
)
def test_f05_weighs_precision_twice(counts: tuple, expected: tuple):
    assert edit_f05(*counts) == pytest.approx(expected)


def test_correction_by_hand():
    sources = ["he go home", "a cat sat", "i see dog"]
    hypotheses = ["he goes  home", "a cat sat", "i saw dog"]
    references = [["he goes home"], ["a cat sat"], ["i see the dog"]]
    scores = correction_scores(sources, hypotheses, references, language="en")
    assert scores["sentence_accuracy"] == pytest.approx(2 / 3)
    assert (scores["edit_precision"], scores["edit_recall"]) == (1 / 2, 1 / 2)
    assert scores["edit_f05"] == pytest.approx(1 / 2)
    assert scores.keys() == correction_definitions("en").keys()


def test_the_reference_that_serves_the_corpus_best_is_chosen():
    rows = correction_statistics(
        ["a b c d", "a b c"],
        ["x b c d", "a b c"],
        [["x y c d", "a b c d", "x b c d"], ["a b c", "z b c"]],
        language="en",
    )
    assert [row["edits"] for row in rows] == [[1, 0, 0], [0, 0, 0]]
    assert [row["exact"] for row in rows] == [1, 1]


def test_of_references_equal_in_f_the_one_with_fewer_wrong_edits_is_chosen():
    (row,) = correction_statistics(["a b c"], ["a x"], [["a b c d e", "q b c"]], language="en")
    assert row["edits"] == [0, 1, 1]
    (row,) = correction_statistics(["a b"], ["a b"], [["q r", "a r"]], language="en")
    assert row["edits"] == [0, 0, 1]


def test_the_choice_of_a_reference_looks_at_the_sentences_before():
    """With 2 right, 0 wrong, 9 missed F0.5 is 0.53, with 1, 1, 0 it is 0.56; after ten missed edits 0.34 and 0.26."""
    source = [f"w{n}" for n in range(11)]
    hypothesis = " ".join(["x0", "x1", *source[2:]])
    references = [" ".join(f"x{n}" for n in range(11)), " ".join(["x0", *source[1:]])]
    (alone,) = correction_statistics([" ".join(source)], [hypothesis], [references], language="en")
    assert alone["edits"] == [1, 1, 0]
    missed = " ".join(source[:10])
    _, later = correction_statistics(
        [missed, " ".join(source)], [missed, hypothesis], [[missed.replace("w", "y")], references], language="en"
    )
    assert later["edits"] == [2, 0, 9]


def test_chinese_is_corrected_by_characters():
    scores = correction_scores(["又是令一种 气象"], ["又是另一种气象"], [["又是另一种气象"]], language="zh")
    assert set(scores.values()) == {1.0}
    (row,) = correction_statistics(["令一钟"], ["另一种"], [["另一个"]], language="zh")
    assert row["edits"] == [1, 1, 1]
    assert "grapheme clusters" in correction_definitions("zh")["edit_f05"]


def test_scripts_without_spaces_are_corrected_by_clusters():
    (row,) = correction_statistics(["กินน้าม"], ["กินน้ำ"], [["กินน้ำ"]], language="th")
    assert row["edits"] == [1, 0, 0]
    (row,) = correction_statistics(["กีนข้าว"], ["กินข้าว"], [["กินข้าวๆ"]], language="my")
    assert row["edits"] == [1, 0, 1]


@pytest.mark.parametrize("texts", [["a"], ["a b", "c"], ["a b c"], ["a b c d"], ["a", "a b c d e"]])
def test_perfect_texts_have_full_gleu_however_short(texts: list[str]):
    sources = ["x " + text for text in texts]
    assert correction_scores(sources, texts, [[text] for text in texts], language="en")["gleu"] == 1


def test_gleu_of_short_texts_is_that_of_the_orders_they_have():
    scores = correction_scores(["a b"], ["a c"], [["a c b"]], language="en")
    # 2/2 and 1/1, no trigram where the reference has one: 0, as in the authors' script
    assert scores["gleu"] == 0
    scores = correction_scores(["a b", "d"], ["a c", "d"], [["a c"], ["e"]], language="en")
    # unigrams: a, c right, d kept though dropped: 2 of 3; bigrams: 1 of 1; equal lengths
    assert scores["gleu"] == pytest.approx((2 / 3 * 1) ** 0.5)
    assert correction_scores(["a"], [""], [["b"]], language="en")["gleu"] == 0


def test_gleu_punishes_what_should_have_been_changed():
    """The reference has x for c; who keeps c loses matches, for c was in the source and the reference dropped it."""
    counts = gleu_counts("abcdef", "abcdef", "abxdef")
    # unigrams: a b d e f match, c was to go; bigrams: ab, de, ef match, bc and cd were to go; trigrams: def against 3
    assert counts == [6, 6, 5 - 1, 6, 3 - 2, 5, max(0, 1 - 3), 4, 0, 3]
    assert gleu([[counts]]) == 0


def test_gleu_of_a_changed_sentence_by_hand():
    counts = gleu_counts("abcdefg", "abxdef", "abxdefg")
    assert counts == [6, 7, 6, 6, 5, 5, 4, 4, 3, 3]
    assert gleu([[counts]]) == pytest.approx(math.exp(1 - 7 / 6))


def test_gleu_is_the_mean_over_fixed_draws_of_references():
    good, bad = [4, 4, 4, 4, 3, 3, 2, 2, 1, 1], [4, 4, 2, 4, 1, 3, 1, 2, 1, 1]
    only_bad = (1 / 2 * 1 / 3 * 1 / 2) ** 0.25
    draws = [int(random.Random(number * 101).random() * 2) for number in range(500)]
    share = draws.count(0) / 500
    assert 0.4 < share < 0.6
    assert gleu([[good, bad]]) == pytest.approx(share + (1 - share) * only_bad)
    assert gleu([[bad]]) == pytest.approx(only_bad)


def test_selected_rows_have_the_scores_of_the_selection():
    sources = sentences(40, seed=3)
    single = [accepted[:1] for accepted in REFERENCES]
    rows = correction_statistics(sources, HYPOTHESES, single, language="en")
    chosen = [1, 5, 5, 9]
    expected = correction_scores(
        *([column[n] for n in chosen] for column in (sources, HYPOTHESES, single)), language="en"
    )
    assert correction_scores_from([rows[n] for n in chosen]) == pytest.approx(expected)


@pytest.mark.slow
@pytest.mark.parametrize(("split", "published"), [("validation", 0.3821), ("test", 0.4054)])
def test_gleu_of_unchanged_jfleg_is_the_published_one(shared_data, split: str, published: float):
    with gzip.open(shared_data / "jfleg" / f"{split}.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    sources = [row["source"] for row in rows]
    scores = correction_scores(sources, sources, [row["targets"] for row in rows], language="en")
    assert scores["gleu"] == pytest.approx(published, abs=0.00006)
    assert scores["edit_f05"] == 0


def test_gleu_of_a_human_is_that_of_the_authors_script(shared_data):
    """Their eval/gleu.py gives 0.647486 (one reference) and 0.635679 (two, drawn as Python 2 draws)."""
    with gzip.open(shared_data / "jfleg" / "test.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    sources, hypotheses = [row["source"] for row in rows], [row["targets"][1] for row in rows]
    for others, expected in [((0,), 0.647486), ((0, 2), 0.635679)]:
        references = [[row["targets"][other] for other in others] for row in rows]
        scores = correction_scores(sources, hypotheses, references, language="en")
        assert scores["gleu"] == pytest.approx(expected, abs=1e-6)


# All


def test_units_are_characters_where_words_are_not_spaced():
    assert tokens_of("a cat.", language="en") == ["a", "cat."]
    assert tokens_of("猫 坐。", language="zh") == tokens_of("猫坐 。", language="ja") == ["猫", "坐", "。"]


def test_texts_without_references_are_refused():
    with pytest.raises(ValueError, match="at least one, got 0 for 0 hypotheses"):
        check_texts([], [])
    with pytest.raises(ValueError, match="got 1 for 2 hypotheses"):
        check_texts(["a", "b"], [["a"]])
    with pytest.raises(ValueError, match=r"at least one reference for hypothesis 1, got \[\]"):
        check_texts(["a", "b"], [["a"], []])
    with pytest.raises(ValueError, match="for hypothesis 0, got 'a'; put a single reference into a list"):
        check_texts(["a"], ["a"])
    with pytest.raises(ValueError, match="expected a source for each hypothesis, got 0 for 1"):
        correction_scores([], ["a"], [["a"]], language="en")


@pytest.mark.parametrize("score", [translation_scores, summarization_scores])
def test_every_score_refuses_texts_without_references(score):
    with pytest.raises(ValueError, match="got 0 for 1 hypotheses"):
        score(["a"], [], language="en")
    with pytest.raises(ValueError, match="got 0 for 1 hypotheses"):
        bleu_lowercased_tokenised(["a"], [])
