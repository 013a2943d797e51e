"""Rows of CSV and TSV: every cell is text, so that a text "NA" and a label "01" stay what they are.

Cells of CSV may be quoted. TSV is read without quoting, as GLUE and most others write it: a quote is a character of the
text, even where a cell begins and ends with one, and no cell holds a tab or a line break.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, Literal, TextIO

from tasks.reading.separators import sign_of

SEPARATORS = (",", ";", "\t", "|")
"""What parts the cells of CSV, where it is not said: the one that cuts the first rows alike, into the most cells."""

LOOKED_AT = 20
"""So many rows tell the separator."""

Cells = tuple[int, list[str]]
"""The number of the first line of a row, from 1, and its cells."""


def checked_separator(given: Any) -> str | None:
    """The separator that an option names; None: not said. Raises ValueError for what is more than one character."""
    if given is None:
        return None
    separator = sign_of(given)
    if not isinstance(separator, str) or len(separator) != 1 or separator in '"\r\n':
        raise ValueError(f"expected data.separator as one character, or tab, comma, semicolon or bar, got {given!r}")
    return separator


def read_csv(text: TextIO, *, separator: str | None, tabs: bool, said: list[str]) -> list[dict[str, Any]]:
    """The rows; columns without a name (pandas writes one) are left out. ``tabs``: whether it is TSV.

    ``said``: a list to which is added, in words, what was decided. ValueError (`, line 12: …`) for names that two
    columns share, and for the first row of another width than the header.
    """
    return [row for _, row in numbered_csv_rows(text, separator=separator, tabs=tabs, said=said)]


def numbered_csv_rows(
    text: TextIO, *, separator: str | None, tabs: bool, said: list[str]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The same, one after the other, each with the number of its first line, from 1."""
    used = separator or _separator_of(text, tabs=tabs)
    if used not in (separator, "," if not tabs else "\t"):
        said.append(f"cells are parted by {used!r} (data.separator)")
    hint = " (in TSV quotes are text; cells with tabs or line breaks need .csv or .jsonl)" if tabs else ""
    rows = _cells(text, used, tabs=tabs)
    first, header = next(rows, (1, []))
    names = checked_names(header, place=f", line {first}")
    for line, cells in rows:
        if len(cells) != len(names):
            raise ValueError(
                f", line {line}: expected {len(names)} columns as in the first line, got {len(cells)}{hint}"
            )
        yield line, {name: cell for name, cell in zip(names, cells, strict=True) if name}


def csv_starts(text: TextIO, *, separator: str | None, tabs: bool) -> Iterator[int]:
    """The number of the line, from 1, where each row begins."""
    used = separator or _separator_of(text, tabs=tabs)
    yield from (number for number, _ in islice(_cells(text, used, tabs=tabs), 1, None))


def checked_names(header: Sequence[str], *, place: str) -> list[str]:
    """The names of columns, without blanks around them. ValueError for one that two columns have."""
    names = [name.strip() for name in header]
    for number, name in enumerate(names, start=1):
        if name and name in names[: number - 1]:
            raise ValueError(
                f"{place}: expected a name of its own for each column, got {name!r} for the columns "
                f"{names.index(name) + 1} and {number}; rename one of them"
            )
    return names


def _separator_of(text: TextIO, *, tabs: bool) -> str:
    """The separator of a file, which is at its beginning again afterwards."""
    if tabs:
        return "\t"
    merits = {}
    for separator in SEPARATORS:
        widths: list[int] = []
        unbroken = False
        with suppress(ValueError):
            for _, cells in islice(_cells(text, separator, tabs=False), LOOKED_AT):
                widths.append(len(cells))
            unbroken = True
        merits[separator] = (unbroken and len(set(widths)) == 1 and widths[0] > 1, max(widths, default=0))
        text.seek(0)
    return max(SEPARATORS, key=lambda separator: merits[separator])


def _cells(lines: TextIO, separator: str, *, tabs: bool) -> Iterator[Cells]:
    """Every row that is not blank, the header first. ValueError for quotes that are not closed, or closed too soon."""
    csv.field_size_limit(2**31 - 1)  # else a text of more than 131,072 characters is an error
    quoting: Literal[0, 3] = csv.QUOTE_NONE if tabs else csv.QUOTE_MINIMAL
    reader = csv.reader(lines, delimiter=separator, quoting=quoting, strict=True)
    start = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise ValueError(f', line {start}: {_refused(error)}; write quotes within quotes twice ("")') from error
        # a line of blanks is no row, but quotes with nothing between them are; Excel may say its separator in a line
        blank = len(cells) <= 1 and cells != [""] and not "".join(cells).strip(" \t")
        if not blank and not (start == 1 and "".join(cells).startswith("sep=") and len("".join(cells)) <= 5):
            yield start, cells
        start = reader.line_num + 1


def _refused(error: csv.Error) -> str:
    """What is wrong with a row, where the ``csv`` of Python says it in the terms of a parser."""
    words = str(error)
    if words == "unexpected end of data":
        return "a quote that opens a cell in this row is never closed"
    if words.endswith("""expected after '"'"""):
        return "in this row a cell goes on after the quote that closes it"
    return words
