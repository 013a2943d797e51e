"""Reading one file of rows, whatever its format, and naming the line where it cannot be read.

JSON Lines, JSON, CSV, TSV and Parquet are read by Hugging Face ``datasets``; columns of the CoNLL kind by
``tasks.conll``. Positions are found again only when a message needs them, so reading stays fast.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TextIO, cast

from tasks.conll import ConllColumns, read_conll

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

    Raises ValueError if there is no such file, if its format is unknown, if it holds no rows, or if it is broken;
    the message names the line wherever lines exist.
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

    separator = "\t" if _suffix(path) == ".tsv" else ","
    with open_text(path) as lines:
        header = next(csv.reader(lines, delimiter=separator))
    features = Features({column: Value("string") for column in header})
    return {"sep": separator, "keep_default_na": False, "features": features}


def _broken_place(path: Path, kind: str) -> str:
    """`, line 12: what is wrong there`, as far as it can be found."""
    try:
        with open_text(path) as text:
            if kind == "json lines":
                return _broken_json_line(text)
            if kind == "json":
                json.load(text)
            if kind == "csv":
                return _broken_csv_line(text, "\t" if _suffix(path) == ".tsv" else ",")
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


def _broken_csv_line(text: TextIO, separator: str) -> str:
    reader = csv.reader(text, delimiter=separator)
    width = len(next(reader, []))
    for cells in reader:
        if cells and len(cells) != width:
            return f", line {reader.line_num}: expected {width} columns as in the first line, got {len(cells)}"
    return ""


def _row_starts(lines: TextIO, path: Path, kind: str, conll: ConllColumns) -> Iterator[int]:
    """The number of the line, from 1, where each row begins."""
    if kind == "json lines":
        yield from (number for number, line in enumerate(lines, start=1) if line.strip())
    elif kind == "conll":
        yield from (number for number, _ in read_conll(lines, path=path, columns=conll))
    else:
        reader = csv.reader(lines, delimiter="\t" if _suffix(path) == ".tsv" else ",")
        next(reader, None)
        before = reader.line_num
        for cells in reader:
            if cells:
                yield before + 1
            before = reader.line_num


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
