"""The texts that are to be labelled: from a file in any format that data sets have, or line by line from a stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from tasks.base import Row, Task
from tasks.encoding.tokenization import tokenizer_named
from tasks.reading.checks import check_rows, check_texts
from tasks.reading.columns import Wanted, listed
from tasks.reading.files import Layout, format_of, layout_of, stream_rows
from tasks.reading.normalization import Form, normalized
from tasks.reading.text_files import open_text

CHUNK = 2048
"""So many rows of a file are held, and sorted by length, at once."""


@dataclass(frozen=True)
class Chunk:
    """Some rows in their order, with the place of each. ``gold``: the same with labels; None if they have none."""

    rows: list[Row]
    places: list[str]
    gold: list[Row] | None

    def place(self, row: int) -> str:
        """Of a row of the chunk, in words."""
        return self.places[row]


@dataclass(frozen=True)
class Reading:
    """How rows are read: for which task, in which Unicode form, by which tokenizer, and how files are laid out.

    ``layout``: what ``layout_of`` is asked for. ``columns``: column that the task knows -> column of the files, where
    the names differ. ``needs_external``: whether each row must have an external text.
    """

    task: Task
    form: Form
    tokenizer: str
    layout: Mapping[str, Any]
    columns: Mapping[str, str]
    needs_external: bool

    def chunks(self, path: Path, size: int = CHUNK) -> Iterator[Chunk]:
        """The rows of a file. Labels are read if the first row has one; then every row must.

        Raises ValueError, with file and line, for what cannot be read.
        """
        rows = (
            self._plain(path)
            if self._is_plain(path)
            else stream_rows(path, layout=self._layout(path), wanted=self._wanted)
        )
        labelled = None
        while some := list(islice(rows, size)):
            found = [self._renamed(row, place) for place, row in some]
            if labelled is None:
                labelled = self._has_label(found[0])
            yield self._chunk(found, [place for place, _ in some], labelled=labelled)

    def chunk(self, rows: Iterable[Mapping[str, Any]]) -> Chunk:
        """Rows that are at hand, without their labels."""
        found = [self._renamed(dict(row), f"row {number}") for number, row in enumerate(rows, start=1)]
        return self._chunk(found, [f"row {number}" for number in range(1, len(found) + 1)], labelled=False)

    def line(self, text: str, number: int) -> Chunk:
        """A line of a stream, which is the text; of pairs and external texts the parts that tabs separate."""
        return self._chunk([self._of_line(text, f"line {number}")], [f"line {number}"], labelled=False)

    @property
    def _wanted(self) -> Wanted:
        texts = tuple(self.columns.get(name, name) for name in self.task.text_columns)
        others = (*self.task.optional_columns, self.task.label_column)
        return Wanted(texts, tuple(self.columns.get(name, name) for name in others))

    def _is_plain(self, path: Path) -> bool:
        """Whether it is a file of lines, each a text: ``.txt``, which for tasks that tag is CoNLL."""
        return not self.task.tokenized and path.name.removesuffix(".gz").endswith(".txt") and path.is_file()

    def _plain(self, path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
        with open_text(path, self.layout["encoding"]) as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    place = f"{path}, line {number}"
                    yield place, self._of_line(line, place)

    def _of_line(self, line: str, place: str) -> dict[str, Any]:
        names = [*self.task.text_columns, *(["external"] if self.needs_external else [])]
        parts = line.rstrip("\r\n").split("\t") if len(names) > 1 else [line.rstrip("\r\n")]
        if len(parts) != len(names):
            raise ValueError(f"{place}: expected {' and '.join(names)}, parted by a tab, got {len(parts)} part(s)")
        return dict(zip(names, parts, strict=True))

    def _layout(self, path: Path) -> Layout:
        """As asked for, but without tags where a CoNLL file has one column alone."""
        layout = layout_of(path, **self.layout)
        if format_of(path) != "conll" or layout.conll.universal or self.layout["tag_column"] is not None:
            return layout
        with open_text(path, layout.encoding) as lines:
            tokens = (line for line in lines if line.strip() and not line.startswith(("#", "-DOCSTART-")))
            columns = len(next(tokens, "").split())
        return replace(layout, conll=replace(layout.conll, tag=None)) if columns == 1 else layout

    def _renamed(self, row: dict[str, Any], place: str) -> dict[str, Any]:
        """The row under the names that the task knows. Raises ValueError for a column that is not there."""
        for new, old in self.columns.items():
            if old in row:
                row[new] = row[old]
        missing = [name for name in self.task.text_columns if name not in row]
        if missing:
            raise ValueError(
                f"{place}: expected a column {missing[0]!r}, found {listed(row)}; name it with "
                f"--columns {missing[0]}=<column of the file>"
            )
        return row

    def _has_label(self, row: Mapping[str, Any]) -> bool:
        label = row.get(self.task.label_column)
        blank = isinstance(label, list) and self.task.tokenized and set(label) <= {"_"}
        return label not in (None, "") and not blank

    def _chunk(self, rows: list[dict[str, Any]], places: list[str], *, labelled: bool) -> Chunk:
        task, place = self.task, places.__getitem__
        for row in rows:
            first = task.text_columns[0]
            if task.tokenized and isinstance(row[first], str):
                row[first] = tokenizer_named(self.tokenizer)(row[first])
        formed: list[Row] = normalized(rows, self.form)
        texts = check_texts(formed, task=task, place=place)
        if self.needs_external:
            lacking = next((number for number, text in enumerate(texts) if text.get("external") is None), None)
            if lacking is not None:
                raise ValueError(f"{place(lacking)}: expected a column 'external', which the run read with every row")
        return Chunk(texts, places, check_rows(formed, task=task, place=place) if labelled else None)
