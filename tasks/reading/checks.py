"""Checking rows: has each what its task needs, in the right type?"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from tasks.base import Row, Task
from tasks.reading.columns import Place, columns_of, listed, printable, used

HALF = re.compile("[\ud800-\udfff]")
"""Halves of characters beyond the first 65,536, of which only a pair is a character."""


def check_rows(rows: Sequence[Row], *, task: Task, place: Place) -> list[Row]:
    """The rows as the task uses them; ValueError, with the place, for the first one that lacks what ``task`` needs.

    Texts are strings, or lists of tokens; both must hold something. ``Task.label_problem`` says what a label must be.
    Numbers are written out (1 and "1" are one label). What only the task knows is left to ``Task.checking``.
    """
    checked = []
    check = task.checking(rows)
    for index, row in enumerate(rows):
        row = _with_numbers_written(row, task)
        problem = _problem(row, task)
        if problem:
            raise ValueError(f"{place(index)}: {problem}")
        label = row[task.label_column]
        named = {**row, task.label_column: str(label)} if isinstance(label, bool) else row
        try:
            checked.append(check(named))
        except ValueError as error:
            raise ValueError(f"{place(index)}: {error}") from error
    return checked


def check_texts(rows: Sequence[Row], *, task: Task, place: Place) -> list[Row]:
    """The same of rows whose label is to be found: they have their texts, and an external one where there is one."""
    checked: list[Row] = []
    for index, row in enumerate(rows):
        texts = {column: row[column] for column in (*task.text_columns, "external") if column in row}
        texts = dict(_with_numbers_written(texts, task))
        problem = _texts_problem(texts, task, task.text_columns) or _half_character(texts, task)
        if problem:
            raise ValueError(f"{place(index)}: {problem}")
        checked.append(texts)
    return checked


def _with_numbers_written(row: Row, task: Task) -> Row:
    """The row with text for numbers, also inside lists of tokens."""
    written: dict[str, Any] = {}
    for column in (*task.text_columns, "external"):
        value = row.get(column)
        if isinstance(value, list) and not all(isinstance(token, str) for token in value):
            written[column] = [str(token) if _is_number(token) else token for token in value]
        elif _is_number(value):
            written[column] = str(value)
    if _is_number(row.get(task.label_column)):
        written[task.label_column] = str(row[task.label_column])
    return {**row, **written} if written else row


def _is_number(value: Any) -> bool:
    """Whether it is a number that can be written; not a number is what tables have where a value is missing."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _problem(row: Row, task: Task) -> str | None:
    """What is wrong with a row, and the remedy; None if nothing."""
    return _texts_problem(row, task, columns_of(task)) or task.label_problem(row) or _half_character(row, task)


def _texts_problem(row: Row, task: Task, needed: Sequence[str]) -> str | None:
    """What is wrong with the texts of a row, or which ``needed`` column it lacks."""
    for column in needed:
        if column not in row:
            return (
                f"expected a column {column!r} for the task {task.name!r}, found {listed(row)}; "
                f"rename it in the file, or set data.columns={{{column}: <column of the file>}}"
            )
    for column in (*task.text_columns, *(["external"] if row.get("external") is not None else [])):
        if problem := _text_problem(column, row[column], tokens_only=task.tokenized and column != "external"):
            return problem
    return None


def _text_problem(column: str, value: Any, *, tokens_only: bool) -> str | None:
    if isinstance(value, str) and not tokens_only:
        return None if value.strip() else f"the column {column!r} is empty; remove the row or add its text"
    if not isinstance(value, list) or not all(isinstance(token, str) for token in value):
        return _wrong_type(column, "a list of tokens" if tokens_only else "a text", value)
    if not value:
        return f"the column {column!r} holds no tokens; remove the row or add them"
    if not all(token.strip() for token in value):
        position = next(number for number, token in enumerate(value, start=1) if not token.strip())
        return f"token {position} of {column!r} is blank; remove it together with its tag"
    return None


def _half_character(row: Row, task: Task) -> str | None:
    """What is wrong with a text that no file can hold: half of a character, which JSON can spell."""
    for column, value in used(row, task).items():
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and not text.isascii() and (half := HALF.search(text)):
                shown = half[0].encode("unicode_escape").decode()
                return f"the column {column!r} holds half a character ({shown} at place {half.start() + 1}); correct it"
    return None


def name_problem(column: str, label: Any) -> str | None:
    """What is wrong with a label that is to be a name or a truth value (numbers are written out); None if nothing."""
    if isinstance(label, str | bool) and label != "":
        return None
    return _wrong_type(column, "a label (text or a number)", label)


def tags_problem(column: str, tags: Any, of_column: str, tokens: Sequence[str]) -> str | None:
    """What is wrong with tags that are to be as many as the ``tokens`` of ``of_column``; None if nothing."""
    if not isinstance(tags, list) or not all(isinstance(tag, str) and tag for tag in tags):
        numbers = isinstance(tags, list) and any(isinstance(tag, int) for tag in tags)
        remedy = ", or name them by data.tag_names=[O,B-PER,…]" if numbers else ""
        return f"{_wrong_type(column, 'a list of tags', tags)}{remedy}"
    if len(tokens) != len(tags):
        return (
            f"expected as many {column!r} as {of_column!r}, got {len(tags)} and {len(tokens)}; "
            "every token needs one tag"
        )
    return None


def texts_problem(column: str, value: Any) -> str | None:
    """What is wrong with a text to be written, or several of which any is right; None if nothing."""
    texts = value if isinstance(value, list) else [value]
    if not texts or not all(isinstance(text, str) for text in texts):
        return _wrong_type(column, "a text or a list of texts", value)
    if not all(text.strip() for text in texts):
        return f"the column {column!r} holds an empty text; remove the row or add the text"
    return None


def _wrong_type(column: str, expected: str, value: Any) -> str:
    if value is None:
        return f"the column {column!r} is missing in this row; expected {expected}; add it or remove the row"
    kind = type(value).__name__
    if isinstance(value, list):
        inner = sorted({type(item).__name__ for item in value})
        kind = f"a list of {' and '.join(inner)}" if inner else "an empty list"
    return f"expected {expected} in the column {column!r}, got {kind} ({printable(str(value)[:60])}); correct the row"
