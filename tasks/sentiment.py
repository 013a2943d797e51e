"""Sentiment: where on a scale from negative to positive does a text stand? Labels with an order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tasks.base import AttentionFactory, Head, Task
from tasks.heads.pooled import PooledHead
from tasks.label_order import ordered_labels
from tasks.metrics.classification import DEFINITIONS, classification_scores, rank_mean_absolute_error


class Sentiment(Task):
    """One ordered label a text, by ``PooledHead``, whose options these are.

    ``order``: the labels from lowest to highest; None where they are numbers, or sentiments with known names.
    The head treats the labels as classes; the order only tells how far off a prediction is.
    """

    text_columns = ("text",)
    label_column = "label"
    tokenized = False
    main_score = "accuracy"
    needs = frozenset({"self", "cross"})

    def __init__(
        self, *, name: str, order: Sequence[str] | None, hidden: int, dropout: float, label_smoothing: float
    ) -> None:
        self.name = name
        self.order = order
        self.hidden = hidden
        self.dropout = dropout
        self.label_smoothing = label_smoothing

    def label_set(self, labels: Sequence[str]) -> list[str]:
        """The labels from lowest to highest. Raises ValueError if their order is not known."""
        return ordered_labels(labels, order=self.order)

    def build_head(self, width: int, *, labels: list[str], attention: AttentionFactory) -> Head:
        """Pool the text by attention and choose a label."""
        return PooledHead(
            width,
            label_count=len(labels),
            attention=attention,
            texts=1,
            hidden=self.hidden,
            dropout=self.dropout,
            label_smoothing=self.label_smoothing,
        )

    def score(self, gold: Sequence[str], predicted: Sequence[str], *, labels: Sequence[str]) -> dict[str, float]:
        """Accuracy, macro F1 and the mean absolute error of the rank (the lower the better)."""
        error = rank_mean_absolute_error(gold, predicted, labels=labels)
        return {**classification_scores(gold, predicted, labels=labels), "rank_mean_absolute_error": error}

    def definitions(self) -> dict[str, str]:
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
