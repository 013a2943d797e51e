"""Sentences in columns: one token a line, the columns separated by blanks or tabs, an empty line after a sentence.

The format of the CoNLL shared tasks (Tjong Kim Sang & De Meulder 2003, https://aclanthology.org/W03-0419) and of
CoNLL-U (https://universaldependencies.org/format.html). ``datasets`` has a reader too, from its version 5 on, but it
fills missing columns with empty strings; here such a line is an error that is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple


@dataclass(frozen=True, kw_only=True)
class ConllColumns:
    """Which column holds what, counted from 0; negative numbers count from the end.

    ``separator``: what stands between columns; None stands for any run of blanks and tabs.
    ``universal``: CoNLL-U, where lines that begin with ``#`` are comments, and ranges (``1-2``) and empty nodes
    (``1.1``) are no tokens.
    """

    token: int
    tag: int
    separator: str | None
    universal: bool


class _Line(NamedTuple):
    """A line that holds a token, with its number from 1."""

    number: int
    text: str
    cells: list[str]


def read_conll(lines: Iterable[str], *, path: Path, columns: ConllColumns) -> Iterator[tuple[int, dict[str, Any]]]:
    """The sentences ``{"tokens": [...], "tags": [...]}``, each with the number of its first line, from 1.

    Raises ValueError, with file and line, where a line has too few columns, where token and tag would be the same
    cell, and where a line has another number of columns than the first one.
    """
    tokens: list[str] = []
    tags: list[str] = []
    start = 0
    first: _Line | None = None
    for number, text in enumerate(lines, start=1):
        if not text.strip():
            if tokens:
                yield start, {"tokens": tokens, "tags": tags}
                tokens, tags = [], []
            continue
        cells = _cells(text, columns)
        if cells is None:
            continue
        line = _Line(number, text.strip(), cells)
        token, tag = _token_and_tag(line, path=path, columns=columns)
        first = _of_one_width(first or line, line, path=path)
        start = start if tokens else number
        tokens.append(token)
        tags.append(tag)
    if tokens:
        yield start, {"tokens": tokens, "tags": tags}


def _cells(text: str, columns: ConllColumns) -> list[str] | None:
    """The columns of a line, or None if the line holds no token."""
    if text.startswith("-DOCSTART-") or (columns.universal and text.startswith("#")):
        return None
    if columns.separator is None:
        cells = re.split("[ \t]+", text.strip(" \t\r\n"))  # str.split() would part a token at a no-break space
    else:
        cells = text.rstrip("\r\n").split(columns.separator)
    return None if columns.universal and not cells[0].isdigit() else cells


def _token_and_tag(line: _Line, *, path: Path, columns: ConllColumns) -> tuple[str, str]:
    """The two cells that are asked for. ValueError if one is missing, or if both are the same."""
    width = len(line.cells)
    if all(-width <= column < width for column in (columns.token, columns.tag)):
        token, tag = columns.token % width, columns.tag % width
        if token != tag:
            return line.cells[token].strip(), line.cells[tag].strip()
    raise _wrong_columns(line, f"a token in column {columns.token} and, beside it, a tag in column {columns.tag}", path)


def _of_one_width(first: _Line, line: _Line, *, path: Path) -> _Line:
    """The line that later ones are measured by; ValueError if ``line`` has another number of columns than ``first``.

    A first line that begins with ``#`` may be a comment. It gives way to the next line of its width; if the next line
    has another, it is the one to blame.
    """
    if len(line.cells) == len(first.cells):
        return line if first.text.startswith("#") else first
    wrong, other = (first, line) if first.text.startswith("#") else (line, first)
    raise _wrong_columns(wrong, f"{len(other.cells)} columns as in line {other.number}", path)


def _wrong_columns(line: _Line, expected: str, path: Path) -> ValueError:
    remedy = "correct the line, or set data.token_column, data.tag_column and data.separator"
    if line.text.startswith("#"):
        remedy = f"if it is a comment, remove it, or name the file .conllu if it is CoNLL-U; else {remedy}"
    return ValueError(
        f"{path}, line {line.number}: expected {expected}, got {len(line.cells)} column(s): {line.text!r}; {remedy}"
    )
