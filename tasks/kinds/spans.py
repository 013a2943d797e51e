"""What tasks on spans have in common: BIO tags on tokens, scores of whole spans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from tasks.base import Row
from tasks.heads.tagging import Scheme
from tasks.kinds.tags import TaggingTask
from tasks.labels.bio import Remedy, checked_remedy, inventory, type_words, valid_tags
from tasks.metrics.tagging import span_definitions, span_scores


class SpanTask(TaggingTask):
    """A BIO tag a token; ``spans`` is what a span is called.

    ``invalid_bio``: what to do with gold tags that are not valid BIO: ``error``, or ``repair`` (``bio.repaired``).
    """

    bio = True
    spans: ClassVar[Literal["entity", "trigger"]]

    def __init__(self, *, name: str, scheme: Scheme, invalid_bio: Remedy, dropout: float) -> None:
        super().__init__(name=name, scheme=scheme, dropout=dropout)
        self.invalid_bio = checked_remedy(invalid_bio)

    def check(self, row: Row) -> Row:
        """The row with valid BIO tags. Raises ValueError for invalid ones, unless they are to be repaired."""
        return {**row, "tags": valid_tags(row["tags"], remedy=self.invalid_bio)}

    def label_set(self, labels: Sequence[Sequence[str]]) -> list[str]:
        """``O``, then ``B-X`` and ``I-X`` of every type of the training split."""
        return inventory(labels)

    def label_words(self, labels: Sequence[str]) -> list[list[str]]:
        """The names of the types in words: person, location, …"""
        return type_words(labels)

    def score_rows(self, rows: Sequence[Row], predicted: Sequence[Any], *, labels: Sequence[str]) -> dict[str, float]:
        """F1, precision and recall of spans (extent and type), strict IOB2, overall and a type."""
        return span_scores([row[self.label_column] for row in rows], predicted, spans=self.spans)

    def definitions(self, rows: Sequence[Row]) -> dict[str, str]:
        """What each score is."""
        return span_definitions(self.spans)
