"""The order of labels: by meaning where they are sentiments, by value where they are numbers, else by name."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence

from tasks.labels.names import label_name

SENTIMENTS: Mapping[str, int] = {
    "very negative": -2,
    "negative": -1,
    "neg": -1,
    "neutral": 0,
    "neu": 0,
    "positive": 1,
    "pos": 1,
    "very positive": 2,
}
"""Names of sentiments and their places on the scale."""


def sorted_labels(labels: Iterable[str]) -> list[str]:
    """Each label once: numbers by value if all are numbers, else by code point."""
    distinct = set(labels)
    values = {label: _number(label) for label in distinct}
    if all(value is not None for value in values.values()):
        return sorted(distinct, key=lambda label: (values[label], label))
    return sorted(distinct)


def ordered_labels(labels: Iterable[str], *, order: Sequence[str] | None) -> list[str]:
    """The labels from the lowest to the highest.

    ``order`` names all of them and decides; None stands for numbers by value, or ``SENTIMENTS`` by meaning.
    Raises ValueError if ``order`` lacks a label or repeats one, or if there is none and the labels do not tell.
    """
    distinct = set(labels)
    if order is not None:
        return _checked_order([str(label) for label in order], distinct)
    if all(_number(label) is not None for label in distinct):
        return sorted_labels(distinct)
    ranks = {label: SENTIMENTS.get(" ".join(label_name(label))) for label in distinct}
    known = {label: rank for label, rank in ranks.items() if rank is not None}
    if len(known) < len(distinct) or len(set(known.values())) < len(distinct):
        raise ValueError(
            f"expected labels whose order is known (numbers, or {', '.join(SENTIMENTS)}), got "
            f"{', '.join(sorted(distinct))}; name them from lowest to highest, as in task.order=[bad,fair,good]"
        )
    return sorted(distinct, key=known.__getitem__)


def _checked_order(order: list[str], labels: set[str]) -> list[str]:
    missing = sorted(labels - set(order))
    if missing or len(set(order)) < len(order):
        what = f"lacks {', '.join(missing)}" if missing else "names a label twice"
        raise ValueError(f"expected task.order to name every label once, but [{', '.join(order)}] {what}; correct it")
    return order


DECIMAL_COMMA = re.compile(r"\s*[+-]?\d+,(?:\d{1,2}|\d{4,})\s*")
"""With three digits after it, a comma may also part thousands."""


def _number(label: str) -> float | None:
    """The value of a number, with a decimal point or, as spreadsheets of many countries write it, a comma."""
    try:
        value = float(label.replace(",", ".") if DECIMAL_COMMA.fullmatch(label) else label)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
