"""What each label weighs in the loss, so that rare labels are not lost among frequent ones.

One label of all (classes, tags), N labels in train, L different ones, n_c of them c:
    balanced   w_c = N / (L n_c)          as ``compute_class_weight`` of scikit-learn
    as given   w_c = N g_c / sum over train of g      so that the mean weight of train is one, as it is when balanced
Labels each for itself (several a text), N rows, n_c of them with c, where only the presence of a label is weighed:
    balanced   w_c = (N - n_c) / n_c      as ``pos_weight`` of torch's ``BCEWithLogitsLoss``
    as given   w_c = g_c
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Literal

Asked = Literal["none", "balanced"] | Mapping[str, float]

NAMED = 6
"""The weights of so many labels are told one by one."""


class ClassWeights:
    """The weights that ``task.class_weights`` asks for: ``none``, ``balanced``, or those of some labels (others: 1).

    ``each``: whether each label is chosen for itself. The weights are known once ``settle`` has seen the labels of
    train; a network that is loaded brings its own.
    """

    def __init__(self, asked: Asked, *, each: bool) -> None:
        known = isinstance(asked, Mapping) or asked in ("none", "balanced")
        if not known or (isinstance(asked, Mapping) and not all(weight > 0 for weight in asked.values())):
            raise ValueError(
                f"task.class_weights: expected none, balanced or weights above 0 by label, such as {{spam: 5}}, "
                f"got {asked!r}"
            )
        self.asked: Asked = {_name(k): float(w) for k, w in asked.items()} if isinstance(asked, Mapping) else asked
        self.each = each
        self.by_label: dict[str, float] = {}

    def settle(self, labels: Iterable[Sequence[str]]) -> list[str]:
        """Count the labels of train, given row by row; what they weigh, in words.

        Raises ValueError for a weight of a label that train does not show.
        """
        if self.asked == "none":
            return []
        rows = [list(found) for found in labels]
        counts: dict[str, int] = {}
        for label in chain.from_iterable(rows):
            counts[label] = counts.get(label, 0) + 1
        self._check(counts)
        self.by_label = self._of_each(counts, len(rows)) if self.each else self._of_one(counts)
        return [f"labels weigh in the loss (task.class_weights): {self._told()}"]

    def of(self, labels: Sequence[str]) -> list[float] | None:
        """The weights of an inventory, 1 for labels that train never shows; None where all weigh the same."""
        return None if self.asked == "none" else [self.by_label.get(label, 1.0) for label in labels]

    def _check(self, counts: Mapping[str, int]) -> None:
        missing = [] if isinstance(self.asked, str) else [label for label in self.asked if label not in counts]
        if missing:
            found = ", ".join(repr(label[:40]) for label in sorted(counts)[:20])
            raise ValueError(
                f"task.class_weights names {', '.join(map(repr, missing))}, but no row of train has that label; found "
                f"{found}{' and more' if len(counts) > 20 else ''}; write the label as it stands there"
            )

    def _of_one(self, counts: Mapping[str, int]) -> dict[str, float]:
        total = sum(counts.values())
        if isinstance(self.asked, str):
            return {label: total / (len(counts) * count) for label, count in counts.items()}
        given = {label: self.asked.get(label, 1.0) for label in counts}
        mean = sum(given[label] * count for label, count in counts.items()) / total
        return {label: weight / mean for label, weight in given.items()}

    def _of_each(self, counts: Mapping[str, int], rows: int) -> dict[str, float]:
        if isinstance(self.asked, str):  # a label that every row has would have no loss at all
            return {label: max(rows - count, 1) / count for label, count in counts.items()}
        return {label: self.asked.get(label, 1.0) for label in counts}

    def _told(self) -> str:
        ordered = sorted(self.by_label.items(), key=lambda item: (-item[1], item[0]))
        if len(ordered) <= NAMED:
            return ", ".join(f"{label}: {weight:.3g}" for label, weight in ordered)
        (heavy, most), (light, least) = ordered[0], ordered[-1]
        return f"from {most:.3g} ({heavy}) to {least:.3g} ({light})"


def _name(key: object) -> str:
    """A label as it stands in the data, where YAML has read a number or a truth value."""
    return str(key).lower() if isinstance(key, bool) else str(key)
