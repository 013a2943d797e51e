"""Rows of one board compared over their seeds: Welch's test, Holm's correction, rank ranges, seeds that are missing.

The unit of replication is the seed: a row is a training procedure, its scores are independent draws. Two rows are
compared by Welch's t over all seeds of each, unpaired, for spreads differ by 1 : 100 within a table. All pairs of a
table are one family, corrected by Holm. What is said holds for new seeds on the same test set.
Pure functions on NumPy arrays; higher scores are better. SciPy is imported where it is needed, ``scipy.stats`` never:
it takes a second.

Its neighbours: ``over_examples`` (for two rows), ``over_tables``, ``budgets`` (searches, costs).

M rows of a table, P pairs
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

Flags = NDArray[np.bool_]

Places = NDArray[np.signedinteger[Any]]

ALPHA = 0.05
"""The chance of any false statement in a table."""

FEWEST = 3
"""A row with fewer seeds is not ranked: with two, bimodal rows err with chance 0.39 and nothing is found."""

FEWEST_POOLED = 4
"""So many varying rows have a typical spread."""

MOST_SEEDS = 100
"""No plan goes beyond so many more seeds."""

SAME = 1e-12
"""Means this close are equal."""

TINY = 1e-300
"""No test gives a smaller p: nothing is certain."""


def numbers(values: ArrayLike, *, at_least: int, name: str) -> Array:
    """``values`` as a float vector; ValueError if they are fewer than ``at_least``, not flat, or not all finite."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or len(array) < at_least:
        raise ValueError(f"expected a list of at least {at_least} {name}, got shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"expected finite {name}, got {array.tolist()}; leave out holes instead")
    return array


def interval_half_width(values: Sequence[float], *, confidence: float = 0.95) -> float | None:
    """Half the width of the interval of a mean: t(n - 1, (1 + confidence) / 2) s / sqrt(n), by Student's t.

    None for fewer than two values, which have no spread. Assumes independent seeds with roughly normal scores; equal
    scores give 0, which says that the seed changed nothing, not that the score is certain.
    Raises ValueError for values that are not finite.
    """
    array = numbers(values, at_least=0, name="scores")
    if len(array) < 2:
        return None
    from scipy.special import stdtrit

    quantile = float(stdtrit(len(array) - 1, (1 + confidence) / 2))
    return quantile * float(array.std(ddof=1)) / math.sqrt(len(array))


def variance(values: ArrayLike) -> float:
    """s^2 with n - 1; exactly 0 for equal values, which rounding would give a spread, and for a single one."""
    array = numbers(values, at_least=1, name="scores")
    return 0.0 if array.min() == array.max() else float(array.var(ddof=1))


def spreads(variances_M: ArrayLike, seeds_M: ArrayLike) -> Array:
    """The variance of each varying row that tests use: v_i = max(s_i^2, ((n_i - 1) s_i^2 + med) / n_i).

    ``med`` is the median of the s_i^2: a spread below it is drawn up towards it, as if one more seed had shown the
    median spread (in the manner of Tusher et al. 2001 and Smyth 2004), so that three seeds which agree by chance do
    not look certain. With fewer than 4 rows there is no typical spread, and v_i = s_i^2.
    """
    own, seeds = np.asarray(variances_M, dtype=np.float64), np.asarray(seeds_M, dtype=np.float64)
    if len(own) < FEWEST_POOLED:
        return own
    pulled: Array = np.maximum(own, ((seeds - 1) * own + np.median(own)) / seeds)
    return pulled


class Sample(NamedTuple):
    """Rows as tests see them, in arrays of one shape. ``variance`` and ``seeds`` are 0 for a row that no seed changes.

    ``variance``: v_i of ``spreads``.
    """

    mean: Array
    variance: Array
    seeds: Array

    def take(self, places: Places) -> Sample:
        """The rows at these places."""
        return Sample(*(values[places] for values in self))


class Welch(NamedTuple):
    """Differences a - b with their standard errors, degrees of freedom, and two-sided p of there being none."""

    difference: Array
    error: Array
    df: Array
    p_value: Array


def welch(a: Sample, b: Sample) -> Welch:
    """Welch's t of each pair: t = d / sqrt(e_a + e_b), e = v / n, p = 2 P(T_df <= -|t|).

    df = (e_a + e_b)^2 / (e_a^2 / (n_a - 1) + e_b^2 / (n_b - 1)) (Welch 1947; for few seeds Colas et al. 2019,
    https://arxiv.org/abs/1904.06979). A constant row's terms are left out of both sums: it is then the one-sample t.
    Where no seed changed either score, p is 1 for equal means, else 2 / C(n_a + n_b, n_a), the least that exchanging
    runs can show, or 2^(1 - n) against a constant row: never 0. Of two constant rows p is 1 or 0, which is no test.
    """
    from scipy.special import stdtr

    difference = a.mean - b.mean
    parts = [np.divide(x.variance, x.seeds, out=np.zeros_like(x.variance), where=x.seeds > 0) for x in (a, b)]
    total = parts[0] + parts[1]
    below = sum(part**2 / np.maximum(x.seeds - 1, 1) for part, x in zip(parts, (a, b), strict=True))
    spread = total > 0
    df = np.divide(total**2, below, out=np.zeros_like(total), where=spread)
    error = np.sqrt(total)
    t = np.divide(difference, error, out=np.zeros_like(total), where=spread)
    p_value = np.ones_like(total)
    p_value[spread] = 2 * stdtr(df[spread], -np.abs(t[spread]))
    fixed = ~spread & (np.abs(difference) > SAME)
    p_value[fixed] = _least_p(a.seeds[fixed], b.seeds[fixed])
    return Welch(difference, error, df, np.where(a.seeds + b.seeds > 0, np.maximum(p_value, TINY), p_value))


def _least_p(seeds_a: Array, seeds_b: Array) -> Array:
    """The p of a difference without spread."""
    from scipy.special import binom

    both = 2 / binom(seeds_a + seeds_b, np.minimum(seeds_a, seeds_b))
    one = np.where(np.maximum(seeds_a, seeds_b) > 0, 2.0 ** (1 - np.maximum(seeds_a, seeds_b)), 0.0)
    return np.where((seeds_a > 0) & (seeds_b > 0), both, one)


def within(found: Welch, a: Sample, b: Sample, *, margin: float) -> Array:
    """The p of each difference being as large as the margin or larger, by two one-sided tests.

    p = P(T_df <= (|d| - margin) / se), the larger of the two (Schuirmann 1987). A small p says that the rows are as
    good as each other: their true difference lies within +- margin. Where no seed changed either score, p is that of
    ``welch`` for a difference without spread if |d| < margin, else 1.
    """
    from scipy.special import stdtr

    size = np.abs(found.difference)
    spread = found.error > 0
    p_value = np.ones_like(size)
    fixed = ~spread & (size < margin)
    p_value[fixed] = _least_p(a.seeds[fixed], b.seeds[fixed])
    p_value[spread] = stdtr(found.df[spread], (size[spread] - margin) / found.error[spread])
    return np.asarray(p_value)


def half_widths(found: Welch, *, comparisons: int) -> Array:
    """Half the widths of intervals of the differences that hold for all ``comparisons`` at once: t(df, 1 - a/2M) se."""
    from scipy.special import stdtrit

    spread = found.error > 0
    widths = np.zeros_like(found.error)
    widths[spread] = stdtrit(found.df[spread], 1 - ALPHA / (2 * comparisons)) * found.error[spread]
    return widths


def holm(p_values: ArrayLike) -> Array:
    """Adjusted p values, in the given order: of the i-th smallest of m, max over j <= i of min(1, (m - j + 1) p_(j)).

    Holm 1979, https://www.jstor.org/stable/4615733. Rejecting where the adjusted p <= alpha keeps the chance of any
    false rejection in the family at alpha, however the tests depend on each other.
    Raises ValueError for a p outside 0-1.
    """
    array = numbers(p_values, at_least=0, name="p values")
    if ((array < 0) | (array > 1)).any():
        raise ValueError(f"expected p values in 0-1, got {array.tolist()}")
    order = np.argsort(array, kind="stable")
    adjusted = np.empty_like(array)
    adjusted[order] = np.maximum.accumulate(np.minimum(1.0, np.arange(len(array), 0, -1) * array[order]))
    return adjusted


def rank_ranges(better_MM: ArrayLike) -> tuple[list[int], list[int]]:
    """First and last place of each row: 1 + #{rows told better}, M - #{rows told worse}.

    ``better_MM[i, j]``: row i was told better than row j, at a level that holds for all pairs at once. Then with
    chance 1 - ALPHA or more every range holds its row's true place (Mogstad et al. 2023, https://doi.org/10.1093/restud/rdad006).
    """
    better = np.asarray(better_MM, dtype=bool)
    first, last = 1 + better.sum(axis=0), len(better) - better.sum(axis=1)
    return first.tolist(), last.tolist()


def best_among(means_M: ArrayLike, p_values_MM: ArrayLike, *, first: ArrayLike, compared: ArrayLike) -> list[bool]:
    """For each row whether it may be the best: all that are left out are beaten by some row, by one-sided tests.

    Row j stays if its rank range begins with 1 and no row i has a higher mean with p_ij / 2 <= ALPHA / (c - 1), p_ij
    the uncorrected two-sided p and c the number of ``compared`` rows (those of 3 seeds and more, and constant ones).
    Each row is asked whether any other beats it, so that choosing the best by the same scores does no harm: the truly
    best row is left out with chance ALPHA at most (Hsu 1984, https://doi.org/10.1214/aos/1176346732; Gupta 1965).
    ``p_values_MM``: symmetric; 0 or 1 between constant rows. Rows that are not compared are never among the best.
    """
    mean, p_values = np.asarray(means_M, dtype=np.float64), np.asarray(p_values_MM, dtype=np.float64)
    taking = np.asarray(compared, dtype=bool)
    level = ALPHA / max(int(taking.sum()) - 1, 1)
    beaten = ((mean[:, None] > mean + SAME) & (p_values / 2 <= level) & taking[:, None]).any(axis=0)
    return [bool(kept) for kept in taking & ~beaten & (np.asarray(first) == 1)]


def more_seeds(a: Sample, b: Sample, *, comparisons: int) -> NDArray[np.int_]:
    """How many more seeds of both rows (constant ones none) would show each difference; ``MOST_SEEDS`` + 1: too many.

    The smallest k of 1 to 100 at which Welch's test has power 0.8 among ``comparisons`` (U, the undecided ones), were
    means and spreads the observed ones: with c = t(df, 1 - ALPHA / (2 U)) and T noncentral t, P(|T| > c) is that of
    the noncentral F of 1 and df (Cohen 1988, chapter 2).
    A plan from rough estimates, not a test, and too hopeful after choosing the best. Run the k seeds at once: stopping
    at the first p <= 0.05 while adding seed by seed raises the error above 5 %.
    """
    from scipy.special import ncfdtr, stdtrit

    def power(found: Welch, _a: Sample, _b: Sample) -> Array:
        critical = stdtrit(found.df, 1 - ALPHA / (2 * comparisons))
        # Beyond 30 the power is 1, and SciPy gives NaN.
        shift = np.minimum(np.abs(found.difference) / found.error, 30.0)
        certain = found.p_value <= ALPHA / comparisons
        return np.where(found.error > 0, 1 - ncfdtr(1, found.df, shift**2, critical**2), certain)

    return _fewest(power, np.abs(a.mean - b.mean) > SAME, a, b)


def more_seeds_within(a: Sample, b: Sample, *, comparisons: int, margin: float) -> NDArray[np.int_]:
    """How many more seeds would show that each difference lies within +- margin; ``MOST_SEEDS`` + 1: too many.

    The smallest k with P(T <= (margin - |d|) / se - c) + P(T <= (margin + |d|) / se - c) - 1 >= 0.8 and c = t(df, 1 -
    ALPHA / comparisons): the power of two one-sided tests, with a shifted t in place of the noncentral one. The same
    warnings as for ``more_seeds``.
    """
    from scipy.special import stdtr, stdtrit

    def power(found: Welch, more_a: Sample, more_b: Sample) -> Array:
        critical = stdtrit(found.df, 1 - ALPHA / comparisons)
        below, above = ((margin + sign * np.abs(found.difference)) / found.error - critical for sign in (-1, 1))
        certain = within(found, more_a, more_b, margin=margin) <= ALPHA / comparisons
        return np.where(found.error > 0, stdtr(found.df, below) + stdtr(found.df, above) - 1, certain)

    return _fewest(power, np.abs(a.mean - b.mean) < margin, a, b)


def _fewest(power: Callable[[Welch, Sample, Sample], Array], possible: Flags, a: Sample, b: Sample) -> NDArray[np.int_]:
    """The smallest k of 1 to ``MOST_SEEDS`` with a power of 0.8, by halving: power grows with seeds."""
    low, high = np.zeros(len(a.mean)), np.full(len(a.mean), MOST_SEEDS + 1.0)
    while (open_ := possible & (high - low > 1)).any():
        middle = np.maximum((low + high) // 2, 1)
        more = [x._replace(seeds=np.where(x.seeds > 0, x.seeds + middle, 0.0)) for x in (a, b)]
        with np.errstate(all="ignore"):  # of differences without spread, which have no t
            enough = power(welch(*more), *more) >= 0.8
        low, high = np.where(open_ & ~enough, middle, low), np.where(open_ & enough, middle, high)
    return high.astype(int)
