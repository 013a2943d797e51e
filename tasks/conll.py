"""Sentences in columns: one token a line, the columns separated by blanks or tabs, an empty line after a sentence.

The format of the CoNLL shared tasks (Tjong Kim Sang & De Meulder 2003, https://aclanthology.org/W03-0419) and of
CoNLL-U (https://universaldependencies.org/format.html). ``datasets`` has a reader too, from its version 5 on, but it
fills missing columns with empty strings; here such a line is an error that is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


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


def read_conll(lines: Iterable[str], *, path: Path, columns: ConllColumns) -> Iterator[tuple[int, dict[str, Any]]]:
    """The sentences ``{"tokens": [...], "tags": [...]}``, each with the number of its first line, from 1.

    Raises ValueError, with file and line, where a line has too few columns.
    """
    tokens: list[str] = []
    tags: list[str] = []
    start = 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            if tokens:
                yield start, {"tokens": tokens, "tags": tags}
                tokens, tags = [], []
            continue
        cells = _cells(line, path=path, number=number, columns=columns)
        if cells is None:
            continue
        start = start if tokens else number
        tokens.append(cells[0])
        tags.append(cells[1])
    if tokens:
        yield start, {"tokens": tokens, "tags": tags}


def _cells(line: str, *, path: Path, number: int, columns: ConllColumns) -> tuple[str, str] | None:
    """Token and tag of a line, or None if the line holds no token."""
    if line.startswith("-DOCSTART-") or (columns.universal and line.startswith("#")):
        return None
    cells = line.rstrip("\r\n").split(columns.separator)
    if columns.universal and not cells[0].isdigit():
        return None
    try:
        return cells[columns.token].strip(), cells[columns.tag].strip()
    except IndexError:
        raise ValueError(
            f"{path}, line {number}: expected a token in column {columns.token} and a tag in column {columns.tag}, "
            f"got {len(cells)} column(s): {line.strip()!r}; correct the line, or set data.token_column, "
            "data.tag_column and data.separator"
        ) from None
