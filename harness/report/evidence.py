"""What lies behind a row of the board: its records, their folders, predictions, curves, trials and attention.

A published board has records alone; whatever else is missing becomes a message that says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.board.names import without
from harness.board.row import Table
from harness.board.rows import keep_one_fingerprint
from harness.board.tables import BoardRow, BoardTable
from harness.comparison.examples import Predictions, predictions_in
from harness.explanation.saved_maps import read_maps
from harness.records.record import Record
from harness.report.names import shared_by_networks, styles


@dataclass
class Line:
    """A row of the board with its runs: the finished ones and the holes. ``number``: its place in the table.

    ``name``: what tells it apart in its table; ``style``: of its lines in charts.
    """

    row: BoardRow
    number: int
    name: str
    style: str
    records: list[Record]
    holes: list[Record]


def lines_of(table: BoardTable, groups: Mapping[tuple[str, str], Table], mechanisms: Mapping[str, int]) -> list[Line]:
    """The rows of a table of the board with the records that they were made from."""
    kept, _left_out = keep_one_fingerprint(groups[table.task, table.data])
    shared = shared_by_networks(table)
    return [
        Line(row, n, without(row.label, shared), style, kept[row.key].records, kept[row.key].holes)
        for n, (row, style) in enumerate(zip(table.rows, styles(table.rows, mechanisms), strict=True))
    ]


class Folders:
    """Where the runs lie, and what lies beside their records; every file is read once."""

    def __init__(self, found: Sequence[tuple[Path, Record]]) -> None:
        self._folders = {id(record): path.parent for path, record in found if path.name == "record.json"}
        self._predictions: dict[Path, Predictions | None] = {}
        self.messages: list[str] = []

    def of(self, record: Record) -> Path | None:
        """The folder of a run, or None if the record stands in a published list."""
        return self._folders.get(id(record))

    def predictions(self, record: Record) -> Predictions | None:
        """The predictions beside a record, or None if there are none or they are damaged (``messages`` says so)."""
        folder = self.of(record)
        if folder is None:
            return None
        if folder not in self._predictions:
            try:
                self._predictions[folder] = predictions_in(folder)
            except ValueError as error:
                self._predictions[folder] = None
                self.messages.append(str(error))
        return self._predictions[folder]

    def attention(self, record: Record) -> dict[str, Any] | None:
        """The maps beside a record, or None if there are none or they are damaged (``messages`` says so)."""
        folder = self.of(record)
        try:
            return None if folder is None else read_maps(folder)
        except ValueError as error:
            self.messages.append(str(error))
            return None


def curve(record: Record, name: str) -> list[tuple[float, float]]:
    """(step, value) after each epoch of a run, for the epochs that have this value."""
    points = record.get("curves")
    found = []
    for point in points if isinstance(points, list) else []:
        step, value = (point.get(key) for key in ("step", name)) if isinstance(point, Mapping) else (None, None)
        if isinstance(step, int | float) and isinstance(value, int | float) and math.isfinite(value):
            found.append((float(step), float(value)))
    return _thinned(found)


def _thinned(points: list[tuple[float, float]], most: int = 80) -> list[tuple[float, float]]:
    stride = math.ceil(len(points) / most) if points else 1
    return points if stride == 1 else [*points[:-1:stride], points[-1]]


def trial_scores(record: Record) -> list[float]:
    """The validation scores of a search's trials (``search.scores``), where the record has them.

    A trial without one (it diverged) was spent as well, and counts as the worst of the others. Empty for trials that
    were drawn by others' scores: smaller searches of those cannot be computed from them.
    """
    search = record.get("search")
    if not isinstance(search, Mapping) or search.get("method") == "optuna":
        return []
    scores = search.get("scores")
    values = scores if isinstance(scores, list) else []
    known = [float(v) for v in values if isinstance(v, int | float) and math.isfinite(v)]
    return known + [min(known)] * (len(values) - len(known)) if known else []


def samples(predictions: Predictions, wanted: int) -> Iterator[dict[str, Any]]:
    """``wanted`` predictions, evenly spread: the same test examples for every run of a data set."""
    if predictions:
        for place in np.unique(np.linspace(0, len(predictions) - 1, num=wanted).round()):
            yield predictions[int(place)]
