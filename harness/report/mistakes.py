"""What single answers say of a table's rows: F1 by label, which labels are taken for which, and calibration.

All of it stands in the records, so a published board has it too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

from harness.board.tables import BoardTable
from harness.records.printable import plain
from harness.records.record import Record
from harness.report import charts
from harness.report.evidence import Line
from harness.report.heat_map import heat_map, map_width
from harness.report.plots import MOST_LINES, legend, not_drawn
from harness.statistics.answers import BINS

MOST_LABELS = 12
"""The most frequent so many labels have a column, those with the most mistakes a place in the matrices."""

MOST_MATRICES = 4
"""So many rows have a matrix of confusions, the best ones."""

MOST_PAIRS = 8
"""So many pairs of labels are named beside a matrix."""

MOST_ANSWERS = 10**12
"""No run gives so many; what is no such fact is passed over."""

Counts = Counter[tuple[str, str]]


def mistakes(table: BoardTable, lines: Sequence[Line]) -> dict[str, Any] | None:
    """What the template shows; None where no record has any of it (tasks that write, older records)."""
    if table.test_set != "test":
        return None
    view = {"labels": _by_label(lines), "calibration": _calibration(lines), "matrices": list(_matrices(lines))}
    return view if any(view.values()) else None


def _by_label(lines: Sequence[Line]) -> dict[str, Any] | None:
    """A row a line, a column a label: the mean F1 over seeds."""
    found = {line.number: [scores for record in line.records if (scores := label_scores(record))] for line in lines}
    support: Counter[str] = Counter()
    for scores in (scores for several in found.values() for scores in several):
        for label, one in scores.items():
            support[label] = max(support[label], int(one["support"]))
    names = [name for name, _count in support.most_common(MOST_LABELS)]
    values = {
        line.number: [_mean([s[name]["f1"] for s in found[line.number] if name in s]) for name in names]
        for line in lines
        if found[line.number]
    }
    if not values:
        return None
    best = [max((v for v in column if v is not None), default=None) for column in zip(*values.values(), strict=True)]
    rows = [
        {
            "label": line.name,
            "number": line.number,
            "cells": [
                ("" if value is None else f"{value:.4f}", len(values) > 1 and value is not None and value == top)
                for value, top in zip(values[line.number], best, strict=True)
            ],
        }
        for line in lines
        if line.number in values
    ]
    return {"heads": [(plain(name), support[name]) for name in names], "rows": rows, "all": len(support)}


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None


def _calibration(lines: Sequence[Line]) -> dict[str, Any] | None:
    """The reliability curve of each row over the answers of all its seeds, and the mean error over seeds."""
    having = [(line, found) for line in lines if (found := [c for r in line.records if (c := calibration(r))])]
    if not having:
        return None
    drawn = having[:MOST_LINES]
    series = [charts.Series(line.name, line.style, line.number, _curve(found)) for line, found in drawn]
    errors = [(line.name, line.number, fmean(c["expected_calibration_error"] for c in found)) for line, found in having]
    return {
        "chart": charts.reliability(series, title="share of right answers by confidence"),
        "legend": legend([line for line, _found in drawn]),
        "left_out": not_drawn(lines, [line for line, _found in having], "no calibration in the records"),
        "errors": [(name, number, f"{error:.4f}") for name, number, error in errors],
        "of": having[0][1][0].get("of", "answers"),
    }


def _curve(found: Sequence[Mapping[str, Any]]) -> list[tuple[float, float]]:
    """(confidence, accuracy) of each bin that holds an answer of some seed."""
    points = []
    for several in zip(*(zip(c["counts"], c["confidence"], c["accuracy"], strict=True) for c in found), strict=True):
        total = sum(count for count, _confidence, _accuracy in several)
        if total:
            confident, right = (sum(one[0] * one[place] for one in several if one[0]) / total for place in (1, 2))
            points.append((confident, right))
    return points


def _matrices(lines: Sequence[Line]) -> Iterator[dict[str, Any]]:
    """The confusions of the best networks: gold labels as rows, predicted ones as columns, shares of the gold."""
    having = [(line, counts) for line in lines if not line.row.floor and (counts := _pooled(line.records))]
    for line, counts in having[:MOST_MATRICES]:
        wrong = Counter({pair: count for pair, count in counts.items() if pair[0] != pair[1]})
        gold: Counter[str] = Counter()
        blamed: Counter[str] = Counter()
        for (label, other), count in counts.items():
            gold[label] += count
            if label != other:
                blamed.update({label: count, other: count})
        names = [name for name, _count in blamed.most_common(MOST_LABELS)] or [n for n, _c in gold.most_common(1)]
        names.sort(key=lambda name: (-gold[name], name))
        shares = [[counts[row, column] / gold[row] if gold[row] else 0.0 for column in names] for row in names]
        shown = [plain(name) for name in names]
        yield {
            "label": line.name,
            "number": line.number,
            "width": round(map_width(shown, shown)),
            "chart": heat_map(shares, shown, shown, title=f"labels that {line.name} takes for others"),
            "pairs": [
                f"{plain(label)} → {plain(other)} {count:,} of {gold[label]:,}"
                for (label, other), count in wrong.most_common(MOST_PAIRS)
            ],
            "left_out": len({label for pair in counts for label in pair}) - len(names),
        }


def _pooled(records: Sequence[Record]) -> Counts:
    """The confusions of all seeds together."""
    found: Counts = Counter()
    for record in records:
        for gold, row in record.get("confusions", {}).items():
            found.update({(gold, predicted): count for predicted, count in row.items() if 0 < count < MOST_ANSWERS})
    return found


def label_scores(record: Mapping[str, Any]) -> dict[str, Mapping[str, float]]:
    """The scores by label of a record, those that are whole."""
    found: Mapping[str, Mapping[str, float]] = record.get("label_scores", {})
    return {
        label: scores
        for label, scores in found.items()
        if all(_is_share(scores.get(key)) for key in ("precision", "recall", "f1"))
        and 0 <= scores.get("support", -1) < MOST_ANSWERS
    }


def calibration(record: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The calibration of a record, if it is whole."""
    found = record.get("calibration", {})
    bins = [found.get(key, []) for key in ("counts", "confidence", "accuracy")]
    if not _is_share(found.get("expected_calibration_error")) or any(len(part) != BINS for part in bins):
        return None
    whole = all(
        count == 0 or (0 < count < MOST_ANSWERS and _is_share(mean) and _is_share(share))
        for count, mean, share in zip(*bins, strict=True)
    )
    return found if whole else None


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and 0 <= value <= 1
