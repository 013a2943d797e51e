from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from tasks.encoding.tokenization import split_words
from tasks.floors import CopySource, Floor, LeadSentences, Majority, TfidfLogistic
from tasks.generated import correction, summarization, translation
from tasks.generated.base import generate_splits
from tasks.metrics.correction import correction_scores
from tasks.metrics.summarization import summarization_scores
from tasks.metrics.translation import translation_scores

WRITING = SimpleNamespace(name="summarization", text_columns=("source",), tokenized=False, generates=True)
LABELS = SimpleNamespace(name="sentiment", text_columns=("text",), tokenized=False, generates=False)
ROWS = [{"source": "One two. Three?", "target": "One."}]


def fitted(floor: Floor, rows=ROWS) -> Floor:
    floor.fit(rows, WRITING, tokenizer=split_words, seed=1)
    return floor


def lead(source: str, count: int) -> str:
    (text,) = fitted(LeadSentences(count=count)).predict([{"source": source}])
    return text


def test_copy_writes_the_source_as_it_is():
    sources = ["Any  text,\nas it is. ", "二"]
    assert fitted(CopySource()).predict([{"source": source} for source in sources]) == sources


def test_copy_joins_a_source_of_tokens():
    assert fitted(CopySource()).predict([{"source": ["a", "b"]}]) == ["a b"]


@pytest.mark.parametrize(
    ("source", "count", "expected"),
    [
        ("One two. Three? Four!", 2, "One two. Three?"),
        ("One two. Three? Four!", 9, "One two. Three? Four!"),
        ("tokenised text . next one .", 1, "tokenised text ."),
        ("It costs 3.50 now. Yes.", 1, "It costs 3.50 now."),
        ('He said "go." She went.', 1, 'He said "go."'),
        ("Wait... what?! No.", 2, "Wait... what?!"),
        ("#Person1#: Hello\n#Person2#: Hi. Bye", 2, "#Person1#: Hello #Person2#: Hi."),
        ("first line\n\nsecond", 1, "first line"),
        ("猫坐着。狗在跑！「好。」完", 2, "猫坐着。狗在跑！"),
        ("「好。」完", 1, "「好。」"),
        ("राम आया। वह गया।", 1, "राम आया।"),
        ("أين هو؟ لا أدري.", 1, "أين هو؟"),
        ("no end", 1, "no end"),
    ],
)
def test_lead_writes_the_first_sentences(source: str, count: int, expected: str):
    assert lead(source, count) == expected


def test_lead_needs_a_sentence():
    with pytest.raises(ValueError, match="expected count of at least 1 sentence, got 0"):
        LeadSentences(count=0)


@pytest.mark.parametrize(("floor", "name"), [(CopySource(), "copy"), (LeadSentences(count=1), "lead")])
def test_floors_that_write_refuse_tasks_with_labels(floor: Floor, name: str):
    with pytest.raises(
        ValueError, match=f"{name} writes a text, but task 'sentiment' asks for labels; it serves transl"
    ):
        floor.check(LABELS)
    floor.check(WRITING)


def test_floors_that_choose_refuse_tasks_that_write():
    tfidf = TfidfLogistic(
        word_ngrams=[1, 1], character_ngrams=None, lowercase=True, inverse_penalty=1.0, max_iterations=10
    )
    for floor, name in ((Majority(), "majority"), (tfidf, "tfidf")):
        with pytest.raises(
            ValueError, match=f"{name} chooses a label, but task 'summarization' asks for a text; model=c"
        ):
            floor.check(WRITING)


@pytest.mark.parametrize("make", [CopySource, lambda: LeadSentences(count=1)])
def test_floors_that_write_say_what_they_miss(make):
    with pytest.raises(ValueError, match="a floor expects rows to learn from, got none"):
        fitted(make(), [])
    with pytest.raises(ValueError, match="has learnt nothing yet; call fit first"):
        make().predict(ROWS)


@pytest.mark.parametrize(("name", "kind"), [("copy", CopySource), ("lead", LeadSentences)])
def test_floors_are_made_from_their_configuration(request, name: str, kind: type[Floor]):
    file = Path(request.config.rootpath) / "conf" / "model" / f"{name}.yaml"
    config = OmegaConf.create({"model": OmegaConf.load(file)})
    assert type(instantiate(config.model.floor)) is kind


@pytest.mark.slow
def test_floors_leave_much_to_do_on_the_bundled_corpora():
    def column(rows, name):
        return [row[name] for row in rows]

    def tested(module):
        sizes = {"tested": {"test": 300}}  # the first rows, as every size has them
        name, known = module.__name__.rpartition(".")[2], module.KNOBS
        return generate_splits(name, module._draw_row, size="tested", seed=1, knobs={}, known=known, sizes=sizes)[
            "test"
        ]

    rows = tested(summarization)
    references = [[row["target"]] for row in rows]
    for count in (1, 3, 100):
        written = fitted(LeadSentences(count=count)).predict(rows)
        assert summarization_scores(written, references, language="en")["rouge_l_f1"] < 0.25

    rows = tested(translation)
    written = fitted(CopySource()).predict(rows)
    assert translation_scores(written, [[row["target"]] for row in rows], language="en")["sacrebleu"] < 0.05

    rows = tested(correction)
    written = fitted(CopySource()).predict(rows)
    scores = correction_scores(column(rows, "source"), written, [[row["target"]] for row in rows], language="en")
    assert scores["edit_f05"] == 0
    assert 0.15 < scores["sentence_accuracy"] < 0.35
