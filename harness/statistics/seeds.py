"""Honest statistics of one board: rows over seeds, many comparisons, budgets, costs.

The unit of replication is the seed. Two rows are compared over the seeds both have, by differences "row a minus row b"
of scores that are fractions; everything that depends on the size of a score is in the unit of the scores.
Pure functions on NumPy arrays. SciPy takes a second to import and is imported where it is needed.

Its neighbours: ``examples`` (over test examples, for two rows), ``tasks`` (over tasks).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

MOST_ENUMERATED = 20  # half of 2^20 sums are held: 4 MB


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


def paired_differences(scores_a: Mapping[int, float], scores_b: Mapping[int, float]) -> Array:
    """a minus b for each seed that both rows have, in the order of the seeds; empty if they share none."""
    return np.array([scores_a[seed] - scores_b[seed] for seed in sorted(scores_a.keys() & scores_b.keys())])


def sign_flip_test(differences: ArrayLike, *, samples: int = 100_000, seed: int = 0) -> float:
    """The two-sided p of paired differences whose signs may be flipped: #{|sum_i s_i d_i| >= |sum_i d_i|} / 2^n.

    Fisher 1935, The Design of Experiments, section 21. Exact: all 2^n sign vectors s are counted, for up to 20
    differences; above that ``samples`` random ones are, with p = (1 + count) / (1 + samples) (Phipson and Smyth 2010,
    https://arxiv.org/abs/1603.05766), so that p is never 0 and the test never too bold.
    Assumes only that without an effect a difference is as likely as its negative. No p is below ``smallest_p(n)``.
    Raises ValueError without differences.
    """
    array = numbers(differences, at_least=1, name="paired differences")
    # Sums that are equal on paper differ in their last bits; they count as equal.
    threshold = abs(float(array.sum())) - 1e-9 * float(np.abs(array).sum())
    if len(array) > MOST_ENUMERATED:
        flips = np.random.default_rng(seed).integers(0, 2, size=(samples, len(array)), dtype=np.int8)
        count = int((np.abs((1.0 - 2.0 * flips) @ array) >= threshold).sum())
        return (1 + count) / (1 + samples)
    sums = array[:1]  # the first sign stays: flipping all signs changes no absolute sum
    for difference in array[1:]:
        sums = np.concatenate([sums + difference, sums - difference])
    return float((np.abs(sums) >= threshold).mean())


def smallest_p(seeds: int) -> float:
    """The smallest p that ``sign_flip_test`` can give: 2 / 2^seeds (all differences of one sign), at most 1."""
    return min(1.0, 2.0 ** (1 - seeds))


def fewest_seeds(*, comparisons: int = 1, alpha: float = 0.05) -> int:
    """The fewest paired seeds with which a sign-flip test can reach ``alpha`` at Holm's first step.

    The smallest n with comparisons 2 / 2^n <= alpha: 6 for one comparison at 0.05, 9 for eight of them.
    """
    _check_levels(comparisons, alpha)
    seeds = 1
    while comparisons * smallest_p(seeds) > alpha:
        seeds += 1
    return seeds


def seeds_needed(
    differences: ArrayLike, *, comparisons: int = 1, alpha: float = 0.05, power: float = 0.8, at_most: int = 100
) -> int | None:
    """How many more paired seeds would show the observed difference with chance ``power``; None if over ``at_most``.

    The smallest n >= len(differences) at which a two-sided paired t test has that power, were the true mean and spread
    the observed ones: with c = t(n - 1, 1 - level / 2) and T noncentral t(n - 1, |mean| sqrt(n) / s),
    power = P(|T| > c) (Cohen 1988, chapter 2). ``comparisons`` is Holm's divisor for this row (the number of
    comparisons for its first, hardest step); the level is the largest p that ``sign_flip_test`` can give at n with
    p <= alpha / comparisons, none below ``fewest_seeds``.
    A plan, not a test: observed differences of few seeds are rough and, after choosing the best row, too large. Ask
    only for rows that could not be told apart. Raises ValueError for fewer than two differences, which have no spread.
    """
    array = numbers(differences, at_least=2, name="paired differences (one has no spread)")
    _check_levels(comparisons, alpha)
    mean, spread = abs(float(array.mean())), float(array.std(ddof=1))
    if mean <= 1e-12:
        return None
    effect = mean / spread if spread > 0 else math.inf
    for more in range(at_most + 1):
        if _power(effect, len(array) + more, alpha / comparisons) >= power:
            return more
    return None


def _power(effect: float, seeds: int, level: float) -> float:
    """P(|T| > c), through T^2, which is noncentral F: SciPy's noncentral t itself gives NaN from effects of 4 on."""
    from scipy.special import ncfdtr, stdtrit

    step = smallest_p(min(seeds, 60))  # finer steps change nothing, and end in 0
    level = math.floor(level / step) * step
    if level == 0:
        return 0.0
    critical = float(stdtrit(seeds - 1, 1 - level / 2))
    shift = min(effect * math.sqrt(seeds), 30.0)  # the power is 1 long before, and NaN soon after
    return float(1 - ncfdtr(1, seeds - 1, shift**2, critical**2))


def _check_levels(comparisons: int, alpha: float) -> None:
    if comparisons < 1 or not 0 < alpha < 1:
        raise ValueError(f"expected comparisons >= 1 and 0 < alpha < 1, got {comparisons} and {alpha}")


def holm(p_values: ArrayLike) -> list[float]:
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
    return [float(p) for p in adjusted]


def shared_ranks(means: ArrayLike, p_value: Callable[[int, int], float], *, alpha: float = 0.05) -> list[int]:
    """The rank of each row (1 is best), shared by rows that cannot be told apart from the best of their group.

    The best mean leads the first group. The leader is compared with every row below it; those whose p, corrected by
    Holm for these comparisons, is above ``alpha`` join it. The best of the others leads the next group, and so on. A
    rank is 1 + the number of rows in better groups. ``p_value(leader, row)`` is two-sided, for indices into ``means``;
    for rows that share too few seeds it is 1.

    What a rank promises: a row that is truly the best, or equal to it, is outside the first group with chance alpha or
    less (checked by simulation). It does not promise that no pair of the board is split by chance, for the leader is
    chosen by the same scores: of nine equal rows over 12 seeds some row falls out on 11 boards of 100, a given one on
    2. Later groups are read at the same alpha each. "Cannot be told apart" is not "equal", and is not transitive: a row
    can share its leader's rank and still not be told apart from the next group.
    """
    array = numbers(means, at_least=0, name="means")
    remaining = [int(row) for row in np.argsort(-array, kind="stable")]
    ranks = [0] * len(array)
    while remaining:
        leader, *others = remaining
        rank = 1 + len(array) - len(remaining)
        adjusted = dict(zip(others, holm([p_value(leader, row) for row in others]), strict=True))
        remaining = [row for row in others if adjusted[row] <= alpha]
        for row in {leader, *others} - set(remaining):
            ranks[row] = rank
    return ranks


class ExpectedBest(NamedTuple):
    """The best validation score of a search of some budget: its expectation, and how searches of it vary."""

    mean: float
    deviation: float
    low: float
    high: float


def expected_best(values: ArrayLike, budget: int, *, unbiased: bool = False, confidence: float = 0.95) -> ExpectedBest:
    """The expected best validation score (higher is better) had only ``budget`` of the n trials been run.

    The best V of k trials has P(V <= v_(i)) = (i / n)^k, v_(1) <= ... <= v_(n) (Dodge et al. 2019, section 3.1,
    https://arxiv.org/abs/1909.03004: k draws with replacement), so mean = sum_i v_(i) (P_i - P_(i-1)), and likewise the
    variance. ``unbiased``: P = C(i, k) / C(n, k), draws without replacement, whose mean is not biased downwards (Tang
    et al. 2020, https://aclanthology.org/2020.acl-main.246).
    ``low`` and ``high`` hold the outcome of one such search with chance ``confidence`` or more, and never leave the
    scores that were seen; they are not the uncertainty of the mean, which also depends on n.
    Assumes trials drawn independently from one distribution: random search, not Bayesian or a grid.
    Raises ValueError for a budget outside 1-n: what more trials would give cannot be known from these.
    """
    ordered = np.sort(numbers(values, at_least=1, name="validation scores"))
    count = len(ordered)
    if not 1 <= budget <= count:
        raise ValueError(f"expected a budget of 1 to {count} trials, as many as were run, got {budget}")
    places = np.arange(count + 1, dtype=np.float64)
    if unbiased:
        drawn = np.arange(budget)
        at_most = np.prod(np.maximum(places[:, None] - drawn, 0) / (count - drawn), axis=1)
    else:
        at_most = (places / count) ** budget
    chances = np.diff(at_most)
    mean = float(chances @ ordered)
    tail = (1 - confidence) / 2
    low, high = ordered[np.searchsorted(at_most[1:], [tail, 1 - tail])]
    return ExpectedBest(mean, math.sqrt(float(chances @ (ordered - mean) ** 2)), float(low), float(high))


def pareto_front(scores: ArrayLike, costs: ArrayLike) -> list[bool]:
    """For each row, whether no other has at least its score at no more cost and is better in one of them.

    Scores up, costs down, in any units; rows equal in both stand or fall together. Point estimates only: a row may be
    off the front by chance. Raises ValueError for lists of different length.
    """
    score, cost = numbers(scores, at_least=0, name="scores"), numbers(costs, at_least=0, name="costs")
    if len(score) != len(cost):
        raise ValueError(f"expected one cost a score, got {len(cost)} costs for {len(score)} scores")
    no_worse = (score[:, None] >= score) & (cost[:, None] <= cost)
    better = (score[:, None] > score) | (cost[:, None] < cost)
    dominated = np.any(no_worse & better, axis=0)
    return [not bool(worse) for worse in dominated]
