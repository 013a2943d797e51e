"""Searches of a smaller budget against full enumeration, and the Pareto front by hand."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest

from harness.statistics.budgets import expected_best, pareto_front


@pytest.mark.parametrize("unbiased", [False, True])
@pytest.mark.parametrize("budget", [1, 2, 4])
def test_the_expected_best_is_that_of_all_searches_of_the_budget(budget: int, unbiased: bool):
    values = [0.4, 0.9, 0.4, 0.7, 0.1]
    searches = combinations(values, budget) if unbiased else product(values, repeat=budget)
    best = np.sort([max(search) for search in searches])
    found = expected_best(values, budget, unbiased=unbiased, confidence=0.3)
    assert found.mean == pytest.approx(best.mean())
    assert found.deviation == pytest.approx(best.std())
    assert found.low == np.quantile(best, 0.35, method="inverted_cdf")
    assert found.high == np.quantile(best, 0.65, method="inverted_cdf")


def test_the_whole_budget_without_replacement_is_the_best_trial():
    assert expected_best([0.1, 0.3, 0.2], 3, unbiased=True) == (0.3, 0.0, 0.3, 0.3)
    assert expected_best([0.1, 0.3, 0.2], 3).mean < 0.3  # the bias that Tang et al. describe


@pytest.mark.parametrize("budget", [0, 4])
def test_no_budget_beyond_the_trials(budget: int):
    with pytest.raises(ValueError, match=f"expected a budget of 1 to 3 trials, as many as were run, got {budget}"):
        expected_best([0.1, 0.2, 0.3], budget)


def test_the_pareto_front_by_hand():
    #         best  cheap  middle beaten twin   twin   same score but dearer
    scores = [0.90, 0.50, 0.70, 0.60, 0.80, 0.80, 0.90]
    costs = [9.0, 1.0, 3.0, 4.0, 5.0, 5.0, 9.5]
    assert pareto_front(scores, costs) == [True, True, True, False, True, True, False]
    assert pareto_front([], []) == []
    with pytest.raises(ValueError, match="expected one cost a score, got 1 costs for 2 scores"):
        pareto_front([1, 2], [1])
