"""What a smaller search would have given, and which rows are worth their cost. Pure functions on NumPy arrays."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from harness.statistics.over_seeds import numbers


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
