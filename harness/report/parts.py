"""The leaderboard of a report's table: columns, cells, and what they are sorted by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.board.cells import cells, shown_columns, telling_columns
from harness.board.tables import BoardRow, BoardTable
from harness.records.printable import plain
from harness.report.evidence import Line

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
"""The columns after the runs, those with a value, and what their headers tell."""

VERDICTS = ("better", "as good as", "undecided", "worse")
"""The order in which a first click sorts them."""

SIGNED = ("vs best", "vs none")
"""Differences of scores: large is best where higher is better."""

BEST_IS_LARGE = (*SIGNED, "tokens/s", "error removed")
"""Columns that a first click sorts from the largest; the others have their best, smallest, value first."""


def leaderboard(
    table: BoardTable, rows: Sequence[Line], links: Mapping[int, Sequence[tuple[int, str, str]]]
) -> dict[str, Any]:
    """Columns and rows.

    ``links``: of each row its seeds, their status and the part of the page about them, empty where there is none.
    """
    lines = [cells(row.row) for row in rows]
    telling, few = telling_columns(lines), shown_columns(lines, all_columns=False)
    columns = [name for name in COLUMNS if name in telling]
    down = {name for name in BEST_IS_LARGE if name not in SIGNED or table.higher_is_better}
    return {
        "columns": [
            (name, COLUMNS[name], "descending" if name in down else "ascending", "" if name in few else "more")
            for name in columns
        ],
        "order": "descending" if table.higher_is_better else "ascending",
        "rows": [_ranked(row, line, columns, few, links) for row, line in zip(rows, lines, strict=True)],
    }


def _ranked(
    line: Line,
    words: Mapping[str, str],
    columns: Sequence[str],
    few: Sequence[str],
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
        "mean": row.mean,
        "score": words["score"],
        "cells": [(name, words[name], _sort_key(row, name), "" if name in few else "more") for name in columns],
        "links": links[line.number],
    }


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
