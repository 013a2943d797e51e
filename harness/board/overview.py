"""The board at a glance: rows are mechanisms, columns are the tables of one kind."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence

from harness.board.names import shared_words, without
from harness.board.tables import BoardRow, BoardTable, Cell, Overview, OverviewRow


def make_overview(tables: Sequence[BoardTable], names: Mapping[str, str]) -> Overview:
    """The overview of tables of one kind. ``names``: by a row's key, its name in all tables (``names_across``).

    Rows are ordered by their places, the mean over their tables (so that no score is averaged with another), networks
    before floors; those that never have a score come last.
    """
    found = {names[row.key]: row.floor for table in tables for row in table.rows}
    shared = shared_words(name for name, floor in found.items() if not floor)
    by_name = [{names[row.key]: row for row in table.rows} for table in tables]
    places = _mean_places(tables, names)
    ordered = sorted(found, key=lambda name: (found[name], places.get(name, math.inf), name))
    rows = [
        OverviewRow(
            name if found[name] else without(name, shared),
            found[name],
            [_cell(rows[name]) if name in rows else Cell() for rows in by_name],
        )
        for name in ordered
    ]
    return Overview(
        tuned=tables[0].tuned,
        matched=tables[0].matched,
        shared=" ".join(shared),
        tables=[table.place for table in tables],
        metrics=[table.metric for table in tables],
        rows=rows,
    )


def _mean_places(tables: Sequence[BoardTable], names: Mapping[str, str]) -> dict[str, float]:
    """By name the mean over its tables of the share of rows that stand above it by their means."""
    places: dict[str, list[float]] = defaultdict(list)
    for table in tables:
        scored = [names[row.key] for row in table.rows if row.mean is not None]
        for place, name in enumerate(scored):
            places[name].append(place / len(scored))
    return {name: statistics.fmean(found) for name, found in places.items()}


def _cell(row: BoardRow) -> Cell:
    if row.mean is None:
        hole = row.holes[0] if row.holes else None
        return Cell() if hole is None else Cell(status=hole.status, reason=hole.reason, label=row.label)
    cell = Cell(row.mean, row.first, row.last, row.among_best, error_removed=row.error_removed, label=row.label)
    if (pair := row.vs_none) is not None:
        cell.difference, cell.low, cell.high, cell.p_value = pair.difference, pair.low, pair.high, pair.p_value
        cell.verdict, cell.more_seeds = pair.verdict, pair.more_seeds
    return cell
