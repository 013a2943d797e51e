"""The charts of a table from its rows: scores, costs, slices, learning curves, tuning; and what they leave out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harness.board.board import COSTS as COST_PATHS
from harness.board.cells import rank_in_words, short
from harness.board.tables import BoardTable
from harness.records.printable import plain
from harness.report import charts
from harness.report.drawings import Drawing
from harness.report.evidence import Folders, Line, curve, trial_scores
from harness.report.names import Style
from harness.report.slices import Slices, slices_of
from harness.statistics.budgets import expected_best, pareto_front
from harness.statistics.over_seeds import interval_half_width

COSTS = {"parameters": "parameters", "flops_per_token": "FLOPs per token", "train_seconds": "seconds of training"}
"""The costs that have a chart, and the names of their axes."""

MOST_LINES = 12
"""A chart has so many rows: the best of the table. The page names the others."""

SEEDS_DRAWN = 6
"""So many seeds of a row have a line of their own; the mean is over all."""

MOST_STEPS = 30
"""A curve has so many points."""


def legend(lines: Sequence[Line]) -> list[tuple[Style, str, int]]:
    """Style, name and row of each line of a chart."""
    return [(line.style, line.name, line.number) for line in lines]


def not_drawn(lines: Sequence[Line], having: Sequence[Line], why: str) -> str:
    """Which networks a chart of the best of ``having`` leaves out: those beyond the best, and those that lack values.

    ``why``: what the latter lack.
    """
    beyond = [line.name for line in having[MOST_LINES:]]
    numbers = {line.number for line in having}
    lacking = [line.name for line in lines if line.number not in numbers and not line.row.floor]
    parts = [f"{', '.join(beyond)} (the {MOST_LINES} best are)"] if beyond else []
    parts += [f"{', '.join(lacking)} ({why})"] if lacking else []
    return f"Not drawn: {'; '.join(parts)}." if parts else ""


# Scores


def forest_chart(table: BoardTable, lines: Sequence[Line]) -> Drawing | None:
    """The scores of all rows with intervals and places; None where no row has a score."""
    rows = [
        charts.Interval(
            line.name, line.row.mean, line.row.half_width, line.row.scores, line.row.floor,
            rank_in_words(line.row.first, line.row.last), line.row.among_best, line.number,
        )
        for line in lines
        if line.row.mean is not None
    ]  # fmt: skip
    return charts.forest(rows, title=f"scores of {table.place} with 95 % intervals") if rows else None


# Quality against cost


def cost_charts(table: BoardTable, lines: Sequence[Line]) -> list[dict[str, Any]]:
    """A chart for each cost that at least two networks have, with the front in words."""
    found = []
    sign = 1 if table.higher_is_better else -1
    scored = [line for line in lines if line.row.mean is not None]
    floors = [line for line in scored if line.row.floor]
    best_floor = max(floors, key=lambda line: sign * (line.row.mean or 0.0), default=None)
    floor = None if best_floor is None else (best_floor.name, best_floor.row.mean or 0.0)
    for key, name in COSTS.items():
        drawn = [line for line in scored if not line.row.floor and line.row.costs.get(key)]
        if len(drawn) < 2:
            continue
        costs = [line.row.costs[key] or 0.0 for line in drawn]
        scores = [line.row.mean or 0.0 for line in drawn]
        front = pareto_front([sign * score for score in scores], costs)
        points = [
            charts.Point(line.name, cost, score, on, line.number, _cost_half_width(line, key), line.row.half_width)
            for line, cost, score, on in zip(drawn, costs, scores, front, strict=True)
        ]
        made = charts.scatter(points, cost=name, floor=floor, higher_is_better=table.higher_is_better)
        best = [f"{p.label} ({short(p.cost)})" for p in sorted(points, key=lambda p: p.cost) if p.front]
        lacking = [line.name for line in scored if not line.row.floor and line not in drawn]
        found.append(vars(made) | {"name": name, "front": best, "lacking": lacking})
    return found


def _cost_half_width(line: Line, key: str) -> float | None:
    """Half of the 95 % interval of a mean cost over seeds."""
    values = [value for record in line.records if isinstance(value := _at(record, COST_PATHS[key]), int | float)]
    return interval_half_width(values) if len(values) > 1 else None


def _at(record: Mapping[str, Any], path: Sequence[str]) -> Any:
    value: Any = record.get("costs")
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


# Slices


def slice_charts(table: BoardTable, lines: Sequence[Line], folders: Folders) -> dict[str, Any]:
    """A chart of the score by length, and a table of all slices; or a note that says why there are none."""
    found = slices_of(table, lines, folders)
    if isinstance(found, str):
        return {"note": found}
    best = [_best(column, table) for column in zip(*found.values, strict=True)]
    rows = [
        {
            "label": line.name,
            "number": line.number,
            "cells": [
                ("" if value is None else f"{value:.4f}", value is not None and value == top)
                for value, top in zip(values, best, strict=True)
            ],
        }
        for line, values in zip(found.lines, found.values, strict=True)
    ]
    heads = list(zip(map(plain, found.names), found.examples, strict=True))
    return {"note": "", "heads": heads, "rows": rows, "messages": found.messages} | _by_length(found, lines)


def _best(values: Sequence[float | None], table: BoardTable) -> float | None:
    known = [value for value in values if value is not None]
    return (max if table.higher_is_better else min)(known) if len(known) > 1 else None


def _by_length(found: Slices, lines: Sequence[Line]) -> dict[str, Any]:
    """A line a network over the thirds by length; floors stand in the table below."""
    columns = [n for n, name in enumerate(found.names) if name.startswith("length ")]
    both = zip(found.lines, found.values, strict=True)
    having = [
        (line, values) for line, values in both if not line.row.floor and any(values[n] is not None for n in columns)
    ]
    series = []
    for line, values in having[:MOST_LINES]:
        points = [(float(x), value) for x, n in enumerate(columns) if (value := values[n]) is not None]
        series.append(charts.Series(line.name, line.style, line.number, points))
    if len(columns) < 2 or not series:
        return {"chart": "", "legend": [], "left_out": ""}
    words = [found.names[n].removeprefix("length ").removesuffix(" tokens") for n in columns]
    chart = charts.line_chart(series, x_name="tokens", title="score by length", marks=True, x_words=words)
    left_out = not_drawn(lines, [line for line, _values in having], "no predictions beside the records")
    return {"chart": chart, "legend": legend([line for line, _values in having[:MOST_LINES]]), "left_out": left_out}


# Curves


def learning_curves(lines: Sequence[Line]) -> dict[str, Any]:
    """The validation score and the training loss by step: the mean over seeds and their band, and single seeds."""
    having = [line for line in lines if any(curve(record, "train_loss") for record in line.records)]
    drawn = having[:MOST_LINES]
    panels = []
    for name in dict.fromkeys(_validation_key(line) for line in drawn):
        panels.append(_curves([line for line in drawn if _validation_key(line) == name], name, name))
    if drawn:
        panels.append(_curves(drawn, "train_loss", "training loss"))
    return {
        "panels": [panel for panel in panels if panel is not None],
        "legend": legend(drawn),
        "seeds": any(len(line.records) > 1 for line in drawn),
        "left_out": not_drawn(lines, having, "no learning curve in the records"),
    }


def _validation_key(line: Line) -> str:
    record = line.records[0]
    main = f"validation/{record['main_score']}"
    return main if curve(record, main) else str(record.get("chosen_by", main))


def _curves(lines: Sequence[Line], key: str, title: str) -> dict[str, Any] | None:
    series = []
    for line in lines:
        found = [points for record in line.records if (points := curve(record, key))]
        if found:
            series.append(_mean_and_band(line, found))
    if not series:
        return None
    return {"title": title, "chart": charts.line_chart(series, x_name="step", title=f"{title} by step")}


def _mean_and_band(line: Line, found: Sequence[Sequence[tuple[float, float]]]) -> charts.Series:
    """The mean over seeds, and the lowest and highest of them, at the steps that all of them have reached."""
    first, last = max(points[0][0] for points in found), min(points[-1][0] for points in found)
    steps = _thinned(sorted({x for points in found for x, _y in points if first <= x <= last})) or [last]
    values_RS = np.array([np.interp(steps, [x for x, _y in points], [y for _x, y in points]) for points in found])
    name = f"{line.name}, seed {line.records[0]['seed']}" if len(found) == 1 else f"{line.name}, {len(found)} seeds"
    means, low, high = values_RS.mean(axis=0), values_RS.min(axis=0), values_RS.max(axis=0)
    band = list(zip(low.tolist(), high.tolist(), strict=True)) if len(found) > 1 else []
    seeds = [_thinned(points) for points in found[:SEEDS_DRAWN]] if len(found) > 1 else []
    points = list(zip(steps, means.tolist(), strict=True))
    return charts.Series(name, line.style, line.number, points, band, seeds)


def _thinned(values: Sequence[Any]) -> list[Any]:
    if len(values) <= MOST_STEPS:
        return list(values)
    return [values[int(n)] for n in np.linspace(0, len(values) - 1, num=MOST_STEPS).round()]


def tuning_curves(lines: Sequence[Line]) -> dict[str, Any] | None:
    """The expected best validation score of a smaller search (Dodge et al. 2019), where records have the trials."""
    searched = [(line, trial_scores(line.records[0])) for line in lines if line.records]
    having = [(line, scores) for line, scores in searched if scores]
    if not having:
        return None
    series = [
        charts.Series(line.name, line.style, line.number, points)
        for line, scores in having[:MOST_LINES]
        if (points := [(float(b), expected_best(scores, b).mean) for b in range(1, len(scores) + 1)])
    ]
    chart = charts.line_chart(series, x_name="trials", title="expected best validation score by trials")
    found = [line for line, _scores in having]
    left_out = not_drawn(lines, found, "no trials in the records")
    return {"chart": chart, "legend": legend(found[:MOST_LINES]), "left_out": left_out}
