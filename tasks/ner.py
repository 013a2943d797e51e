"""Named entity recognition: which tokens name persons, places, organisations, and so on? BIO tags."""

from __future__ import annotations

from typing import Any

from tasks.kinds.spans import SpanTask


class NER(SpanTask):
    """A BIO tag a token; spans are entities."""

    spans = "entity"
    main_score = "entity_f1_strict_iob2"

    def samples(self) -> list[dict[str, Any]]:
        """Four sentences with persons, locations and an organisation."""
        return [
            {"tokens": ["Ada", "Lovelace", "lived", "in", "London"], "tags": ["B-PER", "I-PER", "O", "O", "B-LOC"]},
            {"tokens": ["London", "was", "cold"], "tags": ["B-LOC", "O", "O"]},
            {"tokens": ["the", "Red", "Cross", "helped"], "tags": ["O", "B-ORG", "I-ORG", "O"]},
            {"tokens": ["nobody", "called", "Ada"], "tags": ["O", "O", "B-PER"]},
        ]
