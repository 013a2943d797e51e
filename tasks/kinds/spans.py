"""What tasks on spans have in common: BIO tags on tokens, scores of whole spans."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar, Literal

from tasks.base import Row
from tasks.kinds.tags import TaggingTask
from tasks.labels.bio import Remedy, checked_remedy, inventory, type_words
from tasks.labels.schemes import AUTO, TagScheme, checked_scheme, scheme_of, to_bio
from tasks.labels.spans import spans_of
from tasks.metrics.tagging import span_definitions, span_scores


class SpanTask(TaggingTask):
    """A BIO tag a token; ``spans`` is what a span is called.

    ``tag_scheme``: how gold tags are written (``tasks.labels.schemes``), ``auto`` for as each split shows; they are
    read as BIO. ``invalid_bio``: what to do with tags that are not valid: ``error``, or ``repair`` (``bio.repaired``).
    """

    bio = True
    spans: ClassVar[Literal["entity", "trigger"]]

    def __init__(self, *, tag_scheme: str, invalid_bio: Remedy, **options: Any) -> None:
        super().__init__(**options)
        self.tag_scheme = checked_scheme(tag_scheme)
        self.invalid_bio = checked_remedy(invalid_bio)
        self.read: set[TagScheme] = set()

    def check(self, row: Row) -> Row:
        """The row with valid BIO tags. Raises ValueError for invalid ones, unless they are to be repaired."""
        return self._as_bio(row, "bio" if self.tag_scheme == AUTO else self.tag_scheme)

    def checking(self, rows: Sequence[Row]) -> Callable[[Row], Row]:
        """By the scheme that the tags of all rows show, unless one is given."""
        scheme = self.tag_scheme
        if scheme == AUTO:
            tags = (row.get(self.label_column) for row in rows)
            scheme = scheme_of([one for one in tags if isinstance(one, list) and all(isinstance(t, str) for t in one)])
        self.read.add(scheme)
        return partial(self._as_bio, scheme=scheme)

    def _as_bio(self, row: Row, scheme: TagScheme) -> Row:
        return {**row, "tags": to_bio(row["tags"], scheme, remedy=self.invalid_bio)}

    def settle(self, corpus: Any) -> list[str]:
        """Which schemes were converted, and what tags weigh."""
        others = " and ".join(scheme.upper() for scheme in sorted(self.read - {"bio"}))
        read = [f"tags are written in {others} and read as BIO (task.tag_scheme={self.tag_scheme})"] if others else []
        return [*read, *super().settle(corpus)]

    def counted(self, label: Any) -> set[tuple[Any, ...]]:
        """The spans: type and extent."""
        return {*spans_of(label)}

    def choices(self, label: Any) -> list[str]:
        """The type of each token's tag, or ``O``."""
        return [tag.partition("-")[2] or tag for tag in label]

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
