"""Reading one file of rows, whatever its format, and naming the line where it cannot be read.

Nothing is guessed and nothing is kept: cells of tables are text, values of JSON are what they are, and each run reads
its files anew. Positions are found again only when a message needs them, so reading stays fast.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from tasks.reading.columns import Wanted
from tasks.reading.conll import ConllColumns, read_conll
from tasks.reading.csv_rows import csv_starts, numbered_csv_rows, read_csv
from tasks.reading.excel_rows import excel_starts, read_excel
from tasks.reading.json_rows import numbered_json_lines, read_json, read_json_lines
from tasks.reading.parquet_rows import read_parquet
from tasks.reading.text_files import open_text, undecodable

FORMATS = {
    ".jsonl": "json lines",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "csv",
    ".xlsx": "excel",
    ".parquet": "parquet",
    ".conll": "conll",
    ".conllu": "conll",
    ".bio": "conll",
    ".txt": "conll",
}
"""The format by the file's suffix; ``.gz`` may follow every suffix but ``.parquet`` and ``.xlsx``."""

WITHOUT_ROWS = {"excel": "no row below the first", "parquet": "columns without rows"}
"""What a file without rows holds, of formats that are no text."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How files are to be read, where their names do not say it.

    ``conll``: the columns of CoNLL files. ``separator``: of CSV and TSV; None: tabs in TSV, and in CSV what the first
    rows show. ``encoding``: of texts; None: UTF-8, or what a byte order mark says.
    """

    conll: ConllColumns
    separator: str | None
    encoding: str | None


def layout_of(
    path: Path, *, token_column: int | None, tag_column: int | None, separator: str | None, encoding: str | None
) -> Layout:
    """How a file is read: as it is asked for, and where nothing is, as files of its name usually are."""
    universal = ".conllu" in path.suffixes
    conll = ConllColumns(
        token=token_column if token_column is not None or not universal else 1,
        tag=tag_column if tag_column is not None else (3 if universal else -1),
        separator=separator if separator is not None or not universal else "\t",
        universal=universal,
    )
    return Layout(conll=conll, separator=separator, encoding=encoding)


def format_of(path: Path) -> str | None:
    """The format of a file by its name, or None if it is not one of ``FORMATS``."""
    return FORMATS.get(_suffix(path))


def find_split(folder: Path, split: str) -> Path | None:
    """The file of a split in ``folder``, or None. ValueError if several files could be it."""
    found = sorted(
        path for path in folder.glob(f"{split}.*") if format_of(path) and path.name == split + _full_suffix(path)
    )
    if len(found) > 1:
        raise ValueError(
            f"expected one file for the split {split!r} in {folder}, got {', '.join(path.name for path in found)}; "
            "remove all but one, or name the file"
        )
    return found[0] if found else None


def read_rows(path: Path, *, layout: Layout, wanted: Wanted, said: list[str] | None = None) -> list[dict[str, Any]]:
    """All rows of a file, in order. Each has every ``wanted`` column that any row has, if only with None.

    ``said``: a list to which is added, in words, what was decided on the way.

    Raises ValueError if there is no such file, if its format is unknown, if it holds no rows, or if it is broken (rows
    of CSV and TSV that are wider or narrower than the header are); the message names the line wherever lines exist.
    """
    kind = checked_format(path)
    told: list[str] = []
    with naming(path):
        if kind == "conll":
            with open_text(path, layout.encoding) as lines:
                rows = [row for _, row in read_conll(lines, path=path, columns=layout.conll, said=told)]
        else:
            rows = _read_table(path, kind, layout, wanted, told)
    if not rows:
        raise ValueError(f"expected rows in {path}, got {_instead_of_rows(path, kind, layout)}")
    if said is not None:
        said += (words if words.startswith(path.name) else f"{path.name}: {words}" for words in told)
    empty = dict.fromkeys(column for column in wanted.all if any(column in row for row in rows))
    return [row if empty.keys() <= row.keys() else empty | row for row in rows]


def stream_rows(path: Path, *, layout: Layout, wanted: Wanted) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rows of a file, one after the other, each with its place in words; no memory is taken for the rows before.

    So it is of JSON Lines, CSV and TSV; files of other formats are read whole first. Raises ValueError as
    ``read_rows`` does, but not for a file without rows, and columns are not filled in.
    """
    kind = checked_format(path)
    if kind not in ("json lines", "csv"):
        rows = read_rows(path, layout=layout, wanted=wanted)
        starts = list(_row_starts(path, kind, layout))
        unit = "line" if starts and kind != "excel" else "row"
        numbers = starts or list(range(1, len(rows) + 1))
        yield from ((f"{path}, {unit} {number}", row) for number, row in zip(numbers, rows, strict=True))
        return
    with naming(path), open_text(path, layout.encoding) as text:
        numbered = (
            numbered_json_lines(text)
            if kind == "json lines"
            else numbered_csv_rows(text, separator=layout.separator, tabs=_suffix(path) == ".tsv", said=[])
        )
        yield from ((f"{path}, line {number}", row) for number, row in numbered)


def checked_format(path: Path) -> str:
    """The format of a file that is there, and known."""
    kind = format_of(path)
    if not path.is_file():
        raise ValueError(f"expected a file at {path}, found none; {listing(path.parent)}")
    if kind is None:
        raise ValueError(f"expected a file that ends in {', '.join(FORMATS)} (or these with .gz), got {path.name}")
    return kind


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Whatever goes wrong in reading a file becomes a ValueError that names the file, the place and the remedy."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise ValueError(undecodable(path, error)) from error
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: {error}; correct the file") from error
    except ValueError as error:  # these begin with the place
        raise error if str(error).startswith(str(path)) else ValueError(f"{path}{error}; correct the file") from error


def line_of(path: Path, row: int, *, layout: Layout) -> str:
    """Where a row (from 0) stands in its file, for messages: ``line 12``, or ``row 12`` where lines do not tell."""
    kind = format_of(path)
    place = next(islice(_row_starts(path, kind, layout), row, None), None) if kind is not None else None
    return f"row {row + 1 if place is None else place}" if place is None or kind == "excel" else f"line {place}"


def listing(folder: Path) -> str:
    """What a folder holds, in words, for messages."""
    if not folder.is_dir():
        return f"there is no folder {folder}"
    names = sorted(path.name for path in folder.iterdir())
    shown = ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
    return f"{folder} holds {shown or 'nothing'}"


def _read_table(path: Path, kind: str, layout: Layout, wanted: Wanted, said: list[str]) -> list[dict[str, Any]]:
    """Nothing is kept between reads: a cache that goes by path and time gives old rows for a file that was replaced."""
    if kind == "parquet":
        return read_parquet(path, wanted)
    if kind == "excel":
        return read_excel(path, said)
    with open_text(path, layout.encoding) as text:
        if kind == "csv":
            return read_csv(text, separator=layout.separator, tabs=_suffix(path) == ".tsv", said=said)
        return read_json_lines(text) if kind == "json lines" else read_json(text)


def _instead_of_rows(path: Path, kind: str, layout: Layout) -> str:
    """What a file without rows holds, in words, with the remedy."""
    if kind in WITHOUT_ROWS:
        return f"{WITHOUT_ROWS[kind]}; add rows"
    with open_text(path, layout.encoding) as text:
        blank = not any(line.strip() for line in text)
    if blank:
        return "an empty file; write it again"
    return "a header and no rows below it; add rows" if kind == "csv" else "none; add rows"


def _row_starts(path: Path, kind: str, layout: Layout) -> Iterator[int]:
    """The number of the line, from 1, where each row begins; of spreadsheets that of the row."""
    if kind == "excel":
        yield from excel_starts(path)
    if kind not in ("json lines", "conll", "csv"):
        return
    with open_text(path, layout.encoding) as lines:
        if kind == "json lines":
            yield from (number for number, line in enumerate(lines, start=1) if line.strip())
        elif kind == "conll":
            yield from (number for number, _ in read_conll(lines, path=path, columns=layout.conll))
        else:
            yield from csv_starts(lines, separator=layout.separator, tabs=_suffix(path) == ".tsv")


def _suffix(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes[-1:] == [".gz"]:
        suffixes.pop()
        if suffixes[-1:] in ([".parquet"], [".xlsx"]):
            return ""
    return suffixes[-1] if suffixes else ""


def _full_suffix(path: Path) -> str:
    return "".join(path.suffixes[-2:]) if path.suffix == ".gz" else path.suffix
