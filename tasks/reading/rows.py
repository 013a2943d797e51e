"""The columns of rows: which a task needs, how they are called, and what texts stand in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tasks.base import Row, Task

Place = Callable[[int], str]
"""The place of a row (from 0) in words: file and line."""


def columns_of(task: Task) -> tuple[str, ...]:
    """The columns that every row must have: the texts, then the label."""
    return (*task.text_columns, task.label_column)


def rename_columns(
    rows: Sequence[dict[str, Any]], columns: Mapping[str, str], *, task: Task, place: Place, option: str
) -> list[Row]:
    """Give the columns the names the task knows; ``columns`` maps a needed name to the name in the data.

    Only what the task needs (and ``external``) is looked at, so one mapping can serve several tasks. Raises
    ValueError if a mapped column does not exist.
    """
    wanted = {new: old for new, old in columns.items() if new in (*columns_of(task), "external") and new != old}
    if not wanted:
        return list(rows)
    for new, old in wanted.items():
        if rows and old not in rows[0]:
            raise ValueError(
                f"{place(0)}: {option} takes {new!r} from a column {old!r}, but found {', '.join(rows[0])}"
            )
    return [row | {new: row.get(old) for new, old in wanted.items()} for row in rows]


def references(row: Row) -> list[str]:
    """The targets of a row: one, or several of which the first is learnt from."""
    target = row["target"]
    return target if isinstance(target, list) else [target]


def text_of(value: str | list[str]) -> str:
    """A text as it stands, tokens with a space between any two."""
    return value if isinstance(value, str) else " ".join(value)
