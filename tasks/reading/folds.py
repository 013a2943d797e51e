"""Cross-validation: each fold of the rows is test once, what is learnt from are the others.

Rows are dealt to folds label by label, of a row with several labels by the rarest, so that each label has about the
same share in all folds; of each label, and of all rows, no fold has more than one row more than another. Which row lies
in which fold follows from the rows and the seed alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from zlib import crc32

import numpy as np

from tasks.base import Row
from tasks.reading.splits import SPLITS, Split, split_off, strata

Over = Literal["train", "all"]


@dataclass(frozen=True)
class Folds:
    """``count`` folds, of which ``fold`` (from 0) is test. ``seed``: deals the rows, and draws validation.

    ``over``: which rows are dealt where the data set has splits of its own: ``train`` alone, and the others are not
    read, or ``all``; None refuses such data, whose results elsewhere are on their own test split.
    ``validation_fraction``: the share of the other folds that is validation.

    Raises ValueError for a fold that there is not.
    """

    count: int
    fold: int
    seed: int
    over: Over | None
    validation_fraction: float

    def __post_init__(self) -> None:
        if self.count < 2:
            raise ValueError(f"data.folds={self.count}: expected at least 2")
        if not 0 <= self.fold < self.count:
            raise ValueError(f"data.fold={self.fold}: expected 0 to {self.count - 1}, as data.folds={self.count}")

    def divide(self, splits: Mapping[str, Split], labels_of: Callable[[Row], Sequence[str]]) -> dict[str, Split]:
        """Train, validation and test of this fold, in the place of the splits that are there.

        Raises ValueError for splits of its own that nobody said what to do with, and for fewer rows than folds.
        """
        rows = self._pooled(splits)
        if len(rows.rows) < self.count:
            raise ValueError(f"data.folds={self.count} needs at least as many rows, got {len(rows.rows)}")
        dealt = self.deal([labels_of(row) for row in rows.rows])
        mine, others = (
            [row for row, fold in enumerate(dealt) if (fold == self.fold) == wanted] for wanted in (True, False)
        )
        rest = {"train": rows.take(others), "test": rows.take(mine)}
        fractions = {"validation": self.validation_fraction}
        return split_off(rest, fractions, seed=self.seed, labels_of=labels_of)

    def deal(self, labels: Sequence[Sequence[str]]) -> list[int]:
        """The fold of each row."""
        random = np.random.default_rng([self.seed, crc32(b"folds")])
        groups: dict[str, list[int]] = defaultdict(list)
        for row, label in enumerate(strata(labels)):
            groups[label or ""].append(row)
        order = [row for label in sorted(groups) for row in random.permutation(groups[label]).tolist()]
        names = random.permutation(self.count).tolist()
        folds = [0] * len(order)
        for place, row in enumerate(order):
            folds[row] = names[place % self.count]
        return folds

    def told(self) -> str:
        """In words."""
        of = {"train": " of train", "all": " of all splits together", None: ""}[self.over]
        return (
            f"fold {self.fold} of {self.count}{of} is test, dealt label by label by data.fold_seed={self.seed}; "
            f"{100 * self.validation_fraction:g} % of the others are validation"
        )

    def _pooled(self, splits: Mapping[str, Split]) -> Split:
        own = [name for name in splits if name != "train"]
        if own and self.over is None:
            raise ValueError(
                f"data.folds={self.count}: this data set has {' and '.join(own)} of its own, on which others report; "
                "data.folds_over=train folds train alone and leaves these unread, data.folds_over=all folds all rows"
            )
        names = [name for name in SPLITS if name in splits] if self.over == "all" else ["train"]
        places = [(splits[name], row) for name in names for row in range(len(splits[name].rows))]

        def place(index: int) -> str:
            split, row = places[index]
            return split.place(row)

        drawn = dict.fromkeys(found for name in names for found in splits[name].drawn)
        return Split([split.rows[row] for split, row in places], place, drawn=tuple(drawn))
