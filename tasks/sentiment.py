"""Sentiment: where on a scale from negative to positive does a text stand? Labels with an order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tasks.base import Row
from tasks.kinds.one_label import PoolingTask
from tasks.labels.order import ordered_labels
from tasks.metrics.classification import DEFINITIONS, rank_mean_absolute_error


class Sentiment(PoolingTask):
    """One ordered label a text.

    ``order``: the labels from lowest to highest; None where they are numbers, or sentiments with known names.
    The head treats the labels as classes; the order only tells how far off a prediction is.
    """

    text_columns = ("text",)

    def __init__(self, *, order: Sequence[str] | None, **options: Any) -> None:
        super().__init__(**options)
        self.order = order

    def label_set(self, labels: Sequence[str]) -> list[str]:
        """The labels from lowest to highest. Raises ValueError if their order is not known."""
        return ordered_labels(labels, order=self.order)

    def score_rows(self, rows: Sequence[Row], predicted: Sequence[Any], *, labels: Sequence[str]) -> dict[str, float]:
        """Accuracy, macro F1 and the mean absolute error of the rank (the lower the better)."""
        error = rank_mean_absolute_error([row[self.label_column] for row in rows], predicted, labels=labels)
        return {**super().score_rows(rows, predicted, labels=labels), "rank_mean_absolute_error": error}

    def definitions(self, rows: Sequence[Row]) -> dict[str, str]:
        """What each score is."""
        return dict(DEFINITIONS)

    def samples(self) -> list[dict[str, Any]]:
        """Four rows of four sentiments."""
        return [
            {"text": "not a single joke works .", "label": "very negative"},
            {"text": "rather slow and too long .", "label": "negative"},
            {"text": "a warm and funny film .", "label": "positive"},
            {"text": "simply wonderful from start to end !", "label": "very positive"},
        ]
