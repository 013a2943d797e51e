"""Where rows come from: the bundled generators, published data sets, a user's own files.

A *source* is made from YAML; ``source.load(task)`` reads and checks everything the task needs before anything costly
begins, and never turns from one source to another by itself. Every complaint is a ValueError that names the file and
the line (from 1) and says what to do.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from tasks.base import Row, Task
from tasks.conll import ConllColumns
from tasks.files import listing
from tasks.hub import HubSet, read_hub
from tasks.rows import check_rows
from tasks.split_files import NO_CONLL, read_split, require_splits, split_file
from tasks.splits import SPLITS, Split, fingerprint_of, row_namer, split_off


@dataclass(frozen=True)
class Corpus:
    """Rows that were read and checked.

    ``splits``: train, validation, test and perhaps further test sets, each a list of rows (column name -> value).
    ``fingerprint``: SHA-256 of all rows, in order, hexadecimal. ``source``: where they come from, in words.
    ``tokenizer``: the name of the tokenizer that suits the texts. ``language``: its ISO 639-1 code.
    ``unseen_labels``: what to do about rows of validation and test whose label train never shows: error or drop.
    """

    name: str
    splits: dict[str, list[Row]]
    places: dict[str, Callable[[int], str]]
    fingerprint: str
    source: str
    tokenizer: str
    language: str
    unseen_labels: str

    def place(self, split: str, row: int) -> str:
        """File and line of a row of a split (both from its list, so from 0), in words."""
        return self.places[split](row)


@dataclass(frozen=True, kw_only=True)
class Source(ABC):
    """What every source has: how its texts are tokenised, and which of its rows are used.

    ``exclude``: column -> value or values; rows with one of these values are left out (None: none). Values are compared
    as text, as labels are text once they are checked: 3 and "3" are one value.
    ``max_train``, ``max_validation``, ``max_test``: at most so many rows (None: all), drawn by a fixed seed, in the
    order of the file; a smaller number draws a subset of what a larger one draws. The last holds for further test sets,
    too: whatever splits a source reads besides the three are scored and reported beside ``test``.
    """

    tokenizer: str
    language: str
    unseen_labels: str
    exclude: Mapping[str, Any] | None
    max_train: int | None
    max_validation: int | None
    max_test: int | None

    def __post_init__(self) -> None:
        if self.unseen_labels not in ("error", "drop"):
            raise ValueError(f"expected data.unseen_labels to be error or drop, got {self.unseen_labels!r}")

    @abstractmethod
    def read(self, task: Task) -> tuple[str, str, dict[str, Split]]:
        """The data set's name, its source in words, and its splits as they are."""

    def load(self, task: Task) -> Corpus:
        """Read and check all that ``task`` needs.

        Raises ValueError for missing files, splits and columns, wrong types, empty texts and empty splits, and for
        values to exclude that no row has.
        """
        name, source, checked = self._read_checked(task)
        names = (*SPLITS, *(split_name for split_name in checked if split_name not in SPLITS))
        splits = {split_name: self._select(split_name, checked[split_name]) for split_name in names}
        rows = {split_name: split.rows for split_name, split in splits.items()}
        places = {split_name: split.place for split_name, split in splits.items()}
        return Corpus(
            name, rows, places, fingerprint_of(rows), source, self.tokenizer, self.language, self.unseen_labels
        )

    def lend(self, task: Task) -> tuple[str, str, Split]:
        """Its name, its source in words and its train, selected as ``load`` does; raises as ``load`` does."""
        name, source, checked = self._read_checked(task)
        return name, source, self._select("train", checked["train"])

    def _read_checked(self, task: Task) -> tuple[str, str, dict[str, Split]]:
        name, source, read = self.read(task)
        checked = {
            split_name: Split(check_rows(split.rows, task=task, place=split.place), split.place)
            for split_name, split in read.items()
        }
        self._check_exclude(checked)
        return name, source, checked

    def _check_exclude(self, splits: Mapping[str, Split]) -> None:
        """ValueError for a column that a split lacks, and for a value that no row of any split has: it is misspelt."""
        for column, values in (self.exclude or {}).items():
            for split in splits.values():
                if column not in split.rows[0]:
                    raise ValueError(
                        f"data.exclude names the column {column!r}, but {split.place(0)} has {', '.join(split.rows[0])}"
                    )
            found = {str(row[column]) for split in splits.values() for row in split.rows}
            missing = [value for value in _as_texts(values) if value not in found]
            if missing:
                raise ValueError(
                    f"data.exclude names {_shown(missing)} in the column {column!r}, but no row of "
                    f"{', '.join(splits)} has that; found {_shown(sorted(found))}; write the value as it stands there"
                )

    def _select(self, name: str, split: Split) -> Split:
        """The rows that are neither excluded nor beyond the limit."""
        excluded = {column: set(_as_texts(values)) for column, values in (self.exclude or {}).items()}
        kept = [
            index
            for index, row in enumerate(split.rows)
            if not any(str(row[column]) in values for column, values in excluded.items())
        ]
        limit = {"train": self.max_train, "validation": self.max_validation}.get(name, self.max_test)
        if limit is not None and limit < len(kept):
            kept = sorted(np.random.default_rng(0).permutation(kept)[:limit].tolist())
        if not kept:
            raise ValueError(
                f"no row of the split {name!r} is left of {len(split.rows)}; check data.exclude and data.max_"
                f"{name if name in SPLITS else 'test'}"
            )
        return split if len(kept) == len(split.rows) else split.take(kept)


@dataclass(frozen=True, kw_only=True)
class GeneratedData(Source):
    """The bundled corpus of a task, made by ``tasks.generated.<task name>``.

    ``size``: few, small, medium or large. ``knobs``: what the task's generator offers, such as length or noise.
    """

    size: str
    seed: int
    knobs: Mapping[str, Any]

    def read(self, task: Task) -> tuple[str, str, dict[str, Split]]:
        """Generate."""
        try:
            generator = import_module(f"tasks.generated.{task.name}")
        except ModuleNotFoundError as error:
            if error.name != f"tasks.generated.{task.name}":
                raise
            raise ValueError(
                f"there is no generated corpus for the task {task.name!r}; choose a data set with data=…"
            ) from None
        splits = generator.generate(size=self.size, seed=self.seed, knobs=self.knobs)
        name = f"generated_{task.name}"
        return (
            name,
            f"generated (size {self.size}, seed {self.seed})",
            {split: Split(rows, row_namer(f"{name}, {split}")) for split, rows in splits.items()},
        )


@dataclass(frozen=True, kw_only=True)
class FileData(Source):
    """A user's own files.

    ``path``: a folder with ``train``, ``validation`` and ``test`` in any format of ``tasks.files.FORMATS``; or None.
    ``train``, ``validation``, ``test``: the file of a split, where it has another name; relative to ``path``.
    ``columns``: column the task needs -> column of the files, where the names differ; None: nowhere.
    ``validation_fraction``, ``test_fraction``: the share of train that becomes a split that has no file, drawn by
    ``seed``; None: a missing file is an error.
    ``token_column``, ``tag_column``, ``separator``: see ``tasks.conll.ConllColumns``; None for the first two stands
    for the usual ones (first and last, in CoNLL-U the form and the universal tag).
    """

    path: str | None
    train: str | None
    validation: str | None
    test: str | None
    columns: Mapping[str, str] | None
    validation_fraction: float | None
    test_fraction: float | None
    seed: int
    token_column: int | None
    tag_column: int | None
    separator: str | None

    def read(self, task: Task) -> tuple[str, str, dict[str, Split]]:
        """Read the files that are there, and split off the others."""
        folder = Path(self.path) if self.path is not None else None
        if folder is None and self.train is None:
            raise ValueError("data=files needs data.path=<folder> or data.train=<file>, got neither")
        if folder is not None and not folder.is_dir():
            raise ValueError(f"data.path={folder}: expected a folder; {listing(folder.parent)}")
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        files = {split: split_file(folder, split, given) for split, given in named.items()}
        fractions = {"validation": self.validation_fraction, "test": self.test_fraction}
        require_splits(files, fractions, where=str(folder or files["train"]), options=True)
        splits = {
            split: read_split(file, columns=self.columns or {}, task=task, conll=self._conll(file))
            for split, file in files.items()
            if file is not None
        }
        splits = split_off(splits, fractions, seed=self.seed)
        name = folder.name if folder is not None else Path(self.train or "").name
        return name, f"files ({', '.join(str(file) for file in files.values() if file is not None)})", splits

    def _conll(self, file: Path) -> ConllColumns:
        universal = ".conllu" in file.suffixes
        return ConllColumns(
            token=self.token_column if self.token_column is not None else (1 if universal else 0),
            tag=self.tag_column if self.tag_column is not None else (3 if universal else -1),
            separator=self.separator if self.separator is not None or not universal else "\t",
            universal=universal,
        )


@dataclass(frozen=True, kw_only=True)
class PublishedData(Source):
    """A published data set: from the hub, or, if ``data_dir`` is set, from the files in ``data_dir/name``.

    ``hub``: the options of ``HubSet``, or None if it is not on the hub in this form. ``columns``: as in
    ``FileData``.
    ``validation_fraction``, ``test_fraction``, ``seed``: as in ``FileData``.
    ``extra_tests``: the names of further test sets.
    ``train_from``: another source that train comes from, for sets that are made for evaluation alone; else None.
    Raises ValueError for a ``train_from`` that is no source.
    """

    name: str
    data_dir: str | None
    hub: Mapping[str, Any] | None
    columns: Mapping[str, str] | None
    validation_fraction: float | None
    test_fraction: float | None
    seed: int
    extra_tests: Sequence[str]
    train_from: Source | None

    def read(self, task: Task) -> tuple[str, str, dict[str, Split]]:
        """Read from the folder if one is given, else from the hub; never from both."""
        if self.train_from is not None and not isinstance(self.train_from, Source):
            raise ValueError(
                f"data.train_from: expected a source of data, got {self.train_from!r}; "
                f"choose a file of conf/data with data@data.train_from=<its name>"
            )
        fractions = {"validation": self.validation_fraction, "test": self.test_fraction}
        source, splits = self._read_own(task, fractions)
        if self.train_from is not None:
            lender, origin, splits["train"] = self.train_from.lend(task)
            source = f"{source}; train of {lender}: {origin}"
        return self.name, source, split_off(splits, fractions, seed=self.seed)

    def _read_own(self, task: Task, fractions: Mapping[str, float | None]) -> tuple[str, dict[str, Split]]:
        """The source in words, and the splits that are there; without train where that is lent."""
        needed = (*SPLITS[self.train_from is not None :], *self.extra_tests)
        if self.data_dir is not None:
            folder = Path(self.data_dir) / self.name
            if not folder.is_dir():
                raise ValueError(
                    f"data_dir={self.data_dir}: expected a folder {self.name!r} in it; {listing(folder.parent)}"
                )
            files = {split: split_file(folder, split, None) for split in needed}
            require_splits(files, fractions, where=str(folder), options=False)
            splits = {
                split: read_split(file, columns=self.columns or {}, task=task, conll=NO_CONLL)
                for split, file in files.items()
                if file is not None
            }
            return f"files ({folder})", splits
        if self.hub is None:
            raise ValueError(
                f"{self.name} is not on the Hugging Face hub in this form; pass data_dir=<folder> where "
                f"<folder>/{self.name} holds train, validation and test as .jsonl, .jsonl.gz, .csv or .parquet"
            )
        hub = HubSet(**self.hub)
        asked = {split: hub.splits.get(split) for split in needed}
        require_splits(asked, fractions, where=f"data.hub.splits of {hub.path}", options=False)
        splits = read_hub(replace(hub, splits=asked), task=task)
        source = f"hub ({hub.path}{f', {hub.config}' if hub.config else ''} @ {hub.revision or 'newest revision'})"
        return source, splits


def _as_texts(values: Any) -> list[str]:
    """One value or several, written as ``check_rows`` writes labels."""
    several = isinstance(values, Sequence) and not isinstance(values, str)
    return [str(value) for value in (values if several else [values])]


def _shown(values: Sequence[str]) -> str:
    shown = ", ".join(repr(value[:40]) for value in values[:20])
    return shown + (f" and {len(values) - 20} more" if len(values) > 20 else "")
