"""Event detection: which tokens say that something happened, and what? BIO tags on the triggers."""

from __future__ import annotations

from typing import Any

from tasks.kinds.spans import SpanTask


class Events(SpanTask):
    """A BIO tag a token; spans are triggers."""

    spans = "trigger"
    main_score = "trigger_f1_strict_iob2"

    def samples(self) -> list[dict[str, Any]]:
        """Four sentences with triggers of two types, one of two tokens."""
        return [
            {"tokens": ["the", "army", "opened", "fire"], "tags": ["O", "O", "B-Attack", "I-Attack"]},
            {"tokens": ["they", "moved", "to", "Rome"], "tags": ["O", "B-Transport", "O", "O"]},
            {"tokens": ["nothing", "happened"], "tags": ["O", "O"]},
            {"tokens": ["troops", "struck", "and", "left"], "tags": ["O", "B-Attack", "O", "B-Transport"]},
        ]
