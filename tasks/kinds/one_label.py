"""What tasks with one label an example have in common: texts are pooled by attention, and a label is chosen."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.base import AttentionFactory, Head, Row, Task
from tasks.heads.pooled import PooledHead
from tasks.labels.order import sorted_labels
from tasks.metrics.classification import DEFINITIONS, classification_scores


class PoolingTask(Task):
    """One label for the text, or texts, of ``text_columns``, by ``PooledHead``, whose options these are."""

    label_column = "label"
    tokenized = False
    main_score = "accuracy"
    needs = frozenset({"self", "cross"})

    def __init__(self, *, name: str, hidden: int, dropout: float, label_smoothing: float) -> None:
        self.name = name
        self.hidden = hidden
        self.dropout = dropout
        self.label_smoothing = label_smoothing

    def label_set(self, labels: Sequence[str]) -> list[str]:
        """The labels of the training split, sorted (numbers by value)."""
        return sorted_labels(labels)

    def build_head(self, width: int, *, labels: list[str], attention: AttentionFactory | None) -> Head:
        """Pool each text by the same attention and choose a label."""
        return PooledHead(
            width,
            label_count=len(labels),
            attention=attention,
            texts=len(self.text_columns),
            hidden=self.hidden,
            dropout=self.dropout,
            label_smoothing=self.label_smoothing,
        )

    def score(self, gold: Sequence[str], predicted: Sequence[str], *, labels: Sequence[str]) -> dict[str, float]:
        """Accuracy and macro F1."""
        return classification_scores(gold, predicted, labels=labels)

    def definitions(self, rows: Sequence[Row]) -> dict[str, str]:
        """What each score is."""
        return {key: DEFINITIONS[key] for key in ("accuracy", "macro_f1")}
