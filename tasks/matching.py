"""Matching: how are two texts related? Inference, paraphrase, answering."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tasks.base import AttentionFactory, Head, Task
from tasks.heads.pooled import PooledHead
from tasks.label_order import sorted_labels
from tasks.metrics.classification import DEFINITIONS, classification_scores


class Matching(Task):
    """One label a pair of texts, by ``PooledHead`` over both, whose options these are."""

    text_columns = ("text_a", "text_b")
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

    def build_head(self, width: int, *, labels: list[str], attention: AttentionFactory) -> Head:
        """Pool both texts by the same attention, compare the vectors, choose a label."""
        return PooledHead(
            width,
            label_count=len(labels),
            attention=attention,
            texts=2,
            hidden=self.hidden,
            dropout=self.dropout,
            label_smoothing=self.label_smoothing,
        )

    def score(self, gold: Sequence[str], predicted: Sequence[str], *, labels: Sequence[str]) -> dict[str, float]:
        """Accuracy and macro F1."""
        return classification_scores(gold, predicted, labels=labels)

    def definitions(self) -> dict[str, str]:
        """What each score is."""
        return {key: DEFINITIONS[key] for key in ("accuracy", "macro_f1")}

    def samples(self) -> list[dict[str, Any]]:
        """Four pairs of three relations."""
        return [
            {"text_a": "Two dogs run on the beach .", "text_b": "Animals are outside .", "label": "entailment"},
            {"text_a": "A man plays the violin .", "text_b": "Nobody makes music .", "label": "contradiction"},
            {"text_a": "A child eats an apple .", "text_b": "The child is hungry .", "label": "neutral"},
            {"text_a": "She sold her old car .", "text_b": "A car was sold .", "label": "entailment"},
        ]
