"""Several labels a text: rows, arrays, the head, scores."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from models.attention.uniform import UniformAttention
from tasks.base import Body, Encoded, Sizes
from tasks.classification import Classification, SeveralLabels
from tasks.encoding.labelled import encode_corpus
from tasks.encoding.vocabulary import EncodingOptions
from tasks.heads.label_sets import LabelSetHead
from tasks.metrics.label_sets import DEFINITIONS, label_set_scores
from tasks.reading.checks import check_rows
from tasks.reading.source import Corpus


def task(separator: str | None = None, *, smoothing: float = 0.0, multi_label: bool = True) -> Classification:
    return Classification(
        name="classification",
        multi_label=multi_label,
        label_separator=separator,
        hidden=0,
        dropout=0.0,
        label_smoothing=smoothing,
        class_weights="none",
        focal_gamma=0.0,
    )


def checked(label: Any, made: Classification) -> Any:
    (row,) = check_rows([{"text": "x", "label": label}], task=made, place=lambda row: f"line {row + 1}")
    return row["label"]


def test_one_class_makes_both_tasks():
    assert isinstance(task(), SeveralLabels)
    assert type(task(multi_label=False)) is Classification
    assert (task().main_score, task(multi_label=False).main_score) == ("micro_f1", "accuracy")


@pytest.mark.parametrize(
    ("label", "separator", "found"),
    [
        (["b", "a", "b"], None, ["a", "b"]),
        ([], None, []),
        ([10, 9, "x"], None, ["10", "9", "x"]),
        ("b| a ||b", "|", ["a", "b"]),
        ("", "|", []),
        (3, ",", ["3"]),
        ("b, a", "comma", ["a", "b"]),
        ("b;a", "semicolon", ["a", "b"]),
        ("b\ta", "tab", ["a", "b"]),
        ("b|a", "bar", ["a", "b"]),
        ("bora", "or", ["a", "b"]),
        (["a|b"], "|", ["a|b"]),
    ],
)
def test_sets_are_sorted_lists_whatever_they_were(label: Any, separator: str | None, found: list[str]):
    assert checked(label, task(separator)) == found


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (None, "line 1: the column 'label' is missing in this row; expected a list of labels, which may be empty"),
        (
            "a|b",
            "line 1: expected a list of labels in the column 'label', got the text 'a|b'; say what parts its labels",
        ),
        (["a", ""], r"line 1: expected a list of labels in the column 'label', got \['a', ''\]; correct the row"),
        (["a", ["b"]], "line 1: expected a list of labels in the column 'label', got "),
        ({"a": 1}, "line 1: expected a list of labels in the column 'label', got "),
    ],
)
def test_what_is_no_set_is_refused(label: Any, message: str):
    with pytest.raises(ValueError, match=message):
        checked(label, task())


@pytest.mark.parametrize("labels", [[], ["a"], ["a", "b"]])
def test_lists_of_labels_are_refused_with_the_option_that_takes_them(labels: list[str]):
    told = rf"expected one label .* got a list of {len(labels)} .* task=classification task.multi_label=true"
    with pytest.raises(ValueError, match=told):
        checked(labels, task(multi_label=False))


@pytest.mark.parametrize(("separator", "multi_label"), [("|", False), (" ", True), ("", True)])
def test_a_separator_that_parts_nothing_is_refused(separator: str, multi_label: bool):
    with pytest.raises(ValueError, match=r"task\.label_separator=.* it needs task\.multi_label=true"):
        task(separator, multi_label=multi_label)


def test_sets_become_numbers_and_names_again():
    made = task()
    splits = {split: [dict(row) for row in made.samples()] for split in ("train", "validation", "test")}
    places = dict.fromkeys(splits, str)
    corpus = Corpus("toy", splits, places, "0", "toy", "words", "error")
    options = EncodingOptions(
        normalize="nfc", lowercase=False, min_count=1, max_characters=8, ngram_min=3, ngram_max=4, ngram_buckets=8
    )
    encoded = encode_corpus(corpus, made, options=options, external=False)
    assert encoded.labels == ["business", "politics", "sport"]
    labels = encoded.splits["test"].labels
    assert labels is not None
    assert labels.collate(np.array([3, 0, 2])).tolist() == [[0, 0, 0], [1, 0, 1], [1, 1, 0]]
    assert encoded.readable("test", [0, 2]) == ["business", "sport"]
    assert encoded.readable("test", []) == []


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_the_head_is_a_logistic_regression_for_each_label(smoothing: float):
    torch.manual_seed(1)
    nothing: Any = None
    attention: Any = lambda site: UniformAttention(site, reduce="mean")  # noqa: E731
    body = Body(6, embeddings=nothing, attention=attention, decoder=nothing)
    head = task(smoothing=smoothing).build_head(Sizes(["a", "b", "c"], vocabulary=9, characters=9), body)
    assert isinstance(head, LabelSetHead)
    texts = [Encoded(torch.randn(4, 3, 6), torch.ones(4, 3, dtype=torch.bool))]
    wanted_BL = torch.tensor([[1, 0, 1], [0, 0, 0], [0, 1, 0], [1, 1, 1]])
    p_BL = torch.sigmoid(head(texts))
    y_BL = wanted_BL * (1 - smoothing / 2) + (1 - wanted_BL) * smoothing / 2
    by_hand = -(y_BL * p_BL.log() + (1 - y_BL) * (1 - p_BL).log()).sum(dim=1).mean()
    torch.testing.assert_close(head.loss(texts, wanted_BL), by_hand)
    assert head.predict(texts) == [[n for n in range(3) if p_BL[row, n] > 0.5] for row in range(4)]


def test_scores_by_hand():
    gold, predicted = [["a", "b"], [], ["c"], ["a"]], [["a"], [], ["a", "c"], ["d"]]
    scores = label_set_scores(gold, predicted, labels=["a", "b", "never"])
    # a: tp 1 fp 1 fn 1; b: fn 1; c: tp 1; d: fp 1
    assert scores == pytest.approx({"micro_f1": 4 / 8, "macro_f1": (2 / 4 + 0 + 1 + 0) / 4, "exact_match": 1 / 4})
    assert scores.keys() == DEFINITIONS.keys()
    assert label_set_scores(gold, gold, labels=["a"]) == {"micro_f1": 1.0, "macro_f1": 1.0, "exact_match": 1.0}
    assert label_set_scores([[]], [[]], labels=["a"]) == {"micro_f1": 0.0, "macro_f1": 0.0, "exact_match": 1.0}
    with pytest.raises(ValueError, match="as many predictions as gold sets and at least one, got 0 and 0"):
        label_set_scores([], [], labels=[])


def test_train_without_any_label_is_refused():
    with pytest.raises(ValueError, match=r"no row of train has a label, so there is nothing to learn"):
        task().label_set([[], []])


@pytest.mark.parametrize(
    ("separator", "labels", "said"),
    [("semicolon", [["a,b"], []], 1), ("comma", [["a", "b"], ["a"]], 0), (None, [["a"]], 0)],
)
def test_a_separator_that_parts_no_label_of_train_is_told(separator: str | None, labels: list[list[str]], said: int):
    corpus: Any = SimpleNamespace(splits={"train": [{"text": "x", "label": found} for found in labels]})
    notes = task(separator).settle(corpus)
    assert len(notes) == said
    assert all(note.startswith("task.label_separator=';' parts nothing: no row of train has several") for note in notes)
