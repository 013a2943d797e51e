"""A board for a terminal: the answer first, then its tables."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from harness.board.across_text import ACROSS_LEGEND, across_title, chance_lines, win_lines
from harness.board.cells import LEFT, LEGEND, PREFERRED, notes, shown_columns, table_lines
from harness.board.overview_text import (
    answer_lines,
    hole_lines,
    overview_legend,
    overview_title,
    score_in_words,
    verdict_in_words,
)
from harness.board.tables import Board, Overview
from harness.records.printable import plain

WIDTH = 120

GAP = "  "

WRAPPED = "settings"
"""The one column that may be wrapped, to between ``NARROW`` and ``WIDE`` characters."""

NARROW, WIDE = 16, 40


def terminal(board: Board, *, all_columns: bool = False, answer: bool = False, width: int = WIDTH) -> str:
    """Overview and answers, then (unless ``answer``) tables; none is wider than ``width`` unless names are, or all
    columns are asked for. What was left out is not repeated.
    """
    parts: list[str] = []
    for overview in board.overviews:
        margins = [table.margin for table in board.tables]
        parts += [overview_title(overview), *_overview(overview, width)]
        parts += [_wrapped(f"  {overview_legend(overview, margins, best='*')}", width)]
        parts += [*(_wrapped(f"  {line}", width) for line in hole_lines(overview)), ""]
    for line in answer_lines(board):
        parts += [_wrapped(line, width), ""]
    if answer:
        return "\n".join(parts).rstrip()
    for table in board.tables:
        lines = table_lines(table)
        columns = shown_columns(lines, all_columns=all_columns)
        if not all_columns:
            columns = _fitting(columns, lines, width)
        parts += [plain(table.title), *_draw(columns, lines, _settings_width(columns, lines, width))]
        parts += [*(_wrapped(f"  {note}", width) for note in notes(table, columns)), ""]
    for across in board.across:
        ranks, chances = win_lines(across), chance_lines(across)
        parts += [_wrapped(across_title(across), width), *_draw(list(ranks[0]), ranks), ""]
        parts += ["the chance that a run of a row beats one of another", *_draw(list(chances[0]), chances)]
        parts += [*(_wrapped(f"  {plain(note)}", width) for note in (*across.messages, ACROSS_LEGEND)), ""]
    return "\n".join([*parts, _wrapped(LEGEND, width)])


class _Column(NamedTuple):
    """A table in the overview: its name in lines, the cells of every row in two lines, and how wide it is."""

    head: list[str]
    cells: list[tuple[str, str]]
    width: int


def _overview(overview: Overview, width: int) -> Iterator[str]:
    """Blocks of as many tables as fit, without the rows that none of them has."""
    names = [_name_lines(f"{row.name} (floor)" if row.floor else row.name) for row in overview.rows]
    room = max(_length(line) for name in names for line in name)
    columns = [_column(overview, n) for n in range(len(overview.tables))]
    while columns:
        block = [columns.pop(0)]
        while columns and room + sum(len(GAP) + column.width for column in (*block, columns[0])) <= width:
            block.append(columns.pop(0))
        for line in range(max(len(column.head) for column in block)):
            heads = [column.head[line] if line < len(column.head) else "" for column in block]
            yield _beside("", room, heads, block)
        yield "─" * (room + sum(len(GAP) + column.width for column in block))
        for n, name in enumerate(names):
            both = [[column.cells[n][line] for column in block] for line in (0, 1)]
            if any(both[0]):
                for line in range(max(len(name), 2 if any(both[1]) else 1)):
                    words = both[line] if line < 2 else [""] * len(block)
                    yield _beside(name[line] if line < len(name) else "", room, words, block)
        yield ""


def _name_lines(name: str) -> list[str]:
    """A name in lines; a word is never cut."""
    return textwrap.wrap(plain(name), WIDE, break_long_words=False, break_on_hyphens=False)


def _column(overview: Overview, place: int) -> _Column:
    head = [plain(part) for part in overview.tables[place].split(" / ")]
    found = [row.cells[place] for row in overview.rows]
    cells = [(score_in_words(cell) + "*" * cell.among_best, verdict_in_words(cell)) for cell in found]
    return _Column(head, cells, max(map(_length, (*head, *(line for cell in cells for line in cell)))))


def _beside(name: str, room: int, words: Sequence[str], block: Sequence[_Column]) -> str:
    padded = (GAP + _padded(word, column.width) for word, column in zip(words, block, strict=True))
    return (_padded(name, room) + "".join(padded)).rstrip()


def _fitting(columns: Sequence[str], lines: Sequence[Mapping[str, str]], width: int) -> list[str]:
    """Those columns that fit, the least telling ones left out first; names, ranks and scores always stay."""
    kept = list(columns)
    for name in reversed(PREFERRED):
        if _table_width(kept, lines) <= width:
            break
        if name in kept and name not in ("rank", "model", "settings", "score"):
            kept.remove(name)
    return kept


def _table_width(columns: Sequence[str], lines: Sequence[Mapping[str, str]]) -> int:
    sizes = {name: max(_length(name), *(_length(line[name]) for line in lines)) for name in columns}
    return sum((min(size, NARROW) if name == WRAPPED else size) + len(GAP) for name, size in sizes.items()) - len(GAP)


def _settings_width(columns: Sequence[str], lines: Sequence[Mapping[str, str]], width: int) -> int:
    """How wide the one column is that may be wrapped: as wide as there is room."""
    if WRAPPED not in columns:
        return WIDE
    others = _table_width([name for name in columns if name != WRAPPED], lines) + len(GAP)
    return max(NARROW, min(WIDE, width - others))


def _draw(columns: Sequence[str], lines: Sequence[Mapping[str, str]], wrapped: int = WIDE) -> Iterator[str]:
    """A table: names of columns, a rule, rows."""
    rows = [
        [textwrap.wrap(line[name], wrapped) or [""] if name == WRAPPED else [line[name]] for name in columns]
        for line in lines
    ]
    sizes = [max(_length(name), *(_length(text) for row in rows for text in row[n])) for n, name in enumerate(columns)]
    sides = [name in LEFT for name in columns]
    yield _row(columns, sizes, sides)
    yield "─" * (sum(sizes) + len(GAP) * (len(sizes) - 1))
    for row in rows:
        for place in range(max(map(len, row))):
            yield _row([cell[place] if place < len(cell) else "" for cell in row], sizes, sides)


def _row(cells: Sequence[str], sizes: Sequence[int], left: Sequence[bool]) -> str:
    both = zip(cells, sizes, left, strict=True)
    return GAP.join(_padded(text, size, right=not side) for text, size, side in both).rstrip()


def _padded(text: str, size: int, *, right: bool = False) -> str:
    blanks = " " * (size - _length(text))
    return blanks + text if right else text + blanks


def _length(text: str) -> int:
    """How many columns of a terminal a text takes; signs of Chinese and the like take two."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _wrapped(text: str, width: int) -> str:
    kept = text.replace(" %", "\0%")  # a line does not end before a sign
    filled = textwrap.fill(kept, width, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
    return filled.replace("\0", " ")
