"""Two rows over the seeds that both have: the differences, their test, and how many seeds are missing.

A floor that no seed changes has one score for all seeds. Between two such floors nothing is left to chance: they are
equal or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from harness.board.row import Row
from harness.statistics.seeds import Array, fewest_seeds, paired_differences, seeds_needed, sign_flip_test

ALPHA = 0.05


class SeedScores(NamedTuple):
    """Seed -> score of a row. ``constant``: no seed changes it, so it stands for any seed."""

    by_seed: Mapping[int, float]
    constant: bool

    @classmethod
    def of(cls, row: Row, metric: str, test_set: str, *, same_data: bool) -> SeedScores:
        """A floor is taken as constant unless its seeds differ in score, or in their data."""
        scores = row.scores(metric, test_set)
        return cls(scores, row.floor and same_data and len(set(scores.values())) == 1)


class Paired(NamedTuple):
    """Two rows over common seeds: differences, their mean, and the p of there being none.

    Between two constant rows there are no seeds to compare over; ``p_value`` is then 1 for equal scores, else 0.
    Without a common seed ``mean`` is None and ``p_value`` 1.
    """

    differences: Array
    mean: float | None
    p_value: float


def pair(a: SeedScores, b: SeedScores) -> Paired:
    """Row a minus row b."""
    if a.constant and b.constant:
        difference = next(iter(a.by_seed.values())) - next(iter(b.by_seed.values()))
        return Paired(np.array([]), difference, 1.0 if abs(difference) < 1e-12 else 0.0)
    differences = paired_differences(_for_seeds(a, b), _for_seeds(b, a))
    if not len(differences):
        return Paired(differences, None, 1.0)
    return Paired(differences, float(differences.mean()), sign_flip_test(differences))


def _for_seeds(row: SeedScores, other: SeedScores) -> Mapping[int, float]:
    return dict.fromkeys(other.by_seed, next(iter(row.by_seed.values()))) if row.constant else row.by_seed


def more_seeds(differences: Array, *, comparisons: int) -> str:
    """How many more common seeds would show the observed difference with chance 0.8, in words.

    With fewer than two seeds the spread is unknown, and only the fewest that any difference needs can be said.
    """
    if len(differences) < 2:
        return f"≥ {fewest_seeds(comparisons=comparisons, alpha=ALPHA) - len(differences)}"
    needed = seeds_needed(differences, comparisons=comparisons, alpha=ALPHA)
    return "over 100" if needed is None else str(max(1, needed))
