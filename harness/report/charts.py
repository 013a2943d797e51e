"""Drawings of a report as inline SVG: intervals, points, lines, heat maps.

Colours come from the page's style sheet by class (``c0`` to ``c7``, with ``dash0`` to ``dash3``, are the series), so
that they follow light and dark.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from harness.board.cells import short
from harness.report.svg import Scale, decimal, drawing, tag, whole

LETTER = 7.6
"""About how wide a letter of a chart's label is, on a phone too, where it is larger."""

# Forest plot: one small drawing a row of the table, all on one scale

FOREST_WIDTH, FOREST_HEIGHT = 240, 30
EDGE = 6
"""Room for an arrow at the ends of the axis."""


@dataclass(frozen=True)
class Interval:
    """A row of a forest plot."""

    mean: float
    half_width: float | None
    scores: Sequence[float]
    floor: bool
    label: str


def forest_scale(rows: Sequence[Interval]) -> Scale:
    """Holds the scores of all networks, of floors that are near them, and intervals as far as the scores are apart.

    Wider ones would leave no room to tell the scores apart. Where all scores are fractions, so are the scale's ends.
    """
    networks = [score for row in rows for score in row.scores if not row.floor]
    scores = networks or [score for row in rows for score in row.scores]
    low, high = min(scores), max(scores)
    room = max(high - low, 0.02)
    near = [score for row in rows for score in row.scores if low - room <= score <= high + room]
    ends = [row.mean + sign * row.half_width for row in rows if row.half_width is not None for sign in (-1, 1)]
    fractions = all(0 <= score <= 1 for row in rows for score in row.scores)
    least, most = (max(low - room, 0.0), min(high + room, 1.0)) if fractions else (low - room, high + room)
    scale = Scale.of([*near, *(min(max(end, least), most) for end in ends)], EDGE, FOREST_WIDTH - EDGE)
    return replace(scale, low=max(scale.low, 0.0), high=min(scale.high, 1.0)) if fractions else scale


def forest_axis(scale: Scale) -> Markup:
    """The axis above the rows; where labels would meet, every other tick has one."""
    ticks = scale.ticks()
    crowded = sum(11 * len(decimal(value)) + 10 for value in ticks) > FOREST_WIDTH
    labels = [
        tag("text", decimal(value), x=min(max(scale(value), 0.0), FOREST_WIDTH), y=13.0, class_="tick",
            text_anchor="start" if scale(value) < 20 else "end" if scale(value) > FOREST_WIDTH - 20 else "middle")
        for value in ticks[:: 2 if crowded else 1]
    ]  # fmt: skip
    return drawing(FOREST_WIDTH, 17, labels, title="axis of the scores", class_="forest")


def forest_row(row: Interval, scale: Scale) -> Markup:
    """A tick for each seed, the mean, and over it, for it can be narrower, the 95 % interval (an arrow: it goes on)."""
    middle = FOREST_HEIGHT / 2
    parts = [
        tag("line", x1=scale(tick), x2=scale(tick), y1=0, y2=FOREST_HEIGHT, class_="grid") for tick in scale.ticks()
    ]
    parts += [
        tag("line", x1=scale(score), x2=scale(score), y1=middle - 8, y2=middle + 8, class_="seed")
        for score in row.scores[:50]
        if scale.low <= score <= scale.high
    ]
    if scale.low <= row.mean <= scale.high:
        parts.append(tag("circle", cx=scale(row.mean), cy=middle, r=3.0, class_="mean"))
    else:
        parts.append(_end(scale(row.mean), middle, True))
    if row.half_width is not None:
        low, high = row.mean - row.half_width, row.mean + row.half_width
        parts.append(tag("line", x1=scale(low), x2=scale(high), y1=middle, y2=middle, class_="interval"))
        parts += [_end(scale(end), middle, out) for end, out in ((low, low < scale.low), (high, high > scale.high))]
    interval = "" if row.half_width is None else f" ± {row.half_width:.4f}"
    title = f"{row.label}: {row.mean:.4f}{interval}; seeds {', '.join(f'{score:.4f}' for score in row.scores[:50])}"
    return drawing(FOREST_WIDTH, FOREST_HEIGHT, parts, title=title, class_="forest row")


def _end(x: float, y: float, goes_on: bool) -> Markup:
    if not goes_on:
        return tag("line", x1=x, x2=x, y1=y - 5, y2=y + 5, class_="interval")
    sign = -1 if x < FOREST_WIDTH / 2 else 1
    path = f"M{x - 2 * sign:.1f} {y - 5:.1f}L{x + 4 * sign:.1f} {y:.1f}L{x - 2 * sign:.1f} {y + 5:.1f}"
    return tag("path", d=path, class_="interval open")


# Charts with two axes

WIDTH, HEIGHT = 360, 260
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 14, 40


def _axes(x: Scale, y: Scale, x_name: str, *, x_ticks: bool = True) -> Iterator[Markup]:
    for value in y.ticks(5):
        yield tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y(value), y2=y(value), class_="grid")
        yield tag("text", decimal(value), x=LEFT - 6, y=y(value) + 3.5, class_="tick", text_anchor="end")
    for value in x.ticks(5) if x_ticks else ():
        yield tag("text", whole(value), x=x(value), y=HEIGHT - BOTTOM + 16, class_="tick", text_anchor="middle")
    yield tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=HEIGHT - BOTTOM, y2=HEIGHT - BOTTOM, class_="axis")
    yield tag(
        "text", x_name, x=(LEFT + WIDTH - RIGHT) / 2, y=HEIGHT - 6, class_="axis-name", text_anchor="middle"
    )  # fmt: skip


@dataclass(frozen=True)
class Point:
    """A row in a chart of quality against cost. ``row``: its number in the table, by which the page hides it."""

    label: str
    cost: float
    score: float
    front: bool
    row: int


@dataclass(frozen=True)
class Scatter:
    """A chart, whether the floor is in it, and the points that had no room for their names."""

    chart: Markup
    floor: bool
    unnamed: list[str]


Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


def scatter(points: Sequence[Point], *, cost: str, floor: tuple[str, float] | None, higher_is_better: bool) -> Scatter:
    """Score against a cost (logarithmic), the Pareto front joined by steps; points off the front are hollow.

    ``floor``: name and score of the best floor, a line unless it is far from the points.
    """
    scores = [point.score for point in points]
    near = max(scores) - min(scores)
    if floor is not None and not min(scores) - near <= floor[1] <= max(scores) + near:
        floor = None
    x = Scale.of([point.cost for point in points], LEFT + 8, WIDTH - RIGHT - 8, log=True)
    y = Scale.of([*scores, *([floor[1]] if floor else [])], HEIGHT - BOTTOM - 8, TOP + 8)
    parts = list(_axes(x, y, f"{cost} (logarithmic)"))
    taken = [(x(p.cost) - 5, y(p.score) - 5, x(p.cost) + 5, y(p.score) + 5) for p in points]
    if floor is not None:
        parts += _floor(floor[0], y(floor[1]), taken)
    front = sorted((point for point in points if point.front), key=lambda point: (point.cost, point.score))
    corners = [f"{'M' if n == 0 else 'H'}{x(p.cost):.1f}{' ' if n == 0 else 'V'}{y(p.score):.1f}" for n, p in
               enumerate(front)]  # fmt: skip
    parts.append(tag("path", d="".join(corners) + f"H{WIDTH - RIGHT}", class_="front"))
    for point in sorted(points, key=lambda point: point.front):
        words = f"{point.label}: {point.score:.4f} at {short(point.cost)}{', on the front' if point.front else ''}"
        parts.append(
            tag("circle", tag("title", words), cx=x(point.cost), cy=y(point.score), r=5.0,
                class_="point on" if point.front else "point", data_row=point.row)
        )  # fmt: skip
    unnamed = []
    for point in sorted(points, key=lambda point: not point.front):
        label = _label(point, x(point.cost), y(point.score), taken)
        parts += [label] if label else []
        unnamed += [] if label else [point.label]
    direction = "higher" if higher_is_better else "lower"
    chart = drawing(WIDTH, HEIGHT, parts, title=f"score ({direction} is better) against {cost}")
    return Scatter(chart, floor is not None, unnamed)


def _floor(name: str, height: float, taken: list[Box]) -> Iterator[Markup]:
    """The line of a floor with its name at an end of it, above or below, where no points are in the way."""
    shown, width = _fitting(name)
    ends = [("end", WIDTH - RIGHT, WIDTH - RIGHT - width), ("start", LEFT + 2, LEFT + 2.0)]
    places = [(anchor, x, y, (left, y - 10, left + width, y + 3))
              for y in (height - 4, height + 14) for anchor, x, left in ends]  # fmt: skip
    free = [place for place in places if not any(_overlap(place[3], other) for other in taken)]
    anchor, x, y, box = (free or places)[0]
    taken.append(box)
    yield tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=height, y2=height, class_="floor")
    yield tag("text", shown, x=x, y=y, class_="label", text_anchor=anchor)


def _label(point: Point, x: float, y: float, taken: list[Box]) -> Markup | None:
    """The name of a point beside it where there is room, which it then takes."""
    shown, width = _fitting(point.label)
    sides = (("start", 7, -7), ("end", -7, -7), ("start", 7, 16), ("end", -7, 16), ("start", 9, 4), ("end", -9, 4),
             ("middle", 0, -10), ("middle", 0, 19))  # fmt: skip
    for anchor, dx, dy in sides:
        left = x + dx - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
        box = (left, y + dy - 10, left + width, y + dy + 3)
        inside = box[0] >= LEFT and box[2] <= WIDTH and box[1] >= 0 and box[3] <= HEIGHT - BOTTOM
        if inside and not any(_overlap(box, other) for other in taken):
            taken.append(box)
            style = "label on" if point.front else "label"
            return tag("text", shown, x=x + dx, y=y + dy, class_=style, text_anchor=anchor, data_row=point.row)
    return None


def _fitting(text: str) -> tuple[str, float]:
    """A name of a length that fits into a chart, and about how wide it is."""
    shown = text if len(text) <= 22 else f"{text[:21]}…"
    return shown, LETTER * len(shown)


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


@dataclass(frozen=True)
class Series:
    """A line of a chart: its name, its style, the number of its row and its points, from left to right."""

    name: str
    style: str
    row: int
    points: Sequence[tuple[float, float]]


def line_chart(
    series: Sequence[Series], *, x_name: str, title: str, marks: bool = False, x_words: Sequence[str] | None = None
) -> Markup:
    """Lines over a common axis. ``marks``: a dot at each point. ``x_words``: names of the places 0, 1, … instead."""
    values = [value for line in series for _x, value in line.points]
    places = [place for line in series for place, _y in line.points]
    last = len(x_words) - 1 if x_words else max(places)
    first = 0.0 if x_words else min(places)
    room = 0.35 if x_words or last == first else 0.0
    x = Scale(first - room, last + room, LEFT, WIDTH - RIGHT)
    y = Scale.of(values, HEIGHT - BOTTOM, TOP)
    parts = list(_axes(x, y, x_name, x_ticks=x_words is None))
    for place, word in enumerate(x_words or ()):
        parts.append(tag("text", word, x=x(place), y=HEIGHT - BOTTOM + 16, class_="tick", text_anchor="middle"))
    for line in series:
        path = "".join(f"{'L' if n else 'M'}{x(a):.1f} {y(b):.1f}" for n, (a, b) in enumerate(line.points))
        parts.append(tag("path", tag("title", line.name), d=path, class_=f"line {line.style}", data_row=line.row))
        if marks or len(line.points) == 1:
            parts += [
                tag("circle", tag("title", f"{line.name}: {b:.4f}"), cx=x(a), cy=y(b), r=3.5,
                    class_=f"dot {line.style}", data_row=line.row)
                for a, b in line.points
            ]  # fmt: skip
    return drawing(WIDTH, HEIGHT, parts, title=title)


# Attention

TOKEN_LETTER = 6.2
"""About how wide a letter of a token is."""

SIDE = 15.0
"""Of a square of a map."""


def map_left(rows: Sequence[str]) -> float:
    """The room that a map has for the names of its rows."""
    return 10 + TOKEN_LETTER * max((min(len(token), 14) for token in rows), default=0)


def map_width(rows: Sequence[str], columns: Sequence[str]) -> float:
    """How wide a map is."""
    return map_left(rows) + SIDE * len(columns) + 4


def heat_map(weights: Sequence[Sequence[float]], rows: Sequence[str], columns: Sequence[str], *, title: str) -> Markup:
    """A square a pair: the darker, the more the token of the row looks at the token of the column."""
    size, left = SIDE, map_left(rows)
    top = 12 + TOKEN_LETTER * max((min(len(token), 14) for token in columns), default=0)
    parts = []
    for i, token in enumerate(rows):
        parts.append(
            tag("text", _short(token), x=left - 5, y=top + size * (i + 0.72), class_="token", text_anchor="end")
        )
        for j, weight in enumerate(weights[i]):
            if weight >= 0.005:
                words = f"{token} → {columns[j]}: {weight:.3f}"
                parts.append(
                    tag("rect", tag("title", words), x=left + size * j, y=top + size * i, width=size - 1,
                        height=size - 1, class_="heat", fill_opacity=f"{min(weight, 1.0) ** 0.6:.2f}")
                )  # fmt: skip
    for j, token in enumerate(columns):
        x, y = left + size * (j + 0.72), top - 5
        parts.append(tag("text", _short(token), x=x, y=y, class_="token", transform=f"rotate(-90 {x:.1f} {y:.1f})"))
    frame = tag(
        "rect", x=left - 0.5, y=top - 0.5, width=size * len(columns), height=size * len(rows), class_="frame"
    )  # fmt: skip
    width, height = map_width(rows, columns), top + size * len(rows) + 4
    picture = drawing(width, height, [frame, *parts], title=title, class_="heat-map")
    return Markup(str(picture).replace("<svg", f'<svg width="{width:.0f}" height="{height:.0f}"', 1))


def _short(token: str) -> str:
    return token if len(token) <= 14 else f"{token[:13]}…"
