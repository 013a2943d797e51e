"""Rows of JSON and JSON Lines, as they stand: a string stays a string, whatever it looks like.

By the standard library: readers that guess a type for each column make dates of "2 March 1999", and cannot read a
column whose first values are null. A decimal number is its own text, so that 4.50 is not 4.5.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from io import StringIO
from typing import Any, TextIO


def read_json_lines(lines: TextIO) -> list[dict[str, Any]]:
    """An object a line; blank lines are none. ValueError (`, line 12: …`) for the first line that is no object."""
    return [row for _, row in numbered_json_lines(lines)]


def numbered_json_lines(lines: Iterable[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The same, one after the other, each with the number of its line, from 1."""
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield number, _object(_parsed(line, number), f"line {number}")


def read_json(text: TextIO) -> list[dict[str, Any]]:
    """A list of objects, or one object a line. ValueError (`, line 12: …`, or `, row 3: …`) for what is neither."""
    content = text.read()
    try:
        value = _parsed(content)
    except json.JSONDecodeError as error:
        if error.msg.startswith("Extra data"):
            return read_json_lines(StringIO(content, newline=""))
        raise ValueError(f", line {error.lineno}: not valid JSON ({error.msg} at column {error.colno})") from error
    rows = value if isinstance(value, list) else [value]
    return [_object(row, f"row {number}") for number, row in enumerate(rows, start=1)]


def _parsed(text: str, line: int | None = None) -> Any:
    """The value; ValueError with the ``line``, or, where there is none, as ``json`` raises it."""
    where = "" if line is None else f", line {line}"
    try:
        return json.loads(text, parse_float=str, object_pairs_hook=_object_of)
    except json.JSONDecodeError as error:
        if line is None:
            raise
        raise ValueError(f"{where}: not valid JSON ({error.msg} at column {error.colno})") from error
    except RecursionError:
        raise ValueError(f"{where}: too many brackets inside each other") from None
    except ValueError as error:  # a number of more than 4,300 digits
        raise ValueError(f"{where}: not valid JSON ({error})") from error


class _Twice(dict[str, Any]):
    """An object in which a key stands twice. Inside other values, which no task reads, that does not matter."""

    key = ""


def _object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    twice = _Twice(made)
    twice.key = next(key for number, (key, _value) in enumerate(pairs) if key in dict(pairs[:number]))
    return twice


def _object(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f", {place}: expected a JSON object such as {{...}}, got {type(value).__name__}")
    if isinstance(value, _Twice):
        raise ValueError(f", {place}: expected each key once, got {value.key[:40]!r} twice; take one of the two out")
    return value
