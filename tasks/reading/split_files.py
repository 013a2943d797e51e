"""Which file holds which split, and its rows with their places."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from tasks.base import Task
from tasks.reading.columns import rename_columns, wanted_columns
from tasks.reading.conll import ConllColumns
from tasks.reading.files import Layout, find_split, line_of, listing, read_rows
from tasks.reading.splits import SPLITS, Split

USUAL = Layout(conll=ConllColumns(token=None, tag=-1, separator=None, universal=False), separator=None, encoding=None)
"""How the folders of published data sets are read."""


def split_file(folder: Path | None, split: str, given: str | None) -> Path | None:
    """The file of a split: the given one, else the one in the folder, else None."""
    if given is not None:
        return folder / given if folder is not None else Path(given)
    return find_split(folder, split) if folder is not None else None


def require_splits(
    found: Mapping[str, Any], fractions: Mapping[str, float | None], *, where: str, options: bool
) -> None:
    """ValueError for a split that is neither there nor to be drawn from train."""
    for split in found:
        if found.get(split) is None and fractions.get(split) is None:
            remedies = [f"name its file with data.{split}=<file>"] if options else []
            remedies += [f"draw it from train with data.{split}_fraction=0.1"] if split in fractions else []
            remedies += ["leave it out with data.extra_tests=[]"] if split not in SPLITS else []
            folder = Path(where)
            seen = listing(folder) if folder.is_dir() else f"found {', '.join(k for k, v in found.items() if v)}"
            raise ValueError(f"{where}: expected a split {split!r}; {seen}; {', or '.join(remedies) or 'add the file'}")


def read_split(file: Path, *, columns: Mapping[str, str], task: Task, layout: Layout, others: Iterable[str]) -> Split:
    """The rows of a file under the names that the task needs; raises ValueError as ``read_rows`` and renaming do.

    ``others``: columns that are looked at, too.
    """
    said: list[str] = []
    rows = read_rows(file, layout=layout, wanted=wanted_columns(task, columns, others=others), said=said)
    place = _line_namer(file, layout)
    return Split(rename_columns(rows, columns, task=task, place=place, option="data.columns"), place, tuple(said))


def _line_namer(file: Path, layout: Layout) -> Callable[[int], str]:
    return lambda index: f"{file}, {line_of(file, index, layout=layout)}"
