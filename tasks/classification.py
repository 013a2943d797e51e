"""Classification: which label does a text have? Intents, topics, genres."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tasks.base import AttentionFactory, Head, Task
from tasks.heads.pooled import PooledHead
from tasks.label_order import sorted_labels
from tasks.metrics.classification import DEFINITIONS, classification_scores


class Classification(Task):
    """One label a text, by ``PooledHead``, whose options these are."""

    text_columns = ("text",)
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
        """Accuracy and macro F1."""
        return classification_scores(gold, predicted, labels=labels)

    def definitions(self) -> dict[str, str]:
        """What each score is."""
        return {key: DEFINITIONS[key] for key in ("accuracy", "macro_f1")}

    def samples(self) -> list[dict[str, Any]]:
        """Four rows of three intents."""
        return [
            {"text": "My card still has not arrived after two weeks .", "label": "card_arrival"},
            {"text": "When will the new card be here ?", "label": "card_arrival"},
            {"text": "I want a different PIN .", "label": "change_pin"},
            {"text": "Why was I charged twice for one transfer ?", "label": "transfer_fee"},
        ]
