"""Rows compared across the tables of a board: by the chance that a run of a row beats a run of another.

Only common cells count: networks that have a score in every table. Which rows are left out, and why, is part of the
result. Floors are left out: they do not serve every task.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from harness.board.tables import AcrossTasks, BoardRow, BoardTable, Chance, WinRate, kind_in_words
from harness.statistics.over_seeds import ALPHA, rank_ranges
from harness.statistics.over_tables import WinRates, task_ranks, win_rates

MOST_PAIRED = 10
"""Up to so many rows all pairs are shown; of more rows, each with the one of the best win rate."""

MOST_RANGED = 300
"""More rows have win rates without ranges: the time for these grows with the cube of their number."""


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
    return _compared([named[name] for name in kept], [cells[name] for name in kept], common, messages)


def _compared(
    tables: Sequence[BoardTable], cells: Sequence[Mapping[str, BoardRow]], common: Sequence[str], messages: list[str]
) -> AcrossTasks:
    signs = [1 if table.higher_is_better else -1 for table in tables]
    scores = [
        [sign * np.array(found[label].scores) for label in common] for sign, found in zip(signs, cells, strict=True)
    ]
    wins = win_rates(scores, ranges=len(common) <= MOST_RANGED)
    ranks = task_ranks([[row.mean() for row in table] for table in scores]).mean(axis=0)
    order = [int(i) for i in np.lexsort((ranks, -wins.rate))]
    first, last = _ranges(wins)
    better, worse = _told(tables, [found[common[order[0]]] for found in cells], [[f[x] for x in common] for f in cells])
    rows = [
        WinRate(common[i], float(wins.rate[i]), first[i], last[i], float(ranks[i]), better[i], worse[i]) for i in order
    ]
    if len(common) > MOST_RANGED:
        messages.append(f"more than {MOST_RANGED} rows: no ranges of win rates; choose fewer by --model or --backbone")
    elif not wins.known:
        messages.append("a row has a single run in some table, which says nothing of how runs vary: no ranges")
    return AcrossTasks(
        tuned=tables[0].tuned,
        matched=tables[0].matched,
        tables=[name_of(table) for table in tables],
        rows=rows,
        chances=_chances(common, order, wins),
        messages=messages,
    )


def _ranges(wins: WinRates) -> tuple[list[int | None], list[int | None]]:
    rows = len(wins.rate)
    if not wins.known:
        return [None] * rows, [None] * rows
    first, last = rank_ranges((wins.rate[:, None] > wins.rate) & (wins.p_value <= ALPHA))
    return list(first), list(last)


def _told(
    tables: Sequence[BoardTable], best: Sequence[BoardRow], rows: Sequence[Sequence[BoardRow]]
) -> tuple[list[int], list[int]]:
    """In how many tables each row is told better, and worse, than the first one."""
    better, worse = [0] * len(rows[0]), [0] * len(rows[0])
    for table, top, others in zip(tables, best, rows, strict=True):
        places = {row.key: n for n, row in enumerate(row for row in table.rows if row.mean is not None)}
        against = table.pairs.against(places[top.key])
        for n, row in enumerate(others):
            pair = against.get(places[row.key])
            better[n] += pair is not None and pair.verdict == "better"
            worse[n] += pair is not None and pair.verdict == "worse"
    return better, worse


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


def _chances(common: Sequence[str], order: Sequence[int], wins: WinRates) -> list[Chance]:
    pairs = list(combinations(order, 2)) if len(order) <= MOST_PAIRED else [(order[0], row) for row in order[1:]]
    return [
        Chance(
            common[a],
            common[b],
            float(wins.chance[a, b]),
            *((float(x[a, b]) if wins.known else None) for x in (wins.low, wins.high, wins.p_value)),
        )
        for a, b in pairs
    ]
