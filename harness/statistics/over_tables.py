"""Rows compared across tables: chances that a run beats another, never an average of scores in different units.

The tables are taken as they are, not as a sample of all tasks: what is said holds for new seeds on these tables.

T tables, M rows, n_tr runs of row r in table t; higher scores are better
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from harness.statistics.over_seeds import TINY, Array, holm


def task_ranks(scores_TM: ArrayLike) -> Array:
    """The rank of each row in each table, (T, M): 1 is best, equal scores share the mean of their ranks."""
    scores = np.asarray(scores_TM, dtype=np.float64)
    above = (scores[:, None, :] > scores[:, :, None]).sum(-1)
    equal = (scores[:, None, :] == scores[:, :, None]).sum(-1)
    ranks: Array = above + (equal + 1) / 2
    return ranks


class WinRates(NamedTuple):
    """``chance``: theta_ac, that a run of a beats one of c, with the 95 % interval of each alone, ``low`` to ``high``.

    ``rate``: W_a, the mean over the other rows. ``p_value``: of W_a = W_b, corrected by Holm for all pairs.
    Intervals and p are NaN where they are not ``known``: a row has a single run somewhere, or they were not asked for.
    """

    rate: Array
    chance: Array
    low: Array
    high: Array
    p_value: Array
    known: bool


def win_rates(scores: Sequence[Sequence[ArrayLike]], *, ranges: bool = True) -> WinRates:
    """Compare M rows over T tables; ``scores[t][r]``: the runs of row r in table t.

    A_t[a, c, i] = mean over runs j of c of (1 if x_ai > x_cj, 1/2 if equal); theta_ac = mean over t, i of A_t[a, c, i]
    (Agarwal et al. 2021, https://arxiv.org/abs/2108.13264, and Bouthillier et al. 2021, https://arxiv.org/abs/2103.03098);
    W_a = mean over c != a of theta_ac. For a pair D = W_a - W_b, to which run i of row r adds
        r = a:      h =  (sum over c != a of A_t[a, c, i] - (1 - A_t[a, b, i])) / (M - 1)
        r = b:      the same with a and b exchanged, times -1
        otherwise:  h =  (A_t[r, b, i] - A_t[r, a, i]) / (M - 1)
    V = sum over t, r of v_tr, v_tr = var_i(h) / (n_tr T^2); df = V^2 / sum of v_tr^2 / (n_tr - 1);
    p = max(2 P(T_df <= -|D| / sqrt V), 2 / prod_t C(n_ta + n_tb, n_ta)), without spread the second alone (1 if D = 0).
    Intervals: theta +- t(df, 0.975) se, cut to 0-1, se^2 the sum over t of (var_i A_t[a, b, i] / n_ta + var_j
    A_t[b, a, j] / n_tb) / T^2. For one table and two rows p is Brunner and Munzel's (2000).
    ``ranges``: whether to compute intervals and p, in a time that grows with M^3.
    """
    runs = [[np.asarray(row, dtype=np.float64) for row in table] for table in scores]
    counts_TM = np.array([[len(row) for row in table] for table in runs])
    rows, known = counts_TM.shape[1], ranges and counts_TM.min() > 1
    chance: Array = np.mean([_chances(table) for table in runs], axis=0)
    np.fill_diagonal(chance, 0.5)
    rate = (chance.sum(axis=1) - 0.5) / (rows - 1)
    if not known:
        nothing = np.full((rows, rows), np.nan)
        return WinRates(rate, chance, nothing, nothing, nothing, known=False)
    wins = [_wins(table) for table in runs]
    low, high = _intervals(chance, wins, counts_TM)
    return WinRates(rate, chance, low, high, _p_values(rate, wins, counts_TM), known=True)


def _beaten(table: Sequence[Array]) -> Iterator[Array]:
    """For each row, the share of its runs that each run of the table beats; the runs one row after the other."""
    together = np.concatenate(table)
    for row in table:
        ordered = np.sort(row)
        places = [np.searchsorted(ordered, together, side=side) for side in ("left", "right")]
        yield (places[0] + places[1]) / (2 * len(row))


def _chances(table: Sequence[Array]) -> Array:
    """The chance (M, M) in a table that a run of one row beats one of another."""
    sizes = np.array([len(row) for row in table])
    starts = np.cumsum(sizes) - sizes
    return np.stack([np.add.reduceat(share, starts) / sizes for share in _beaten(table)], axis=1)


def _wins(table: Sequence[Array]) -> list[Array]:
    """A_t of a table: for each row (n, M), the share of each row's runs that each of its runs beats."""
    sizes = [len(row) for row in table]
    return np.split(np.stack(list(_beaten(table)), axis=1), np.cumsum(sizes)[:-1])


def _intervals(chance: Array, wins: Sequence[Sequence[Array]], counts_TM: Array) -> tuple[Array, Array]:
    from scipy.special import stdtrit

    total, below = np.zeros_like(chance), np.zeros_like(chance)
    for table, counts in zip(wins, counts_TM, strict=True):
        part = np.array([won.var(axis=0, ddof=1) for won in table]) / (counts[:, None] * len(wins) ** 2)
        squares = part**2 / (counts[:, None] - 1)
        total, below = total + part + part.T, below + squares + squares.T
    df = np.divide(total**2, below, out=np.ones_like(total), where=below > 0)
    half = stdtrit(df, 0.975) * np.sqrt(total)
    return np.maximum(chance - half, 0.0), np.minimum(chance + half, 1.0)


def _p_values(rate: Array, wins: Sequence[Sequence[Array]], counts_TM: Array) -> Array:
    """Of each pair, corrected by Holm for all of them; 1 on the diagonal."""
    from scipy.special import gammaln, stdtr

    rows = len(rate)
    total, below = np.zeros((rows, rows)), np.zeros((rows, rows))
    for table in wins:
        for row, won in enumerate(table):
            part = _variances(row, won) / (len(won) * ((rows - 1) * len(wins)) ** 2)
            total += part
            below += part**2 / (len(won) - 1)
    difference = np.abs(rate[:, None] - rate)
    spread = total > 1e-20  # what rounding leaves of no spread
    df = np.divide(total**2, below, out=np.ones_like(total), where=spread)
    t = np.divide(difference, np.sqrt(total), out=np.zeros_like(total), where=spread)
    both = counts_TM[:, :, None] + counts_TM[:, None, :]
    exchanges = (gammaln(both + 1) - gammaln(counts_TM + 1)[:, :, None] - gammaln(counts_TM + 1)[:, None, :]).sum(
        axis=0
    )
    least = np.minimum(np.maximum(2 * np.exp(-exchanges), TINY), 1.0)
    p_value = np.where(spread, np.maximum(2 * stdtr(df, -t), least), np.where(difference <= 1e-12, 1.0, least))
    first, second = np.triu_indices(rows, 1)
    adjusted = np.ones((rows, rows))
    adjusted[first, second] = adjusted[second, first] = holm(p_value[first, second])
    return adjusted


def _variances(row: int, won: Array) -> Array:
    """(M, M): for each pair (a, b) the variance over the runs of ``row`` of (M - 1) h; ``won``: (n, M)."""
    centred = won - won.mean(axis=0)
    centred[:, row] = 0.0
    covariance = centred.T @ centred / (len(won) - 1)
    own = covariance.diagonal()
    found = own[:, None] + own - 2 * covariance
    total = centred.sum(axis=1)
    found[row] = found[:, row] = ((total[:, None] + centred) ** 2).sum(axis=0) / (len(won) - 1)
    np.fill_diagonal(found, 0.0)
    return np.asarray(np.maximum(found, 0.0))
