"""The texts that are to be labelled: from a file in any format that data sets have, or line by line from a stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from tasks.base import Row, Task
from tasks.encoding.tokenization import tokenizer_named
from tasks.reading.checks import check_rows, check_texts
from tasks.reading.columns import Wanted, listed
from tasks.reading.files import Layout, checked_format, format_of, layout_of, naming, stream_rows
from tasks.reading.normalization import Form, normalized, same_name
from tasks.reading.splits import Split
from tasks.reading.tag_names import with_names
from tasks.reading.text_files import open_text

CHUNK = 2048
"""So many rows of a file are held, and sorted by length, at once."""


@dataclass(frozen=True)
class Chunk:
    """Some rows in their order, with the place of each.

    ``gold``: the same rows with their labels, None for one that has none. ``order``: for each row of the file its
    number among ``rows``, None for one without a text, for which nothing can be predicted. ``kept``: further columns
    of each row of the file.
    """

    rows: list[Row]
    places: list[str]
    gold: list[Row | None]
    order: list[int | None]
    kept: list[Mapping[str, Any]]

    def place(self, row: int) -> str:
        """Of a row of ``rows``, in words."""
        return self.places[row]


@dataclass(frozen=True)
class Reading:
    """How rows are read: for which task, in which Unicode form labels are compared, and how files are laid out.

    ``tokenizer``: of taggers' texts that are no tokens yet. ``layout``: what ``layout_of`` is asked for; ``separator``:
    of CSV. ``columns``: column that the task knows -> column of the files, where the names differ; ``asked``: those of
    them that must be there. ``needs_external``: whether each row must have an external text. ``tag_names``: of tags
    that are numbers. ``keep``: further columns that are handed on.
    """

    task: Task
    form: Form
    tokenizer: str
    layout: Mapping[str, Any]
    columns: Mapping[str, str]
    needs_external: bool
    separator: str | None = None
    asked: frozenset[str] = frozenset()
    tag_names: Sequence[str] | None = None
    keep: Sequence[str] = field(default=())

    def check_files(self, paths: Sequence[Path]) -> None:
        """Raises ValueError for a file that is not there, or of no known format, before any is read."""
        for path in paths:
            if path.exists() and not path.is_file():
                kind = "a folder" if path.is_dir() else "no regular file"
                raise ValueError(f"{path} is {kind}; give a file, or pipe lines in with -")
            if not self._is_plain(path):
                checked_format(path)

    def chunks(self, path: Path, size: int = CHUNK) -> Iterator[Chunk]:
        """The rows of a file. Raises ValueError, with file and line, for what cannot be read."""
        plain = self._is_plain(path)
        rows = self._plain(path) if plain else stream_rows(path, layout=self._layout(path), wanted=self._wanted)
        while some := list(islice(rows, size)):
            yield self._chunk([self._renamed(row, place) for place, row in some], [place for place, _ in some])

    def chunk(self, rows: Iterable[Mapping[str, Any]]) -> Chunk:
        """Rows that are at hand. Raises ValueError for one without a text."""
        placed = [(f"row {number}", dict(row)) for number, row in enumerate(rows, start=1)]
        made = self._chunk([self._renamed(row, place) for place, row in placed], [place for place, _ in placed])
        if None in made.order:
            raise ValueError(f"{placed[made.order.index(None)][0]}: expected a text, got an empty one; leave it out")
        return made

    def line(self, text: str, number: int) -> Chunk:
        """A line of a stream, which is the text; of pairs and external texts the parts that tabs separate."""
        place = f"line {number}"
        return self._chunk([self._of_line(text, place) | {KEPT: {}}], [place])

    @property
    def _wanted(self) -> Wanted:
        texts = tuple(self.columns.get(name, name) for name in self.task.text_columns)
        others = (*self.task.optional_columns, self.task.label_column)
        return Wanted(texts, (*(self.columns.get(name, name) for name in others), *self.keep))

    def _is_plain(self, path: Path) -> bool:
        """Whether it is a file of lines, each a text: ``.txt``, which for tasks that tag is CoNLL."""
        return not self.task.tokenized and path.name.removesuffix(".gz").endswith(".txt") and path.is_file()

    def _plain(self, path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
        with naming(path), open_text(path, self.layout["encoding"]) as lines:
            for number, line in enumerate(lines, start=1):
                place = f"{path}, line {number}"
                yield place, self._of_line(line, place)

    def _of_line(self, line: str, place: str) -> dict[str, Any]:
        names = [*self.task.text_columns, *(["external"] if self.needs_external else [])]
        text = line.rstrip("\r\n")
        parts = text.split("\t") if len(names) > 1 and text.strip() else [text] * (1 if text.strip() else len(names))
        if len(parts) != len(names):
            raise ValueError(f"{place}: expected {' and '.join(names)}, parted by a tab, got {len(parts)} part(s)")
        return dict(zip(names, parts, strict=True))

    def _layout(self, path: Path) -> Layout:
        """As asked for, but without tags where a CoNLL file has one column alone."""
        layout = layout_of(path, **self.layout)
        if format_of(path) == "csv":
            return replace(layout, separator=self.separator)
        if format_of(path) != "conll" or layout.conll.universal or self.layout["tag_column"] is not None:
            return layout
        with naming(path), open_text(path, layout.encoding) as lines:
            tokens = (line for line in lines if line.strip() and not line.startswith(("#", "-DOCSTART-")))
            columns = len(next(tokens, "").split())
        return replace(layout, conll=replace(layout.conll, tag=None)) if columns == 1 else layout

    def _renamed(self, row: dict[str, Any], place: str) -> dict[str, Any]:
        """The row under the names that the task knows. Raises ValueError for a column that is not there."""
        there = {new: next((name for name in row if same_name(name, old)), None) for new, old in self.columns.items()}
        for new in (*self.asked, *(name for name in self.keep if name not in row)):
            if there.get(new) is None:
                option = f"--columns {new}={self.columns[new]}" if new in self.asked else f"--keep {new}"
                raise ValueError(f"{place}: {option}: there is no such column, found {listed(row)}")
        renamed = row | {new: row[name] for new, name in there.items() if name is not None}
        missing = [name for name in self.task.text_columns if name not in renamed]
        if missing:
            raise ValueError(
                f"{place}: expected a column {self.columns.get(missing[0], missing[0])!r}, found {listed(row)}; "
                f"name it with --columns {missing[0]}=<column of the file>, or what parts columns with --separator"
            )
        return renamed | {KEPT: {name: row[name] for name in self.keep}}

    def _chunk(self, rows: list[dict[str, Any]], places: list[str]) -> Chunk:
        task, kept = self.task, [row.pop(KEPT) for row in rows]
        with_text = [number for number, row in enumerate(rows) if not self._is_blank(row)]
        places = [places[number] for number in with_text]
        found = [self._as_tokens(rows[number]) for number in with_text]
        texts = check_texts(found, task=task, place=places.__getitem__)
        if self.needs_external:
            lacking = next((number for number, text in enumerate(texts) if text.get("external") is None), None)
            if lacking is not None:
                raise ValueError(f"{places[lacking]}: expected a column 'external', which the run read with every row")
        numbers = {place: number for number, place in enumerate(with_text)}
        return Chunk(texts, places, self._gold(found, places), [numbers.get(n) for n in range(len(rows))], kept)

    def _is_blank(self, row: Mapping[str, Any]) -> bool:
        values = [row[name] for name in self.task.text_columns]
        return any(value is None or (isinstance(value, str) and not value.strip()) for value in values)

    def _as_tokens(self, row: dict[str, Any]) -> dict[str, Any]:
        """The row of a tagger with tokens for its text."""
        first = self.task.text_columns[0]
        if self.task.tokenized and isinstance(row[first], str):
            return row | {first: tokenizer_named(self.tokenizer)(row[first])}
        return row

    def _gold(self, rows: list[dict[str, Any]], places: list[str]) -> list[Row | None]:
        """The rows with their labels, checked; None for those that have none."""
        labelled = [number for number, row in enumerate(rows) if self._has_label(row)]
        named: list[Row] = [rows[number] for number in labelled]

        def place(number: int) -> str:
            return places[labelled[number]]

        if self.tag_names is not None:
            named = list(with_names(Split(named, place), self.tag_names, column=self.task.label_column).rows)
        checked = check_rows(normalized(named, self.form), task=self.task, place=place)
        found: list[Row | None] = [None] * len(rows)
        for number, row in zip(labelled, checked, strict=True):
            found[number] = row
        return found

    def _has_label(self, row: Mapping[str, Any]) -> bool:
        label = row.get(self.task.label_column)
        if label == "" and getattr(self.task, "separator", None) is not None:
            return True  # no label of several
        blank = isinstance(label, list) and self.task.tokenized and set(map(str, label)) <= {"_"}
        return label not in (None, "") and not blank


KEPT = "\0kept"
"""Where further columns of a row are handed on: no file has a column of this name."""
