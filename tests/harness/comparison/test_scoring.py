from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.comparison.scoring import is_right, scorer_for
from tasks.metrics.classification import classification_scores
from tasks.metrics.correction import correction_scores
from tasks.metrics.label_sets import label_set_scores
from tasks.metrics.summarization import summarization_scores
from tasks.metrics.tagging import span_scores, token_accuracy
from tasks.metrics.translation import translation_scores


def row(gold: Any, predicted: Any, **more: Any) -> dict[str, Any]:
    return {"row": 0, "gold": gold, "predicted": predicted, "length": 3, "unseen": 0, **more}


def score(metric: str, rows: list[dict[str, Any]], language: str = "en") -> float:
    scorer = scorer_for(metric, rows, language=language)
    return float(scorer.score(scorer.statistics(rows).sum(0)))


GOLD = [["B-X", "I-X", "O"], ["B-X", "B-X", "I-Y"], ["O", "I-X", "B-Y"], ["B-Y", "I-Y", "I-Y"], ["O", "O", "O"]]
PREDICTED = [
    ["B-X", "I-X", "I-X"],
    ["B-X", "B-X", "O"],
    ["B-X", "I-Y", "B-Y"],
    ["B-Y", "I-Y", "I-Y"],
    ["I-X", "O", "O"],
]


def test_spans_are_those_of_seqeval():
    rng = np.random.default_rng(0)
    tags = ["O", "B-X", "I-X", "B-Y", "I-Y"]
    gold, predicted = (
        [*given, *([tags[i] for i in rng.integers(5, size=6)] for _ in range(50))] for given in (GOLD, PREDICTED)
    )
    rows = [row(g, p) for g, p in zip(gold, predicted, strict=True)]
    key = "entity_f1_strict_iob2"
    assert score(key, rows) == pytest.approx(span_scores(gold, predicted, spans="entity")[key])


def test_token_accuracy_is_the_tasks():
    rows = [row(g, p) for g, p in zip(GOLD, PREDICTED, strict=True)]
    assert score("token_accuracy", rows) == pytest.approx(token_accuracy(GOLD, PREDICTED))


def test_scores_of_label_sets_are_the_tasks():
    gold, predicted = [["a", "b"], [], ["c"], ["a"]], [["a"], [], ["a", "c"], ["d"]]
    expected = label_set_scores(gold, predicted, labels=list("abcde"))
    rows = [row(g, p) for g, p in zip(gold, predicted, strict=True)]
    for metric in ("micro_f1", "macro_f1", "exact_match"):
        assert score(metric, rows) == pytest.approx(expected[metric]), metric


def test_label_scores_are_the_tasks():
    gold, predicted = list("aabbcd"), list("abbbaa")
    expected = classification_scores(gold, predicted, labels=list("abcde"))
    rows = [row(g, p) for g, p in zip(gold, predicted, strict=True)]
    for metric in ("accuracy", "macro_f1"):
        assert score(metric, rows) == pytest.approx(expected[metric])


TEXTS = [
    ("she go home now .", ["she goes home now ."], "she goes home now ."),
    ("he has a apple .", ["he has an apple .", "he has apples ."], "he has an apples ."),
    ("they sleeps well today .", ["they sleep well today ."], "they sleeps well today ."),
]


def test_scores_of_texts_are_the_tasks():
    rows = [row(gold, predicted, source=source) for source, gold, predicted in TEXTS]
    sources, references, hypotheses = map(list, zip(*TEXTS, strict=True))
    corrected = correction_scores(sources, hypotheses, references, language="en")
    for metric in ("sentence_accuracy", "edit_f05"):
        assert score(metric, rows) == pytest.approx(corrected[metric])
    assert score("sacrebleu", rows) == pytest.approx(
        translation_scores(hypotheses, references, language="en")["sacrebleu"]
    )
    assert score("rouge_2_f1", rows) == pytest.approx(
        summarization_scores(hypotheses, references, language="en")["rouge_2_f1"]
    )


def test_values_say_how_good_each_example_is():
    rows = [row(gold, predicted, source=source) for source, gold, predicted in TEXTS]
    exact = scorer_for("edit_f05", rows, language="en").values(rows)
    assert exact.tolist() == [1.0, 0.0, 0.0]
    graded = scorer_for("sacrebleu", rows, language="en").values(rows)
    assert graded[0] == pytest.approx(1.0)
    assert 0 < graded[2] < 1


def test_right_is_one_of_several_references_but_all_of_the_tags():
    assert is_right(row(["a", "b"], "b"))
    assert not is_right(row(["a", "b"], "c"))
    assert not is_right(row(["O", "O"], ["O", "B-X"]))


def test_other_scores_are_refused_with_those_that_can_be_had():
    with pytest.raises(ValueError, match=r"'gleu' cannot be computed from predictions; these can.*accuracy, macro_f1"):
        scorer_for("gleu", [], language="en")
