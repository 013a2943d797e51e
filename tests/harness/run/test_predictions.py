"""What is stored of every test example beside its prediction."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from harness.records.record import Answers
from harness.run.predictions import RARE, describe_predictions, farthest_repetition
from tasks.reading.source import Corpus


def test_the_farthest_repetition_is_of_words_that_train_hardly_shows():
    seen = {"the": 100, "dog": RARE + 1, "Ada": RARE}
    assert farthest_repetition(["the", "dog", "saw", "the", "dog"], seen | {"saw": 9}) is None
    assert farthest_repetition(["Ada", "saw", "Ada", "and", "the", "Bo"], seen) == 2
    assert farthest_repetition(["Bo", "saw", "Ada", ".", "Bo", "and", "Ada", ".", "Bo"], seen | {".": 99}) == 4


def test_words_are_counted_by_how_often_train_shows_them():
    train = [{"text": "a b c", "label": "x"}] + [{"text": "A b", "label": "y"}] * RARE
    test = [{"text": "a c d d", "label": "x"}, {"text": "B a", "label": "y"}]
    splits = {"train": train, "validation": test, "test": test}
    corpus = Corpus("toy", splits, {}, "0", "toy", "whitespace", "error")
    task: Any = SimpleNamespace(text_columns=("text",), label_column="label")
    first, second = describe_predictions(task, corpus, Answers({1: "x", 0: "y"}, {0: 0.25}))
    assert first == {
        "row": 0, "gold": "x", "predicted": "y", "length": 4, "unseen": 2, "rare": 1, "distance": 1,
        "confidence": 0.25, "text": "a c d d",
    }  # fmt: skip
    assert (second["unseen"], second["rare"], second["distance"]) == (0, 0, None)
