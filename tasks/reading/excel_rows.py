"""Rows of a spreadsheet (.xlsx): the first sheet, its first row the names of columns, every cell as text.

A number is written as it is stored (a decimal point whatever Excel shows), a date as 1999-03-02, an empty cell as
nothing. Formulas count as what they came to when the file was saved; nothing is computed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from tasks.reading.csv_rows import Cells, checked_names


def read_excel(path: Path, said: list[str]) -> list[dict[str, Any]]:
    """The rows. ValueError (`, row 12: …`) for names that two columns share, and (`: …`) for what is no spreadsheet.

    ``said``: a list to which is added, in words, which of several sheets is read.
    """
    rows = _cells(path, said)
    first, header = next(rows, (1, []))
    names = checked_names(header, place=f", row {first}")
    found = []
    for number, cells in rows:
        if any(cells[len(names) :]):
            raise ValueError(f", row {number}: expected {len(names)} columns as in row {first}, got {len(cells)}")
        cells += [""] * (len(names) - len(cells))
        found.append({name: cell for name, cell in zip(names, cells, strict=False) if name})
    return found


def excel_starts(path: Path) -> Iterator[int]:
    """The number of each row in the sheet, from 1, without the first."""
    rows = _cells(path, [])
    next(rows, None)
    yield from (number for number, _ in rows)


def _cells(path: Path, said: list[str]) -> Iterator[Cells]:
    """Every row that is not empty, with its number."""
    try:
        from openpyxl import load_workbook
    except ModuleNotFoundError as error:
        raise ValueError(
            f"{path}: reading .xlsx needs openpyxl, which is not installed; install it (pip install openpyxl "
            "defusedxml), or save the sheet as .csv"
        ) from error
    try:
        with path.open("rb") as file:  # openpyxl leaves one open that it cannot read
            book = load_workbook(file, read_only=True, data_only=True)
            titles = [sheet.title for sheet in book.worksheets]
            values = list(book.worksheets[0].iter_rows(values_only=True))
    except Exception as error:  # openpyxl raises whatever a damaged part leads to
        raise ValueError(
            f"{path}: expected a spreadsheet, got what cannot be read ({type(error).__name__}: {str(error)[:100]}); "
            "save it anew as .xlsx or .csv"
        ) from error
    if len(titles) > 1:
        said.append(f"of {len(titles)} sheets the first, {titles[0]!r}, is read")
    for number, row in enumerate(values, start=1):
        cells = [_text(value) for value in row]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            yield number, cells


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
