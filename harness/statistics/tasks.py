"""Rows compared across tasks: ranks and chances of improvement, never an average of scores in different units.

Only common cells count: a task that lacks one of the compared rows is left out for all of them, so that a hole neither
helps nor hurts; how many tasks remained is part of each result.

N tasks, M rows; scores are higher-is-better, in any unit that a task keeps for all its rows
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from harness.statistics.seeds import Array, numbers


def common_tasks(scores_NM: ArrayLike) -> Array:
    """The tasks (rows of the array) in which no score is missing; a missing score is NaN.

    Raises ValueError if no task is left or the array is not two-dimensional.
    """
    array = np.asarray(scores_NM, dtype=np.float64)
    if array.ndim != 2:
        raise ValueError(f"expected scores of shape (tasks, rows), got {array.shape}")
    kept: Array = array[~np.isnan(array).any(axis=1)]
    if 0 in kept.shape:
        raise ValueError(f"expected a task that every row has a score in, got none of {len(array)}; compare fewer rows")
    return kept


def task_ranks(scores_NM: ArrayLike) -> Array:
    """The rank of each row in each common task, (N, M): 1 is best, equal scores share the mean of their ranks."""
    scores = common_tasks(scores_NM)
    above = (scores[:, None, :] > scores[:, :, None]).sum(-1)
    equal = (scores[:, None, :] == scores[:, :, None]).sum(-1)
    ranks: Array = above + (equal + 1) / 2
    return ranks


class RankTest(NamedTuple):
    """Whether any row's mean rank differs from the others': Friedman's test and Iman and Davenport's sharper one."""

    mean_ranks: list[float]
    tasks: int
    chi_square: float
    chi_square_p: float
    f: float
    f_p: float


def friedman_test(scores_NM: ArrayLike) -> RankTest:
    """Friedman's test over common tasks, and the F form to be read instead of it.

    chi2 = (M - 1) N^2 sum_j (R_j - (M + 1) / 2)^2 / sum_ij (r_ij - (M + 1) / 2)^2, r the ranks, R_j their means: with
    the correction for ties (Conover 1999), M - 1 degrees of freedom. It is too cautious; Iman and
    Davenport 1980: F = (N - 1) chi2 / (N (M - 1) - chi2) with (M - 1) and (M - 1)(N - 1) (Demsar 2006, section 3.2.2,
    https://jmlr.org/papers/v7/demsar06a.html). Where all tasks agree F is infinite; p is then (M!)^(1 - N), the
    smallest that N rankings of M rows can give, and never less.
    Assumes independent tasks; approximate for fewer than ten tasks or five rows.
    Raises ValueError for fewer than two common tasks or three rows (for two, use ``sign_flip_test``).
    """
    ranks = task_ranks(scores_NM)
    tasks, rows = ranks.shape
    if tasks < 2 or rows < 3:
        raise ValueError(f"expected at least 2 common tasks and 3 rows, got {tasks} and {rows}")
    means, middle = ranks.mean(axis=0), (rows + 1) / 2
    spread = float(((ranks - middle) ** 2).sum())
    if spread == 0:  # every task ties every row
        return RankTest(means.tolist(), tasks, 0.0, 1.0, 0.0, 1.0)
    from scipy.special import chdtrc, fdtrc

    chi_square = (rows - 1) * tasks**2 * float(((means - middle) ** 2).sum()) / spread
    rest = tasks * (rows - 1) - chi_square
    f = (tasks - 1) * chi_square / rest if rest > 1e-9 else math.inf
    f_p = 0.0 if math.isinf(f) else float(fdtrc(rows - 1, (rows - 1) * (tasks - 1), f))
    smallest = float(math.factorial(rows)) ** (1 - tasks)
    return RankTest(means.tolist(), tasks, chi_square, float(chdtrc(rows - 1, chi_square)), f, max(f_p, smallest))


def nemenyi_difference(*, rows: int, tasks: int, alpha: float = 0.05) -> float:
    """The critical difference of mean ranks: q sqrt(M (M + 1) / (6 N)); rows further apart differ at ``alpha``.

    q is the upper alpha quantile of the studentized range of M rows and infinite degrees of freedom, over sqrt(2)
    (Nemenyi 1963; Demsar 2006, section 3.2.2). Covers all pairs at once; to be read after ``friedman_test`` rejects.
    Raises ValueError for fewer than two rows or no task.

    The range of M standard normals is below x with probability M integral phi(z) (Phi(z) - Phi(z - x))^(M - 1) dz,
    whose quantile is found by bisection: SciPy's ``studentized_range`` takes seconds, for many rows minutes.
    """
    if rows < 2 or tasks < 1:
        raise ValueError(f"expected at least 2 rows and 1 task, got {rows} and {tasks}")
    from scipy.special import ndtr

    z, step = np.linspace(-9.0, 9.0, 3601, retstep=True)
    density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    low, high = 0.0, 20.0
    while high - low > 1e-9:
        middle = (low + high) / 2
        below = rows * step * float((density * (ndtr(z) - ndtr(z - middle)) ** (rows - 1)).sum())
        low, high = (middle, high) if below < 1 - alpha else (low, middle)
    return low / math.sqrt(2) * math.sqrt(rows * (rows + 1) / (6 * tasks))


class Improvement(NamedTuple):
    """The chance that a run of a beats a run of b on a task drawn at random, its interval, and the tasks used."""

    probability: float
    low: float
    high: float
    tasks: list[str]


def probability_of_improvement(
    scores_a: Mapping[str, Sequence[float]],
    scores_b: Mapping[str, Sequence[float]],
    *,
    resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Improvement:
    """P(a > b) = mean over tasks of (#{x > y} + #{x = y} / 2) / (S_a S_b), over all pairs of runs x of a and y of b.

    Agarwal et al. 2021, https://arxiv.org/abs/2108.13264: each argument is task -> scores of its runs
    (seeds); only tasks that both have count. The interval is that of the percentiles of a bootstrap stratified by
    task: runs are drawn with replacement within each task, for a and b apart. 0.5 is no difference; the size of a
    difference does not matter. The tasks are taken as they are, not as a sample of all tasks. With fewer than about
    five runs a task the interval is too narrow; where runs always rank alike it has no width.
    Raises ValueError if no task is common or a task has no runs.
    """
    tasks = sorted(scores_a.keys() & scores_b.keys())
    if not tasks:
        raise ValueError(f"expected a common task, got {sorted(scores_a)} and {sorted(scores_b)}")
    rng = np.random.default_rng(seed)
    observed, resampled = 0.0, np.zeros(resamples)
    for task in tasks:
        a, b = (numbers(scores[task], at_least=1, name=f"scores in {task}") for scores in (scores_a, scores_b))
        wins = (a[:, None] > b) + (a[:, None] == b) / 2
        draws_a, draws_b = (
            rng.multinomial(len(runs), np.full(len(runs), 1 / len(runs)), size=resamples) / len(runs) for runs in (a, b)
        )
        observed += float(wins.mean()) / len(tasks)
        resampled += ((draws_a @ wins) * draws_b).sum(-1) / len(tasks)
    tail = (1 - confidence) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail])
    return Improvement(observed, float(low), float(high), tasks)
