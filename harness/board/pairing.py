"""All rows of a table compared with each other over seeds: rank ranges, the best, and a verdict for every pair.

What is said of a pair, and how often it is wrong
-------------------------------------------------
Of each pair two statements can be shown: *better* (or worse), against d = 0, by Welch's test; and *as good as*,
against |d| >= margin, by two one-sided tests. Whatever is not shown is *undecided*, never "equal".

The family is the M tested pairs of the table. A pair cannot have d = 0 and |d| >= margin at once: of its two null
hypotheses at most one is true, so of the 2 M at most M are (Shaffer 1986, https://doi.org/10.1080/01621459.1986.10478341),
and M, not 2 M, is what a first step has to divide by. From there:

- Better: p is corrected by Holm over the M pairs. Let n0 pairs have d = 0. Before the first false "better" only true
  ones were said, of at most M - n0 pairs, so its p was at most ALPHA / n0: this happens with chance ALPHA at most.
- As good as: p is multiplied by M at every step, not by fewer ones later on. Let n1 pairs lie at or beyond the
  margin: a false "as good as" then happens with chance n1 ALPHA / M at most.

So each kind of statement is wrong in 5 % of tables at most. Both together are, too, as long as Holm has stepped past no
pair at or beyond the margin: then p was at most ALPHA / (n0 + n1), and n0 / (n0 + n1) + n1 / M <= 1. It can step past
such a pair, for that pair may rightly be told better; the sum of both is then ALPHA (1 + n1 / M) at most. No rule can
keep Holm's steps for "better", say "as good as" at all, and bound the sum by ALPHA: with one pair at 0 and all others
told better, "better" alone spends it all. A rule that counts each pair once, whichever of its statements comes first,
looks as if it could, and is wrong: pairs that are told better first leave their share of ALPHA to those at the margin
that by chance look alike (a test shows 5 % becoming 20 % and more).

Both at once, told better and within the margin, is *better*, for that is the sharper statement; the interval shows
how small the difference is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from harness.board.row import Row
from harness.board.tables import Pair
from harness.statistics.over_seeds import (
    ALPHA,
    FEWEST,
    MOST_SEEDS,
    SAME,
    Array,
    Flags,
    Places,
    Sample,
    Welch,
    best_among,
    half_widths,
    holm,
    more_seeds,
    more_seeds_within,
    rank_ranges,
    spreads,
    variance,
    welch,
    within,
)

PART = 1 << 14
"""So many pairs are compared at once."""

MARGIN = 0.01
"""Scores that are fractions are as good as each other within so much, unless another margin is given."""


class SeedScores(NamedTuple):
    """Seed -> score of a row. ``constant``: no seed changes it, so it stands for any seed."""

    by_seed: Mapping[int, float]
    constant: bool

    @classmethod
    def of(cls, row: Row, metric: str, test_set: str, *, same_data: bool) -> SeedScores:
        """A floor is constant if it draws nothing by chance, and its seeds differ neither in score nor in data."""
        scores = row.scores(metric, test_set)
        return cls(scores, row.deterministic and same_data and len(set(scores.values())) == 1)

    @property
    def ranked(self) -> bool:
        """Whether the row is constant or has seeds enough to be compared."""
        return self.constant or len(self.by_seed) >= FEWEST


def sample_of(rows: Sequence[SeedScores], *, sign: int) -> Sample:
    """The rows of a table for ``welch``; ``sign``: -1 where lower is better. Spreads are drawn up as ``spreads`` says.

    Rows with fewer than 3 seeds have no part in the typical spread.
    """
    scores = [list(row.by_seed.values()) for row in rows]
    constant = np.array([row.constant for row in rows], dtype=bool)
    own = np.array([variance(values) for values in scores])
    seeds = np.array([float(len(values)) for values in scores])
    varying = np.array([row.ranked for row in rows], dtype=bool) & ~constant
    own[varying] = spreads(own[varying], seeds[varying])
    mean = np.array([sign * float(np.mean(values)) for values in scores])
    return Sample(mean, np.where(constant, 0.0, own), np.where(constant, 0.0, seeds))


class Compared(NamedTuple):
    """A table's rows: first and last place (None: unranked), whether each may be the best, all pairs.

    ``reference``: the place of the best mean among the ranked rows; None where no pair is compared.
    """

    ranges: list[tuple[int, int] | None]
    best: list[bool]
    reference: int | None
    pairs: AllPairs


def compare(
    rows: Sequence[SeedScores], labels: Sequence[str], *, higher: bool = True, margin: float | None = None
) -> Compared:
    """Compare all rows of a table. ``margin``: None says of no pair that they are as good as each other."""
    pairs = AllPairs(rows, labels, higher=higher, margin=margin)
    nothing = Compared([None] * len(rows), [False] * len(rows), None, pairs)
    if not (pairs.tested.any() or pairs.exact.any()):
        return nothing
    first, last = rank_ranges(pairs.better_MM)
    ranges = [(lo, hi) if known else None for lo, hi, known in zip(first, last, pairs.ranked, strict=True)]
    # Of equal means the first is the best.
    reference = int(np.argmax(np.where(pairs.ranked, pairs.sample.mean, -np.inf)))
    among = best_among(pairs.sample.mean, pairs.uncorrected_MM, first=first, compared=pairs.ranked)
    varying = any(row.ranked and not row.constant for row in rows)
    return Compared(ranges, among if varying else nothing.best, reference, pairs)


class AllPairs:
    """Every pair of a table's rows with its verdict (``tables.Pairs``); a table of 2,000 rows has 2 million.

    ``of(i, j)`` is row i over row j whichever comes first.
    """

    def __init__(
        self, rows: Sequence[SeedScores], labels: Sequence[str], *, higher: bool = True, margin: float | None = None
    ) -> None:
        self.labels, self.margin, self.sign = list(labels), margin, 1 if higher else -1
        self.ranked: Flags = np.array([row.ranked for row in rows], dtype=bool)
        self.seeds = [len(row.by_seed) for row in rows]
        self.sample = sample_of(rows, sign=self.sign)
        self._first, self._second = (places.astype(np.int32) for places in np.triu_indices(len(rows), 1))
        constant = np.array([row.constant for row in rows], dtype=bool)
        self.exact: Flags = constant[self._first] & constant[self._second]
        self.tested: Flags = self.ranked[self._first] & self.ranked[self._second] & ~self.exact
        self.found: Welch = Welch(*(np.empty(len(self)) for _field in Welch._fields))
        for part, sides in self._parts():
            for whole, values in zip(self.found, welch(*sides), strict=True):
                whole[part] = values
        self.p_values: Array = np.where(self.exact, self.found.p_value, np.nan)
        self.p_values[self.tested] = holm(self.found.p_value[self.tested])
        self.equal: Array = self._equal()

    def _equal(self) -> Array:
        """The corrected p of each tested pair's difference being as large as the margin; NaN for the others."""
        p_values = np.full(len(self), np.nan)
        if self.margin is not None:
            for part, sides in self._parts():
                p_values[part] = within(Welch(*(values[part] for values in self.found)), *sides, margin=self.margin)
            p_values = np.where(self.tested, np.minimum(1.0, self.tested.sum() * p_values), np.nan)
        return p_values

    def _parts(self) -> Iterator[tuple[slice, list[Sample]]]:
        """The pairs in parts that stay in a processor's cache, and the two sides of each."""
        for start in range(0, len(self), PART):
            part = slice(start, start + PART)
            yield part, [self.sample.take(places[part]) for places in (self._first, self._second)]

    @cached_property
    def told(self) -> Flags:
        """Whether each pair is told apart."""
        exact = self.exact & (np.abs(self.found.difference) > SAME)
        return exact | (self.tested & (np.nan_to_num(self.p_values, nan=1.0) <= ALPHA))

    @cached_property
    def alike(self) -> Flags:
        """Whether each pair is shown to be as good as each other, and not told apart."""
        shown = self.tested & (np.nan_to_num(self.equal, nan=1.0) <= ALPHA)
        return (shown | self.exact) & ~self.told

    @cached_property
    def better_MM(self) -> Flags:
        """Whether row i is told better than row j."""
        better = np.zeros((len(self.ranked), len(self.ranked)), dtype=bool)
        up = self.found.difference > 0
        for places, others, which in (
            (self._first, self._second, self.told & up),
            (self._second, self._first, self.told & ~up),
        ):
            better[places[which], others[which]] = True
        return better

    @property
    def uncorrected_MM(self) -> Array:
        """The p of each pair before any correction; 1 for pairs with an unranked row."""
        p_values = np.ones((len(self.ranked), len(self.ranked)))
        known = np.where(self.tested | self.exact, self.found.p_value, 1.0)
        p_values[self._first, self._second] = p_values[self._second, self._first] = known
        return p_values

    def __len__(self) -> int:
        return len(self._first)

    def __iter__(self) -> Iterator[Pair]:
        for start in range(0, len(self), 4096):
            yield from self._made(np.arange(start, min(start + 4096, len(self))))

    def of(self, row: int, over: int) -> Pair:
        """The comparison of two different rows by their places."""
        (found,) = self._made(np.array([self._place(min(row, over), max(row, over))]))
        return found if row < over else found.turned()

    def against(self, over: int) -> dict[int, Pair]:
        """Every other row over this one, by the other's place."""
        others = [row for row in range(len(self.ranked)) if row != over]
        places = np.array([self._place(min(row, over), max(row, over)) for row in others], dtype=np.int_)
        made = self._made(places)
        return {row: pair if row < over else pair.turned() for row, pair in zip(others, made, strict=True)}

    def _place(self, row: int, over: int) -> int:
        return row * len(self.ranked) - row * (row + 1) // 2 + over - row - 1

    def _made(self, places: Places) -> list[Pair]:
        words = self._more_seeds(places)
        widths = half_widths(Welch(*(v[places] for v in self.found)), comparisons=max(int(self.tested.sum()), 1))
        return [self._pair(int(n), float(w), more) for n, w, more in zip(places, widths, words, strict=True)]

    def _pair(self, n: int, half_width: float, more: str) -> Pair:
        difference, tested = self.sign * float(self.found.difference[n]), bool(self.tested[n])
        known = tested and self.found.error[n] > 0
        verdict = "as good as" if self.alike[n] else "undecided"
        if self.told[n]:
            verdict = "better" if self.found.difference[n] > 0 else "worse"
        return Pair(
            row=self.labels[self._first[n]],
            over=self.labels[self._second[n]],
            difference=difference,
            low=difference - half_width if known else None,
            high=difference + half_width if known else None,
            p_value=float(self.p_values[n]) if tested else None,
            p_equal=float(self.equal[n]) if tested and self.margin is not None else None,
            exact=bool(self.exact[n]),
            verdict=verdict,
            more_seeds=more,
        )

    def _more_seeds(self, places: Places) -> list[str]:
        """How many more seeds would decide each undecided pair, in words; empty for the others."""
        words = [""] * len(places)
        undecided = ~self.told[places] & ~self.alike[places]
        asked = np.flatnonzero(undecided & self.tested[places])
        if len(asked):
            sides = [self.sample.take(p[places[asked]]) for p in (self._first, self._second)]
            count = int((self.tested & ~self.told).sum())
            more = more_seeds(*sides, comparisons=count)
            if self.margin is not None:
                family = int(self.tested.sum())
                more = np.minimum(more, more_seeds_within(*sides, comparisons=family, margin=self.margin))
            for n, number in zip(asked, more, strict=True):
                words[n] = str(number) if number <= MOST_SEEDS else f"over {MOST_SEEDS}"
        for n in np.flatnonzero(undecided & ~self.tested[places]):
            rows = (self._first[places[n]], self._second[places[n]])
            words[n] = f"≥ {max(FEWEST - self.seeds[row] for row in rows if not self.ranked[row])}"
        return words
