"""How often what a table says is wrong, by simulation of whole tables with a fixed seed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from harness.board.pairing import SeedScores, compare
from harness.statistics.over_seeds import ALPHA, holm

pytestmark = pytest.mark.slow

TABLES, ROWS = 400, 10

ALLOWED = ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / TABLES)
"""0.05, and three standard errors."""

UNEQUAL = np.geomspace(0.0016, 0.19, ROWS)[:, None]
"""Standard deviations of 1 : 120."""

Array = np.ndarray[Any, Any]


def normal(seeds: int, *, sds: Any = 1.0, number: int = 0) -> Array:
    return np.random.default_rng(number).normal(size=(TABLES, ROWS, seeds)) * sds


def bimodal(seeds: int) -> Array:
    return np.where(np.random.default_rng(1).random((TABLES, ROWS, seeds)) < 0.5, 0.63, 0.90)


def compare_all(scores_MN: Array, **options: Any) -> Any:
    return compare([SeedScores(dict(enumerate(s)), False) for s in scores_MN], [""] * len(scores_MN), **options)


@pytest.mark.parametrize(
    "scores",
    [normal(3), normal(6), normal(3, sds=UNEQUAL), normal(6, sds=UNEQUAL), bimodal(3)],
    ids=["3 seeds", "6 seeds", "3 seeds, unequal", "6 seeds, unequal", "3 seeds, bimodal"],
)
def test_equal_rows_are_told_apart_in_5_of_100_tables_and_a_best_row_is_missing_in_5(scores: Array):
    told = missing = 0
    for table in scores:
        made = compare_all(table)
        told += bool(made.pairs.told.any())
        missing += not made.best[0]
    assert told / TABLES <= ALLOWED
    assert missing / TABLES <= ALLOWED


def test_five_spreads_are_found_with_six_seeds():
    shift = np.where(np.arange(ROWS) < ROWS // 2, 5.0, 0.0)[:, None]
    found = [compare_all(table).pairs.better_MM[:5, 5:].mean() for table in normal(6) + shift]
    assert np.mean(found) >= 0.95


def test_the_simulation_sees_the_fault_of_a_pooled_test():
    """Tukey's test with one pooled spread, which is what it must not be: wrong in over 15 of 100 tables."""
    scores = normal(6, sds=UNEQUAL)
    pooled = scores.var(axis=2, ddof=1).mean(axis=1)
    critical = stats.studentized_range.ppf(1 - ALPHA, ROWS, ROWS * 5)
    means = scores.mean(axis=2)
    told = (means.max(axis=1) - means.min(axis=1)) / np.sqrt(pooled / 6) > critical
    assert told.mean() > 0.15


# As good as


def margin_tables(places: list[float], sd: float, *, seeds: int = 6) -> Array:
    """Rows at multiples of a margin of 0.01."""
    drawn = np.random.default_rng(2).normal(size=(TABLES, len(places), seeds))
    return 0.01 * np.array(places)[:, None] + sd * drawn


def wrong(scores: Array, places: list[float]) -> tuple[float, float, float]:
    """In what share of tables "better" is wrong, "as good as" is wrong, and either."""
    first, second = np.triu_indices(len(places), 1)
    apart = np.abs(np.array(places)[first] - np.array(places)[second])
    counts = np.zeros(3)
    for table in scores:
        pairs = compare_all(table, margin=0.01).pairs
        better, alike = (pairs.told & (apart == 0)).any(), (pairs.alike & (apart >= 1)).any()
        counts += [better, alike, better or alike]
    return tuple(counts / len(scores))  # type: ignore[return-value]


@pytest.mark.parametrize("sd", [0.001, 0.004, 0.006, 0.02])
@pytest.mark.parametrize(
    "places", [[0, 1], [0, 1, 0, 1, 0, 1], [0, 0, 1, 1, 2, 2, 3, 3]], ids=["pair", "two groups", "ladder"]
)
def test_pairs_at_the_margin_are_called_as_good_as_in_5_of_100_tables(places: list[float], sd: float):
    better, alike, either = wrong(margin_tables(places, sd), places)
    assert better <= ALLOWED
    assert alike <= ALLOWED
    assert either <= ALLOWED


def test_equal_rows_are_called_as_good_as_each_other_where_seeds_are_steady():
    found = [compare_all(table, margin=0.01).pairs.alike.mean() for table in margin_tables([0] * 5, 0.002)]
    assert np.mean(found) > 0.9


def test_counting_each_pair_once_would_be_wrong():
    """Holm over the smaller p of each pair's two statements: pairs told better leave their level to the others.

    Pairs at the margin, each from data of its own, with |d| = 4.5 standard errors.
    """
    error = 0.01 / 4.5
    drawn = np.random.default_rng(3).normal(0.01, error, size=(TABLES, 100))
    better = 2 * stats.norm.sf(np.abs(drawn) / error)
    alike = stats.norm.sf((0.01 - np.abs(drawn)) / error)
    merged = np.array([holm(np.minimum(*both)) for both in zip(better, alike, strict=True)])
    once = ((merged <= ALPHA) & (alike < better)).any(axis=1)
    ours = (alike * 100 <= ALPHA).any(axis=1)
    assert once.mean() > 0.2
    assert ours.mean() <= ALLOWED
