"""Rows compared across the tables of a board: mean ranks, Friedman's test, chances of improvement.

Only common cells count: networks that have a score in every table. Which rows are left out, and why, is part of the
result. Floors are left out: they do not serve every task.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from harness.board.tables import AcrossTasks, Chance, Friedman, kind_in_words
from harness.statistics.tasks import friedman_test, nemenyi_difference, probability_of_improvement, task_ranks

if TYPE_CHECKING:
    from harness.board.tables import BoardRow, BoardTable

MOST_PAIRED = 10
"""Up to so many rows all pairs are compared; of more rows, each with the one of the best mean rank."""

FEWEST_RUNS = 5
"""With fewer runs a row and table, intervals of chances of improvement are too narrow."""


def compare_tasks(tables: Sequence[BoardTable], names: Mapping[str, str]) -> AcrossTasks | str | None:
    """The comparison across tables, why there is none, or None for a single table.

    ``names``: by a row's key, its name in all tables (``names.names_across``). A table with fewer than two networks is
    left out, for it compares nothing. Two networks must have a score in all of the others.
    """
    cells = {name_of(table): _cells(table, names) for table in tables}
    named = {name_of(table): table for table in tables}
    messages = []
    if few := [name for name in cells if len(cells[name]) < 2]:
        messages.append(f"tables with fewer than two networks are left out: {', '.join(few)}")
    kept = [name for name in cells if len(cells[name]) >= 2]
    labels = sorted({label for name in kept for label in cells[name]})
    common = [label for label in labels if all(label in cells[name] for name in kept)]
    if len(kept) < 2:
        return None
    if len(common) < 2:
        return (
            f"the comparison across {len(kept)} tables{kind_in_words(named[kept[0]].tuned, named[kept[0]].matched)}: "
            "fewer than two networks have a score in all of them; choose tables that share some, by --task, --data, "
            "--model or --backbone"
        )
    for label in sorted(set(labels) - set(common)):
        missing = [name for name in kept if label not in cells[name]]
        messages.append(f"{label} is left out: {_why_missing(label, missing, named, names)}")
    signs = {name: 1 if named[name].higher_is_better else -1 for name in kept}
    means = np.array([[signs[name] * (cells[name][label].mean or 0.0) for label in common] for name in kept])
    ranks = task_ranks(means).mean(axis=0)
    order = np.argsort(ranks, kind="stable")
    rows = [common[i] for i in order]
    scores = {
        label: {name: [signs[name] * score for score in cells[name][label].scores] for name in kept} for label in rows
    }
    return AcrossTasks(
        tuned=named[kept[0]].tuned,
        matched=named[kept[0]].matched,
        tables=kept,
        rows=rows,
        mean_ranks=[float(ranks[i]) for i in order],
        friedman=_friedman(means),
        chances=_chances(rows, scores),
        messages=messages + _too_few(scores),
    )


def name_of(table: BoardTable) -> str:
    """Task and data set."""
    return f"{table.task} / {table.data}"


def _cells(table: BoardTable, names: Mapping[str, str]) -> dict[str, BoardRow]:
    return {names[row.key]: row for row in table.rows if not row.floor and row.mean is not None}


def _why_missing(label: str, missing: Sequence[str], tables: Mapping[str, BoardTable], names: Mapping[str, str]) -> str:
    """In which tables the row has no score, with the first reason there is."""
    holes = [
        f"{hole.status}: {hole.reason}"
        for name in missing
        for row in tables[name].rows
        if names[row.key] == label
        for hole in row.holes
    ]
    reason = f" ({holes[0]})" if holes else " (not run, or with other settings)"
    more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
    return f"no score in {', '.join(missing[:3])}{more}{reason}"


def _friedman(means_NM: np.ndarray) -> Friedman | None:
    tables, rows = means_NM.shape
    if rows < 3:
        return None
    test = friedman_test(means_NM)
    f = None if math.isinf(test.f) else test.f
    return Friedman(f, test.f_p, nemenyi_difference(rows=rows, tasks=tables))


def _fewest_runs(scores: Iterable[Mapping[str, Sequence[float]]]) -> int:
    return min(len(runs) for row in scores for runs in row.values())


def _too_few(scores: Mapping[str, Mapping[str, Sequence[float]]]) -> list[str]:
    """Said where the bootstrap has too little to draw from (Agarwal et al. 2021 advise five runs and more)."""
    fewest = _fewest_runs(scores.values())
    if fewest >= FEWEST_RUNS:
        return []
    what = "a single run has no interval" if fewest == 1 else f"their intervals are too narrow with {fewest} runs"
    return [f"chances of improvement: {what}; {FEWEST_RUNS} seeds and more are wanted"]


def _chances(rows: Sequence[str], scores: Mapping[str, Mapping[str, Sequence[float]]]) -> list[Chance]:
    pairs = list(combinations(rows, 2)) if len(rows) <= MOST_PAIRED else [(rows[0], row) for row in rows[1:]]
    found = []
    for row, over in pairs:
        chance = probability_of_improvement(scores[row], scores[over])
        single = _fewest_runs((scores[row], scores[over])) == 1
        low, high = (None, None) if single else (chance.low, chance.high)
        found.append(Chance(row, over, chance.probability, low, high))
    return found
