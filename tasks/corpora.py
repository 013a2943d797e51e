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
from tasks.reading.csv_rows import checked_separator
from tasks.reading.files import Layout, layout_of, listing
from tasks.reading.folds import Folds, Over
from tasks.reading.hub import HubSet, read_hub
from tasks.reading.source import Source
from tasks.reading.split_files import USUAL, read_split, require_splits, split_file
from tasks.reading.splits import SPLITS, Split, row_namer, split_off
from tasks.reading.tag_names import with_names
from tasks.reading.text_files import checked_encoding


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


ONE_FILE = 0.1
"""The share of a single file, or of the folds that are not test, that becomes validation unless another is given."""

MOST_NAMED = 5
"""So many labels are named where splits are drawn."""


@dataclass(frozen=True, kw_only=True)
class DividedData(Source):
    """A source whose missing splits can be drawn from train.

    ``validation_fraction``, ``test_fraction``: the share of train that becomes a split that is not there, drawn by
    ``seed``, label by label; None: a missing split is an error.
    ``folds``, ``fold``, ``fold_seed``, ``folds_over``: cross-validation, see ``tasks.reading.folds``; None: none.
    ``tag_names``: the names of tags that are numbers, from 0; None: tags are names.
    """

    tag_names: Sequence[str] | None
    validation_fraction: float | None
    test_fraction: float | None
    seed: int
    folds: int | None
    fold: int
    fold_seed: int
    folds_over: Over | None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.folds is None and (self.fold or self.folds_over is not None):
            given = f"data.fold={self.fold}" if self.fold else f"data.folds_over={self.folds_over}"
            raise ValueError(f"{given} is of cross-validation: it needs data.folds=<how many>")
        if self.folds is not None and self.test_fraction is not None:
            raise ValueError(f"data.folds={self.folds} says what test is; leave out data.test_fraction")
        self._folds()

    def _folds(self) -> Folds | None:
        if self.folds is None:
            return None
        share = ONE_FILE if self.validation_fraction is None else self.validation_fraction
        return Folds(self.folds, self.fold, self.fold_seed, self.folds_over, share)

    @property
    def fractions(self) -> dict[str, float | None]:
        """The share of train that each split is, should it be missing; with folds none has to be there."""
        if self.folds is not None:
            return {"validation": ONE_FILE, "test": ONE_FILE}
        return {"validation": self.validation_fraction, "test": self.test_fraction}

    def may_draw(self) -> tuple[str, ...]:
        """Those with a fraction; with folds none, for these have a seed of their own."""
        return () if self.folds is not None else tuple(n for n, share in self.fractions.items() if share is not None)

    def divide(self, splits: dict[str, Split], task: Task) -> tuple[dict[str, Split], str]:
        """With the missing splits drawn, or folded. Raises ValueError for fractions or folds that cannot be."""
        folds = self._folds()
        if folds is not None:
            return folds.divide(splits, task.labels_of), folds.told()
        divided = split_off(splits, self.fractions, seed=self.seed, labels_of=task.labels_of)
        drawn = [f"{100 * (self.fractions[name] or 0):g} % for {name}" for name in divided if name not in splits]
        if not drawn:
            return divided, ""
        how = ", label by label" if task.labels_of(splits["train"].rows[0]) else ""
        alone = _in_train_alone(divided, [name for name in divided if name not in splits], task)
        return divided, f"{' and '.join(drawn)} drawn from train by seed {self.seed}{how}{alone}"

    def _named(self, splits: dict[str, Split], task: Task) -> dict[str, Split]:
        """The splits with ``tag_names``. Raises ValueError for a task that has no tags."""
        if self.tag_names is None:
            return splits
        if not task.tokenized:
            raise ValueError(f"data.tag_names names the tags of tokens, but task={task.name} has none; leave it out")
        return {name: with_names(split, self.tag_names, column=task.label_column) for name, split in splits.items()}


def _in_train_alone(splits: Mapping[str, Split], drawn: Sequence[str], task: Task) -> str:
    """In words, the labels with too few rows to be drawn: no score tells how well they are learnt."""
    found = {name: {label for row in splits[name].rows for label in task.labels_of(row)} for name in splits}
    alone = sorted(found["train"].difference(*(found[name] for name in drawn)))
    if not alone:
        return ""
    named = ", ".join(repr(label[:40]) for label in alone[:MOST_NAMED])
    more = f" and {len(alone) - MOST_NAMED} more" if len(alone) > MOST_NAMED else ""
    few = f"{len(alone)} of {len(found['train'])} labels have too few rows for that and stand in train alone"
    return f"; {few}: {named}{more}"


@dataclass(frozen=True, kw_only=True)
class FileData(DividedData):
    """A user's own files.

    ``path``: a folder with ``train``, ``validation`` and ``test`` in any of ``tasks.reading.files.FORMATS``, or one
    such file, which is train; or None.
    ``train``, ``validation``, ``test``: the file of a split, where it has another name; relative to the folder.
    ``columns``: column the task needs -> column of the files, where the names differ; None: nowhere.
    A single file is divided (``ONE_FILE``) if no fractions are given.
    ``separator``, ``encoding``: see ``tasks.reading.files.Layout``; of CoNLL None stands for blanks and tabs.
    ``token_column``, ``tag_column``: see ``tasks.reading.conll.ConllColumns``; None for the first two
    stands for the usual ones (the first that does not count lines, and the last; in CoNLL-U the form and the universal
    tag).
    """

    path: str | None
    train: str | None
    validation: str | None
    test: str | None
    columns: Mapping[str, str] | None
    token_column: int | None
    tag_column: int | None
    separator: str | None
    encoding: str | None

    def __post_init__(self) -> None:
        super().__post_init__()
        checked_separator(self.separator)
        checked_encoding(self.encoding)

    def read(self, task: Task) -> tuple[str, str, dict[str, Split]]:
        """Read the files that are there."""
        if self.path is None and self.train is None:
            raise ValueError("data=files needs data.path=<folder or file> or data.train=<file>, got neither")
        folder, files = self._files()
        require_splits(files, self.fractions, where=str(folder or files["train"]), options=True)
        splits = {
            split: read_split(
                file, columns=self.columns or {}, task=task, layout=self._layout(file), others=self.exclude or ()
            )
            for split, file in files.items()
            if file is not None
        }
        name = Path(self.path or self.train or "").name
        splits = self._named(splits, task)
        return name, f"files ({', '.join(str(file) for file in files.values() if file is not None)})", splits

    @property
    def fractions(self) -> dict[str, float | None]:
        """As given; of a single file ``ONE_FILE`` each."""
        given = super().fractions
        if (
            self.folds is None
            and self.validation is None
            and self.test is None
            and (self.path is None or Path(self.path).is_file())
        ):
            return {name: ONE_FILE if share is None else share for name, share in given.items()}
        return given

    def _files(self) -> tuple[Path | None, dict[str, Path | None]]:
        """The folder, if there is one, and the file of each split."""
        folder = Path(self.path) if self.path is not None else None
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        if folder is not None and folder.is_file():
            if self.train is not None:
                raise ValueError(
                    f"data.path={folder} is a file, which is train; give no data.train={self.train} besides"
                )
            named["train"], folder = str(folder), None
        elif folder is not None and not folder.is_dir():
            raise ValueError(f"data.path={folder}: expected a folder or a file; {listing(folder.parent)}")
        return folder, {split: split_file(folder, split, given) for split, given in named.items()}

    def _layout(self, file: Path) -> Layout:
        return layout_of(
            file,
            token_column=self.token_column,
            tag_column=self.tag_column,
            separator=checked_separator(self.separator),
            encoding=checked_encoding(self.encoding),
        )


@dataclass(frozen=True, kw_only=True)
class PublishedData(DividedData):
    """A published data set: from the hub, or, if ``data_dir`` is set, from the files in ``data_dir/name``.

    ``hub``: the options of ``HubSet``, or None if it is not on the hub in this form. ``columns``: as in
    ``FileData``.
    ``extra_tests``: the names of further test sets.
    ``train_from``: another source that train comes from, for sets that are made for evaluation alone; else None.
    Raises ValueError for a ``train_from`` that is no source.
    """

    name: str
    data_dir: str | None
    hub: Mapping[str, Any] | None
    columns: Mapping[str, str] | None
    extra_tests: Sequence[str]
    train_from: Source | None

    def read(self, task: Task) -> tuple[str, str, dict[str, Split]]:
        """Read from the folder if one is given, else from the hub; never from both."""
        if self.train_from is not None and not isinstance(self.train_from, Source):
            raise ValueError(
                f"data.train_from: expected a source of data, got {self.train_from!r}; "
                f"choose a file of conf/data with data@data.train_from=<its name>"
            )
        source, splits = self._read_own(task)
        if self.train_from is not None:
            lender, origin, splits["train"] = self.train_from.lend(task)
            source = f"{source}; train of {lender}: {origin}"
        return self.name, source, self._named(splits, task)

    def _read_own(self, task: Task) -> tuple[str, dict[str, Split]]:
        """The source in words, and the splits that are there; without train where that is lent."""
        needed = (*SPLITS[self.train_from is not None :], *self.extra_tests)
        if self.data_dir is not None:
            folder = Path(self.data_dir) / self.name
            if not folder.is_dir():
                raise ValueError(
                    f"data_dir={self.data_dir}: expected a folder {self.name!r} in it; {listing(folder.parent)}"
                )
            files = {split: split_file(folder, split, None) for split in needed}
            require_splits(files, self.fractions, where=str(folder), options=False)
            splits = {
                split: read_split(file, columns=self.columns or {}, task=task, layout=USUAL, others=self.exclude or ())
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
        require_splits(asked, self.fractions, where=f"data.hub.splits of {hub.path}", options=False)
        splits = read_hub(replace(hub, splits=asked), task=task)
        source = f"hub ({hub.path}{f', {hub.config}' if hub.config else ''} @ {hub.revision or 'newest revision'})"
        return source, splits
