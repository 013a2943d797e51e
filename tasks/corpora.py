"""Where rows come from: the bundled generators, published data sets, a user's own files.

A *source* is made from YAML; ``source.load(task)`` reads and checks everything the task needs before anything costly
begins, and never turns from one source to another by itself. Every complaint is a ValueError that names the file and
the line (from 1) and says what to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from tasks.base import Task
from tasks.reading.conll import ConllColumns
from tasks.reading.files import listing
from tasks.reading.hub import HubSet, read_hub
from tasks.reading.source import Source
from tasks.reading.split_files import NO_CONLL, read_split, require_splits, split_file
from tasks.reading.splits import SPLITS, Split, row_namer, split_off


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

    ``path``: a folder with ``train``, ``validation`` and ``test`` in any of ``tasks.reading.files.FORMATS``; or None.
    ``train``, ``validation``, ``test``: the file of a split, where it has another name; relative to ``path``.
    ``columns``: column the task needs -> column of the files, where the names differ; None: nowhere.
    ``validation_fraction``, ``test_fraction``: the share of train that becomes a split that has no file, drawn by
    ``seed``; None: a missing file is an error.
    ``token_column``, ``tag_column``, ``separator``: see ``tasks.reading.conll.ConllColumns``; None for the first two
    stands for the usual ones (first and last, in CoNLL-U the form and the universal tag).
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
            split: read_split(
                file, columns=self.columns or {}, task=task, conll=self._conll(file), others=self.exclude or ()
            )
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
                split: read_split(
                    file, columns=self.columns or {}, task=task, conll=NO_CONLL, others=self.exclude or ()
                )
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
