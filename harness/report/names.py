"""Names and styles of rows: no words that all rows share, and one style for a mechanism in the whole report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.board.names import shared_words
from harness.board.tables import BoardRow, BoardTable

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#b7609a", "#946c00", "#123c57", "#6b6f76", "#7a5bd0")
"""Of series, on white; the style sheet has others for dark pages."""

DASHES = ((1, 0), (6, 3), (2, 3), (8, 3, 2, 3))


@dataclass(frozen=True)
class Style:
    """How a series is drawn: a colour by its number, and dashes."""

    colour: int
    dash: int


def series_style(number: int, turn: int = 0) -> Style:
    """The style of the series of this number; every other one is dashed, for colours alone do not part them for all.

    ``turn``: of several series of one number, which: they share the colour.
    """
    return Style(number % len(COLOURS), (number % 2 + 2 * (number // len(COLOURS)) + turn) % len(DASHES))


def shared_by_networks(table: BoardTable) -> list[str]:
    """What the labels of a table's networks share; floors have other names."""
    return shared_words(row.label for row in table.rows if not row.floor)


def heading(table: BoardTable) -> str:
    """A table in a few words: ``NER · generated``."""
    return f"{task_name(table.task)} · {data_name(table)}"


def task_name(task: str) -> str:
    """A task as a heading."""
    words = task.replace("_", " ")
    return words.upper() if len(words) <= 3 else words[:1].upper() + words[1:]


def data_name(table: BoardTable) -> str:
    """The data and, where it is a further one, the test set."""
    return table.data + ("" if table.test_set == "test" else f" / {table.test_set}")


def mechanism_numbers(tables: Iterable[BoardTable]) -> dict[str, int]:
    """A number for each mechanism by its name, floors last: its colour is the same whatever the ranks are."""
    found = sorted({(row.floor, row.model) for table in tables for row in table.rows})
    return {name: n for n, (_floor, name) in enumerate(found)}


def styles(rows: Sequence[BoardRow], numbers: Mapping[str, int]) -> list[Style]:
    """The style of each row's line: the colour of its mechanism, and dashes of its own among rows of the same."""
    return [
        series_style(numbers[row.model], sum(before.model == row.model for before in rows[:n]))
        for n, row in enumerate(rows)
    ]
