"""Rows over seeds, against SciPy (and statsmodels and scikit-posthocs, where they are installed)."""

from __future__ import annotations

import math
import subprocess
import sys
from itertools import chain, combinations
from typing import Any

import numpy as np
import pytest
from scipy import stats

from harness.statistics.over_seeds import (
    ALPHA,
    MOST_SEEDS,
    Sample,
    best_among,
    half_widths,
    holm,
    interval_half_width,
    more_seeds,
    more_seeds_within,
    rank_ranges,
    spreads,
    variance,
    welch,
    within,
)

Array = np.ndarray[Any, Any]


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def within_chance(hits: int, trials: int, rate: float) -> bool:
    """Whether so many hits are within four standard deviations of what ``rate`` gives."""
    return abs(hits - trials * rate) <= 4 * math.sqrt(trials * rate * (1 - rate))


def sample(*rows: Any) -> Sample:
    """Rows of scores as tests see them, without a pull of their spreads; a single number is a constant row."""
    scores = [np.atleast_1d(np.asarray(row, dtype=float)) for row in rows]
    seeds = [0.0 if np.ndim(row) == 0 else float(len(row)) for row in rows]
    return Sample(*(np.array(v) for v in ([s.mean() for s in scores], [variance(s) for s in scores], seeds)))


def test_reading_the_statistics_imports_no_scipy():
    names = "over_seeds", "over_examples", "over_tables", "budgets"
    modules = ", ".join(f"harness.statistics.{name}" for name in names)
    check = f"import sys, {modules}; print(sorted({{'scipy', 'torch', 'sacrebleu'}} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", check], capture_output=True, text=True).stdout == "[]\n"


# One row


def test_the_interval_is_scipys():
    values = [0.71, 0.74, 0.69, 0.75]
    low, high = stats.ttest_1samp(values, 0).confidence_interval(0.9)
    assert interval_half_width(values, confidence=0.9) == pytest.approx((high - low) / 2)


def test_the_interval_covers_the_mean_95_times_of_100():
    samples = generator().normal(size=(2000, 5))
    hits = sum(abs(sample.mean()) <= (interval_half_width(sample) or 0) for sample in samples)
    assert within_chance(hits, 2000, 0.95)


def test_one_score_has_no_interval_and_a_hole_is_no_score():
    assert interval_half_width([0.5]) is None
    with pytest.raises(ValueError, match=r"expected finite scores, got \[0.5, nan\]; leave out holes"):
        interval_half_width([0.5, math.nan])


def test_equal_scores_have_no_variance_whatever_rounding_makes_of_them():
    assert np.array([0.1] * 3).var(ddof=1) > 0
    assert variance([0.1] * 3) == 0
    assert variance([0.5]) == 0
    assert variance([1.0, 2.0, 4.0]) == pytest.approx(7 / 3)


def test_a_small_spread_is_drawn_up_as_if_one_more_seed_had_shown_the_median():
    # by hand: median 4; 3 seeds: (2 * 1 + 4) / 3 = 2; 10 seeds: (9 * 1 + 4) / 10 = 1.3; larger ones stay
    assert spreads([1, 1, 7, 9], [3, 10, 3, 3]) == pytest.approx([2, 1.3, 7, 9])
    assert spreads([0, 4, 9], [3, 3, 3]) == pytest.approx([0, 4, 9])  # three rows have no typical spread


# Two rows


def test_p_and_interval_of_two_rows_are_those_of_scipys_welch():
    a, b = generator().normal(0.3, 1, size=4), generator(1).normal(0, 5, size=7)
    found, theirs = welch(sample(a), sample(b)), stats.ttest_ind(a, b, equal_var=False)
    assert found.p_value[0] == pytest.approx(theirs.pvalue, abs=1e-12)
    assert found.df[0] == pytest.approx(theirs.df)
    low, high = theirs.confidence_interval(0.95)
    assert half_widths(found, comparisons=1)[0] == pytest.approx((high - low) / 2)


def test_five_rows_with_pulled_spreads_are_scipys_from_their_statistics():
    scores = [generator(n).normal(n, 10.0**-n, size=3 + n) for n in range(5)]
    rows = sample(*scores)
    rows = rows._replace(variance=spreads(rows.variance, rows.seeds))
    assert (rows.variance > [s.var(ddof=1) for s in scores]).sum() == 2
    for i, j in combinations(range(5), 2):
        theirs = stats.ttest_ind_from_stats(
            *(x for n in (i, j) for x in (scores[n].mean(), math.sqrt(rows.variance[n]), len(scores[n]))),
            equal_var=False,
        )
        found = welch(*(rows.take(np.array([n])) for n in (i, j)))
        assert found.p_value[0] == pytest.approx(theirs.pvalue, abs=1e-10)


def test_against_a_constant_row_it_is_the_one_sample_t():
    scores = generator().normal(size=5)
    found, theirs = welch(sample(scores), sample(0.7)), stats.ttest_1samp(scores, 0.7)
    assert found.p_value[0] == pytest.approx(theirs.pvalue)
    assert found.df[0] == theirs.df == 4
    assert welch(sample(0.7), sample(scores)).p_value[0] == pytest.approx(theirs.pvalue)


def test_without_spread_p_is_what_exchanging_runs_can_show():
    for n in (3, 6):
        assert welch(sample([0.1] * n), sample([0.2] * n)).p_value[0] == pytest.approx(2 / math.comb(2 * n, n))
    assert welch(sample([0.1] * 3), sample([0.2] * 5)).p_value[0] == pytest.approx(2 / math.comb(8, 3))
    assert welch(sample([0.1] * 4), sample(0.2)).p_value[0] == 2**-3
    assert welch(sample([0.1] * 4), sample(0.1)).p_value[0] == 1
    assert welch(sample([0.1] * 4), sample([0.1] * 4)).p_value[0] == 1


def test_constant_rows_are_exact_and_no_test_gives_0():
    assert welch(sample(0.1, 0.1), sample(0.2, 0.1)).p_value.tolist() == [0, 1]
    far = sample(1e9 + generator().normal(size=100))
    assert 0 < welch(far, sample(0.0)).p_value[0] < 1e-200


def test_equivalence_is_two_one_sided_tests_of_scipy():
    a, b = generator().normal(0, 0.01, size=6), generator(1).normal(0, 0.02, size=9)
    found = welch(sample(a), sample(b))
    theirs = max(
        stats.ttest_ind(a + sign * 0.03, b, equal_var=False, alternative=side).pvalue
        for sign, side in ((1, "greater"), (-1, "less"))
    )
    assert within(found, sample(a), sample(b), margin=0.03)[0] == pytest.approx(theirs)
    assert within(found, sample(a), sample(b), margin=1e-9)[0] > 0.5


def test_equivalence_without_spread():
    same, other = sample([0.5] * 3), sample([0.505] * 3)
    found = welch(same, other)
    assert within(found, same, other, margin=0.01)[0] == pytest.approx(2 / 20)
    assert within(found, same, other, margin=0.005)[0] == 1


def test_simultaneous_intervals_are_those_of_bonferroni():
    a, b = generator().normal(size=4), generator(1).normal(size=7)
    low, high = stats.ttest_ind(a, b, equal_var=False).confidence_interval(1 - 0.05 / 45)
    assert half_widths(welch(sample(a), sample(b)), comparisons=45)[0] == pytest.approx((high - low) / 2)


# More seeds


def power_of(effect: float, seeds: int, *, comparisons: int) -> float:
    """Of the two-sided t test of two rows with ``seeds`` each and one spread, by SciPy's noncentral t."""
    df, shift = 2 * (seeds - 1), effect * math.sqrt(seeds / 2)
    critical = stats.t.isf(ALPHA / (2 * comparisons), df)
    return float(stats.nct.sf(critical, df, shift) + stats.nct.cdf(-critical, df, shift))


@pytest.mark.parametrize("effect", [0.8, 1.1, 1.9])
@pytest.mark.parametrize("comparisons", [1, 20])
def test_with_the_seeds_needed_the_power_is_enough_and_with_one_less_it_is_not(effect: float, comparisons: int):
    rows = [Sample(np.array([mean]), np.ones(1), np.array([4.0])) for mean in (0.0, effect)]
    more = int(more_seeds(*rows, comparisons=comparisons)[0])
    assert power_of(effect, 4 + more, comparisons=comparisons) >= 0.8
    assert power_of(effect, 4 + more - 1, comparisons=comparisons) < 0.8


def test_power_is_that_of_statsmodels():
    power = pytest.importorskip("statsmodels.stats.power", reason="needs statsmodels, which nothing else does")
    theirs = power.TTestIndPower().power(0.8, 20, ALPHA / 10)
    assert power_of(0.8, 20, comparisons=10) == pytest.approx(theirs, abs=1e-10)


@pytest.mark.parametrize("effect", [1.0, 2.0])
def test_with_the_seeds_needed_the_difference_is_found_four_times_of_five(effect: float):
    rows = [Sample(np.array([mean]), np.ones(1), np.array([3.0])) for mean in (0.0, effect)]
    seeds = 3 + int(more_seeds(*rows, comparisons=10)[0])
    drawn = generator().normal(size=(2, 2000, seeds)) + np.array([0, effect])[:, None, None]
    sides = (Sample(x.mean(1), x.var(1, ddof=1), np.full(2000, float(seeds))) for x in drawn)
    found = (welch(*sides).p_value <= ALPHA / 10).mean()
    assert 0.78 < found < 0.93


def test_more_seeds_at_the_edges():
    def more(a: Any, b: Any) -> int:
        return int(more_seeds(sample(a), sample(b), comparisons=1)[0])

    assert more([0.1, 0.2, 0.3], [0.1, 0.2, 0.3]) == MOST_SEEDS + 1  # no difference is to be shown
    assert more([0.1, 0.2, 0.3], [0.1, 0.2, 0.3001]) == MOST_SEEDS + 1
    assert more([0.1, 0.1, 0.1], [0.2, 0.2, 0.2]) == 1  # 2 / C(8, 4) is below 0.05
    assert more([0.1, 0.11, 0.12], 5.0) == 1  # far apart: no NaN
    assert more([0.0, 1.0, 2.0], 2.2) > more([0.0, 1.0, 2.0], 3.0)


def test_with_the_seeds_needed_rows_are_shown_to_be_alike_four_times_of_five():
    rows = [Sample(np.array([mean]), np.full(1, 1e-4), np.array([3.0])) for mean in (0.5, 0.502)]
    seeds = 3 + int(more_seeds_within(*rows, comparisons=5, margin=0.01)[0])
    assert 10 < seeds < 60
    drawn = 0.01 * generator().normal(size=(2, 2000, seeds)) + np.array([0.5, 0.502])[:, None, None]
    sides = [Sample(x.mean(1), x.var(1, ddof=1), np.full(2000, float(seeds))) for x in drawn]
    found = (within(welch(*sides), *sides, margin=0.01) <= ALPHA / 5).mean()
    assert 0.76 < found < 0.9
    far = [Sample(np.array([mean]), np.full(1, 1e-4), np.array([3.0])) for mean in (0.5, 0.52)]
    assert more_seeds_within(*far, comparisons=5, margin=0.01)[0] == MOST_SEEDS + 1


# Many rows


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.4, 0.4]).tolist() == [1.0, 1.0, 1.0]
    assert holm([]).tolist() == []
    with pytest.raises(ValueError, match=r"expected p values in 0-1, got \[0.2, 1.2\]"):
        holm([0.2, 1.2])


def test_holm_is_the_closed_test_of_bonferroni():
    p_values = generator().random(5) ** 3
    subsets = list(chain.from_iterable(combinations(range(5), size) for size in range(1, 6)))
    for place, adjusted in enumerate(holm(p_values)):
        families = [min(1, len(subset) * min(p_values[list(subset)])) for subset in subsets if place in subset]
        assert adjusted == pytest.approx(max(families))


def test_holm_over_welch_is_that_of_scikit_posthocs():
    posthocs = pytest.importorskip("scikit_posthocs", reason="needs scikit-posthocs, which nothing else does")
    scores = [generator(n).normal(n / 2, 1 + n, size=4 + n) for n in range(3)]
    theirs = posthocs.posthoc_ttest(scores, equal_var=False, p_adjust="holm").to_numpy()
    rows, places = sample(*scores), np.triu_indices(3, 1)
    assert holm(welch(*(rows.take(p) for p in places)).p_value) == pytest.approx(theirs[places], abs=1e-10)


def test_rank_ranges_by_hand():
    better = np.zeros((4, 4), dtype=bool)
    better[0, 2] = better[0, 3] = better[1, 3] = True
    assert rank_ranges(better) == ([1, 1, 2, 3], [2, 3, 4, 4])
    assert rank_ranges(np.zeros((3, 3), dtype=bool)) == ([1, 1, 1], [3, 3, 3])


def test_best_among_by_hand():
    p_values = np.ones((4, 4))
    p_values[0, 1] = p_values[1, 0] = 0.03  # 0.03 / 2 <= 0.05 / 3
    p_values[0, 2] = p_values[2, 0] = 0.04  # 0.04 / 2 > 0.05 / 3
    everyone = [True] * 4
    assert best_among([4, 3, 2, 1], p_values, first=[1, 1, 1, 1], compared=everyone) == [True, False, True, True]
    assert best_among([4, 3, 2, 1], p_values, first=[1, 1, 2, 1], compared=everyone) == [True, False, False, True]
    # Of three compared rows the level is 0.05 / 2; the fourth is never among the best, though it excludes nobody.
    three = [True, True, True, False]
    assert best_among([4, 3, 2, 9], p_values, first=[1, 1, 1, 1], compared=three) == [True, False, False, False]
