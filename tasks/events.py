"""Event detection: which tokens say that something happened, and what? BIO tags on the triggers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tasks import bio
from tasks.base import AttentionFactory, Head, Row, Task
from tasks.heads.tagging import Scheme, TaggingHead
from tasks.metrics.tagging import span_definitions, span_scores


class Events(Task):
    """A BIO tag a token. ``scheme`` and ``dropout`` are those of ``TaggingHead``.

    ``invalid_bio``: what to do with gold tags that are not valid BIO: ``error``, or ``repair`` (``bio.repaired``).
    """

    text_columns = ("tokens",)
    label_column = "tags"
    tokenized = True
    main_score = "trigger_f1_strict_iob2"
    needs = frozenset({"self"})

    def __init__(self, *, name: str, scheme: Scheme, invalid_bio: bio.Remedy, dropout: float) -> None:
        self.name = name
        self.scheme = scheme
        self.invalid_bio = bio.checked_remedy(invalid_bio)
        self.dropout = dropout

    def check(self, row: Row) -> Row:
        """The row with valid BIO tags. Raises ValueError for invalid ones, unless they are to be repaired."""
        return {**row, "tags": bio.valid_tags(row["tags"], remedy=self.invalid_bio)}

    def label_set(self, labels: Sequence[Sequence[str]]) -> list[str]:
        """``O``, then ``B-X`` and ``I-X`` of every type of the training split."""
        return bio.inventory(labels)

    def label_words(self, labels: Sequence[str]) -> list[list[str]]:
        """The names of the types of events in words."""
        return bio.type_words(labels)

    def build_head(self, width: int, *, labels: list[str], attention: AttentionFactory) -> Head:
        """Tags over the states of the encoder; there is no pooling site."""
        return TaggingHead(width, labels=labels, bio=True, scheme=self.scheme, dropout=self.dropout)

    def score(
        self, gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], *, labels: Sequence[str]
    ) -> dict[str, float]:
        """Trigger F1, precision and recall (extent and type), strict IOB2, overall and a type."""
        return span_scores(gold, predicted, spans="trigger")

    def definitions(self) -> dict[str, str]:
        """What each score is."""
        return span_definitions("trigger")

    def samples(self) -> list[dict[str, Any]]:
        """Four sentences with triggers of two types, one of two tokens."""
        return [
            {"tokens": ["the", "army", "opened", "fire"], "tags": ["O", "O", "B-Attack", "I-Attack"]},
            {"tokens": ["they", "moved", "to", "Rome"], "tags": ["O", "B-Transport", "O", "O"]},
            {"tokens": ["nothing", "happened"], "tags": ["O", "O"]},
            {"tokens": ["troops", "struck", "and", "left"], "tags": ["O", "B-Attack", "O", "B-Transport"]},
        ]
