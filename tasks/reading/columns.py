"""The columns of rows: which a task needs, how they are called, and what texts stand in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from tasks.base import Row, Task
from tasks.reading.normalization import same_name

Place = Callable[[int], str]
"""The place of a row (from 0) in words: file and line."""

MOST_NAMES, MOST_LETTERS = 20, 40
"""So many names of columns are told in a message, and so much of each."""


class Wanted(NamedTuple):
    """The columns of a file that are looked at, by their names there: those every row must have, and others."""

    needed: tuple[str, ...]
    optional: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """Both kinds."""
        return (*self.needed, *self.optional)


def columns_of(task: Task) -> tuple[str, ...]:
    """The columns that every row must have: the texts, then the label."""
    return (*task.text_columns, task.label_column)


def wanted_columns(task: Task, columns: Mapping[str, str], *, others: Iterable[str] = ()) -> Wanted:
    """What a task looks at, and ``others``; ``columns`` maps a needed name to the name in the data."""
    needed = tuple(columns.get(name, name) for name in columns_of(task))
    return Wanted(needed, tuple(columns.get(name, name) for name in (*task.optional_columns, *others)))


def used(row: Row, task: Task) -> Row:
    """The columns of a row that the task looks at; whatever else stands there cannot change a result."""
    return {column: row[column] for column in (*columns_of(task), *task.optional_columns) if column in row}


def rename_columns(
    rows: Sequence[dict[str, Any]], columns: Mapping[str, str], *, task: Task, place: Place, option: str
) -> list[Row]:
    """Give the columns the names the task knows; ``columns`` maps a needed name to the name in the data.

    Only what the task looks at is looked at, so one mapping can serve several tasks. Raises
    ValueError if a mapped column does not exist, and for a mapping that is the other way round.
    """
    _refuse_reversed(rows, columns, task, option)
    wanted = {
        new: old for new, old in columns.items() if new in (*columns_of(task), *task.optional_columns) and new != old
    }
    if not wanted:
        return list(rows)
    for new, old in wanted.items():
        wanted[new] = next((name for name in (rows[0] if rows else ()) if same_name(name, old)), old)
        if rows and wanted[new] not in rows[0]:
            raise ValueError(
                f"{place(0)}: {option} takes {new!r} from a column {old!r}, but found {listed(rows[0])}; "
                "name one of these"
            )
    return [row | {new: row.get(old) for new, old in wanted.items()} for row in rows]


def _refuse_reversed(rows: Sequence[Row], columns: Mapping[str, str], task: Task, option: str) -> None:
    known, there = (*columns_of(task), *task.optional_columns), rows[0] if rows else {}
    turned = {old: new for new, old in columns.items() if new not in known and old in known}
    turned = {name: column for name, column in turned.items() if name not in there and column in there}
    if turned:
        right = ",".join(f"{name}:{column}" for name, column in turned.items())
        raise ValueError(
            f"{option} has names the other way round: expected first the name that the task needs, then that of the "
            f"file; write {option}='{{{right}}}'"
        )


def listed(names: Iterable[Any]) -> str:
    """Names of columns for a message: on one line, however odd, long or many they are."""
    shown = [printable(str(name))[:MOST_LETTERS] for name in names]
    more = f" and {len(shown) - MOST_NAMES} more" if len(shown) > MOST_NAMES else ""
    return ", ".join(shown[:MOST_NAMES]) + more


def printable(text: str) -> str:
    """A text without what would break a line or steer a terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def references(row: Row) -> list[str]:
    """The targets of a row: one, or several of which the first is learnt from."""
    target = row["target"]
    return target if isinstance(target, list) else [target]


def text_of(value: str | list[str]) -> str:
    """A text as it stands, tokens with a space between any two."""
    return value if isinstance(value, str) else " ".join(value)
