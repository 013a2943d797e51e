"""What tasks on spans have in common: BIO tags on tokens, a head that tags, scores of whole spans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from tasks.base import AttentionFactory, Head, Row, Task
from tasks.heads.tagging import Scheme, TaggingHead
from tasks.labels.bio import Remedy, checked_remedy, inventory, type_words, valid_tags
from tasks.metrics.tagging import span_definitions, span_scores


class SpanTask(Task):
    """A BIO tag a token. ``scheme`` and ``dropout`` are those of ``TaggingHead``; ``spans`` is what a span is called.

    ``invalid_bio``: what to do with gold tags that are not valid BIO: ``error``, or ``repair`` (``bio.repaired``).
    """

    text_columns = ("tokens",)
    label_column = "tags"
    tokenized = True
    needs = frozenset({"self"})
    spans: ClassVar[Literal["entity", "trigger"]]

    def __init__(self, *, name: str, scheme: Scheme, invalid_bio: Remedy, dropout: float) -> None:
        self.name = name
        self.scheme = scheme
        self.invalid_bio = checked_remedy(invalid_bio)
        self.dropout = dropout

    def check(self, row: Row) -> Row:
        """The row with valid BIO tags. Raises ValueError for invalid ones, unless they are to be repaired."""
        return {**row, "tags": valid_tags(row["tags"], remedy=self.invalid_bio)}

    def label_set(self, labels: Sequence[Sequence[str]]) -> list[str]:
        """``O``, then ``B-X`` and ``I-X`` of every type of the training split."""
        return inventory(labels)

    def label_words(self, labels: Sequence[str]) -> list[list[str]]:
        """The names of the types in words: person, location, …"""
        return type_words(labels)

    def build_head(self, width: int, *, labels: list[str], attention: AttentionFactory | None) -> Head:
        """Tags over the states of the encoder; there is no pooling site."""
        return TaggingHead(width, labels=labels, bio=True, scheme=self.scheme, dropout=self.dropout)

    def score(
        self, gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], *, labels: Sequence[str]
    ) -> dict[str, float]:
        """F1, precision and recall of spans (extent and type), strict IOB2, overall and a type."""
        return span_scores(gold, predicted, spans=self.spans)

    def definitions(self, rows: Sequence[Row]) -> dict[str, str]:
        """What each score is."""
        return span_definitions(self.spans)
