"""The runs that one side of ``harness.compare`` names: by folder, by record, or by a filter."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.board.names import settings_that_differ
from harness.board.row import Row, Table, replicate_of
from harness.board.rows import group_records, keep_one_fingerprint
from harness.configuration.effect import flatten
from harness.records.reading import read_records
from harness.records.record import Record


@dataclass
class Runs:
    """A configuration's finished runs, with the folder of each by its seed; ``messages`` say what was left out."""

    row: Row
    folders: dict[int, Path]
    messages: list[str] = field(default_factory=list)

    @property
    def by_seed(self) -> dict[int, Record]:
        """Seed -> record."""
        return {replicate_of(record): record for record in self.row.records}

    @property
    def name(self) -> str:
        """Model, backbone and position."""
        return " ".join(filter(None, self.row.names))


NAMES = ("task", "data", "model", "backbone", "position", "experiment", "seed", "id")


def find_runs(text: str, side: str, places: Sequence[str]) -> Runs:
    """The one configuration that ``text`` names, a path or a filter.

    Raises ValueError if it is neither, or names no finished run or several configurations.
    """

    if Path(text).exists():
        found, left_out = read_records([text])
    elif "=" in text:
        found, left_out = read_records(places)
        found = _filtered(found, text, side, places)
    else:
        raise ValueError(
            f"{side}: {text!r} is neither a folder or record file nor a filter such as model=self,task=ner"
        )
    found.sort(key=lambda item: item[0].suffix == ".jsonl")  # published records have no predictions beside them
    folders = {id(record): path.parent for path, record in found}
    chosen = [keep_one_fingerprint(table) for table in group_records(record for _path, record in found).values()]
    tables, messages = [table for table, _ in chosen], [message for _, said in chosen for message in said]
    rows = [row for table in tables for row in table.values()]
    finished = [row for row in rows if row.records]
    if not finished:
        debug = any(record["debug"] for _path, record in found)
        raise ValueError(f"{side}: no finished run in {text!r}{_why_none(rows, left_out, debug=debug)}; run it first")
    if len(finished) > 1:
        names = _names(tables, finished)
        shown = "; ".join(names[:4])
        raise ValueError(
            f"{side}: {text!r} names {len(finished)} configurations, and one is needed: {shown}"
            f"{'; …' if len(names) > 4 else ''}; narrow it down with more of task=, data=, model=, …"
        )
    (row,) = finished
    for other in rows:
        if other is not row:
            hole = other.holes[0]
            why = _one_line(f"{hole['status']}: {hole.get('reason')}")
            messages.append(f"{_names(tables, [other])[0]} has no finished run ({why})")
    return Runs(row, {replicate_of(record): folders[id(record)] for record in row.records}, messages)


def _why_none(rows: Sequence[Row], left_out: Sequence[str], *, debug: bool) -> str:
    """In brackets, why there is no finished run, if that is known."""
    reasons = [f"{hole['status']}: {hole.get('reason')}" for row in rows for hole in row.holes]
    told = [*reasons, *(["debug runs are not compared"] if debug else []), *left_out]
    return f" ({_one_line(told[0])})" if told else ""


def _names(tables: Sequence[Table], rows: Sequence[Row]) -> list[str]:
    """Of each row task, data set, model and whatever tells it from the others of its table."""
    settings = {key: words for table in tables for key, words in settings_that_differ(table.values()).items()}
    names = [" ".join([r.sample["task"], r.sample["data"], *r.names, settings[r.key]]) for r in rows]
    return [" ".join(name.split()) for name in names]


def _filtered(
    found: Sequence[tuple[Path, Record]], text: str, side: str, places: Sequence[str]
) -> list[tuple[Path, Record]]:
    """The real runs that have all the values of a filter; ValueError if there are none, or for an unknown key."""
    wanted = {}
    for part in text.split(","):
        key, equals, value = part.partition("=")
        if not equals or not key.strip():
            raise ValueError(f"{side}: expected a filter such as model=self,task=ner, got {part!r} in {text!r}")
        wanted[key.strip()] = value.strip()
    flat = [(path, record, _fields(record)) for path, record in found if not record["debug"]]
    known = {key for _path, _record, fields in flat for key in fields}
    for key in wanted:
        if flat and key not in known:
            raise ValueError(f"{side}: no record has {key!r}; there are {', '.join(NAMES)} and settings of the runs")
    chosen = [(path, record) for path, record, fields in flat if _matches(fields, wanted)]
    if not chosen:
        raise ValueError(
            f"{side}: no run in {', '.join(map(str, places))} has {text}; python -m harness.runs lists what there is"
        )
    return chosen


def _fields(record: Mapping[str, Any]) -> dict[str, Any]:
    names = {name: record[name] for name in NAMES if name in record}
    return flatten(record["config"]) | names


def _matches(fields: dict[str, Any], wanted: dict[str, str]) -> bool:
    """As text, or as YAML writes true, false and null."""
    return all(
        key in fields and value in (str(fields[key]), json.dumps(fields[key], default=str))
        for key, value in wanted.items()
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())
