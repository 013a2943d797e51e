"""Two rows compared over the test examples: how much would the difference change with another test set?

A corpus-level score is a function of sums: F1 of counted spans, BLEU of counted n-grams. Each example brings its
statistics, a resample sums them, and the score function turns each sum into a score; no text is scored again.

Several seeds of a row: every resample takes the same examples for all seeds, each seed is scored alone, and the scores
are averaged. The difference is then the one the board shows (a mean over seeds). Adding up the statistics of all seeds
would give another number; resampling three or five seeds too would estimate their spread badly, and Welch's test over
seeds does that better. So these results hold for the trained models at hand, not for the next seed; ``both`` adds the
spread over seeds to that over examples.

S seeds, N examples, K statistics, R resamples
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from harness.statistics.over_seeds import Array, Sample

Score = Callable[[Array], Array]  # (..., K) sums -> (...) scores

_CHUNK = 2**21  # weights held at a time: 16 MB

_ROUNDING = 1e-12  # scores this close are equal


class Comparison(NamedTuple):
    """Score of a minus score of b, its interval, and the two-sided p of there being no difference.

    ``variance``: of the difference, the square of its standard error.
    """

    difference: float
    low: float
    high: float
    p_value: float
    variance: float


def paired_bootstrap(
    statistics_a: ArrayLike,
    statistics_b: ArrayLike,
    score: Score,
    *,
    resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Comparison:
    """The difference of two rows under resampled test sets: N examples drawn with replacement, the same for both.

    Statistics: (N, K), or (S, N, K) for S seeds, of which a and b may have different numbers. The interval is that of
    the percentiles of the resampled differences D* (Efron and Tibshirani 1993, chapter 13; for BLEU, Koehn 2004,
    https://aclanthology.org/W04-3250). p = (1 + #{|D* - D| >= |D|}) / (1 + R): D* moved to where there is no
    difference (Noreen 1989). sacreBLEU centres |D*| instead and so reports about half of this two-sided p.
    Assumes independent examples, and enough of them: with fewer than about 50 the interval is too narrow.
    Raises ValueError for statistics that are not paired.
    """
    a_SNK, b_SNK = _paired(statistics_a, statistics_b, seeds=False)
    observed = _difference(a_SNK.sum(1), b_SNK.sum(1), score)
    examples = a_SNK.shape[1]
    resampled = []
    rng = np.random.default_rng(seed)
    for rows in _chunks(resamples, examples):
        draws_RN = rng.integers(examples, size=(rows, examples)) + examples * np.arange(rows)[:, None]
        counts_RN = np.bincount(draws_RN.ravel(), minlength=rows * examples).reshape(rows, examples).astype(np.float64)
        resampled.append(_difference(_sums(counts_RN, a_SNK), _sums(counts_RN, b_SNK), score))
    differences_R = np.concatenate(resampled)
    tail = (1 - confidence) / 2
    low, high = np.quantile(differences_R, [tail, 1 - tail])
    p_value = _p_value(differences_R - observed, float(observed))
    return Comparison(float(observed), float(low), float(high), p_value, float(differences_R.var(ddof=1)))


def both(a: Sample, b: Sample, *, example_variance: float, examples: int) -> Comparison:
    """The difference of two rows for new seeds and new examples: se^2 = e_a + e_b + v_ex, e = v / n.

    df = se^4 / (e_a^2 / (n_a - 1) + e_b^2 / (n_b - 1) + v_ex^2 / (N - 1)); p = 2 P(T_df <= -|d| / se); the interval
    is d +- t(df, 0.975) se. ``example_variance``: v_ex, that of the paired bootstrap over N ``examples``.
    The part of the spread that is of seeds on examples counts twice, which is cautious (Owen 2007, the pigeonhole
    bootstrap, https://doi.org/10.1214/07-AOAS122). A row that no seed changes (``seeds`` 0) adds no part of its own.
    """
    from scipy.special import stdtr, stdtrit

    difference = float(a.mean - b.mean)
    parts = [(float(x.variance / x.seeds), float(x.seeds) - 1) for x in (a, b) if x.seeds > 0]
    parts.append((example_variance, examples - 1))
    total = sum(part for part, _ in parts)
    if total == 0:
        return Comparison(difference, difference, difference, 1.0 if abs(difference) <= _ROUNDING else 0.0, 0.0)
    df = total**2 / sum(part**2 / max(below, 1) for part, below in parts)
    half = float(stdtrit(df, 0.975)) * total**0.5
    p_value = float(2 * stdtr(df, -abs(difference) / total**0.5))
    return Comparison(difference, difference - half, difference + half, p_value, total)


def approximate_randomization(
    statistics_a: ArrayLike, statistics_b: ArrayLike, score: Score, *, resamples: int = 10_000, seed: int = 0
) -> float:
    """The two-sided p of two rows whose outputs may be swapped: p = (1 + #{|D*| >= |D|}) / (1 + R).

    Each resample swaps each example's statistics between the rows with chance 1/2 (Noreen 1989; Riezler and Maxwell
    2005, https://aclanthology.org/W05-0908). Statistics: (N, K), or (S, N, K); the seeds of an example are swapped
    together, for they share its difficulty. Assumes independent examples, and nothing about the score.
    Equal rows give 1. Raises ValueError for statistics that are not paired.
    """
    a_SNK, b_SNK = _paired(statistics_a, statistics_b)
    observed = float(_difference(a_SNK.sum(1), b_SNK.sum(1), score))
    total_SK, gap_SNK = a_SNK.sum(1) + b_SNK.sum(1), a_SNK - b_SNK
    rng = np.random.default_rng(seed)
    shuffled = []
    for rows in _chunks(resamples, a_SNK.shape[1]):
        swapped_RN = rng.integers(0, 2, size=(rows, a_SNK.shape[1]), dtype=np.int8).astype(np.float64)
        moved_RSK = _sums(swapped_RN, gap_SNK)
        first_RSK = a_SNK.sum(1) - moved_RSK
        shuffled.append(_difference(first_RSK, total_SK - first_RSK, score))
    return _p_value(np.concatenate(shuffled), observed)


def _paired(statistics_a: ArrayLike, statistics_b: ArrayLike, *, seeds: bool = True) -> tuple[Array, Array]:
    """Both as (S, N, K). ``seeds``: whether they must have as many of those, too."""
    a, b = (np.asarray(values, dtype=np.float64) for values in (statistics_a, statistics_b))
    alike = a.shape == b.shape if seeds else a.ndim == b.ndim and a.shape[-2:] == b.shape[-2:]
    if not alike or a.ndim not in (2, 3) or 0 in (*a.shape, *b.shape):
        raise ValueError(
            "expected statistics of the same examples and kinds (and seeds) for both rows, (N, K) or (S, N, K), "
            f"got shapes {a.shape} and {b.shape}"
        )
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("expected finite statistics, got some that are not")
    return (a, b) if a.ndim == 3 else (a[None], b[None])


def _chunks(resamples: int, examples: int) -> Iterator[int]:
    rows = max(1, _CHUNK // examples)
    yield from (min(rows, resamples - start) for start in range(0, resamples, rows))


def _sums(weights_RN: Array, statistics_SNK: Array) -> Array:
    return np.tensordot(weights_RN, statistics_SNK, axes=(1, 1))  # (R, S, K)


def _difference(sums_a: Array, sums_b: Array, score: Score) -> Array:
    """(..., S, K) sums -> (...): the mean over seeds of a's scores minus that of b's."""
    difference: Array = score(sums_a).mean(-1) - score(sums_b).mean(-1)
    return difference


def _p_value(null_R: Array, observed: float) -> float:
    return float(1 + (np.abs(null_R) >= abs(observed) - _ROUNDING).sum()) / (1 + len(null_R))


def ratio_score(sums: Array) -> Array:
    """Sums of (points, weight) -> points / weight: accuracy (right, tokens), or any mean (value, 1); 0 where 0/0."""
    return _ratio(sums[..., 0], sums[..., 1])


def f_score(sums: Array, *, beta: float = 1.0) -> Array:
    """Sums of (right, predicted, gold) -> F_beta = (1 + b^2) right / (b^2 gold + predicted); 0 where 0/0."""
    right, predicted, gold = (sums[..., place] for place in range(3))
    return _ratio((1 + beta**2) * right, beta**2 * gold + predicted)


def macro_f1_score(sums: Array) -> Array:
    """Sums of ``label_statistics`` -> the mean F1 of the labels that occur in gold or predictions of the resample."""
    sums_C3 = sums.reshape(*sums.shape[:-1], -1, 3)
    occurs = sums_C3[..., 1] + sums_C3[..., 2] > 0
    return _ratio((f_score(sums_C3) * occurs).sum(-1), occurs.sum(-1))


def bleu_score(sums: Array) -> Array:
    """Sums of (hypothesis length, reference length, right 1- to 4-grams, all 1- to 4-grams) -> BLEU, 0-1.

    BLEU = min(1, exp(1 - reference / hypothesis)) (prod_n p_n)^(1/4), as sacreBLEU 2 defines it with its default
    smoothing "exp": the j-th order without a right n-gram has p_n = 1 / (2^j all_n); 0 where nothing is right or an
    order has no n-gram. The columns are those of ``sacrebleu.BLEU()._extract_corpus_statistics``.
    """
    lengths, right, counted = sums[..., :2], sums[..., 2:6], sums[..., 6:10]
    zero = right == 0
    smoothed = np.where(zero, 0.5 ** zero.cumsum(-1), right)
    defined = (counted > 0).all(-1) & ~zero.all(-1)
    precisions = np.where(defined[..., None], _ratio(smoothed, counted), 1.0)
    brevity = np.minimum(0.0, 1.0 - _ratio(lengths[..., 1], lengths[..., 0]))
    bleu: Array = np.where(defined, np.exp(brevity + np.log(precisions).mean(-1)), 0.0)
    return bleu


def _ratio(numerator: Array, denominator: Array) -> Array:
    quotient = np.zeros(np.broadcast_shapes(numerator.shape, denominator.shape))
    return np.divide(numerator, denominator, out=quotient, where=denominator != 0)


def mean_statistics(values: ArrayLike) -> Array:
    """The score of each example, (N) or (S, N) -> statistics (..., N, 2) for ``ratio_score``: (value, 1)."""
    array = np.asarray(values, dtype=np.float64)
    return np.stack([array, np.ones_like(array)], axis=-1)


def label_statistics(
    gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], *, labels: Sequence[str]
) -> Array:
    """Statistics (N, 3C) for ``macro_f1_score``: (right, predicted, gold) of each of the C labels.

    Each example has a list of labels, of one where it has one. ``labels`` must be the same for both rows. Raises
    ValueError for a label that is not among them.
    """
    place = {label: number for number, label in enumerate(labels)}
    unknown = sorted({label for found in (*gold, *predicted) for label in found} - set(place))
    if unknown:
        raise ValueError(f"expected labels among {', '.join(labels)}, got {', '.join(unknown)}")
    gold_NC, predicted_NC = (np.zeros((len(gold), len(labels)), dtype=bool) for _ in range(2))
    for made_NC, sets in ((gold_NC, gold), (predicted_NC, predicted)):
        for row, found in enumerate(sets):
            made_NC[row, [place[label] for label in found]] = True
    statistics = np.stack([gold_NC & predicted_NC, predicted_NC, gold_NC], axis=-1).astype(np.float64)
    return statistics.reshape(len(gold), -1)
