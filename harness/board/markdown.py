"""A board in GitHub's Markdown: the answer first, then its tables."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence

from harness.board.across_text import ACROSS_LEGEND, across_title, chance_lines, win_lines
from harness.board.cells import LEFT, LEGEND, notes, shown_columns, table_lines
from harness.board.overview_text import (
    answer_lines,
    hole_lines,
    overview_legend,
    overview_title,
    score_in_words,
    verdict_in_words,
)
from harness.board.tables import Board, Cell, Overview
from harness.records.printable import plain

MOST_TABLES = 5
"""So many tables stand beside each other in a block of the overview; wider ones have to be scrolled."""


def markdown(board: Board, *, all_columns: bool = False, answer: bool = False) -> str:
    """Overview and answers, then (unless ``answer``) tables."""
    parts = [part for overview in board.overviews for part in _overview(overview, board)]
    parts += _bullets(answer_lines(board))
    if answer:
        return "\n".join(parts).rstrip()
    for table in board.tables:
        lines = table_lines(table)
        columns = shown_columns(lines, all_columns=all_columns)
        parts += [f"### {_safe(table.title)}", "", *_table(columns, lines), "", *_bullets(notes(table, columns))]
    for across in board.across:
        ranks, chances = win_lines(across), chance_lines(across)
        parts += [f"### {_safe(across_title(across))}", "", *_table(list(ranks[0]), ranks), ""]
        parts += [*_table(list(chances[0]), chances), "", *_bullets([*across.messages, ACROSS_LEGEND])]
    return "\n".join([*parts, LEGEND, "", *_bullets(f"left out: {message}" for message in board.messages)]).rstrip()


def _overview(overview: Overview, board: Board) -> list[str]:
    title = overview_title(overview)
    parts = [f"### {_safe(title[:1].upper() + title[1:])}", ""]
    for start in range(0, len(overview.tables), MOST_TABLES):
        stop = start + MOST_TABLES
        heads = ["", *(_safe(table) for table in overview.tables[start:stop])]
        parts += [_line(heads), _line(["---" for _ in heads])]
        for row in overview.rows:
            if not any(map(score_in_words, row.cells[start:stop])):
                continue
            name = f"{row.name} (floor)" if row.floor else row.name
            parts.append(_line([_safe(name), *map(_cell, row.cells[start:stop])]))
        parts.append("")
    parts += [_safe(overview_legend(overview, [table.margin for table in board.tables], best="bold")), ""]
    return [*parts, *_bullets(hole_lines(overview))]


def _cell(cell: Cell) -> str:
    score, verdict = _safe(score_in_words(cell)), _safe(verdict_in_words(cell))
    return (f"**{score}**" if cell.among_best else score) + (f"<br>{verdict}" if verdict else "")


def _table(columns: Iterable[str], lines: Sequence[Mapping[str, str]]) -> list[str]:
    columns = list(columns)
    rule = ["---" if name in LEFT else "--:" for name in columns]
    return [_line(columns), _line(rule), *(_line([_safe(line[name]) for name in columns]) for line in lines)]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _bullets(lines: Iterable[str]) -> list[str]:
    written = [f"- {_safe(plain(line))}" for line in lines]
    return [*written, ""] if written else []


def _safe(text: str) -> str:
    return html.escape(text, quote=False).replace("|", "\\|")
