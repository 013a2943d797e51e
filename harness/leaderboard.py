"""``python -m harness.leaderboard``: the records, compared.

Reads records alone: no task code, no torch. One table a task and data set, one row a configuration, every score the
mean over seeds with a 95 % interval (Student's t). A cell that failed is a hole with its reason, never a zero.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import math
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.records import find_records

COLUMNS = ("model", "backbone", "settings", "seeds", "score", "interval", "parameters", "train_s", "latency_ms")


@dataclass
class Row:
    """One configuration on one data set: its runs over seeds, and its holes."""

    key: str
    records: list[dict[str, Any]] = field(default_factory=list)
    holes: list[dict[str, Any]] = field(default_factory=list)

    @property
    def sample(self) -> dict[str, Any]:
        """Any record of the row: names and configuration are the same in all but the seed."""
        return (self.records or self.holes)[0]

    def scores(self, metric: str) -> list[float]:
        """The score of each seed."""
        return [record["scores"][metric] for record in self.records if metric in record["scores"]]

    def cost(self, *path: str) -> float | None:
        """The mean of a cost over seeds, or None if the row has no such cost (floors)."""
        values = []
        for record in self.records:
            value: Any = record.get("costs", {})
            for key in path:
                value = value.get(key) if isinstance(value, Mapping) else None
            if value is not None:
                values.append(float(value))
        return statistics.fmean(values) if values else None


def interval_half_width(values: Sequence[float]) -> float | None:
    """Half of the 95 % interval of the mean by Student's t; None for fewer than two values."""
    if len(values) < 2:
        return None
    from scipy.special import stdtrit

    return float(stdtrit(len(values) - 1, 0.975)) * statistics.stdev(values) / math.sqrt(len(values))


def comparable_configuration(record: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration without what may differ between the seeds of one row.

    The seed that draws missing splits follows the run's; of a floor, only task, data and model matter.
    """
    ignored = {"seed", "results_dir", "force", "trace", "logger", "data_dir", "debug"}
    config = {key: value for key, value in record["config"].items() if key not in ignored}
    if "floor" in config.get("model", {}):
        config = {key: config[key] for key in ("task", "data", "model")}
    data = {key: value for key, value in config.get("data", {}).items() if key != "data_dir"}
    if "validation_fraction" in data:
        data.pop("seed", None)
    return config | {"data": data}


def configuration_key(record: Mapping[str, Any]) -> str:
    """What makes two records seeds of the same row: the whole configuration but the seed and what cannot matter."""
    config = comparable_configuration(record)
    return hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode()).hexdigest()


Table = dict[str, Row]


def group_records(records: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], Table]:
    """(task, data) -> rows. Of several records of one seed the newest finished one counts; debug runs never do."""
    newest: dict[tuple[str, str, str, int], dict[str, Any]] = {}
    for record in records:
        if record["debug"]:
            continue
        place = (record["task"], record["data"], configuration_key(record), record["seed"])
        before = newest.get(place)
        if before is None or _precedence(record) > _precedence(before):
            newest[place] = dict(record)
    tables: dict[tuple[str, str], Table] = defaultdict(dict)
    for (task, data, key, _seed), record in sorted(newest.items(), key=lambda item: item[0]):
        row = tables[task, data].setdefault(key, Row(key))
        (row.records if record["status"] == "done" else row.holes).append(record)
    return dict(tables)


def _precedence(record: Mapping[str, Any]) -> tuple[bool, str]:
    return record["status"] == "done", record["finished"]


def keep_one_fingerprint(table: Table) -> list[str]:
    """Leave out the records of a minority data fingerprint: other data are no fair comparison. Returns messages."""
    counts: dict[str, int] = defaultdict(int)
    for row in table.values():
        for record in row.records:
            counts[record["data_fingerprint"]] += 1
    if len(counts) < 2:
        return []
    kept = max(counts, key=lambda fingerprint: counts[fingerprint])
    messages = []
    for row in table.values():
        others = [record for record in row.records if record["data_fingerprint"] != kept]
        row.records = [record for record in row.records if record["data_fingerprint"] == kept]
        messages += [f"run {r['id']} left out: its data differ ({r['data_fingerprint'][:12]})" for r in others]
    for key in [key for key, row in table.items() if not row.records and not row.holes]:
        del table[key]
    return messages


def settings_that_differ(rows: Iterable[Row]) -> dict[str, str]:
    """For rows of the same names, the settings in which they differ, as ``key=value`` words."""
    by_names: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        by_names[row.sample["model"], row.sample["backbone"]].append(row)
    words = {}
    for group in by_names.values():
        flat = {row.key: _flatten(comparable_configuration(row.sample)) for row in group}
        keys = sorted({key for values in flat.values() for key in values})
        differing = [k for k in keys if len({repr(v.get(k)) for v in flat.values()}) > 1 and "names." not in k]
        for key, values in flat.items():
            words[key] = " ".join(f"{name}={values.get(name)}" for name in differing)
    return words


def _flatten(value: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(value, Mapping):
        return {prefix: value}
    return {k: v for key, inner in value.items() for k, v in _flatten(inner, f"{prefix}.{key}".lstrip(".")).items()}


def table_lines(table: Table, metric: str | None) -> tuple[str, list[dict[str, str]]]:
    """The metric shown and the cells of each row, the best mean first and the holes last."""
    with_records = [row for row in table.values() if row.records]
    metric = metric or (with_records[0].sample["main_score"] if with_records else "")
    settings = settings_that_differ(table.values())
    ordered = sorted(with_records, key=lambda row: -statistics.fmean(row.scores(metric) or [-math.inf]))
    lines = [_line(row, metric, settings[row.key]) for row in ordered]
    for row in table.values():
        for hole in row.holes:
            reason = str(hole["reason"]).splitlines()[0]
            text = f"{hole['status']}: {reason}"
            names = {"model": hole["model"], "backbone": hole["backbone"], "settings": settings[row.key]}
            lines.append(dict.fromkeys(COLUMNS, "") | names | {"seeds": f"seed {hole['seed']}", "score": text})
    return metric, lines


def _line(row: Row, metric: str, settings: str) -> dict[str, str]:
    scores = row.scores(metric)
    half = interval_half_width(scores)
    parameters = row.cost("parameters", "total")
    latency = row.cost("latency_seconds")
    seconds = row.cost("train_seconds")
    floor = "parameters" not in row.sample.get("costs", {})
    return {
        "model": row.sample["model"],
        "backbone": "(floor)" if floor else row.sample["backbone"],
        "settings": settings,
        "seeds": str(len(scores)),
        "score": f"{statistics.fmean(scores):.4f}" if scores else f"no {metric}",
        "interval": "" if half is None else f"± {half:.4f}",
        "parameters": "" if parameters is None else f"{parameters:,.0f}",
        "train_s": "" if seconds is None else f"{seconds:.1f}",
        "latency_ms": "" if latency is None else f"{1000 * latency:.2f}",
    }


def render(tables: Mapping[tuple[str, str], Table], *, metric: str | None, style: str) -> str:
    """All tables as ``terminal``, ``markdown``, ``csv`` or ``json`` text."""
    parts: list[str] = []
    rows: list[dict[str, str]] = []
    for (task, data), table in tables.items():
        messages = keep_one_fingerprint(table)
        if not table:
            continue
        shown, lines = table_lines(table, metric)
        rows += [{"task": task, "data": data, "metric": shown, **line} for line in lines]
        columns = [column for column in COLUMNS if any(line[column] for line in lines)]
        draw = _markdown if style == "markdown" else _terminal
        parts += [draw(f"{task} / {data}: {shown}", columns, lines), *messages]
    if style == "json":
        return json.dumps(rows, indent=1, ensure_ascii=False)
    if style == "csv":
        text = io.StringIO()
        writer = csv.DictWriter(text, ["task", "data", "metric", *COLUMNS])
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue()
    return "\n".join(parts)


def _markdown(title: str, columns: list[str], lines: list[dict[str, str]]) -> str:
    def cells(values: Iterable[str]) -> str:
        return "| " + " | ".join(value.replace("|", "\\|") for value in values) + " |"

    body = [cells(line[column] for column in columns) for line in lines]
    return "\n".join([f"### {title}", "", cells(columns), "|" + "---|" * len(columns), *body, ""])


def _terminal(title: str, columns: list[str], lines: list[dict[str, str]]) -> str:
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    table = RichTable(title=title, title_justify="left")
    for column in columns:
        right = column in ("seeds", "score", "interval", "parameters", "train_s", "latency_ms")
        table.add_column(column, justify="right" if right else "left")
    for line in lines:
        table.add_row(*(Text(line[column]) for column in columns))
    console = Console(file=io.StringIO(), width=None if sys.stdout.isatty() else 160)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, read, print; 1 if there is nothing to compare."""
    parser = argparse.ArgumentParser(prog="python -m harness.leaderboard", description=__doc__)
    parser.add_argument("places", nargs="*", default=["results"], help="folders or record files (default: results)")
    for name in ("task", "data", "model", "backbone"):
        parser.add_argument(f"--{name}", help=f"only this {name}; several with commas")
    parser.add_argument("--metric", help="the score to show (default: the task's main score)")
    parser.add_argument("--format", choices=["terminal", "markdown", "csv", "json"], default="terminal")
    parser.add_argument("--output", type=Path, help="write there instead of printing")
    options = parser.parse_args(arguments)
    records = []
    for _path, found in find_records(options.places):
        if isinstance(found, ValueError):
            print(f"left out: {found}", file=sys.stderr)
        elif all(_wanted(found[name], getattr(options, name)) for name in ("task", "data", "model", "backbone")):
            records.append(found)
    tables = group_records(records)
    if not tables:
        print(f"no records of finished runs in {', '.join(map(str, options.places))}", file=sys.stderr)
        return 1
    text = render(tables, metric=options.metric, style=options.format)
    if options.output:
        options.output.write_text(text + "\n", encoding="utf-8")
    else:
        print(text)
    return 0


def _wanted(name: str, choice: str | None) -> bool:
    return choice is None or name in choice.split(",")


if __name__ == "__main__":
    sys.exit(main())
