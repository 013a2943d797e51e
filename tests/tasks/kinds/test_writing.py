"""What holds for every task that writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import OmegaConf

from tasks.encoding.tokenization import CLUSTERS
from tasks.kinds.writing import GenerationTask
from tasks.reading.checks import check_rows
from tasks.reading.columns import references
from tasks.reading.source import Corpus
from tasks.reading.splits import SPLITS

CONF = Path(__file__).resolve().parents[3] / "conf/task"


def make(name: str, **changed: Any) -> GenerationTask:
    return instantiate(OmegaConf.load(CONF / f"{name}.yaml").task, **{"language": "en", **changed})


@pytest.fixture(params=["translation", "summarization", "correction"])
def task(request: pytest.FixtureRequest) -> GenerationTask:
    return make(request.param)


def place(row: int) -> str:
    return f"rows.jsonl, line {row + 1}"


def test_its_samples_are_rows_it_accepts_and_that_score_fully(task: GenerationTask):
    rows = check_rows(task.samples(), task=task, place=place)
    scores = task.score_rows(rows, [references(row)[-1] for row in rows], labels=[])
    assert scores[task.main_score] == pytest.approx(1)
    assert {"sacrebleu", "rouge_1_f1", "sentence_accuracy"} & set(scores) == {task.main_score}


def test_every_score_is_defined(task: GenerationTask):
    scores = task.score_rows(task.samples(), ["x"] * 4, labels=[])
    assert scores.keys() <= task.definitions(task.samples()).keys()
    assert scores[task.main_score] < 0.5


def test_a_source_of_tokens_is_scored_as_its_text(task: GenerationTask):
    rows = [{"source": "he go home", "target": "he goes home"}, {"source": "she see", "target": ["she sees", "he"]}]
    tokens = check_rows([{**row, "source": row["source"].split()} for row in rows], task=task, place=place)
    predicted = ["he goes home", "she saw"]
    assert task.score_rows(tokens, predicted, labels=[]) == task.score_rows(rows, predicted, labels=[])


def test_the_signature_says_how_many_references_there_are():
    def counted(*targets: Any) -> str:
        rows = [{"source": "a", "target": target} for target in targets]
        return make("translation").definitions(rows)["sacrebleu"]

    assert "nrefs:1|" in counted("a", "b")
    assert "nrefs:2|" in counted(["a", "b"], ["c", "d"])
    assert "nrefs:var|" in counted("a", ["c", "d"])


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"source": "a"}, "expected a column 'target' for the task 'translation', found source"),
        ({"source": "a", "target": True}, "expected a text or a list of texts in the column 'target', got bool (True)"),
        ({"source": "a", "target": []}, "expected a text or a list of texts in the column 'target', got an empty list"),
        ({"source": "a", "target": " "}, "the column 'target' holds an empty text; remove the row or add the text"),
        ({"source": "a", "target": ["b", ""]}, "the column 'target' holds an empty text"),
        ({"source": "", "target": "b"}, "the column 'source' is empty; remove the row or add its text"),
    ],
)
def test_a_broken_row_is_named_with_its_line(row: dict[str, Any], said: str):
    rows = [{"source": "a", "target": "b"}, row]
    with pytest.raises(ValueError, match=r"^rows\.jsonl, line 2: ") as caught:
        check_rows(rows, task=make("translation"), place=place)
    assert said in str(caught.value)


def test_symbols_that_differ_cannot_be_shared():
    with pytest.raises(InstantiationException, match=r"task\.joint=true shares .* 'bpe' .* 'characters'; make them"):
        make("translation", target_symbols="characters")


def test_a_table_is_shared_only_between_shared_symbols():
    with pytest.raises(InstantiationException, match=r"task\.tie=true .* needs task\.joint=true"):
        make("translation", joint=False)


def corpus(*targets: Any) -> Corpus:
    rows = [{"source": "x", "target": target} for target in targets]
    return Corpus("toy", dict.fromkeys(SPLITS, rows), dict.fromkeys(SPLITS, place), "0", "toy", "words", "error")


@pytest.mark.parametrize(
    ("target", "tag", "said"),
    [
        ("今天天气很好", "und-Hani", "the targets of train are in Chinese script: scored by grapheme clusters"),
        ("ที่กินคน", "und-Thai", "the targets of train are in Thai script: scored by grapheme clusters"),
        ("the cats walk home", "und-Latn", "the targets of train are in Latin script: scored by words, not stemmed"),
        ("1984 - 02 - 24", "und", "the targets of train are in no script: scored by words, not stemmed"),
    ],
)
def test_without_a_language_the_script_decides_and_says_so(task: GenerationTask, target: str, tag: str, said: str):
    asked = make(task.name, language=None)
    (note,) = asked.settle(corpus(target, [target]))
    assert said in note
    assert asked.language == tag
    assert asked.score_rows(task.samples(), ["x"] * 4, labels=[]).keys()
    assert make(task.name, language="en-US").settle(corpus("the cats walk home")) == []


def test_a_language_that_is_not_that_of_the_targets_is_told():
    asked = make("correction", language="zh_CN")
    assert asked.language == "zh-CN"
    (note,) = asked.settle(corpus("the cats walk home"))
    assert note == (f"data.language=zh-CN is scored by {CLUSTERS}, but the targets of train are in Latin script")


def test_references_that_can_score_nothing_are_told():
    first, second, third = make("summarization").settle(corpus("a cat", "猫猫猫", ["!", "..."]))
    assert first == "data.language=en is scored by words, but the targets of train are in Chinese script"
    assert second.startswith("2 of 3 rows of validation have no reference with a token that is scored (language en)")
    assert "of test" in third
    assert "the first is rows.jsonl, line 2" in third
    assert make("summarization").settle(corpus("a cat", ["猫", "it"])) == []


def test_translations_too_short_for_bleu_are_told():
    notes = make("translation").settle(corpus("Haus", "ein Hund"))
    assert [note[:60] for note in notes] == [
        "no reference of validation has 4 tokens, so that sacrebleu is 0 whatever"[:60],
        "no reference of test has 4 tokens, so that sacrebleu is 0 whatever"[:60],
    ]
    assert make("translation").settle(corpus("Haus", "ein Hund.", ["x", "das ist ein Hund"])) == []


def test_what_is_no_language_is_refused():
    with pytest.raises(InstantiationException, match=r"expected data\.language .* got 'german'"):
        make("translation", language="german")
