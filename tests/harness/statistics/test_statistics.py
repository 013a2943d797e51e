"""Statistics against SciPy, scikit-learn and sacreBLEU, against full enumeration, and by simulation."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from itertools import chain, combinations, product
from typing import Any

import numpy as np
import pytest
from scipy import stats

from harness.statistics import examples
from harness.statistics.examples import (
    approximate_randomization,
    bleu_score,
    f_score,
    label_statistics,
    macro_f1_score,
    mean_statistics,
    paired_bootstrap,
    ratio_score,
)
from harness.statistics.seeds import (
    expected_best,
    fewest_seeds,
    holm,
    interval_half_width,
    paired_differences,
    pareto_front,
    seeds_needed,
    shared_ranks,
    sign_flip_test,
    smallest_p,
)
from harness.statistics.tasks import (
    common_tasks,
    friedman_test,
    nemenyi_difference,
    probability_of_improvement,
    task_ranks,
)

Array = np.ndarray[Any, Any]


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def within_chance(hits: int, trials: int, rate: float) -> bool:
    """Whether so many hits are within four standard deviations of what ``rate`` gives."""
    return abs(hits - trials * rate) <= 4 * math.sqrt(trials * rate * (1 - rate))


def test_reading_the_statistics_imports_no_scipy():
    modules = "harness.statistics.seeds, harness.statistics.examples, harness.statistics.tasks"
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


# Two rows over seeds


def test_rows_are_paired_over_the_seeds_both_have():
    assert paired_differences({3: 0.9, 1: 0.5, 2: 0.1}, {1: 0.25, 3: 0.4, 7: 0.0}) == pytest.approx([0.25, 0.5])
    assert len(paired_differences({1: 0.5}, {2: 0.5})) == 0


@pytest.mark.parametrize("count", [1, 2, 5, 9])
def test_sign_flips_equal_scipys_exact_permutation_test(count: int):
    differences = generator(count).normal(size=count).round(1) + 0.3
    if count == 1:
        assert sign_flip_test(differences) == 1.0
        return
    theirs = stats.permutation_test((differences,), np.sum, permutation_type="samples", n_resamples=np.inf)
    assert sign_flip_test(differences) == pytest.approx(theirs.pvalue)


def test_sign_flips_of_ranks_are_wilcoxons_test():
    ranks = [1, -2, 3, 4, -5, 6, 7, 8]
    assert sign_flip_test(ranks) == pytest.approx(stats.wilcoxon(ranks, method="exact").pvalue)


def test_sums_equal_on_paper_count_as_equal():
    assert 0.1 + 0.2 - 0.3 != 0
    assert sign_flip_test([0.1, 0.2, -0.3]) == 1.0
    assert sign_flip_test([0.3, 0.1, 0.2, 0.3, -0.3]) == sign_flip_test([3, 1, 2, 3, -3])


def test_differences_of_zero_show_nothing():
    assert sign_flip_test([0.0] * 8) == 1.0
    assert sign_flip_test([1.0] * 3 + [0.0] * 5) == smallest_p(3)


@pytest.mark.parametrize("count", [20, 24])
def test_enumerated_and_sampled_signs_agree_with_counting_by_convolution(count: int):
    differences = generator(6).integers(-9, 14, size=count)
    ways = np.ones(1)
    for size in np.abs(differences):  # ways[k]: sign vectors whose positive differences sum to k
        ways = np.convolve(ways, np.eye(1, size + 1, 0)[0] + np.eye(1, size + 1, size)[0] * (size > 0) + (size == 0))
    sums = 2 * np.arange(len(ways)) - np.abs(differences).sum()
    expected = ways[np.abs(sums) >= abs(differences.sum())].sum() / 2**count
    assert 0.01 < expected < 0.9
    tolerance = 1e-12 if count <= 20 else 4 * math.sqrt(expected / 100_000)
    assert sign_flip_test(differences) == pytest.approx(expected, abs=tolerance)


def test_a_sampled_p_is_seeded_and_never_zero():
    assert sign_flip_test([1.0] * 40, samples=999) == 1 / 1000
    differences = generator().normal(size=30)
    assert sign_flip_test(differences, seed=1) == sign_flip_test(differences, seed=1)
    assert sign_flip_test(differences, seed=1) != sign_flip_test(differences, seed=2)


def test_sign_flips_reject_equal_rows_as_often_as_they_say():
    rejected = sum(sign_flip_test(sample) <= 0.05 for sample in generator().standard_cauchy(size=(3000, 8)))
    assert within_chance(rejected, 3000, 12 / 256)  # the largest attainable level: 12 of 256 sign vectors


def test_fewer_than_six_seeds_are_never_significant():
    for count in range(1, 6):
        assert sign_flip_test([100.0] * count) == smallest_p(count) > 0.05
    assert sign_flip_test([0.01] * 6) == smallest_p(6) == 1 / 32
    assert smallest_p(0) == 1.0
    assert fewest_seeds() == 6
    assert fewest_seeds(comparisons=8) == 9
    assert max(holm([smallest_p(9)] * 8)) <= 0.05 < min(holm([smallest_p(8)] * 8))


def test_a_test_needs_differences_and_levels_that_exist():
    with pytest.raises(ValueError, match=r"expected a list of at least 1 paired differences, got shape \(0,\)"):
        sign_flip_test([])
    with pytest.raises(ValueError, match=r"expected comparisons >= 1 and 0 < alpha < 1, got 0 and 0\.05"):
        fewest_seeds(comparisons=0)


def differences_of(effect: float, count: int = 5) -> Array:
    """Differences whose mean is ``effect`` times their standard deviation."""
    sample = generator(count).normal(size=count)
    return (sample - sample.mean()) / sample.std(ddof=1) + effect


@pytest.mark.parametrize(("effect", "total"), [(0.5, 34), (0.8, 15)])
def test_seeds_needed_are_those_of_power_tables_of_the_paired_t_test(effect: float, total: int):
    assert seeds_needed(differences_of(effect)) == total - 5


@pytest.mark.parametrize(("effect", "comparisons"), [(2.0, 1), (1.0, 1), (1.0, 8)])
def test_with_the_seeds_needed_the_difference_is_found_four_times_of_five(effect: float, comparisons: int):
    more = seeds_needed(differences_of(effect), comparisons=comparisons)
    assert more is not None
    samples = generator().normal(size=(400, 5 + more)) + effect
    found = sum(sign_flip_test(sample) * comparisons <= 0.05 for sample in samples)
    assert 0.72 < found / 400 < 0.9


def test_seeds_needed_at_the_edges():
    assert seeds_needed([0.1, 0.1]) == 4  # six at least, however clear the difference
    assert seeds_needed([0.1, 0.1], comparisons=8) == 7
    assert seeds_needed([0.0, 0.0]) is None
    assert seeds_needed([0.1, -0.1, 0.1, -0.1]) is None
    assert seeds_needed(differences_of(0.1)) is None
    assert seeds_needed(differences_of(0.1), at_most=1000) == 787 - 5
    for effect in range(2, 60):  # enough already, also where SciPy's distributions would give NaN
        assert seeds_needed(differences_of(effect, count=12)) == 0
    assert seeds_needed([0.1, -0.1, 0.1, -0.0999], at_most=1200) is None  # 2^-1100 is no number
    with pytest.raises(ValueError, match=r"at least 2 paired differences \(one has no spread\), got shape \(1,\)"):
        seeds_needed([0.1])


# Many rows


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.4, 0.4]) == [1.0, 1.0, 1.0]
    assert holm([]) == []
    with pytest.raises(ValueError, match=r"expected p values in 0-1, got \[0.2, 1.2\]"):
        holm([0.2, 1.2])


def test_holm_is_the_closed_test_of_bonferroni():
    p_values = generator().random(5) ** 3
    subsets = list(chain.from_iterable(combinations(range(5), size) for size in range(1, 6)))
    for place, adjusted in enumerate(holm(p_values)):
        families = [min(1, len(subset) * min(p_values[list(subset)])) for subset in subsets if place in subset]
        assert adjusted == pytest.approx(max(families))


def table(p_values: dict[tuple[int, int], float]) -> Callable[[int, int], float]:
    return lambda leader, row: p_values[leader, row]


def test_ranks_are_shared_with_the_leader_of_the_group():
    # 2 leads; 0 joins it, 1 and 3 do not (0.001 * 3, 0.02 * 2); then 1 leads and 3 joins it.
    p_values = {(2, 0): 0.3, (2, 1): 0.02, (2, 3): 0.001, (1, 3): 0.2}
    assert shared_ranks([0.8, 0.6, 0.9, 0.5], table(p_values)) == [1, 3, 1, 3]
    # Without Holm's correction 0.03 would split the two groups.
    assert shared_ranks([3, 2, 1], table({(0, 1): 0.03, (0, 2): 0.03})) == [1, 1, 1]


def test_a_row_may_be_split_from_the_leader_and_still_not_be_told_apart_from_the_row_above():
    assert shared_ranks([3, 2, 1], table({(0, 1): 0.4, (0, 2): 0.001, (1, 2): 0.4})) == [1, 1, 3]
    # A noisy row below a clearly worse one shares the leader's rank.
    assert shared_ranks([3, 2, 1], table({(0, 1): 0.001, (0, 2): 0.4})) == [1, 3, 1]


def test_equal_rows_tie_and_few_seeds_tie():
    assert shared_ranks([0.5, 0.5, 0.5], lambda a, b: 1.0) == [1, 1, 1]
    assert shared_ranks([0.9, 0.1], lambda a, b: sign_flip_test([0.8] * 5)) == [1, 1]
    assert shared_ranks([0.1, 0.9], lambda a, b: sign_flip_test([0.8] * 6)) == [2, 1]
    assert shared_ranks([], lambda a, b: 1.0) == []


def board_ranks(scores: Array) -> list[int]:
    return shared_ranks(scores.mean(axis=1), lambda a, b: sign_flip_test(scores[a] - scores[b]))


def test_a_best_row_leaves_the_first_group_rarely_and_bad_rows_do_not_stay():
    effects = np.array([0, 0, 0, -3, -3, -3])[:, None]
    seeds = generator().normal(size=(300, 1, 10))
    ranks = np.array([board_ranks(board) for board in effects + seeds + generator(1).normal(size=(300, 6, 10))])
    assert (ranks[:, 0] > 1).mean() <= 0.05
    assert (ranks[:, 3:] == 1).mean() <= 0.05
    equal = np.array([board_ranks(board) for board in generator(2).normal(size=(300, 5, 10))])
    assert (equal > 1).mean() <= 0.05


# Budgets and costs


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


# Two rows over examples


def test_randomization_equals_scipys_exact_permutation_test():
    a, b = generator().random((2, 9)).round(2)
    exact = stats.permutation_test((a - b,), np.mean, permutation_type="samples", n_resamples=np.inf).pvalue
    assert 0.05 < exact < 0.95
    ours = approximate_randomization(mean_statistics(a), mean_statistics(b), ratio_score, resamples=40_000)
    assert ours == pytest.approx(exact, abs=4 * math.sqrt(0.25 / 40_000))


def counts(seed: int, *shape: int) -> Array:
    """Statistics (right, predicted, gold) of some examples; more right ones for an odd seed."""
    predicted, gold = generator(seed).integers(1, 6, size=(2, *shape))
    right = generator(seed + 100).binomial(np.minimum(predicted, gold), 0.5 + 0.2 * (seed % 2))
    return np.stack([right, predicted, gold], axis=-1)


def test_randomization_and_bootstrap_of_f1_equal_their_enumeration():
    a, b = counts(1, 5), counts(2, 5)
    observed = f_score(a.sum(0)) - f_score(b.sum(0))
    swaps = np.array(list(product([0, 1], repeat=5)))[:, :, None]
    swapped = f_score(np.where(swaps, b, a).sum(1)) - f_score(np.where(swaps, a, b).sum(1))
    p_swapped = (abs(swapped) >= abs(observed) - 1e-12).mean()
    draws = np.array(list(product(range(5), repeat=5)))
    drawn = f_score(a[draws].sum(1)) - f_score(b[draws].sum(1))
    p_drawn = (abs(drawn - observed) >= abs(observed) - 1e-12).mean()

    found = paired_bootstrap(a, b, f_score, resamples=40_000, confidence=0.9)
    assert found.difference == pytest.approx(observed)
    assert found.p_value == pytest.approx(p_drawn, abs=0.01)
    assert (found.low, found.high) == pytest.approx(np.quantile(drawn, [0.05, 0.95]), abs=0.01)
    assert approximate_randomization(a, b, f_score, resamples=40_000) == pytest.approx(p_swapped, abs=0.01)
    assert 0.02 < p_swapped < 0.98


def test_the_difference_of_several_seeds_is_that_of_their_mean_scores():
    a, b = counts(1, 3, 40), counts(2, 3, 40)
    expected = np.mean([f_score(seed.sum(0)) for seed in a]) - np.mean([f_score(seed.sum(0)) for seed in b])
    found = paired_bootstrap(a, b, f_score)
    assert found.difference == pytest.approx(expected)
    assert found.low < expected < found.high
    # One seed repeated is no new information.
    repeated = [np.repeat(rows[:1], 4, axis=0) for rows in (a, b)]
    assert paired_bootstrap(*repeated, f_score) == pytest.approx(paired_bootstrap(a[0], b[0], f_score))
    assert approximate_randomization(*repeated, f_score) == approximate_randomization(a[0], b[0], f_score)


def test_equal_rows_differ_by_nothing():
    a = counts(1, 30)
    assert paired_bootstrap(a, a, f_score) == (0.0, 0.0, 0.0, 1.0)
    assert approximate_randomization(a, a, f_score) == 1.0


def test_a_real_difference_between_rows_is_found():
    a, b = counts(1, 200), counts(2, 200)
    found = paired_bootstrap(a, b, f_score)
    assert 0.05 < found.low < found.difference < found.high < 0.3
    assert found.p_value == 1 / 2001
    assert approximate_randomization(a, b, f_score) == 1 / 10_001
    assert paired_bootstrap(b, a, f_score).difference == -found.difference


def test_resamples_are_seeded_and_their_chunks_do_not_matter(monkeypatch: pytest.MonkeyPatch):
    a, b = counts(1, 30), counts(2, 30)
    whole = paired_bootstrap(a, b, f_score, seed=1)
    assert paired_bootstrap(a, b, f_score, seed=1) == whole
    assert paired_bootstrap(a, b, f_score, seed=2) != whole
    monkeypatch.setattr(examples, "_CHUNK", 30 * 7)
    assert paired_bootstrap(a, b, f_score, seed=1) == pytest.approx(whole)
    assert approximate_randomization(a, a, f_score, resamples=10) == 1.0


def test_equal_rows_are_told_apart_5_times_of_100_and_intervals_cover_95():
    trials, difficulty = 400, generator().normal(size=(400, 80))
    a, b = difficulty + generator(1).exponential(size=(2, trials, 80))
    randomized = bootstrapped = covered = 0
    for ours, theirs in zip(a, b, strict=True):
        pair = mean_statistics(ours), mean_statistics(theirs)
        randomized += approximate_randomization(*pair, ratio_score, resamples=500) <= 0.05
        found = paired_bootstrap(*pair, ratio_score, resamples=500)
        bootstrapped += found.p_value <= 0.05
        covered += found.low <= 0 <= found.high
    assert within_chance(randomized, trials, 0.05)
    assert within_chance(bootstrapped, trials, 0.05)
    assert within_chance(covered, trials, 0.95)


def test_statistics_must_be_paired():
    message = r"\(N, K\) or \(S, N, K\), got shapes \(3, 2\) and \(4, 2\)"
    with pytest.raises(ValueError, match=message):
        paired_bootstrap(mean_statistics([1, 2, 3]), mean_statistics([1, 2, 3, 4]), ratio_score)
    with pytest.raises(ValueError, match="expected finite statistics, got some that are not"):
        approximate_randomization(mean_statistics([1, math.nan]), mean_statistics([1, 2]), ratio_score)


# Scores of sums


def test_scores_of_sums_by_hand():
    sums = np.array([[3, 4, 6], [0, 0, 0], [0, 2, 0]])
    assert f_score(sums) == pytest.approx([0.6, 0, 0])
    precision, recall = 3 / 4, 3 / 6
    assert f_score(sums[0], beta=0.5) == pytest.approx(1.25 * precision * recall / (0.25 * precision + recall))
    assert ratio_score(np.array([[3, 4], [0, 0]])) == pytest.approx([0.75, 0])
    assert mean_statistics([[0.5, 1.0]]).tolist() == [[[0.5, 1.0], [1.0, 1.0]]]


def test_macro_f1_is_scikit_learns_over_the_labels_that_occur():
    from sklearn.metrics import f1_score

    names = np.array(["a", "b", "c", "d", "never"])
    gold, predicted = names[generator().integers(0, 4, size=(2, 60))]
    statistics = label_statistics(gold.tolist(), predicted.tolist(), labels=names.tolist())
    samples = [np.arange(60), np.arange(3), np.flatnonzero(gold != "d")]
    ours = macro_f1_score(np.stack([statistics[sample].sum(0) for sample in samples]))
    theirs = [f1_score(gold[sample], predicted[sample], average="macro", zero_division=0) for sample in samples]
    assert ours == pytest.approx(theirs)
    with pytest.raises(ValueError, match="expected labels among a, b, got c"):
        label_statistics(["a"], ["c"], labels=["a", "b"])


def texts(seed: int, count: int) -> list[str]:
    random = generator(seed)
    return [" ".join(random.choice(list("abcdefgh"), size=random.integers(1, 12))) for _ in range(count)]


def altered(references: list[str], *, noise: float, seed: int) -> list[str]:
    """The references with a share of their words replaced, and the first word of half of them dropped."""
    random = generator(seed)
    words = [[word if random.random() >= noise else "x" for word in text.split()] for text in references]
    return [" ".join(text[random.integers(0, 2) :]) for text in words]


def test_bleu_is_sacrebleus_with_smoothing_and_brevity():
    sacrebleu = pytest.importorskip("sacrebleu")
    cases = [([""], ["a b c d"]), (["a b c d e"], ["a b c d e"]), (["x y"], ["a b"]), (["a b c"], ["a b c"])]
    cases += [(["a x b x c d"], ["a b c d e"]), (["a b c x d e f g"], ["a b c"])]
    for seed in range(60):
        gold = texts(seed, 1 + seed % 5)
        cases.append((altered(gold, noise=0.1 * (seed % 9), seed=seed), gold))
    scores = []
    for hypotheses, references in cases:
        metric = sacrebleu.BLEU()
        statistics = np.array(metric._extract_corpus_statistics(hypotheses, [references]), dtype=float).sum(0)
        ours = float(bleu_score(statistics))
        assert ours == pytest.approx(metric.corpus_score(hypotheses, [references]).score / 100)
        scores.append(ours)
    assert scores[:4] == pytest.approx([0, 1, 0, 0])
    assert len(set(scores)) > 30


def test_paired_tests_of_bleu_agree_with_sacrebleus(monkeypatch: pytest.MonkeyPatch):
    sacrebleu = pytest.importorskip("sacrebleu")
    from sacrebleu.significance import PairedTest

    monkeypatch.setenv("SACREBLEU_SEED", "7")
    references = texts(0, 80)
    systems = [(f"noise {noise}", altered(references, noise=noise, seed=int(100 * noise))) for noise in (0.2, 0.25)]
    metric = sacrebleu.BLEU(references=[references])
    a, b = (metric._extract_corpus_statistics(hypotheses, None) for _, hypotheses in systems)

    def theirs(kind: str, samples: int) -> float:
        test = PairedTest(systems, {"BLEU": metric}, None, test_type=kind, n_samples=samples)
        return float(test()[1]["BLEU"][1].p_value)

    swapped = approximate_randomization(a, b, bleu_score)
    assert 0.01 < swapped < 0.5
    assert swapped == pytest.approx(theirs("ar", 3000), abs=0.04)
    # sacreBLEU subtracts the mean of |D*|, which leaves one tail of two.
    assert paired_bootstrap(a, b, bleu_score).p_value == pytest.approx(2 * theirs("bs", 2000), abs=0.05)


# Across tasks

# Demsar 2006, table 6: AUC of four variants of C4.5 on 14 data sets. The mean ranks in the paper tell the last two
# variants apart in the thirteenth, where three decimals do not; hence its fourth decimal here.
DEMSAR = [
    [0.763, 0.768, 0.771, 0.798], [0.599, 0.591, 0.590, 0.569], [0.954, 0.971, 0.968, 0.967],
    [0.628, 0.661, 0.654, 0.657], [0.882, 0.888, 0.886, 0.898], [0.936, 0.931, 0.916, 0.931],
    [0.661, 0.668, 0.609, 0.685], [0.583, 0.583, 0.563, 0.625], [0.775, 0.838, 0.866, 0.875],
    [1.000, 1.000, 1.000, 1.000], [0.940, 0.962, 0.965, 0.962], [0.619, 0.666, 0.614, 0.669],
    [0.972, 0.981, 0.9751, 0.975], [0.957, 0.978, 0.946, 0.970],
]  # fmt: skip


def test_mean_ranks_and_the_friedman_test_of_a_published_table():
    found = friedman_test(DEMSAR)
    assert found.mean_ranks == pytest.approx([3.143, 2.000, 2.893, 1.964], abs=5e-4)
    theirs = stats.friedmanchisquare(*np.transpose(DEMSAR))
    assert (found.chi_square, found.chi_square_p) == pytest.approx((theirs.statistic, theirs.pvalue))
    # The paper does not correct chi2 = 9.28 for ties; by 1 - sum(t^3 - t) / (N (M^3 - M)) with ties of 4, 2, 2, 2.
    corrected = 9.28 / (1 - (60 + 3 * 6) / (14 * 60))
    assert found.chi_square == pytest.approx(corrected, abs=0.01)
    assert found.f == pytest.approx(13 * found.chi_square / (14 * 3 - found.chi_square))
    assert found.f_p == pytest.approx(stats.f.sf(found.f, 3, 39))
    assert found.tasks == 14


def test_iman_and_davenports_test_rejects_equal_rows_5_times_of_100():
    boards = generator().normal(size=(1000, 12, 5))
    assert within_chance(sum(friedman_test(board).f_p <= 0.05 for board in boards), 1000, 0.05)


def test_perfect_agreement_has_the_smallest_p_that_rankings_can_give():
    found = friedman_test([[3, 2, 1]] * 4)
    assert found.f == math.inf
    assert found.f_p == pytest.approx(1 / 6**3)
    assert friedman_test([[1, 1, 1]] * 4).f_p == 1.0


def test_equal_scores_share_their_mean_rank():
    scores = generator().integers(0, 3, size=(20, 6))
    assert (task_ranks(scores) == [stats.rankdata(-row) for row in scores]).all()


def test_a_task_with_a_hole_is_left_out_for_every_row():
    holes = [*DEMSAR, [0.0, 1.0, math.nan, 0.5]]
    assert friedman_test(holes) == friedman_test(DEMSAR)
    with pytest.raises(ValueError, match="a task that every row has a score in, got none of 1; compare fewer rows"):
        common_tasks([[math.nan, 1.0]])
    with pytest.raises(ValueError, match=r"expected scores of shape \(tasks, rows\), got \(2,\)"):
        common_tasks([1.0, 2.0])
    with pytest.raises(ValueError, match="expected at least 2 common tasks and 3 rows, got 2 and 2"):
        friedman_test([[1, 2], [2, 1]])


@pytest.mark.parametrize(("rows", "quantile"), [(2, 1.960), (3, 2.343), (4, 2.569), (9, 3.102), (10, 3.164)])
def test_the_critical_difference_has_demsars_quantiles(rows: int, quantile: float):
    expected = quantile * math.sqrt(rows * (rows + 1) / (6 * 14))
    assert nemenyi_difference(rows=rows, tasks=14) == pytest.approx(expected, rel=4e-4)


def test_a_critical_difference_needs_rows_and_tasks():
    with pytest.raises(ValueError, match="expected at least 2 rows and 1 task, got 1 and 3"):
        nemenyi_difference(rows=1, tasks=3)


def test_the_probability_of_improvement_is_the_mean_of_mann_whitneys_u():
    a = {"ner": [0.3, 0.5, 0.5], "pos": [0.9, 0.8], "alone": [1.0]}
    b = {"pos": [0.7, 0.85], "ner": [0.4, 0.5], "other": [0.0]}
    found = probability_of_improvement(a, b)
    parts = [stats.mannwhitneyu(a[t], b[t]).statistic / (len(a[t]) * len(b[t])) for t in ("ner", "pos")]
    assert found.tasks == ["ner", "pos"]
    assert found.probability == pytest.approx(np.mean(parts))
    assert probability_of_improvement(b, a).probability == pytest.approx(1 - found.probability)
    assert found == probability_of_improvement(a, b)
    with pytest.raises(ValueError, match=r"expected a common task, got \['ner'\] and \['pos'\]"):
        probability_of_improvement({"ner": [1.0]}, {"pos": [1.0]})
    with pytest.raises(ValueError, match="expected a list of at least 1 scores in ner"):
        probability_of_improvement({"ner": []}, {"ner": [1.0]})


def test_the_bootstrap_is_stratified_by_task():
    # Each task is always won or always lost: resampling within tasks must keep exactly one half.
    found = probability_of_improvement({"x": [2, 2, 3], "y": [0, 0]}, {"x": [1, 1], "y": [5, 6]})
    assert found[:3] == (0.5, 0.5, 0.5)


def test_intervals_of_the_probability_of_improvement_cover_it_95_times_of_100():
    covered = 0
    for a, b in zip(generator().normal(size=(300, 3, 20)), generator(1).normal(size=(300, 3, 20)), strict=True):
        found = probability_of_improvement(dict(enumerate(a)), dict(enumerate(b)), resamples=300)
        covered += found.low <= 0.5 <= found.high
    assert within_chance(covered, 300, 0.95)
