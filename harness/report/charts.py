"""The charts of a report: what marks they have, and how far their axes go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.board.cells import short
from harness.report import specs
from harness.report.drawings import Drawing, made, told
from harness.report.labels import LETTER, LONGEST, placed, without_room
from harness.report.names import COLOURS, DASHES, Style

Ends = tuple[float, float]
Mark = dict[str, Any]

MOST_SEEDS = 50
"""So many seeds of a row are drawn."""


def ends_of(values: Iterable[float], *, log: bool = False) -> Ends:
    """The ends of an axis that holds all ``values`` with some room around."""
    found = list(values)
    low, high = min(found), max(found)
    if log:
        room = (high / low) ** 0.08 if high > low else 1.5
        return low / room, high * room
    room = 0.06 * (high - low) or 0.05 * abs(high) or 0.5
    return low - room, high + room


@dataclass(frozen=True)
class Interval:
    """A row of a forest plot. ``rank``: the places it may have; ``best``: whether it is drawn as the best."""

    label: str
    mean: float
    half_width: float | None
    scores: Sequence[float]
    floor: bool
    rank: str
    best: bool
    row: int


def forest_ends(rows: Sequence[Interval]) -> Ends:
    """Holds the scores of all networks, of floors that are near them, and intervals as far as the scores are apart.

    Wider ones would leave no room to tell the scores apart. Where all scores are fractions, so are the axis's ends.
    """
    networks = [score for row in rows for score in row.scores if not row.floor]
    scores = networks or [score for row in rows for score in row.scores]
    low, high = min(scores), max(scores)
    room = max(high - low, 0.02)
    near = [score for row in rows for score in row.scores if low - room <= score <= high + room]
    ends = [row.mean + sign * row.half_width for row in rows if row.half_width is not None for sign in (-1, 1)]
    fractions = all(0 <= score <= 1 for row in rows for score in row.scores)
    least, most = (max(low - room, 0.0), min(high + room, 1.0)) if fractions else (low - room, high + room)
    first, last = ends_of([*near, *(min(max(end, least), most) for end in ends)])
    return (max(first, 0.0), min(last, 1.0)) if fractions else (first, last)


def forest(rows: Sequence[Interval], *, title: str) -> Drawing:
    """Means over seeds with their 95 % intervals; an arrow says that an interval goes on, or a mean lies, beyond."""
    ends = forest_ends(rows)
    room = 12 + LETTER * min(max(len(row.label) for row in rows), LONGEST)
    marks = [mark for row in rows for mark in _forest_row(row, ends)]
    return made(specs.forest(), title, marks, x=ends, room=(room, room))


def _forest_row(row: Interval, ends: Ends) -> Iterator[Mark]:
    interval = "" if row.half_width is None else f" ± {row.half_width:.4f}"
    seeds = ", ".join(f"{score:.4f}" for score in row.scores[:MOST_SEEDS])
    text = told(row.row, f"{row.label}: {row.mean:.4f}{interval}; seeds {seeds}; place {row.rank}")
    shown = row.label if len(row.label) <= LONGEST else f"{row.label[: LONGEST - 1]}…"
    name = shown + "\u200b" * row.row  # rows that are cut to the same name stay apart
    base = {"name": name, "told": text, "colour": specs.ACCENT if row.best else specs.INK}
    low, high = ends
    for score in row.scores[:MOST_SEEDS]:
        if low <= score <= high:
            words = told(row.row, f"{row.label}, a seed: {score:.4f}")
            yield base | {"mark": "seed", "x": score, "colour": specs.MUTED, "told": words}
    if low <= row.mean <= high:
        yield base | {"mark": "mean", "x": row.mean}
    reach = [row.mean + sign * (row.half_width or 0.0) for sign in (-1, 1)]
    if row.half_width is not None:
        yield base | {"mark": "interval", "x": max(reach[0], low), "x2": min(reach[1], high)}
    if reach[0] < low:
        yield base | {"mark": "beyond", "x": low, "text": "‹"}
    if reach[1] > high:
        yield base | {"mark": "beyond", "x": high, "text": "›"}
    yield base | {"mark": "rank", "text": row.rank, "colour": specs.MUTED}


@dataclass(frozen=True)
class Point:
    """A row in a chart of quality against cost, each with half of its 95 % interval, if it has one."""

    label: str
    cost: float
    score: float
    front: bool
    row: int
    cost_half: float | None = None
    score_half: float | None = None


@dataclass(frozen=True)
class Scatter:
    """A chart, whether the floor is in it, and the points that had no room for their names."""

    chart: Drawing
    floor: bool
    unnamed: list[str]


def scatter(points: Sequence[Point], *, cost: str, floor: tuple[str, float] | None, higher_is_better: bool) -> Scatter:
    """Score against a cost (logarithmic), the Pareto front joined by steps; points off the front are hollow.

    ``floor``: name and score of the best floor, a line unless it is far from the points.
    """
    scores = [point.score for point in points]
    near = max(max(scores) - min(scores), 0.02)
    reach = [p.score + sign * (p.score_half or 0.0) for p in points for sign in (-1, 1)]
    if floor is not None and not min(scores) - near <= floor[1] <= max(scores) + near:
        floor = None
    bounded = [min(max(end, min(scores) - near), max(scores) + near) for end in reach]
    x = ends_of([point.cost for point in points], log=True)
    y = ends_of([*scores, *bounded, *([floor[1]] if floor else [])])
    names = placed([(p.label, p.cost, p.score, p.front, p.row) for p in points], floor, x, y)
    marks = [
        *([{"mark": "floor", "y": floor[1], "colour": specs.MUTED, "told": told(None, floor[0])}] if floor else [])
    ]
    front = sorted((point for point in points if point.front), key=lambda point: (point.cost, point.score))
    steps = [*front, replace(front[-1], cost=x[1])]
    marks += [{"mark": "front", "x": p.cost, "y": p.score, "colour": specs.ACCENT, "told": "|front"} for p in steps]
    marks += [mark for point in sorted(points, key=lambda p: p.front) for mark in _point(point, x, y)]
    marks += names
    direction = "higher" if higher_is_better else "lower"
    title = f"score ({direction} is better) against {cost}"
    chart = made(specs.scatter(), title, marks, x_name=f"{cost} (logarithmic)", x=x, y=y)
    return Scatter(chart, floor is not None, without_room([p.label for p in points], names))


def _point(point: Point, x: Ends, y: Ends) -> Iterator[Mark]:
    half = "" if point.score_half is None else f" ± {point.score_half:.4f}"
    spread = "" if not point.cost_half else f" ± {short(point.cost_half)}"
    words = f"{point.label}: {point.score:.4f}{half} at {short(point.cost)}{spread}{', on the front' * point.front}"
    text, colour = told(point.row, words), specs.ACCENT if point.front else specs.MUTED
    base = {"told": text, "colour": colour, "x": point.cost, "y": point.score}
    if point.cost_half:
        low, high = max(point.cost - point.cost_half, x[0]), min(point.cost + point.cost_half, x[1])
        yield base | {"mark": "cost", "x": low, "x2": high}
    if point.score_half is not None:
        low, high = max(point.score - point.score_half, y[0]), min(point.score + point.score_half, y[1])
        yield base | {"mark": "score", "y": low, "y2": high}
    yield base | {"mark": "point", "fill": specs.ACCENT if point.front else specs.PAPER}


@dataclass(frozen=True)
class Series:
    """A line of a chart with the number of its row and its points, from left to right.

    ``band``: the lowest and the highest of several seeds at each point; ``seeds``: their own points.
    """

    name: str
    style: Style
    row: int
    points: Sequence[tuple[float, float]]
    band: Sequence[tuple[float, float]] = ()
    seeds: Sequence[Sequence[tuple[float, float]]] = ()


def line_chart(
    series: Sequence[Series], *, x_name: str, title: str, marks: bool = False, x_words: Sequence[str] | None = None
) -> Drawing:
    """Lines over a common axis. ``marks``: a dot at each point. ``x_words``: names of the places 0, 1, … instead."""
    values = [value for line in series for _x, value in line.points]
    values += [end for line in series for both in line.band for end in both]
    places = [place for line in series for place, _y in line.points]
    last = max(places)
    x = (min(places), last) if last > min(places) else ends_of(places)
    rows = [mark for line in series for mark in _line(line, marks, x_words)]
    template = specs.lines_over_words() if x_words else specs.lines()
    return made(template, title, rows, x_name=x_name, x=x, y=ends_of(values))


def reliability(series: Sequence[Series], *, title: str) -> Drawing:
    """Accuracy by confidence; on the diagonal answers are right as often as they claim."""
    base = {"mark": "line", "colour": specs.MUTED, "dash": [4, 4], "line": "diagonal"}
    rows = [base | {"x": end, "y": end, "told": told(None, "right as often as confident")} for end in (0.0, 1.0)]
    rows += [mark for line in series for mark in _line(line, True, None)]
    return made(specs.shares(), title, rows, x_name="confidence", x=(0.0, 1.0), y=(0.0, 1.0))


def _line(line: Series, marks: bool, x_words: Sequence[str] | None) -> Iterator[Mark]:
    def place(x: float) -> float | str:
        return x_words[int(x)] if x_words else x

    base = {"colour": COLOURS[line.style.colour], "dash": list(DASHES[line.style.dash]), "line": str(line.row)}
    for (x, _mean), (low, high) in zip(line.points, line.band, strict=False):
        if high > low:
            yield base | {"mark": "band", "x": x, "y": low, "y2": high, "told": told(line.row, line.name)}
    for number, seed in enumerate(line.seeds):
        for x, y in seed:
            yield base | {
                "mark": "seed", "x": x, "y": y, "line": f"{line.row}/{number}", "told": told(line.row, line.name)
            }  # fmt: skip
    for x, y in line.points:
        yield base | {"mark": "line", "x": place(x), "y": y, "told": told(line.row, line.name)}
    for x, y in line.points if marks else line.points[-1:]:
        where = f"{place(x) if x_words else short(x)}"
        yield base | {"mark": "end", "x": place(x), "y": y, "told": told(line.row, f"{line.name}: {y:.4f} at {where}")}
