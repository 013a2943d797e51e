"""Translation: the same in another language."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tasks.base import Row
from tasks.kinds.writing import GenerationTask
from tasks.metrics.translation import ALIGNMENT_DEFINITIONS, bleu_tokens, translation_definitions, translation_scores
from tasks.reading.columns import references


class Translation(GenerationTask):
    """A translation a text, scored by sacreBLEU and chrF, and alignment where the rows have gold ones."""

    main_score = "sacrebleu"
    least_tokens = 4  # BLEU is made of four orders

    def score_rows(self, rows: Sequence[Row], predicted: Sequence[Any], *, labels: Sequence[str]) -> dict[str, float]:
        """sacreBLEU and chrF."""
        return translation_scores(predicted, [references(row) for row in rows], language=self.written_in)

    def scored_tokens(self, text: str) -> list[str]:
        """What BLEU counts."""
        return bleu_tokens(text, language=self.written_in)

    def definitions(self, rows: Sequence[Row]) -> dict[str, str]:
        """What each score is, with sacreBLEU's signature."""
        counts = {len(references(row)) for row in rows}
        several = counts.pop() if len(counts) == 1 else "var"
        return {**translation_definitions(self.written_in, references=several), **ALIGNMENT_DEFINITIONS}

    def samples(self) -> list[dict[str, Any]]:
        """Four sentences."""
        return [
            {"source": "Two dogs run .", "target": "Zwei Hunde laufen ."},
            {"source": "A man reads a book .", "target": "Ein Mann liest ein Buch ."},
            {"source": "The woman sees the dogs .", "target": "Die Frau sieht die Hunde ."},
            {"source": "A dog sleeps .", "target": "Ein Hund schläft ."},
        ]
