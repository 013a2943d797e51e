"""Part-of-speech tagging: which class does each token belong to?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tasks.base import AttentionFactory, Head, Row, Task
from tasks.heads.tagging import Scheme, TaggingHead
from tasks.labels.order import sorted_labels
from tasks.metrics.tagging import DEFINITIONS, token_accuracy


class POS(Task):
    """A tag a token, any tag after any other. ``scheme`` (crf or softmax) and ``dropout``: see ``TaggingHead``."""

    text_columns = ("tokens",)
    label_column = "tags"
    tokenized = True
    main_score = "token_accuracy"
    needs = frozenset({"self"})

    def __init__(self, *, name: str, scheme: Scheme, dropout: float) -> None:
        self.name = name
        self.scheme = scheme
        self.dropout = dropout

    def label_set(self, labels: Sequence[Sequence[str]]) -> list[str]:
        """The tags of the training split, sorted."""
        return sorted_labels(tag for tags in labels for tag in tags)

    def build_head(self, width: int, *, labels: list[str], attention: AttentionFactory | None) -> Head:
        """Tags over the states of the encoder; there is no pooling site."""
        return TaggingHead(width, labels=labels, bio=False, scheme=self.scheme, dropout=self.dropout)

    def score(
        self, gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], *, labels: Sequence[str]
    ) -> dict[str, float]:
        """The accuracy of single tags."""
        return {"token_accuracy": token_accuracy(gold, predicted)}

    def definitions(self, rows: Sequence[Row]) -> dict[str, str]:
        """What each score is."""
        return dict(DEFINITIONS)

    def samples(self) -> list[dict[str, Any]]:
        """Four sentences, in which "watch" and "light" are ambiguous."""
        return [
            {"tokens": ["we", "watch", "birds"], "tags": ["PRON", "VERB", "NOUN"]},
            {"tokens": ["the", "watch", "is", "old"], "tags": ["DET", "NOUN", "AUX", "ADJ"]},
            {"tokens": ["a", "light", "bag"], "tags": ["DET", "ADJ", "NOUN"]},
            {"tokens": ["turn", "the", "light", "off"], "tags": ["VERB", "DET", "NOUN", "ADP"]},
        ]
