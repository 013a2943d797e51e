"""Sentences in columns: one token a line, the columns separated by blanks or tabs, an empty line after a sentence.

The format of the CoNLL shared tasks (Tjong Kim Sang & De Meulder 2003, https://aclanthology.org/W03-0419) and of
CoNLL-U (https://universaldependencies.org/format.html). ``datasets`` has a reader too, from its version 5 on, but it
fills missing columns with empty strings; here such a line is an error that is named.

Files of the first kind know no comments, yet many hold some. A line that begins with ``#`` is one where it stands
before a sentence and is none of its tokens: it has another number of columns, or a blank after the sign and a tag that
no other line has. A column that counts the lines is none of tokens. What was taken for what is said.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

MOST_TOKENS = 200
"""A file of more tokens is not one sentence."""


@dataclass(frozen=True, kw_only=True)
class ConllColumns:
    """Which column holds what, counted from 0; negative numbers count from the end.

    ``token``: None stands for the first that does not count lines. ``tag``: None where there are no tags.
    ``separator``: what stands between columns; None stands for any run of blanks and tabs.
    ``universal``: CoNLL-U, where lines that begin with ``#`` are comments, and ranges (``1-2``) and empty nodes
    (``1.1``) are no tokens.
    """

    token: int | None
    tag: int | None
    separator: str | None
    universal: bool


class Line(NamedTuple):
    """A line that holds a token, with its number from 1. ``first``: whether a sentence begins with it for sure."""

    number: int
    text: str
    cells: list[str]
    first: bool


def read_conll(
    lines: Iterable[str], *, path: Path, columns: ConllColumns, said: list[str] | None = None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The sentences ``{"tokens": [...], "tags": [...]}``, each with the number of its first line, from 1.

    ``said``: a list to which is added, in words, what was taken for comments and numbers of lines.
    Raises ValueError, with file and line, where a line has too few columns, where token and tag would be the same
    cell, where a line has another number of columns than the others, and for a long file without empty lines.
    """
    told = said if said is not None else []
    found = _without_comments(_lines(lines, columns), columns, path, told)
    width = _width(found)
    for line in found:
        _token_and_tag(line, path=path, columns=columns)
        if len(line.cells) != width:
            other = next(one for one in found if len(one.cells) == width)
            raise _wrong_columns(line, f"{width} columns as in line {other.number}", path)
    found, columns = _without_counter(found, columns, path, told)
    starts = [number for number, line in enumerate(found) if line.first]
    if len(found) > MOST_TOKENS and len(starts) == 1:
        raise ValueError(
            f"{path}: expected an empty line after each sentence, got {len(found)} tokens without any (lines "
            f"{found[0].number} to {found[-1].number}); put empty lines between the sentences"
        )
    for start, end in pairwise([*starts, len(found)]):
        cells = [_token_and_tag(line, path=path, columns=columns) for line in found[start:end]]
        row: dict[str, Any] = {"tokens": [token for token, _ in cells]}
        yield found[start].number, row if columns.tag is None else row | {"tags": [tag for _, tag in cells]}


def _lines(lines: Iterable[str], columns: ConllColumns) -> list[Line]:
    found = []
    first = True
    for number, text in enumerate(lines, start=1):
        if not text.strip() or text.startswith("-DOCSTART-") or (columns.universal and text.startswith("#")):
            first = True
            continue
        cells = _cells(text, columns)
        if not columns.universal or cells[0].isdigit():
            found.append(Line(number, text.strip(), cells, first))
            first = False
    return found


def _cells(text: str, columns: ConllColumns) -> list[str]:
    if columns.separator is None:
        return re.split("[ \t]+", text.strip(" \t\r\n"))  # str.split() would part a token at a no-break space
    return text.rstrip("\r\n").split(columns.separator)


def _width(lines: Sequence[Line]) -> int:
    """The number of columns: that of the first line that can be no comment."""
    tokens = (line for line in lines if not line.text.startswith("#"))
    return next((len(line.cells) for line in (*tokens, *lines[:1])), 0)


def _without_comments(lines: list[Line], columns: ConllColumns, path: Path, said: list[str]) -> list[Line]:
    if columns.universal:
        return lines
    width = _width(lines)
    tags = {
        _cell(line, columns.tag) for line in lines if not line.text.startswith("#") and len(line.cells) == width
    } or {_cell(line, columns.tag) for line in lines}  # a file of nothing but signs
    kept: list[Line] = []
    comments = []
    first = False
    for line in lines:
        first = first or line.first
        other = len(line.cells) != width or (re.match(r"#(\s|$)", line.text) and _cell(line, columns.tag) not in tags)
        if first and line.text.startswith("#") and other:
            comments.append(line.number)
        else:
            kept.append(line._replace(first=first))
            first = False
    if comments:
        said.append(f"{path.name}: {len(comments)} lines from line {comments[0]} on are taken for comments (#)")
    return kept


def _cell(line: Line, column: int | None) -> str | None:
    return line.cells[column] if column is not None and -len(line.cells) <= column < len(line.cells) else None


def _without_counter(
    lines: list[Line], columns: ConllColumns, path: Path, said: list[str]
) -> tuple[list[Line], ConllColumns]:
    """The lines with the sentences that numbers of lines begin anew, and the columns with that of tokens settled."""
    if columns.token is not None:
        return lines, columns
    numbers = [int(line.cells[0]) if line.cells[0].isdecimal() else None for line in lines]
    if not _counts(numbers) or (columns.tag is None and len(lines[0].cells) == 1):
        return lines, replace(columns, token=0)
    if columns.tag is not None and len(lines[0].cells) < 3:
        raise ValueError(
            f"{path}, line {lines[0].number}: expected a token and its tag in each line, got numbers of lines in "
            "column 0 and one more column; add the tokens, or set data.token_column=0 if the numbers are the tokens"
        )
    said.append(f"{path.name}: column 0 counts the lines, so the tokens are taken from column 1 (data.token_column)")
    counted = zip(lines, numbers, strict=True)
    anew = [line._replace(first=line.first or number == numbers[0]) for line, number in counted]
    return anew, replace(columns, token=1)


def _counts(numbers: Sequence[int | None]) -> bool:
    """Whether each number follows on the one before, or on nothing where counting begins anew."""
    steps = Counter(
        "next" if after == (before or 0) + 1 else "anew" if after == numbers[0] else "other"
        for before, after in pairwise(numbers)
    )
    return len(numbers) > 2 and numbers[0] in (0, 1) and not steps["other"] and steps["next"] > steps["anew"]


def _token_and_tag(line: Line, *, path: Path, columns: ConllColumns) -> tuple[str, str | None]:
    """The two cells that are asked for. ValueError if one is missing, or if both are the same."""
    width, asked = len(line.cells), columns.token or 0
    if columns.tag is None:
        if -width <= asked < width:
            return line.cells[asked].strip(), None
        raise _wrong_columns(line, f"a token in column {asked}", path)
    if all(-width <= column < width for column in (asked, columns.tag)):
        token, tag = asked % width, columns.tag % width
        if token != tag:
            return line.cells[token].strip(), line.cells[tag].strip()
    raise _wrong_columns(line, f"a token in column {asked} and, beside it, a tag in column {columns.tag}", path)


def _wrong_columns(line: Line, expected: str, path: Path) -> ValueError:
    remedy = "correct the line, or set data.token_column, data.tag_column and data.separator"
    if line.text.startswith("#"):
        remedy = f"if it is a comment, put it before a sentence, or remove it; else {remedy}"
    return ValueError(
        f"{path}, line {line.number}: expected {expected}, got {len(line.cells)} column(s): {line.text!r}; {remedy}"
    )
