"""What lies behind a row of the board: its records, their folders, predictions, slices, curves, trials and attention.

A published board has records alone; whatever else is missing becomes a message that says so.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from harness.board import BoardRow, BoardTable
from harness.comparison_examples import Predictions, difference_over_examples, predictions_in, slice_masks
from harness.example_scores import Scorer, scorer_for
from harness.records import Record
from harness.report.names import shared_by_networks, styles, without
from harness.rows import Table, keep_one_fingerprint

ATTENTION = "attention.json"
"""What ``python -m harness.explain RUN --save`` leaves in a run's folder."""

SEEDS_READ = 3
"""Of a row, the predictions of so many seeds are read for slices."""

FEWEST_EXAMPLES = 5
"""A smaller slice has no score: it would be chance."""

MOST_LABELS = 8
"""The slices of so many gold labels are shown, those of the most examples."""


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


@dataclass
class Slices:
    """Scores on parts of the test set, the mean over seeds; None where a part has too few examples."""

    names: list[str]
    examples: list[int]
    lines: list[Line]
    values: list[list[float | None]]
    messages: list[str] = field(default_factory=list)


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
        if folder is None or not (folder / ATTENTION).exists():
            return None
        path = folder / ATTENTION
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            return {"rows": [_checked(row) for row in found["rows"]]}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            self.messages.append(f"{path} holds no attention maps ({type(error).__name__}: {error}); write it again")
            return None


def _checked(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of ``attention.json`` whose maps have a weight for each pair of tokens."""
    maps = []
    for found in row["maps"]:
        weights = [[float(weight) for weight in line] for line in found["weights"]]
        rows, columns = [str(t) for t in found["rows"]], [str(t) for t in found["columns"]]
        if len(weights) != len(rows) or any(len(line) != len(columns) for line in weights):
            raise ValueError("weights and tokens do not fit")
        maps.append({"site": str(found["site"]), "kind": str(found["kind"]), "rows": rows, "columns": columns,
                     "weights": weights})  # fmt: skip
    return {"row": int(row["row"]), "gold": row["gold"], "predicted": row["predicted"], "maps": maps}


# Slices


def slices_of(table: BoardTable, lines: Sequence[Line], folders: Folders) -> Slices | str:
    """The scores of the rows that have predictions, by slice; or why there are none."""
    if table.test_set != "test":
        return "Predictions are kept for the test set alone, so parts of this further one cannot be scored."
    read = {line.number: _predictions(line, folders) for line in lines}
    having = [line for line in lines if read[line.number]]
    if not having:
        return "No predictions lie beside these records, so parts of the test set cannot be scored."
    rows = next(iter(read[having[0].number].values()))
    alike = {
        n: {seed: found for seed, found in runs.items() if _golds(found) == _golds(rows)} for n, runs in read.items()
    }
    lines = [line for line in having if alike[line.number]]
    everything = [row for line in lines for found in alike[line.number].values() for row in found]
    language = str(lines[0].records[0]["config"].get("task", {}).get("language", "en"))
    try:
        scorer = scorer_for(table.metric, everything, language=language)
        statistics = [{seed: scorer.statistics(found) for seed, found in alike[line.number].items()} for line in lines]
        names, masks, messages = _chosen(rows, scorer)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return f"Parts of the test set cannot be scored: {error}"
    if sum(map(len, alike.values())) < sum(map(len, read.values())):
        messages.append("runs that were tested on other examples than the first are left out")
    if any(len(line.records) > SEEDS_READ for line in lines):
        messages.append(f"from the first {SEEDS_READ} seeds of each row")
    stacked = [np.stack(list(found.values())) for found in statistics]
    values = [[_score(scorer, found_SNK[:, mask]) for mask in masks] for found_SNK in stacked]
    messages += _two_best(lines, statistics, scorer)
    return Slices(names, [int(mask.sum()) for mask in masks], lines, values, messages)


def _two_best(lines: Sequence[Line], statistics: Sequence[Mapping[int, Any]], scorer: Scorer) -> list[str]:
    """The two best networks over test examples, which says whether these trained models differ, not the mechanisms.

    ``statistics``: of each line by seed; the seeds that both have are paired.
    """
    networks = [n for n, line in enumerate(lines) if not line.row.floor][:2]
    if len(networks) < 2:
        return []
    first, second = networks
    pair = f"the two best, {lines[first].name} and {lines[second].name},"
    seeds = [seed for seed in statistics[first] if seed in statistics[second]]
    if not seeds:
        return [f"{pair} are not compared over test examples: of the seeds that were read they have none in common"]
    a_SNK, b_SNK = (np.stack([statistics[n][seed] for seed in seeds]) for n in (first, second))
    found = difference_over_examples("", a_SNK, b_SNK, scorer)
    if found.low is None or found.high is None:
        return []
    return [
        f"{pair} over the {found.examples} test examples, these trained models of seed{'s' * (len(seeds) > 1)} "
        f"{', '.join(map(str, seeds))}: {found.a:.4f} and {found.b:.4f}, {found.difference:+.4f}, "
        f"95 % interval {found.low:+.4f} to {found.high:+.4f}, p = {found.p_value:.3g} (paired bootstrap, "
        "not corrected for the same scores having chosen these two)"
    ]


def _predictions(line: Line, folders: Folders) -> dict[int, Predictions]:
    """By seed."""
    found = {record["seed"]: folders.predictions(record) for record in line.records[:SEEDS_READ]}
    return {seed: rows for seed, rows in found.items() if rows}


def _golds(rows: Predictions) -> list[tuple[int, str]]:
    return [(row["row"], repr(row["gold"])) for row in rows]


def _score(scorer: Scorer, statistics_SNK: Any) -> float | None:
    if statistics_SNK.shape[1] < FEWEST_EXAMPLES:
        return None
    value = float(np.mean(scorer.score(statistics_SNK.sum(axis=1))))
    return value if math.isfinite(value) else None


def _chosen(rows: Predictions, scorer: Scorer) -> tuple[list[str], list[Any], list[str]]:
    """All slices but those of rare labels."""
    found = list(slice_masks(rows, by_gold=not scorer.texts))
    labels = Counter({name: int(mask.sum()) for name, mask in found if name.startswith("gold ")})
    frequent = {name for name, _count in labels.most_common(MOST_LABELS)}
    kept = [(name, mask) for name, mask in found if name not in labels or name in frequent]
    messages = (
        [f"of {len(labels)} labels the {MOST_LABELS} with the most examples"] if len(labels) > MOST_LABELS else []
    )
    return [name for name, _mask in kept], [mask for _name, mask in kept], messages


# Curves


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


# Samples


def samples(predictions: Predictions, wanted: int) -> Iterator[dict[str, Any]]:
    """``wanted`` predictions, evenly spread: the same test examples for every run of a data set."""
    if predictions:
        for place in np.unique(np.linspace(0, len(predictions) - 1, num=wanted).round()):
            yield predictions[int(place)]
