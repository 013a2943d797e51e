"""Reading one file of rows, whatever its format, and naming the line where it cannot be read.

Nothing is guessed and nothing is kept: cells of tables are text, values of JSON are what they are, and each run reads
its files anew. Positions are found again only when a message needs them, so reading stays fast.

Cells of CSV may be quoted. TSV is read without quoting, as GLUE and most others write it: a quote is a character of the
text, even where a cell begins and ends with one, and no cell holds a tab or a line break.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TextIO, cast

from tasks.reading.columns import Wanted
from tasks.reading.conll import ConllColumns, read_conll
from tasks.reading.json_rows import read_json, read_json_lines
from tasks.reading.parquet_rows import read_parquet

FORMATS = {
    ".jsonl": "json lines",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".conll": "conll",
    ".conllu": "conll",
    ".bio": "conll",
    ".txt": "conll",
}
"""The format by the file's suffix; ``.gz`` may follow every suffix but ``.parquet``."""


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


def read_rows(
    path: Path, *, conll: ConllColumns, wanted: Wanted, said: list[str] | None = None
) -> list[dict[str, Any]]:
    """All rows of a file, in order. Each has every ``wanted`` column that any row has, if only with None.

    ``said``: a list to which is added, in words, what was decided on the way.

    Raises ValueError if there is no such file, if its format is unknown, if it holds no rows, or if it is broken (rows
    of CSV and TSV that are wider or narrower than the header are); the message names the line wherever lines exist.
    """
    kind = format_of(path)
    if not path.is_file():
        raise ValueError(f"expected a file at {path}, found none; {listing(path.parent)}")
    if kind is None:
        raise ValueError(f"expected a file that ends in {', '.join(FORMATS)} (or these with .gz), got {path.name}")
    if kind == "conll":
        with open_text(path) as lines:
            rows = [row for _, row in read_conll(lines, path=path, columns=conll, said=said)]
    else:
        rows = _read_table(path, kind, wanted)
    if not rows:
        raise ValueError(f"expected rows in {path}, got an empty file; write it again")
    empty = dict.fromkeys(column for column in wanted.all if any(column in row for row in rows))
    return [row if empty.keys() <= row.keys() else empty | row for row in rows]


def line_of(path: Path, row: int, *, conll: ConllColumns) -> str:
    """Where a row (from 0) stands in its file, for messages: ``line 12``, or ``row 12`` where lines do not tell."""
    kind = format_of(path)
    line: int | None = None
    if kind in ("json lines", "csv", "conll"):
        with open_text(path) as lines:
            line = next(islice(_row_starts(lines, path, kind, conll), row, None), None)
    return f"row {row + 1}" if line is None else f"line {line}"


def listing(folder: Path) -> str:
    """What a folder holds, in words, for messages."""
    if not folder.is_dir():
        return f"there is no folder {folder}"
    names = sorted(path.name for path in folder.iterdir())
    shown = ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
    return f"{folder} holds {shown or 'nothing'}"


def open_text(path: Path) -> TextIO:
    """The file as UTF-8 text (a byte order mark is skipped), decompressed if its name ends in ``.gz``."""
    if path.suffix == ".gz":
        return cast(TextIO, gzip.open(path, "rt", encoding="utf-8-sig", newline=""))
    return path.open(encoding="utf-8-sig", newline="")


def _read_table(path: Path, kind: str, wanted: Wanted) -> list[dict[str, Any]]:
    """Nothing is kept between reads: a cache that goes by path and time gives old rows for a file that was replaced."""
    try:
        if kind == "parquet":
            return read_parquet(path, wanted)
        with open_text(path) as text:
            if kind == "csv":
                return _read_csv(text, path)
            return read_json_lines(text) if kind == "json lines" else read_json(text)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from error
    except (OSError, EOFError, zlib.error, csv.Error) as error:
        raise ValueError(f"{path}: {error}; correct the file") from error
    except ValueError as error:  # these begin with the place
        raise ValueError(f"{path}{error}; correct the file") from error


def _read_csv(text: TextIO, path: Path) -> list[dict[str, Any]]:
    """Every cell is text, so that a text "NA" and a label "01" stay what they are.

    ValueError (`, line 12: …`) for the first row of another width than the header.
    """
    _, quoting = _csv_dialect(path)
    hint = " (in TSV quotes are text; cells with tabs or line breaks need .csv or .jsonl)" if quoting else ""
    rows = _csv_rows(text, path)
    _, header = next(rows, (0, []))
    found = []
    for line, cells in rows:
        if len(cells) != len(header):
            raise ValueError(
                f", line {line}: expected {len(header)} columns as in the first line, got {len(cells)}{hint}"
            )
        found.append(dict(zip(header, cells, strict=True)))
    return found


def _csv_dialect(path: Path) -> tuple[str, Literal[0, 3]]:
    """What stands between cells, and whether they may be quoted."""
    return ("\t", csv.QUOTE_NONE) if _suffix(path) == ".tsv" else (",", csv.QUOTE_MINIMAL)


def _csv_rows(lines: TextIO, path: Path) -> Iterator[tuple[int, list[str]]]:
    """The cells of every row that is not blank, the header first, with the number of its first line, from 1."""
    csv.field_size_limit(2**31 - 1)  # else a text of more than 131,072 characters, which datasets reads, is an error
    separator, quoting = _csv_dialect(path)
    reader = csv.reader(lines, delimiter=separator, quoting=quoting)
    start = 1
    for cells in reader:
        # as in datasets, a line of blanks is no row, but quotes with nothing between them are
        if len(cells) > 1 or cells == [""] or "".join(cells).strip(" \t"):
            yield start, cells
        start = reader.line_num + 1


def _row_starts(lines: TextIO, path: Path, kind: str, conll: ConllColumns) -> Iterator[int]:
    """The number of the line, from 1, where each row begins."""
    if kind == "json lines":
        yield from (number for number, line in enumerate(lines, start=1) if line.strip())
    elif kind == "conll":
        yield from (number for number, _ in read_conll(lines, path=path, columns=conll))
    else:
        yield from (number for number, _ in islice(_csv_rows(lines, path), 1, None))


def _suffix(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes[-1:] == [".gz"]:
        suffixes.pop()
        if suffixes[-1:] == [".parquet"]:
            return ""
    return suffixes[-1] if suffixes else ""


def _full_suffix(path: Path) -> str:
    return "".join(path.suffixes[-2:]) if path.suffix == ".gz" else path.suffix
