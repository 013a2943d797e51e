"""Named entity recognition: which tokens name persons, places, organisations, and so on? BIO tags."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tasks import bio
from tasks.base import AttentionFactory, Head, Row, Task
from tasks.heads.tagging import Scheme, TaggingHead
from tasks.metrics.tagging import span_definitions, span_scores


class NER(Task):
    """A BIO tag a token. ``scheme`` and ``dropout`` are those of ``TaggingHead``.

    ``invalid_bio``: what to do with gold tags that are not valid BIO: ``error``, or ``repair`` (``bio.repaired``).
    """

    text_columns = ("tokens",)
    label_column = "tags"
    tokenized = True
    main_score = "entity_f1_strict_iob2"
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
        """The names of the types in words: person, location, …"""
        return bio.type_words(labels)

    def build_head(self, width: int, *, labels: list[str], attention: AttentionFactory) -> Head:
        """Tags over the states of the encoder; there is no pooling site."""
        return TaggingHead(width, labels=labels, bio=True, scheme=self.scheme, dropout=self.dropout)

    def score(
        self, gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], *, labels: Sequence[str]
    ) -> dict[str, float]:
        """Entity F1, precision and recall, strict IOB2, overall and a type."""
        return span_scores(gold, predicted, spans="entity")

    def definitions(self) -> dict[str, str]:
        """What each score is."""
        return span_definitions("entity")

    def samples(self) -> list[dict[str, Any]]:
        """Four sentences with persons, locations and an organisation."""
        return [
            {"tokens": ["Ada", "Lovelace", "lived", "in", "London"], "tags": ["B-PER", "I-PER", "O", "O", "B-LOC"]},
            {"tokens": ["London", "was", "cold"], "tags": ["B-LOC", "O", "O"]},
            {"tokens": ["the", "Red", "Cross", "helped"], "tags": ["O", "B-ORG", "I-ORG", "O"]},
            {"tokens": ["nobody", "called", "Ada"], "tags": ["O", "O", "B-PER"]},
        ]
