"""The board as one HTML file that opens offline: tables, charts, and a part for each run.

    board + records + what lies beside them -> views (plain values and drawings) -> page.html with
    overview.html and table.html, style sheets, script.js

Every text from records and data is escaped: by Jinja in the template, by ``svg.tag`` in maps, by vl-convert in charts.
A content security policy in the page allows its own script alone and no request to anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from harness.board.across_text import ACROSS_LEGEND, across_title, chance_lines, shared_in, win_lines
from harness.board.cells import LEGEND, notes
from harness.board.row import Table, replicate_of
from harness.board.tables import AcrossTasks, Board, BoardTable, kind_in_words
from harness.records.printable import plain
from harness.records.record import Record
from harness.report import names, parts, plots
from harness.report.attention import attention_maps
from harness.report.evidence import Folders, Line, lines_of
from harness.report.mistakes import mistakes
from harness.report.overview import answer_views, overview_views
from harness.report.policy import content_policy
from harness.report.runs import by_row, run_view, shared_by_networks

HERE = Path(__file__).resolve().parent

STYLES = ("style.css", "overview.css", "charts.css")

MOST_RUNS = 1000
"""So many runs have a part of their own; the first seed of every row comes first."""

MOST_SAMPLED = 250
"""So many of them, the first ones, show predictions."""

UNRANKED = ("no ranks: ", " not ranked; ")
"""What a table's remark says of too few seeds: it stands above the table, not below."""

EARLY = 'document.documentElement.classList.add("paged");'
"""A script in the head: with scripts one task is open, so that the others need not be laid out while the page loads."""


def html_report(board: Board, groups: Mapping[tuple[str, str], Table], found: Sequence[tuple[Path, Record]]) -> str:
    """The page. ``groups``: what the board was made from; ``found``: its records with the files that hold them."""
    folders = Folders(found)
    mechanisms = names.mechanism_numbers(board.tables)
    lines = [lines_of(table, groups, mechanisms) for table in board.tables]
    shown = dict.fromkeys(
        id(record) for group in lines for line in group for record in (*line.records, *line.holes)
    )  # the order of the page, each once
    anchors = _anchors(lines)
    views = [
        _table_view(number, table, group, folders, anchors)
        for number, (table, group) in enumerate(zip(board.tables, lines, strict=True), start=1)
    ]
    script = (HERE / "script.js").read_text(encoding="utf-8")
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("page.html").render(
        style="".join((HERE / name).read_text(encoding="utf-8") for name in STYLES),
        script=script,
        early=EARLY,
        policy=content_policy(EARLY, script),
        overviews=overview_views(board),
        answers=list(answer_views(board)),
        tables=views,
        tasks=[
            {"name": names.task_name(task), "task": task, "views": list(group)}
            for task, group in groupby(views, key=lambda view: view["table"].task)
        ],
        across=[_across_view(across) for across in board.across],
        messages=[*board.messages, *dict.fromkeys(folders.messages)],
        legend_text=LEGEND,
        runs=len(shown),
        described=len(anchors),
        newest=max((record["finished"] for _path, record in found), default="")[:10],
    )


def _anchors(lines: Sequence[Sequence[Line]]) -> dict[int, tuple[int, str]]:
    """The records that get a part of their own -> (number of the table that shows it, name of the part)."""
    places: dict[int, tuple[int, int]] = {}
    for table, group in enumerate(lines, start=1):
        for line in group:
            for turn, record in enumerate((*line.records, *line.holes)):
                places.setdefault(id(record), (turn, table))
    first = sorted(places, key=lambda key: places[key])[:MOST_RUNS]
    return {key: (places[key][1], f"run-{number}") for number, key in enumerate(first, start=1)}


def _table_view(
    number: int, table: BoardTable, lines: Sequence[Line], folders: Folders, anchors: Mapping[int, tuple[int, str]]
) -> dict[str, Any]:
    """Everything that the template shows of a table."""
    links = {
        line.number: [
            (replicate_of(record), record["status"], anchors.get(id(record), (0, ""))[1])
            for record in sorted((*line.records, *line.holes), key=replicate_of)
        ]
        for line in lines
    }
    scored = [line for line in lines if line.row.mean is not None]
    best = next((line for line in scored if line.row.reference), scored[0] if scored else None)
    alike = [line for line in scored if line.row.among_best or not table.answer.best]
    too_few, remarks = _remarks(table)
    runs = list(_runs(number, table, lines, folders, anchors))
    return {
        "number": number,
        "table": table,
        "heading": names.heading(table),
        "data": names.data_name(table),
        "shared": " ".join(names.shared_by_networks(table)),
        "best": best,
        "alike": len(alike) - 1,
        "differs": len(alike) < len(scored),
        "answer": list(map(plain, table.answer.sentences)),
        "leaderboard": parts.leaderboard(table, lines, links),
        "too_few": too_few,
        "notes": remarks,
        "forest": plots.forest_chart(table, lines),
        "costs": plots.cost_charts(table, lines),
        "slices": plots.slice_charts(table, lines, folders),
        "mistakes": mistakes(table, lines),
        "curves": plots.learning_curves(lines),
        "tuning": plots.tuning_curves(lines),
        "attention": attention_maps(lines, folders),
        "shared_pairs": shared_by_networks(runs),
        "runs": len(runs),
        "rows_of_runs": by_row(runs),
    }


def _remarks(table: BoardTable) -> tuple[list[str], list[str]]:
    """Those on too few seeds, and the others."""
    found = notes(table, parts.COLUMNS)
    too_few = [note for note in found if any(words in note for words in UNRANKED)]
    return too_few, [note for note in found if note not in too_few]


def _across_view(across: AcrossTasks) -> dict[str, Any]:
    """The comparison of rows across tables, without what the names of all its rows share."""
    return {
        "title": across_title(across), "ranks": win_lines(across), "chances": chance_lines(across),
        "notes": [*map(plain, across.messages), ACROSS_LEGEND], "tables": len(across.tables),
        "kind": kind_in_words(across.tuned, across.matched), "shared": " ".join(shared_in(across)),
    }  # fmt: skip


def _runs(
    number: int, table: BoardTable, lines: Sequence[Line], folders: Folders, anchors: Mapping[int, tuple[int, str]]
) -> Iterator[dict[str, Any]]:
    for line in lines:
        for record in (*line.records, *line.holes):
            place = anchors.get(id(record))
            if place is not None and place[0] == number:
                sampled = int(place[1].removeprefix("run-")) <= MOST_SAMPLED
                yield run_view(record, line, table, folders, anchor=place[1], sampled=sampled)
