"""Reading one file of rows, whatever its format, and naming the line where it cannot be read.

JSON Lines, JSON, CSV, TSV and Parquet are read by Hugging Face ``datasets``; columns of the CoNLL kind by
``tasks.reading.conll``. Positions are found again only when a message needs them, so reading stays fast.

Cells of CSV may be quoted. TSV is read without quoting, as GLUE and most others write it: a quote is a character of the
text, even where a cell begins and ends with one, and no cell holds a tab or a line break.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TextIO, cast

from tasks.reading.conll import ConllColumns, read_conll

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


def read_rows(path: Path, *, conll: ConllColumns) -> list[dict[str, Any]]:
    """All rows of a file, in order.

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
            rows = [row for _, row in read_conll(lines, path=path, columns=conll)]
    else:
        rows = _read_table(path, kind)
    if not rows:
        raise ValueError(f"expected rows in {path}, got an empty file; write it again")
    return rows


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


@contextmanager
def quiet_datasets() -> Iterator[None]:
    """Without the progress bars of ``datasets``, which are noise for files that are read in a second."""
    from datasets.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    before = are_progress_bars_disabled()
    disable_progress_bars()
    try:
        yield
    finally:
        if not before:
            enable_progress_bars()


def rows_of_dataset(dataset: Any) -> list[dict[str, Any]]:
    """The rows of a ``datasets.Dataset``, with the numbers of ``ClassLabel`` features replaced by their names."""
    rows: list[dict[str, Any]] = dataset.to_list()
    for column, feature in dataset.features.items():
        names = getattr(feature, "names", None) or getattr(getattr(feature, "feature", None), "names", None)
        if names:
            for row in rows:
                row[column] = _label_names(row[column], names)
    return rows


def _label_names(value: Any, names: list[str]) -> Any:
    """The name of a label number, or of each; numbers outside the names (-1: unlabelled) become None."""
    if isinstance(value, list):
        return [_label_names(item, names) for item in value]
    return names[value] if isinstance(value, int) and 0 <= value < len(names) else None


def _read_table(path: Path, kind: str) -> list[dict[str, Any]]:
    from datasets import load_dataset
    from datasets.exceptions import DatasetsError

    if path.stat().st_size == 0 or (kind != "parquet" and _has_no_rows(path, kind)):
        return []
    if kind == "csv" and (problem := _broken_place(path, kind)):
        raise ValueError(f"{path}{problem}; correct the file")
    builder = {"json lines": "json"}.get(kind, kind)
    with quiet_datasets():
        try:
            options = _csv_options(path) if kind == "csv" else {}
            return rows_of_dataset(load_dataset(builder, data_files={"rows": str(path)}, split="rows", **options))
        except PermissionError as error:
            raise ValueError(
                f"cannot write the cache of Hugging Face datasets at {error.filename}; "
                "set the environment variable HF_HOME to a folder that can be written"
            ) from error
        except (DatasetsError, OSError, EOFError, ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{path}{_broken_place(path, kind)}: {_first_line(error)}; correct the file") from error


def _csv_options(path: Path) -> dict[str, Any]:
    """Every column is text, so that a text "NA" and a label "01" stay what they are."""
    from datasets import Features, Value

    with open_text(path) as lines:
        _, header = next(_csv_rows(lines, path))
    features = Features({column: Value("string") for column in header})
    separator, quoting = _csv_dialect(path)
    return {"sep": separator, "quoting": quoting, "keep_default_na": False, "features": features}


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


def _broken_place(path: Path, kind: str) -> str:
    """`, line 12: what is wrong there`, as far as it can be found."""
    try:
        with open_text(path) as text:
            if kind == "json lines":
                return _broken_json_line(text)
            if kind == "json":
                json.load(text)
            if kind == "csv":
                return _broken_csv_line(text, path)
    except json.JSONDecodeError as error:
        return f", line {error.lineno}: not valid JSON ({error.msg})"
    except UnicodeDecodeError as error:
        return f": not UTF-8 at byte {error.start}; save it as UTF-8"
    except (OSError, EOFError) as error:
        return f": {error}"
    return ""


def _broken_json_line(text: TextIO) -> str:
    types: dict[str, type] = {}
    for number, line in enumerate(text, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            return f", line {number}: not valid JSON ({error.msg} at column {error.colno})"
        if not isinstance(row, dict):
            return f", line {number}: expected a JSON object such as {{...}}, got {type(row).__name__}"
        for column, value in row.items():
            expected = types.setdefault(column, type(value)) if value is not None else None
            if expected is not None and type(value) is not expected:
                return (
                    f", line {number}: the column {column!r} is of type {type(value).__name__} here and "
                    f"{expected.__name__} before"
                )
    return ""


def _broken_csv_line(text: TextIO, path: Path) -> str:
    """The first row of another width than the header: ``datasets`` would shift its cells, or fill them, silently."""
    _, quoting = _csv_dialect(path)
    hint = " (in TSV quotes are text; cells with tabs or line breaks need .csv or .jsonl)" if quoting else ""
    width = None
    for line, cells in _csv_rows(text, path):
        width = len(cells) if width is None else width
        if len(cells) != width:
            return f", line {line}: expected {width} columns as in the first line, got {len(cells)}{hint}"
    return ""


def _row_starts(lines: TextIO, path: Path, kind: str, conll: ConllColumns) -> Iterator[int]:
    """The number of the line, from 1, where each row begins."""
    if kind == "json lines":
        yield from (number for number, line in enumerate(lines, start=1) if line.strip())
    elif kind == "conll":
        yield from (number for number, _ in read_conll(lines, path=path, columns=conll))
    else:
        yield from (number for number, _ in islice(_csv_rows(lines, path), 1, None))


def _has_no_rows(path: Path, kind: str) -> bool:
    header = 1 if kind == "csv" else 0
    try:
        with open_text(path) as text:
            return next(islice((line for line in text if line.strip()), header, None), None) is None
    except (OSError, EOFError, UnicodeDecodeError):
        return False


def _suffix(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes[-1:] == [".gz"]:
        suffixes.pop()
        if suffixes[-1:] == [".parquet"]:
            return ""
    return suffixes[-1] if suffixes else ""


def _full_suffix(path: Path) -> str:
    return "".join(path.suffixes[-2:]) if path.suffix == ".gz" else path.suffix


def _first_line(error: Exception) -> str:
    cause = error.__cause__ or error
    return (str(cause).splitlines() or [type(cause).__name__])[0][:200]
