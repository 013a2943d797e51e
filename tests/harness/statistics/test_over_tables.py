"""Rows across tables, against SciPy (and rliable, where it is installed), by hand, and by simulation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from harness.statistics.over_tables import task_ranks, win_rates

Array = np.ndarray[Any, Any]


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_equal_scores_share_their_mean_rank():
    scores = generator().integers(0, 3, size=(20, 6))
    assert (task_ranks(scores) == [stats.rankdata(-row) for row in scores]).all()


def test_for_one_table_and_two_rows_p_is_brunner_and_munzels():
    for seed in range(5):
        a, b = generator(seed).normal(size=7), generator(seed + 10).normal(0.8, 2, size=5).round(1)
        found, theirs = win_rates([[a, b]]), stats.brunnermunzel(a, b)
        least = 2 / math.comb(12, 5)
        assert found.p_value[0, 1] == found.p_value[1, 0] == pytest.approx(max(theirs.pvalue, least))
        low, high = found.low[0, 1], found.high[0, 1]
        assert 0 <= low <= found.chance[0, 1] <= high <= 1


def test_chances_are_the_mean_of_mann_whitneys_u():
    tables = [[[0.3, 0.5, 0.5], [0.4, 0.5]], [[0.9, 0.8], [0.7, 0.85, 0.95]]]
    found = win_rates(tables)
    parts = [stats.mannwhitneyu(a, b).statistic / (len(a) * len(b)) for a, b in tables]
    assert found.chance[0, 1] == pytest.approx(np.mean(parts))
    assert found.chance[1, 0] == pytest.approx(1 - np.mean(parts))
    assert found.rate == pytest.approx([np.mean(parts), 1 - np.mean(parts)])


def test_the_chance_of_improvement_is_rliables():
    rliable = pytest.importorskip("rliable.metrics", reason="needs rliable, which nothing else does")
    same = [generator(n).normal(size=(2, 4)) for n in range(3)]
    theirs = rliable.probability_of_improvement(*(np.array([table[row] for table in same]).T for row in (0, 1)))
    assert win_rates(same).chance[0, 1] == pytest.approx(theirs)


def oracle(tables: list[list[list[float]]], a: int, b: int) -> tuple[float, float]:
    """D and the p of a pair before Holm, by loops over everything."""
    rows, count = len(tables[0]), len(tables)

    def beats(x: float, others: list[float]) -> float:
        return sum((x > y) + (x == y) / 2 for y in others) / len(others)

    total = below = 0.0
    rates = np.zeros(rows)
    for table in tables:
        won = [[[beats(x, table[c]) for c in range(rows)] for x in table[r]] for r in range(rows)]
        for r in range(rows):
            rates[r] += np.mean([sum(w[c] for c in range(rows) if c != r) / (rows - 1) for w in won[r]]) / count
            added = []
            for w in won[r]:
                if r in (a, b):
                    other = b if r == a else a
                    added.append(sum(w[c] for c in range(rows) if c != r) - (1 - w[other]))
                else:
                    added.append(w[b] - w[a])
            part = np.var(np.array(added) / (rows - 1), ddof=1) / (len(table[r]) * count**2)
            total, below = total + part, below + part**2 / (len(table[r]) - 1)
    t = abs(rates[a] - rates[b]) / math.sqrt(total)
    least = 2 / math.prod(math.comb(len(table[a]) + len(table[b]), len(table[a])) for table in tables)
    return rates[a] - rates[b], max(2 * stats.t.sf(t, total**2 / below), least)


def test_win_rates_and_p_are_those_of_loops():
    tables = [
        [list(generator(10 * t + r).normal(r / 4, 1, size=3 + (t + r) % 3).round(1)) for r in range(4)]
        for t in range(3)
    ]
    found = win_rates(tables)
    pairs = [(a, b) for a in range(4) for b in range(a + 1, 4)]
    raw = {pair: oracle(tables, *pair) for pair in pairs}
    for (a, b), (difference, _p) in raw.items():
        assert found.rate[a] - found.rate[b] == pytest.approx(difference)
    ordered = sorted(pairs, key=lambda pair: raw[pair][1])
    largest = 0.0
    for n, (a, b) in enumerate(ordered):
        largest = max(largest, min(1.0, (len(pairs) - n) * raw[a, b][1]))
        assert found.p_value[a, b] == pytest.approx(largest)


def test_without_spread_p_is_what_exchanging_runs_can_show():
    always = [[[2.0, 2.1, 2.2], [1.0, 1.1, 1.2]]] * 2
    found = win_rates(always)
    assert found.p_value[0, 1] == pytest.approx(2 / math.comb(6, 3) ** 2)
    assert (found.low[0, 1], found.chance[0, 1], found.high[0, 1]) == (1, 1, 1)
    assert win_rates([[[1.0, 1.0], [1.0, 1.0]]]).p_value[0, 1] == 1


def test_a_single_run_somewhere_leaves_rates_without_ranges():
    found = win_rates([[[2.0], [1.0, 1.5]], [[2.0, 3.0], [1.0, 2.5]]])
    assert not found.known
    assert found.chance[0, 1] == pytest.approx((1 + 0.75) / 2)
    assert np.isnan(found.p_value).all()
    assert not win_rates([[[2.0, 3.0], [1.0, 2.5]]], ranges=False).known


def test_many_rows_and_tables_do_not_overflow():
    scores = generator().normal(size=(2, 171, 3))
    found = win_rates(list(scores))
    assert np.isfinite(found.p_value).all()
    assert (found.p_value > 0).all()
    many = win_rates(list(generator().normal(size=(400, 2, 6)) + np.array([[20.0], [0.0]])))
    assert 0 < many.p_value[0, 1] < 1e-100


@pytest.mark.slow
def test_equal_rows_are_told_apart_on_5_of_100_comparisons_and_intervals_cover():
    told = covered = 0
    for drawn in generator().normal(size=(400, 9, 9, 3)):
        found = win_rates(list(drawn))
        told += bool((found.p_value <= 0.05).any())
        covered += found.low[0, 1] <= 0.5 <= found.high[0, 1]
    assert told / 400 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)
    assert covered / 400 >= 0.95 - 3 * math.sqrt(0.05 * 0.95 / 400)
