"""Two rows over test examples, against SciPy, scikit-learn and sacreBLEU, full enumeration, and by simulation."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy import stats

from harness.statistics import over_examples
from harness.statistics.over_examples import (
    approximate_randomization,
    bleu_score,
    both,
    f_score,
    label_statistics,
    macro_f1_score,
    mean_statistics,
    paired_bootstrap,
    ratio_score,
)
from harness.statistics.over_seeds import Sample

Array = np.ndarray[Any, Any]


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def within_chance(hits: int, trials: int, rate: float) -> bool:
    """Whether so many hits are within four standard deviations of what ``rate`` gives."""
    return abs(hits - trials * rate) <= 4 * math.sqrt(trials * rate * (1 - rate))


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
    assert paired_bootstrap(a, a, f_score) == (0.0, 0.0, 0.0, 1.0, 0.0)
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
    monkeypatch.setattr(over_examples, "_CHUNK", 30 * 7)
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
    statistics = label_statistics(gold[:, None].tolist(), predicted[:, None].tolist(), labels=names.tolist())
    samples = [np.arange(60), np.arange(3), np.flatnonzero(gold != "d")]
    ours = macro_f1_score(np.stack([statistics[sample].sum(0) for sample in samples]))
    theirs = [f1_score(gold[sample], predicted[sample], average="macro", zero_division=0) for sample in samples]
    assert ours == pytest.approx(theirs)
    with pytest.raises(ValueError, match="expected labels among a, b, got c"):
        label_statistics([["a"]], [["c"]], labels=["a", "b"])


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


# Over seeds and examples


def test_both_adds_the_parts_of_seeds_and_of_examples():
    a, b = (Sample(np.array(m), np.array(v), np.array(n)) for m, v, n in ((0.8, 0.0012, 3.0), (0.7, 0.0005, 5.0)))
    found = both(a, b, example_variance=0.0002, examples=300)
    parts = [(0.0012 / 3, 2), (0.0005 / 5, 4), (0.0002, 299)]
    assert found.variance == pytest.approx(sum(part for part, _ in parts))
    df = found.variance**2 / sum(part**2 / n for part, n in parts)
    assert 2 < df < 2 + 4 + 299
    error = math.sqrt(found.variance)
    assert (found.low, found.high) == pytest.approx(stats.t.interval(0.95, df, 0.1, error))
    assert found.p_value == pytest.approx(2 * stats.t.sf(0.1 / error, df))
    floor = both(a, b._replace(variance=np.array(0.0), seeds=np.array(0.0)), example_variance=0.0002, examples=300)
    assert floor.variance == pytest.approx(0.0012 / 3 + 0.0002)


def test_the_variance_over_examples_is_that_of_accuracys_differences():
    rng = generator()
    a, b = ((rng.random((3, 400)) < rate).astype(float) for rate in (0.8, 0.75))
    found = paired_bootstrap(mean_statistics(a), mean_statistics(b), ratio_score, resamples=20_000)
    assert found.variance == pytest.approx((a.mean(0) - b.mean(0)).var(ddof=1) / 400, rel=0.05)


def test_rows_of_other_numbers_of_seeds_are_compared_over_examples():
    a, b = counts(1, 3, 40), counts(2, 5, 40)
    expected = np.mean([f_score(seed.sum(0)) for seed in a]) - np.mean([f_score(seed.sum(0)) for seed in b])
    assert paired_bootstrap(a, b, f_score).difference == pytest.approx(expected)
    with pytest.raises(ValueError, match=r"got shapes \(3, 40, 3\) and \(5, 40, 3\)"):
        approximate_randomization(a, b, f_score)


@pytest.mark.slow
def test_both_covers_the_difference_of_the_population():
    """Runs whose accuracy has a spread over seeds, on test sets drawn from a population: 2000 worlds."""
    rng, covered, worlds = generator(), 0, 2000
    for _ in range(worlds):
        difficulty = rng.normal(0, 0.1, size=300)
        sides = []
        for mean in (0.80, 0.75):
            chance = mean + rng.normal(0, 0.02, size=(3, 1)) + difficulty
            sides.append((rng.random((3, 300)) < chance).astype(float))
        spread = (sides[0].mean(0) - sides[1].mean(0)).var(ddof=1) / 300
        rows = [
            Sample(np.array(s.mean()), np.array(s.mean(1).var(ddof=1)), np.array(3.0)) for s in sides
        ]  # fmt: skip
        found = both(*rows, example_variance=float(spread), examples=300)
        covered += found.low <= 0.05 <= found.high
    assert covered / worlds >= 0.94
