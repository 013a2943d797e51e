"""Matching: how are two texts related? Inference, paraphrase, answering."""

from __future__ import annotations

from typing import Any

from tasks.kinds.one_label import PoolingTask


class Matching(PoolingTask):
    """One label a pair of texts, which share encoder and pooling."""

    text_columns = ("text_a", "text_b")

    def samples(self) -> list[dict[str, Any]]:
        """Four pairs of three relations."""
        return [
            {"text_a": "Two dogs run on the beach .", "text_b": "Animals are outside .", "label": "entailment"},
            {"text_a": "A man plays the violin .", "text_b": "Nobody makes music .", "label": "contradiction"},
            {"text_a": "A child eats an apple .", "text_b": "The child is hungry .", "label": "neutral"},
            {"text_a": "She sold her old car .", "text_b": "A car was sold .", "label": "entailment"},
        ]
