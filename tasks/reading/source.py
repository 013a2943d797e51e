"""What a data set is once it is read: checked rows of every split, and where each came from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

import numpy as np

from tasks.base import Row, Task
from tasks.reading.checks import check_rows
from tasks.reading.columns import listed, used
from tasks.reading.languages import language_named
from tasks.reading.normalization import Form, checked_form, normalized
from tasks.reading.repeats import Deduplicate, not_repeated
from tasks.reading.splits import SPLITS, Drawn, Split, fingerprint_of, first_of_each


@dataclass(frozen=True)
class Corpus:
    """Rows that were read and checked.

    ``splits``: train, validation, test and perhaps further test sets, each a list of rows (column name -> value).
    ``fingerprint``: SHA-256 of all rows, in order, hexadecimal: of what the task looks at. ``source``: where they come
    from, in words.
    ``tokenizer``: the name of the tokenizer that suits the texts.
    ``unseen_labels``: what to do about rows of validation and test whose label train never shows: error or drop.
    ``left_out``: the labels that only rows of train show which an option leaves out -> that option.
    ``deduplicated``: how many rows of train ``data.deduplicate`` has left out.
    ``drawn``: the splits that were drawn from train, of this source and of one that lends to it, and by which seed.
    ``notes``: what whoever starts a run should know of the texts, in words.
    """

    name: str
    splits: dict[str, list[Row]]
    places: dict[str, Callable[[int], str]]
    fingerprint: str
    source: str
    tokenizer: str
    unseen_labels: str
    left_out: Mapping[str, str] = field(default_factory=dict)
    deduplicated: int = 0
    drawn: tuple[Drawn, ...] = ()
    notes: tuple[str, ...] = ()

    def place(self, split: str, row: int) -> str:
        """File and line of a row of a split (both from its list, so from 0), in words."""
        return self.places[split](row)


@dataclass(frozen=True, kw_only=True)
class Source(ABC):
    """What every source has: how its texts are tokenised, and which of its rows are used.

    ``language``: the tag of the language that tasks write (``tasks.reading.languages``); None: its script decides.
    ``normalize``: the Unicode form that all texts and labels are brought into (``tasks.reading.normalization``).
    ``exclude``: column -> value or values; rows with one of these values are left out (None: none). Values are compared
    as text, as labels are text once they are checked: 3 and "3" are one value.
    ``deduplicate``: ``exact`` leaves out the rows of train that also stand in another split, with the same label;
    ``text`` also those with another one; ``none``.
    ``max_train``, ``max_validation``, ``max_test``: at most so many rows (None: all), drawn by a fixed seed, in the
    order of the file; a smaller number draws a subset of what a larger one draws. The last holds for further test sets,
    too: whatever splits a source reads besides the three are scored and reported beside ``test``.
    """

    tokenizer: str
    language: str | None
    normalize: Form
    unseen_labels: str
    exclude: Mapping[str, Any] | None
    deduplicate: Deduplicate
    max_train: int | None
    max_validation: int | None
    max_test: int | None

    def __post_init__(self) -> None:
        if self.unseen_labels not in ("error", "drop"):
            raise ValueError(f"expected data.unseen_labels to be error or drop, got {self.unseen_labels!r}")
        if self.deduplicate not in get_args(Deduplicate):
            raise ValueError(f"expected data.deduplicate to be none, exact or text, got {self.deduplicate!r}")
        checked_form(self.normalize)
        if self.language is not None:
            language_named(self.language)

    @abstractmethod
    def read(self, task: Task) -> tuple[str, str, dict[str, Split]]:
        """The data set's name, its source in words, and its splits as they are."""

    def load(self, task: Task) -> Corpus:
        """Read and check all that ``task`` needs.

        Raises ValueError for missing files, splits and columns, wrong types, empty texts and empty splits, and for
        values to exclude that no row has.
        """
        name, source, divided = self._read_divided(task)
        splits = self._deduplicated(divided, task)
        names = (*SPLITS, *(split_name for split_name in splits if split_name not in SPLITS))
        limited = {split_name: self._limited(split_name, splits[split_name], task) for split_name in names}
        rows = {split_name: [used(row, task) for row in split.rows] for split_name, split in limited.items()}
        places = {split_name: split.place for split_name, split in limited.items()}
        shown = [_labels(found["train"], task) for found in (divided, splits, limited)]
        left_out = dict.fromkeys(shown[0] - shown[1], "data.deduplicate") | dict.fromkeys(
            shown[1] - shown[2], "data.max_train"
        )
        return Corpus(
            name,
            rows,
            places,
            fingerprint_of(rows),
            source,
            self.tokenizer,
            self.unseen_labels,
            left_out,
            len(divided["train"].rows) - len(splits["train"].rows),
            tuple(dict.fromkeys(drawn for split in limited.values() for drawn in split.drawn)),
        )

    def lend(self, task: Task) -> tuple[str, str, Split]:
        """Its name, its source in words and its train, selected as ``load`` does; raises as ``load`` does."""
        folds = getattr(self, "folds", None)
        if folds is not None:
            raise ValueError(f"data.train_from.folds={folds} folds what is lent alone; give data.folds instead")
        name, source, splits = self._read_divided(task)
        return name, source, self._limited("train", splits["train"], task)

    def may_draw(self) -> tuple[str, ...]:
        """The splits that ``data.seed`` draws from train, should they be missing."""
        return ()

    def divide(self, splits: dict[str, Split], task: Task) -> tuple[dict[str, Split], str]:
        """The splits with those that are to be drawn from train, and in words what was drawn."""
        return splits, ""

    def _read_divided(self, task: Task) -> tuple[str, str, dict[str, Split]]:
        """Read, checked, without the rows that are excluded, and with the splits that are drawn."""
        name, source, checked = self._read_checked(task)
        splits, drawn = self.divide(
            {split_name: self._kept(split_name, checked[split_name]) for split_name in checked}, task
        )
        return name, f"{source}; {drawn}" if drawn else source, splits

    def _read_checked(self, task: Task) -> tuple[str, str, dict[str, Split]]:
        name, source, read = self.read(task)
        checked = {}
        for split_name, split in read.items():
            rows = normalized(split.rows, self.normalize)
            checked[split_name] = Split(check_rows(rows, task=task, place=split.place), split.place, drawn=split.drawn)
        self._check_exclude(checked)
        said = dict.fromkeys(words for split in read.values() for words in split.said)
        return name, "; ".join([source, *said]), checked

    def _excluded(self) -> dict[str, list[str]]:
        """Column -> values to exclude, written as those of the rows are."""
        given = self.exclude or {}
        return {column: normalized(_as_texts(values), self.normalize) for column, values in given.items()}

    def _check_exclude(self, splits: Mapping[str, Split]) -> None:
        """ValueError for a column that a split lacks, and for a value that no row of any split has: it is misspelt."""
        for column, values in self._excluded().items():
            for split in splits.values():
                if column not in split.rows[0]:
                    raise ValueError(
                        f"data.exclude names the column {column!r}, but {split.place(0)} has {listed(split.rows[0])}; "
                        "name one of these"
                    )
            found = {str(row[column]) for split in splits.values() for row in split.rows}
            missing = [value for value in values if value not in found]
            if missing:
                raise ValueError(
                    f"data.exclude names {_shown(missing)} in the column {column!r}, but no row of "
                    f"{', '.join(splits)} has that; found {_shown(sorted(found))}; write the value as it stands there"
                )

    def _kept(self, name: str, split: Split) -> Split:
        """The rows that are not excluded."""
        excluded = self._excluded()
        kept = [
            index
            for index, row in enumerate(split.rows)
            if not any(str(row[column]) in values for column, values in excluded.items())
        ]
        if not kept:
            raise ValueError(f"no row of the split {name!r} is left of {len(split.rows)}; check data.exclude")
        return split if len(kept) == len(split.rows) else split.take(kept)

    def _deduplicated(self, splits: dict[str, Split], task: Task) -> dict[str, Split]:
        """The splits without the rows of train that stand in others. Raises ValueError if none is left."""
        if self.deduplicate == "none":
            return splits
        train = splits["train"]
        others = [row for name, split in splits.items() if name != "train" for row in split.rows]
        kept = not_repeated(train.rows, others, task, by=self.deduplicate)
        if not kept:
            raise ValueError(
                f"data.deduplicate={self.deduplicate} leaves no row of train, for all {len(train.rows)} also stand in "
                "other splits; check the files, or set data.deduplicate=none"
            )
        return splits | {"train": train.take(kept)}

    def _limited(self, name: str, split: Split, task: Task) -> Split:
        """The rows that are not beyond the limit; those of train show as many labels as they can."""
        limit = {"train": self.max_train, "validation": self.max_validation}.get(name, self.max_test)
        if limit is None or limit >= len(split.rows):
            return split
        if limit < 1:
            raise ValueError(f"data.max_{name if name in SPLITS else 'test'}={limit} leaves no row; give at least 1")
        order = np.random.default_rng(0).permutation(len(split.rows)).tolist()
        if name == "train":
            first, others = first_of_each([task.labels_of(row) for row in split.rows], order)
            order = [*first, *others]
        return split.take(sorted(order[:limit]))


def _labels(split: Split, task: Task) -> frozenset[str]:
    return frozenset(label for row in split.rows for label in task.labels_of(row))


def _as_texts(values: Any) -> list[str]:
    """One value or several, written as ``check_rows`` writes labels."""
    several = isinstance(values, Sequence) and not isinstance(values, str)
    return [str(value) for value in (values if several else [values])]


def _shown(values: Sequence[str]) -> str:
    shown = ", ".join(repr(value[:40]) for value in values[:20])
    return shown + (f" and {len(values) - 20} more" if len(values) > 20 else "")
