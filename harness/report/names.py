"""Names and styles of rows: no words that all rows share, and one style for a mechanism in the whole report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from harness.board.names import shared_words
from harness.board.tables import BoardRow, BoardTable
from harness.report.svg import series_class


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


def styles(rows: Sequence[BoardRow], numbers: Mapping[str, int]) -> list[str]:
    """The style of each row's line: the colour of its mechanism, and dashes of its own among rows of the same."""
    return [
        series_class(numbers[row.model], sum(before.model == row.model for before in rows[:n]))
        for n, row in enumerate(rows)
    ]
