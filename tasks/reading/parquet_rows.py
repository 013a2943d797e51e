"""Rows of Parquet: the columns that are wanted, with the names of class labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tasks.reading.columns import Wanted, printable


def read_parquet(path: Path, wanted: Wanted) -> list[dict[str, Any]]:
    """The rows; of a file that lacks a needed column all that stands there, for the message to tell.

    Raises ValueError for a file that is not Parquet or is damaged.
    """
    from datasets import Dataset
    from datasets.table import InMemoryTable
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            names = file.schema_arrow.names
            whole = not set(wanted.needed) <= set(names)
            table = file.read(None if whole else [name for name in names if name in wanted.all])
        return rows_of_dataset(Dataset(InMemoryTable(table)))
    except (ArrowException, OSError, ValueError, TypeError, KeyError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise ValueError(f": {printable(first)}") from error


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
