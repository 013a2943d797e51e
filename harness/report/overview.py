"""The board at a glance, and what its tables say: what the page begins with."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.board.across_text import across_sentence
from harness.board.cells import rank_in_words
from harness.board.overview_text import SHORT_VERDICTS, hole_lines, overview_legend, overview_title
from harness.board.tables import Board, BoardTable, Cell, Overview, OverviewRow, kind_in_words
from harness.records.printable import plain
from harness.report.names import data_name, task_name

MOST_COLUMNS = 9
"""So many tables stand beside each other: they fit on a laptop and on paper. More are parted."""


def overview_views(board: Board) -> list[dict[str, Any]]:
    """What the template shows of each overview: one for each kind of rows."""
    numbers = {(table.place, table.tuned, table.matched): n for n, table in enumerate(board.tables, start=1)}
    margins = [table.margin for table in board.tables]
    return [
        {
            "title": overview_title(overview),
            "legend": overview_legend(overview, margins, best="outlined", shaded=True),
            "holes": hole_lines(overview),
            "blocks": [_block(overview, places, numbers, board.tables) for places in _blocks(overview)],
        }
        for overview in board.overviews
    ]


def answer_views(board: Board) -> Iterator[dict[str, Any]]:
    """The sentences of each table, whose name becomes a link; then those of the comparisons across tables."""
    for number, table in enumerate(board.tables, start=1):
        first, *others = table.answer.sentences
        told = plain(" ".join([first.removeprefix(table.place), *others]))
        words = table.place + kind_in_words(table.tuned, table.matched)
        yield {"place": words, "told": told, "link": f"table-{number}", "task": table.task, "search": told}
    for number, across in enumerate(board.across, start=1):
        told = plain(across_sentence(across))
        yield {"place": "", "told": told, "link": f"across-{number}", "task": None, "search": told}


def _blocks(overview: Overview) -> list[list[int]]:
    """The places of the tables in groups that share networks, so that few cells are empty; most networks first."""
    networks = [
        {row.name for row in overview.rows if not row.floor and _there(row.cells[n])}
        for n in range(len(overview.tables))
    ]
    groups: list[list[int]] = []
    for place in sorted(range(len(networks)), key=lambda n: -len(networks[n])):
        group = next((group for group in groups if networks[place] <= networks[group[0]]), None)
        if group is None:
            groups.append([place])
        else:
            group.append(place)
    return [part for group in groups for part in _evenly(sorted(group))]


def _evenly(group: Sequence[int]) -> Iterator[list[int]]:
    size = math.ceil(len(group) / math.ceil(len(group) / MOST_COLUMNS))
    yield from (list(group[n : n + size]) for n in range(0, len(group), size))


def _there(cell: Cell) -> bool:
    return cell.score is not None or bool(cell.status)


def _block(
    overview: Overview,
    places: Sequence[int],
    numbers: Mapping[tuple[str, bool, str], int],
    tables: Sequence[BoardTable],
) -> dict[str, Any]:
    """Some of the tables beside each other, without the rows that none of them has."""
    chosen = [numbers[overview.tables[n], overview.tuned, overview.matched] for n in places]
    rows = [row for row in overview.rows if any(_there(row.cells[n]) for n in places)]
    return {
        "heads": [_head(number, tables[number - 1]) for number in chosen],
        "rows": [
            _row(row, [row.cells[n] for n in places], [(number, tables[number - 1]) for number in chosen])
            for row in rows
        ],
    }


def _head(number: int, table: BoardTable) -> dict[str, Any]:
    return {
        "number": number,
        "task": table.task,
        "name": task_name(table.task),
        "data": data_name(table),
        "metric": table.metric,
        "search": f"{table.place}{kind_in_words(table.tuned, table.matched)}",
    }


def _row(row: OverviewRow, cells: Sequence[Cell], tables: Sequence[tuple[int, BoardTable]]) -> dict[str, Any]:
    name, _, details = plain(row.name).partition(" ")
    views = [_cell(row, cell, number, table) for cell, (number, table) in zip(cells, tables, strict=True)]
    return {
        "name": name,
        "details": "floor" if row.floor else details,
        "cells": views,
        "search": f"{row.name}{' floor' if row.floor else ''}",
    }


def _cell(row: OverviewRow, cell: Cell, number: int, table: BoardTable) -> dict[str, Any]:
    """A cell in words; ``link``: the row of its table; ``share``: how deep its shade is, from -1 (worse) to 1."""
    if not _there(cell):
        return {"state": "empty", "verdict": "", "text": ""}
    places = [n for n, other in enumerate(table.rows) if other.label == cell.label]
    link = f"row-{number}-{places[0]}" if places else f"table-{number}"
    where = f"{plain(row.name)}, {table.place}"
    if cell.score is None:
        told = plain(f"{where}: {cell.status}: {cell.reason}")
        return {"state": "hole", "link": link, "text": plain(cell.status), "verdict": "", "title": told}
    return {
        "state": "best" if cell.among_best else "scored",
        "link": link,
        "text": f"{cell.score:.4f}",
        "rank": rank_in_words(cell.first, cell.last),
        "difference": "" if cell.difference is None else f"{cell.difference:+.4f}",
        "verdict": SHORT_VERDICTS.get(cell.verdict, cell.verdict),
        "share": None if cell.error_removed is None else round(max(-1.0, min(cell.error_removed, 1.0)), 2),
        "title": plain(f"{where}: {_told(cell)}"),
    }


def _told(cell: Cell) -> str:
    """Everything that is known of a cell, as its tooltip says it."""
    parts = [f"{cell.score:.4f}"]
    if cell.first is not None:
        parts.append(f"place {rank_in_words(cell.first, cell.last)}")
    if cell.among_best:
        parts.append("the best is among these rows (95 %)")
    if cell.difference is not None:
        interval = "" if cell.low is None or cell.high is None else f" ({cell.low:+.4f} to {cell.high:+.4f})"
        p = "" if cell.p_value is None else ", p < 0.001" if cell.p_value < 0.001 else f", p = {cell.p_value:.3f}"
        seeds = (
            f", {cell.more_seeds} more seeds would decide" if cell.more_seeds and cell.verdict == "undecided" else ""
        )
        parts.append(f"over none {cell.difference:+.4f}{interval}{p}: {cell.verdict}{seeds}")
    if cell.error_removed is not None:
        parts.append(f"{cell.error_removed:.0%} of the error of none removed")
    return "; ".join(parts)
