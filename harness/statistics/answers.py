"""What is right and wrong in the answers of one run: scores by label, confusions, and whether its confidence holds.

Precision is the share of right ones among the predicted, recall among the gold, F1 = 2 P R / (P + R); 0 for 0/0.

Calibration (Guo et al. 2017, https://arxiv.org/abs/1706.04599, equations 2, 3 and 5): answers are put into M bins by
their confidence, ((m - 1) / M, m / M]; in each the mean confidence stands beside the share of right answers:
    expected calibration error = sum_m n_m / N |accuracy_m - confidence_m|
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

BINS = 15
"""As many as Guo et al. use."""

DIGITS = 6
"""So many are kept of what is written into a record; shares of counts, so that no more are known."""


def label_scores(gold: Iterable[Collection[Any]], predicted: Iterable[Collection[Any]]) -> dict[str, dict[str, float]]:
    """Label -> precision, recall, f1, support and predicted (how many are gold, and how many predicted).

    Of each example the labels with their places, ``(label, …)``; those in both are right. The most frequent come first.
    """
    right, made, wanted = Counter[str](), Counter[str](), Counter[str]()
    for ours, theirs in zip(gold, predicted, strict=True):
        right.update(label for label, *_ in set(ours) & set(theirs))
        wanted.update(label for label, *_ in ours)
        made.update(label for label, *_ in theirs)
    order = sorted(wanted | made, key=lambda label: (-wanted[label], -made[label], label))
    return {label: _scores(right[label], made[label], wanted[label]) for label in order}


def _scores(right: int, made: int, wanted: int) -> dict[str, float]:
    return {
        "precision": round(right / made, DIGITS) if made else 0.0,
        "recall": round(right / wanted, DIGITS) if wanted else 0.0,
        "f1": round(2 * right / (made + wanted), DIGITS),
        "support": wanted,
        "predicted": made,
    }


def confusions(pairs: Iterable[tuple[str, str]]) -> dict[str, dict[str, int]]:
    """Gold label -> predicted label -> how often, where it ever was; the most frequent first."""
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    for gold, predicted in pairs:
        rows[gold][predicted] += 1
    order = _by_count({label: found.total() for label, found in rows.items()})
    return {label: {other: rows[label][other] for other in _by_count(rows[label])} for label in order}


def _by_count(counts: Mapping[str, int]) -> list[str]:
    return sorted(counts, key=lambda label: (-counts[label], label))


def calibration(confidence: Sequence[float], right: Sequence[bool]) -> dict[str, Any]:
    """``expected_calibration_error``, and of each bin ``counts``, mean ``confidence`` and ``accuracy`` (None: empty).

    Raises ValueError for no answers, and for a confidence that is no probability.
    """
    confidence_N, right_N = np.asarray(confidence, dtype=np.float64), np.asarray(right, dtype=np.float64)
    if not len(confidence_N) or not ((confidence_N >= 0) & (confidence_N <= 1)).all():
        raise ValueError("calibration expects at least one answer, each with a confidence from 0 to 1")
    bin_N = np.clip(np.ceil(confidence_N * BINS).astype(int) - 1, 0, BINS - 1)
    counts, confident, correct = (
        np.bincount(bin_N, weights=weights, minlength=BINS) for weights in (None, confidence_N, right_N)
    )
    return {
        "expected_calibration_error": round(float(np.abs(correct - confident).sum() / len(confidence_N)), DIGITS),
        "counts": counts.astype(int).tolist(),
        "confidence": _means(confident, counts),
        "accuracy": _means(correct, counts),
    }


def _means(sums: Any, counts: Any) -> list[float | None]:
    return [round(float(s) / int(n), DIGITS) if n else None for s, n in zip(sums, counts, strict=True)]
