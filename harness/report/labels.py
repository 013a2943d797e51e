"""Names beside the points of a chart, where there is room for them: none lies on a point or on another name."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from harness.report import specs
from harness.report.drawings import told

LETTER = 7.0
"""About how wide a letter of a name is."""

LONGEST = 22

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""

Named = tuple[str, float, float, bool, int]
"""Name, cost, score, whether it is on the front, and the number of its row."""


def placed(
    points: Sequence[Named], floor: tuple[str, float] | None, x: tuple[float, float], y: tuple[float, float]
) -> list[dict[str, Any]]:
    """The names that have room, those on the front first; ``x``, ``y``: the ends of the axes, that of x logarithmic."""

    def at(cost: float, score: float) -> tuple[float, float]:
        across = (math.log(cost) - math.log(x[0])) / (math.log(x[1]) - math.log(x[0]))
        return across * specs.WIDTH, (y[1] - score) / (y[1] - y[0]) * specs.HEIGHT

    centres = [at(cost, score) for _name, cost, score, _front, _row in points]
    taken = [(left - 5, top - 5, left + 5, top + 5) for left, top in centres]
    found = list(_floor(floor[0], at(x[0], floor[1])[1], taken)) if floor else []
    for (name, _cost, _score, front, row), (left, top) in sorted(
        zip(points, centres, strict=True), key=lambda pair: not pair[0][3]
    ):
        shown, width = _fitting(name)
        if (place := _free(left, top, width, taken)) is not None:
            colour = specs.INK if front else specs.MUTED
            found.append(_name(shown, place, colour, told(row, name)) | {"of": name})
    return found


def without_room(names: Sequence[str], found: Sequence[dict[str, Any]]) -> list[str]:
    """Which of the names have no place in a chart."""
    there = {name.get("of") for name in found}
    return [name for name in names if name not in there]


def _name(text: str, place: tuple[float, float], colour: str, words: str) -> dict[str, Any]:
    return {"mark": "name", "text": text, "left": place[0], "base": place[1], "colour": colour, "told": words}


def _floor(name: str, height: float, taken: list[Box]) -> Iterator[dict[str, Any]]:
    """The name of the floor's line at an end of it, above or below, where no points are in the way."""
    shown, width = _fitting(name)
    places = [(left, base) for base in (height - 4, height + 13) for left in (specs.WIDTH - width, 2.0)]
    boxes = [(left, base - 10, left + width, base + 3) for left, base in places]
    free = [n for n, box in enumerate(boxes) if not any(_overlap(box, other) for other in taken)]
    chosen = (free or [0])[0]
    taken.append(boxes[chosen])
    yield _name(shown, places[chosen], specs.MUTED, told(None, name))


def _free(left: float, top: float, width: float, taken: list[Box]) -> tuple[float, float] | None:
    """A place beside a point, which it then takes."""
    sides = ((7, -7), (-7 - width, -7), (7, 16), (-7 - width, 16), (9, 4), (-9 - width, 4), (-width / 2, -10),
             (-width / 2, 19))  # fmt: skip
    for dx, dy in sides:
        box = (left + dx, top + dy - 10, left + dx + width, top + dy + 3)
        inside = box[0] >= 0 and box[2] <= specs.WIDTH and box[1] >= -4 and box[3] <= specs.HEIGHT
        if inside and not any(_overlap(box, other) for other in taken):
            taken.append(box)
            return left + dx, top + dy
    return None


def _fitting(text: str) -> tuple[str, float]:
    """A name of a length that fits into a chart, and about how wide it is."""
    shown = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    return shown, LETTER * len(shown)


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
