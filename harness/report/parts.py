"""The parts of a report's table: leaderboard with forest plot, charts of cost, slices, curves, tuning, attention."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from harness.board import BoardRow, BoardTable
from harness.board_formats import cells, plain, short
from harness.example_scores import is_right
from harness.report import charts
from harness.report.evidence import Folders, Line, Slices, curve, slices_of, trial_scores
from harness.report.svg import series_class
from harness.statistics import expected_best, pareto_front

COSTS = {"parameters": "parameters", "flops_per_token": "FLOPs per token", "train_seconds": "seconds of training"}
"""The costs that have a chart, and the names of their axes."""

MOST_LINES = 8
"""A chart has so many rows, as many as there are colours: the best of the table."""

SEEDS_DRAWN = 5
"""So many seeds of a row have a learning curve."""

EXAMPLES = 3
"""So many test examples have attention maps."""

MOST_TOKENS = 40
"""Longer texts have no map: it could not be read."""

NUMBERS = ("±", "rank", "vs best", "p", "trials", "ff width", "ratio", "parameters", "FLOPs/token", "train s",
           "tokens/s", "latency ms", "MiB")  # fmt: skip
WORDS = ("more seeds",)


def leaderboard(table: BoardTable, links: Mapping[int, Sequence[tuple[int, str, str]]]) -> dict[str, Any]:
    """Columns, rows and the axis of the forest plot, which stands in a column of the table."""
    lines = [cells(row) for row in table.rows]
    scored = [row for row in table.rows if row.mean is not None]
    scale = charts.forest_scale([_interval(row) for row in scored]) if scored else None
    silent = {"trials": {"", "1"}, "vs best": {"", "best"}}
    columns = [
        name for name in (*NUMBERS, *WORDS) if any(line[name] not in silent.get(name, {""}) for line in lines)
    ]  # fmt: skip
    rows = []
    for number, (row, line) in enumerate(zip(table.rows, lines, strict=True)):
        rows.append(
            {
                "name": plain(row.model),
                "details": " · ".join(filter(None, (line["backbone"], line["position"], line["settings"]))),
                "best": row.best,
                "hole": "" if row.mean is not None else "; ".join(f"{h.status}: {plain(h.reason)}" for h in row.holes),
                "search": f"{row.label} {'floor' if row.floor else ''} {' '.join(h.status for h in row.holes)}",
                "forest": charts.forest_row(_interval(row), scale) if scale and row.mean is not None else "",
                "mean": row.mean,
                "score": line["score"],
                "cells": [(name, line[name], _sort_key(row, name)) for name in columns],
                "links": links.get(number, ()),
            }
        )
    return {"columns": columns, "words": WORDS, "rows": rows, "axis": charts.forest_axis(scale) if scale else ""}


def _interval(row: BoardRow) -> charts.Interval:
    return charts.Interval(row.mean or 0.0, row.half_width, row.scores, row.best, row.floor, row.label)


def _sort_key(row: BoardRow, column: str) -> float | str | None:
    """What a column is sorted by; None comes last."""
    costs = row.costs
    keys: dict[str, float | str | None] = {
        "rank": row.rank,
        "±": row.half_width,
        "vs best": 0.0 if row.best else row.difference,
        "p": row.p_value,
        "trials": row.trials,
        "ff width": row.feedforward_width,
        "ratio": row.match_ratio,
        "more seeds": row.more_seeds or None,
        "parameters": costs.get("parameters"),
        "FLOPs/token": costs.get("flops_per_token"),
        "train s": costs.get("train_seconds"),
        "tokens/s": costs.get("train_tokens_per_second"),
        "latency ms": costs.get("latency_seconds"),
        "MiB": costs.get("gpu_memory_bytes") or costs.get("memory_bytes"),
    }
    return keys[column]


def legend(lines: Sequence[Line]) -> list[tuple[str, str]]:
    """Style and name of each line of a chart."""
    return [(series_class(n), plain(line.row.label)) for n, line in enumerate(lines)]


# Quality against cost


def cost_charts(table: BoardTable) -> list[dict[str, Any]]:
    """A chart for each cost that at least two networks have, with the front in words."""
    found = []
    names = _short_names(table)
    sign = 1 if table.higher_is_better else -1
    floors = [row for row in table.rows if row.floor and row.mean is not None]
    floor = max(floors, key=lambda row: sign * (row.mean or 0.0), default=None)
    line = None if floor is None else (names[floor.label], floor.mean or 0.0)
    for key, name in COSTS.items():
        rows = [row for row in table.rows if row.mean is not None and not row.floor and row.costs.get(key)]
        if len(rows) < 2:
            continue
        costs = [row.costs[key] or 0.0 for row in rows]
        scores = [row.mean or 0.0 for row in rows]
        front = pareto_front([sign * score for score in scores], costs)
        points = [
            charts.Point(names[row.label], cost, score, on)
            for row, cost, score, on in zip(rows, costs, scores, front, strict=True)
        ]
        chart = charts.scatter(points, cost=name, floor=line, higher_is_better=table.higher_is_better)
        best = [f"{p.label} ({short(p.cost)})" for p in sorted(points, key=lambda p: p.cost) if p.front]
        found.append({"name": name, "chart": chart, "front": best})
    return found


def _short_names(table: BoardTable) -> dict[str, str]:
    """Label -> the model alone where no other row has it, else the label."""
    models = Counter(row.model for row in table.rows)
    return {row.label: plain(row.model if models[row.model] == 1 else row.label) for row in table.rows}


# Slices


def slice_charts(table: BoardTable, lines: Sequence[Line], folders: Folders) -> dict[str, Any]:
    """A chart of the score by length, and a table of all slices; or a note that says why there are none."""
    found = slices_of(table, lines, folders)
    if isinstance(found, str):
        return {"note": found}
    best = [_best(column, table) for column in zip(*found.values, strict=True)]
    rows = [
        {
            "label": plain(line.row.label),
            "cells": [
                ("" if value is None else f"{value:.4f}", value is not None and value == top)
                for value, top in zip(values, best, strict=True)
            ],
        }
        for line, values in zip(found.lines, found.values, strict=True)
    ]
    heads = list(zip(map(plain, found.names), found.examples, strict=True))
    return {"note": "", "heads": heads, "rows": rows, "messages": found.messages} | _by_length(found)


def _best(values: Sequence[float | None], table: BoardTable) -> float | None:
    known = [value for value in values if value is not None]
    return (max if table.higher_is_better else min)(known) if len(known) > 1 else None


def _by_length(found: Slices) -> dict[str, Any]:
    """A line a network over the thirds by length; floors stand in the table below."""
    columns = [n for n, name in enumerate(found.names) if name.startswith("length ")]
    both = zip(found.lines, found.values, strict=True)
    drawn = [(line, values) for line, values in both if not line.row.floor][:MOST_LINES]
    series = []
    for number, (line, values) in enumerate(drawn):
        points = [(float(x), value) for x, n in enumerate(columns) if (value := values[n]) is not None]
        if points:
            series.append(charts.Series(plain(line.row.label), number, points))
    if len(columns) < 2 or not series:
        return {"chart": "", "legend": []}
    words = [found.names[n].removeprefix("length ").removesuffix(" tokens") for n in columns]
    chart = charts.line_chart(series, x_name="tokens", title="score by length", marks=True, x_words=words)
    return {"chart": chart, "legend": legend([line for line, _values in drawn])}


# Curves


def learning_curves(lines: Sequence[Line]) -> dict[str, Any]:
    """The validation score and the training loss by step, a line a seed."""
    having = [line for line in lines if any(curve(record, "train_loss") for record in line.records)][:MOST_LINES]
    panels = []
    for name in dict.fromkeys(_validation_key(line) for line in having):
        same = {n: line for n, line in enumerate(having) if _validation_key(line) == name}
        panels.append(_curves(same, name, name))
    if having:
        panels.append(_curves(dict(enumerate(having)), "train_loss", "training loss"))
    shown = [panel for panel in panels if panel is not None]
    return {"panels": shown, "legend": legend(having), "left_out": len(lines) > len(having) >= MOST_LINES}


def _validation_key(line: Line) -> str:
    record = line.records[0]
    main = f"validation/{record['main_score']}"
    return main if curve(record, main) else str(record.get("chosen_by", main))


def _curves(lines: Mapping[int, Line], key: str, title: str) -> dict[str, Any] | None:
    series = [
        charts.Series(f"{plain(line.row.label)}, seed {record['seed']}", number, points)
        for number, line in lines.items()
        for record in line.records[:SEEDS_DRAWN]
        if (points := curve(record, key))
    ]
    if not series:
        return None
    return {"title": title, "chart": charts.line_chart(series, x_name="step", title=f"{title} by step")}


def tuning_curves(lines: Sequence[Line]) -> dict[str, Any] | None:
    """The expected best validation score of a smaller search (Dodge et al. 2019), where records have the trials."""
    searched = [(line, trial_scores(line.records[0])) for line in lines if line.records]
    having = [(line, scores) for line, scores in searched if scores][:MOST_LINES]
    if not having:
        return None
    series = [
        charts.Series(
            plain(line.row.label), n, [(float(b), expected_best(scores, b).mean) for b in range(1, len(scores) + 1)]
        )
        for n, (line, scores) in enumerate(having)
    ]
    chart = charts.line_chart(series, x_name="trials", title="expected best validation score by trials")
    return {"chart": chart, "legend": legend([line for line, _scores in having])}


# Attention


def attention_maps(lines: Sequence[Line], folders: Folders) -> dict[str, Any]:
    """The same test examples for every row: of each kind of site the map of its last site, heads averaged."""
    stored = []
    for line in lines:
        found = next(filter(None, (folders.attention(record) for record in line.records)), None)
        if found is not None:
            stored.append((line, {row["row"]: row for row in found["rows"]}))
    examples = sorted({row for _line, rows in stored for row in rows})[:EXAMPLES]
    return {
        "examples": [
            {
                "row": row,
                "gold": next(plain(_words(rows[row]["gold"])) for _line, rows in stored if row in rows),
                "kinds": _kinds([(line, rows[row]) for line, rows in stored if row in rows]),
            }
            for row in examples
        ]
    }


def _kinds(found: Sequence[tuple[Line, Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """The maps of an example by kind of site, side by side over the rows of the table."""
    names = dict.fromkeys(made["kind"] for _line, row in found for made in row["maps"])
    return [
        {
            "kind": name,
            "figures": [
                _figure(line, row, [made for made in row["maps"] if made["kind"] == name][-1])
                for line, row in found
                if any(made["kind"] == name for made in row["maps"])
            ],
        }
        for name in names
    ]


def _figure(line: Line, row: Mapping[str, Any], made: Mapping[str, Any]) -> dict[str, Any]:
    label = plain(line.row.label)
    rows, columns = [plain(token) for token in made["rows"]], [plain(token) for token in made["columns"]]
    fits = 0 < len(rows) <= MOST_TOKENS and 0 < len(columns) <= MOST_TOKENS
    return {
        "label": label,
        "site": made["site"],
        "right": is_right(row),
        "predicted": plain(_words(row["predicted"])),
        "chart": charts.heat_map(made["weights"], rows, columns, title=f"attention of {label}") if fits else "",
    }


def _words(value: Any) -> str:
    """A label or a text; tags and several references one after the other."""
    text = " ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= 120 else f"{text[:120]} …"
