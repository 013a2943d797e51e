"""Correction: the same without mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tasks.base import Row
from tasks.kinds.writing import GenerationTask
from tasks.metrics.correction import correction_definitions, correction_scores
from tasks.reading.columns import references, text_of


class Correction(GenerationTask):
    """A corrected text a text, scored by whole sentences, by edits, and by GLEU."""

    main_score = "sentence_accuracy"

    def score_rows(self, rows: Sequence[Row], predicted: Sequence[Any], *, labels: Sequence[str]) -> dict[str, float]:
        """Sentence accuracy, precision, recall and F0.5 of edits, and GLEU."""
        sources = [text_of(row["source"]) for row in rows]
        return correction_scores(sources, predicted, [references(row) for row in rows], language=self.written_in)

    def definitions(self, rows: Sequence[Row]) -> dict[str, str]:
        """What each score is."""
        return correction_definitions(self.written_in)

    def samples(self) -> list[dict[str, Any]]:
        """Four sentences, one of which is right already."""
        return [
            {"source": "She go home .", "target": "She goes home ."},
            {"source": "He has a apple .", "target": "He has an apple ."},
            {"source": "They sleep .", "target": "They sleep ."},
            {"source": "I saw saw it .", "target": ["I saw it .", "I have seen it ."]},
        ]
