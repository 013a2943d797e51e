"""The charts of the report as files, without a browser: SVG, PNG and PDF, on white."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from harness.board.row import Table
from harness.board.tables import Board, BoardTable, kind_in_words
from harness.records.record import Record
from harness.report import names, plots
from harness.report.drawings import Drawing
from harness.report.evidence import Folders, Line, lines_of


def write_figures(
    board: Board, groups: Mapping[tuple[str, str], Table], found: Sequence[tuple[Path, Record]], folder: Path
) -> int:
    """Write every chart of every table; returns how many. A file's name says the table and what is drawn."""
    folder.mkdir(parents=True, exist_ok=True)
    folders, written = Folders(found), 0
    mechanisms = names.mechanism_numbers(board.tables)
    for number, table in enumerate(board.tables, start=1):
        place = _slug(f"{number:02} {table.place}{kind_in_words(table.tuned, table.matched)}")
        for what, drawing in _drawings(table, lines_of(table, groups, mechanisms), folders):
            drawing.write(folder, f"{place}-{_slug(what)}")
            written += 1
    return written


def _drawings(table: BoardTable, lines: Sequence[Line], folders: Folders) -> Iterator[tuple[str, Drawing]]:
    if (forest := plots.forest_chart(table, lines)) is not None:
        yield "scores", forest
    for cost in plots.cost_charts(table, lines):
        yield f"by {cost['name']}", cost["chart"]
    if length := plots.slice_charts(table, lines, folders).get("chart"):
        yield "by length", length
    for panel in plots.learning_curves(lines)["panels"]:
        yield panel["title"], panel["chart"]
    if (tuning := plots.tuning_curves(lines)) is not None:
        yield "tuning", tuning["chart"]


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:80]
