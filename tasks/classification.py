"""Classification: which label does a text have? Intents, topics, genres."""

from __future__ import annotations

from typing import Any

from tasks.kinds.one_label import PoolingTask


class Classification(PoolingTask):
    """One label a text."""

    text_columns = ("text",)

    def samples(self) -> list[dict[str, Any]]:
        """Four rows of three intents."""
        return [
            {"text": "My card still has not arrived after two weeks .", "label": "card_arrival"},
            {"text": "When will the new card be here ?", "label": "card_arrival"},
            {"text": "I want a different PIN .", "label": "change_pin"},
            {"text": "Why was I charged twice for one transfer ?", "label": "transfer_fee"},
        ]
