"""Part-of-speech tagging: which class does each token belong to?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tasks.base import Row
from tasks.kinds.tags import TaggingTask
from tasks.labels.order import sorted_labels
from tasks.metrics.tagging import DEFINITIONS, token_accuracy


class POS(TaggingTask):
    """A tag a token, any tag after any other."""

    bio = False
    main_score = "token_accuracy"

    def label_set(self, labels: Sequence[Sequence[str]]) -> list[str]:
        """The tags of the training split, sorted."""
        return sorted_labels(tag for tags in labels for tag in tags)

    def score_rows(self, rows: Sequence[Row], predicted: Sequence[Any], *, labels: Sequence[str]) -> dict[str, float]:
        """The accuracy of single tags."""
        return {"token_accuracy": token_accuracy([row[self.label_column] for row in rows], predicted)}

    def definitions(self, rows: Sequence[Row]) -> dict[str, str]:
        """What each score is."""
        return dict(DEFINITIONS)

    def samples(self) -> list[dict[str, Any]]:
        """Four sentences, in which "watch" and "light" are ambiguous."""
        return [
            {"tokens": ["we", "watch", "birds"], "tags": ["PRON", "VERB", "NOUN"]},
            {"tokens": ["the", "watch", "is", "old"], "tags": ["DET", "NOUN", "AUX", "ADJ"]},
            {"tokens": ["a", "light", "bag"], "tags": ["DET", "ADJ", "NOUN"]},
            {"tokens": ["turn", "the", "light", "off"], "tags": ["VERB", "DET", "NOUN", "ADP"]},
        ]
