"""The parts of a report's table: leaderboard with forest plot, charts of cost, slices, curves, tuning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.board.cells import cells, short, shown_columns, telling_columns
from harness.board.tables import BoardRow, BoardTable
from harness.records.printable import plain
from harness.report import charts
from harness.report.evidence import Folders, Line, curve, trial_scores
from harness.report.slices import Slices, slices_of
from harness.report.svg import Scale
from harness.statistics.budgets import expected_best, pareto_front

COSTS = {"parameters": "parameters", "flops_per_token": "FLOPs per token", "train_seconds": "seconds of training"}
"""The costs that have a chart, and the names of their axes."""

MOST_LINES = 12
"""A chart has so many rows: the best of the table. The page names the others."""

SEEDS_DRAWN = 5
"""So many seeds of a row have a learning curve."""

COLUMNS = {
    "rank": "from 1 + the rows told better to the last place but for the rows told worse",
    "±": "half of the 95 % interval of the mean over seeds (Student's t)",
    "seeds": "how many seeds the mean is over",
    "vs best": "mean difference from the best row",
    "p": "of the difference from the best: Welch's t over seeds, corrected by Holm for all pairs",
    "more seeds": "of both rows, to show this difference, or that it lies within the margin, with chance 0.8",
    "vs none": "mean difference from the row of model=none",
    "verdict": "against none: better, worse, as good as (within the margin), or undecided",
    "error removed": "the share of the error of none that is gone",
    "train x": "training time over that of none",
    "latency x": "latency over that of none",
    "parameters x": "parameters over those of none",
    "FLOPs x": "FLOPs over those of none",
    "trials": "configurations that were tried to find this one",
    "ff width": "of the feed-forward layers, resized",
    "ratio": "what resizing reached; 1 is the reference",
    "parameters": "of the whole model",
    "FLOPs/token": "of a forward pass",
    "train s": "seconds of training, without validation",
    "tokens/s": "in training",
    "latency ms": "one example alone",
    "MiB": "the most memory in use",
}
"""The columns after the plot, those with a value, and what their headers tell."""

VERDICTS = ("better", "as good as", "undecided", "worse")
"""The order in which a first click sorts them."""

SIGNED = ("vs best", "vs none")
"""Differences of scores: large is best where higher is better."""

BEST_IS_LARGE = (*SIGNED, "tokens/s", "error removed")
"""Columns that a first click sorts from the largest; the others have their best, smallest, value first."""


def leaderboard(
    table: BoardTable, rows: Sequence[Line], links: Mapping[int, Sequence[tuple[int, str, str]]]
) -> dict[str, Any]:
    """Columns, rows and the axis of the forest plot, which stands in a column of the table.

    ``links``: of each row its seeds, their status and the part of the page about them, empty where there is none.
    """
    lines = [cells(row.row) for row in rows]
    scored = [row for row in rows if row.row.mean is not None]
    scale = charts.forest_scale([_interval(row) for row in scored]) if scored else None
    telling, few = telling_columns(lines), shown_columns(lines, all_columns=False)
    columns = [name for name in COLUMNS if name in telling]
    down = {name for name in BEST_IS_LARGE if name not in SIGNED or table.higher_is_better}
    return {
        "columns": [
            (name, COLUMNS[name], "descending" if name in down else "ascending", "" if name in few else "more")
            for name in columns
        ],
        "order": "descending" if table.higher_is_better else "ascending",
        "rows": [_ranked(row, line, columns, few, scale, links) for row, line in zip(rows, lines, strict=True)],
        "axis": charts.forest_axis(scale) if scale else "",
    }


def _ranked(
    line: Line,
    words: Mapping[str, str],
    columns: Sequence[str],
    few: Sequence[str],
    scale: Scale | None,
    links: Mapping[int, Sequence[tuple[int, str, str]]],
) -> dict[str, Any]:
    """A row of the leaderboard; ``words``: its cells."""
    row = line.row
    return {
        "number": line.number,
        "name": plain(row.model),
        "details": "floor" if row.floor else line.name.removeprefix(plain(row.model)).strip(),
        "hole": "" if row.mean is not None else "; ".join(f"{h.status}: {plain(h.reason)}" for h in row.holes),
        "search": f"{row.label} {'floor' if row.floor else ''} {' '.join(h.status for h in row.holes)}",
        "forest": charts.forest_row(_interval(line), scale) if scale and row.mean is not None else "",
        "mean": row.mean,
        "score": words["score"],
        "cells": [(name, words[name], _sort_key(row, name), "" if name in few else "more") for name in columns],
        "links": links[line.number],
    }


def _interval(line: Line) -> charts.Interval:
    row = line.row
    return charts.Interval(row.mean or 0.0, row.half_width, row.scores, row.floor, line.name)


def _sort_key(row: BoardRow, column: str) -> float | None:
    """What a column is sorted by; None comes last."""
    costs, best = row.costs, row.vs_best
    keys: dict[str, float | None] = {
        "rank": None if row.first is None or row.last is None else row.first + row.last / 1e6,
        "±": row.half_width,
        "seeds": len(row.seeds) or None,
        "vs best": 0.0 if row.reference else None if best is None else best.difference,
        "p": None if best is None else best.p_value,
        "vs none": None if row.vs_none is None else row.vs_none.difference,
        "error removed": row.error_removed,
        "train x": row.cost_ratios.get("train_seconds"),
        "latency x": row.cost_ratios.get("latency_seconds"),
        "parameters x": row.cost_ratios.get("parameters"),
        "FLOPs x": row.cost_ratios.get("flops_per_token"),
        "verdict": None if row.vs_none is None else VERDICTS.index(row.vs_none.verdict),
        "trials": row.trials,
        "ff width": row.feedforward_width,
        "ratio": row.match_ratio,
        "more seeds": _seeds_in_words("" if best is None else best.more_seeds),
        "parameters": costs.get("parameters"),
        "FLOPs/token": costs.get("flops_per_token"),
        "train s": costs.get("train_seconds"),
        "tokens/s": costs.get("train_tokens_per_second"),
        "latency ms": costs.get("latency_seconds"),
        "MiB": costs.get("gpu_memory_bytes") or costs.get("memory_bytes"),
    }
    return keys[column]


def _seeds_in_words(words: str) -> float | None:
    """The number in ``7``, ``≥ 7`` or ``over 100``, which comes after 100."""
    if not words:
        return None
    return float(words.removeprefix("over ").removeprefix("≥ ")) + words.startswith("over ")


def legend(lines: Sequence[Line]) -> list[tuple[str, str, int]]:
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
            charts.Point(line.name, cost, score, on, line.number)
            for line, cost, score, on in zip(drawn, costs, scores, front, strict=True)
        ]
        made = charts.scatter(points, cost=name, floor=floor, higher_is_better=table.higher_is_better)
        best = [f"{p.label} ({short(p.cost)})" for p in sorted(points, key=lambda p: p.cost) if p.front]
        lacking = [line.name for line in scored if not line.row.floor and line not in drawn]
        found.append(vars(made) | {"name": name, "front": best, "lacking": lacking})
    return found


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
    """The validation score and the training loss by step, a line a seed."""
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
        "seeds": SEEDS_DRAWN if any(len(line.records) > SEEDS_DRAWN for line in drawn) else None,
        "left_out": not_drawn(lines, having, "no learning curve in the records"),
    }


def _validation_key(line: Line) -> str:
    record = line.records[0]
    main = f"validation/{record['main_score']}"
    return main if curve(record, main) else str(record.get("chosen_by", main))


def _curves(lines: Sequence[Line], key: str, title: str) -> dict[str, Any] | None:
    series = [
        charts.Series(f"{line.name}, seed {record['seed']}", line.style, line.number, points)
        for line in lines
        for record in line.records[:SEEDS_DRAWN]
        if (points := curve(record, key))
    ]
    if not series:
        return None
    return {"title": title, "chart": charts.line_chart(series, x_name="step", title=f"{title} by step")}


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
