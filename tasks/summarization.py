"""Summarization: the same in fewer words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tasks.base import Row
from tasks.kinds.writing import GenerationTask
from tasks.metrics.summarization import rouge_tokens, summarization_definitions, summarization_scores
from tasks.reading.columns import references


class Summarization(GenerationTask):
    """A summary a text, scored by ROUGE against the nearest of its references."""

    main_score = "rouge_1_f1"

    def score_rows(self, rows: Sequence[Row], predicted: Sequence[Any], *, labels: Sequence[str]) -> dict[str, float]:
        """ROUGE-1, -2 and -L, and the rate of repetition (the lower the better)."""
        return summarization_scores(predicted, [references(row) for row in rows], language=self.written_in)

    def scored_tokens(self, text: str) -> list[str]:
        """The words, or clusters, that ROUGE counts."""
        return rouge_tokens(text, language=self.written_in)

    def definitions(self, rows: Sequence[Row]) -> dict[str, str]:
        """What each score is."""
        return summarization_definitions(self.written_in)

    def samples(self) -> list[dict[str, Any]]:
        """Four texts."""
        return [
            {"source": "Rain fell all day . The bridge is closed .", "target": "The bridge is closed ."},
            {"source": "Anna met Bob . They talked . Anna bought a car .", "target": "Anna bought a car ."},
            {"source": "It was late . The train to Rome left .", "target": ["The train left .", "A train left ."]},
            {"source": "The team won . Many people came .", "target": "The team won ."},
        ]
