"""Elements and scales of inline SVG. Every text is escaped by ``tag``."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup, escape

from harness.board.cells import short

COLOURS = 8
"""How many colours the style sheet has for series."""


def tag(name: str, *content: object, **attributes: object) -> Markup:
    """An element; ``class_`` is written ``class``, other underscores as hyphens, and attributes of None not at all."""
    words = "".join(
        f' {key.rstrip("_").replace("_", "-") if key != "viewBox" else key}="{escape(_rounded(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{words}>{''.join(escape(part) for part in content)}</{name}>")


def _rounded(value: object) -> object:
    return f"{value:.1f}".rstrip("0").rstrip(".") if isinstance(value, float) else value


def drawing(width: float, height: float, parts: Iterable[Markup], *, title: str, class_: str = "chart") -> Markup:
    """An SVG that grows with its place; ``title`` is what a screen reader says."""
    return tag(
        "svg", tag("title", title), *parts, viewBox=f"0 0 {width:g} {height:g}", class_=class_, role="img",
        preserveAspectRatio="xMidYMid meet",
    )  # fmt: skip


def series_class(number: int, turn: int = 0) -> str:
    """The style of the series of this number; every other one is dashed, for colours alone do not part them for all.

    ``turn``: of several series of one number, which: they share the colour.
    """
    return f"c{number % COLOURS} dash{(number % 2 + 2 * (number // COLOURS) + turn) % 4}"


# Scales


@dataclass(frozen=True)
class Scale:
    """A linear or logarithmic way from values between ``low`` and ``high`` to places between ``start`` and ``end``."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    @classmethod
    def of(cls, values: Iterable[float], start: float, end: float, *, log: bool = False) -> Scale:
        """A scale that holds all ``values`` with some room around."""
        found = list(values)
        low, high = min(found), max(found)
        if log:
            room = (high / low) ** 0.08 if high > low else 1.5
            return cls(low / room, high * room, start, end, True)
        room = 0.06 * (high - low) or 0.05 * abs(high) or 0.5
        return cls(low - room, high + room, start, end)

    def __call__(self, value: float) -> float:
        """The place of a value; beyond the ends it stays at the end."""
        low, high, at = (math.log(v) if self.log else v for v in (self.low, self.high, value))
        share = min(max((at - low) / (high - low), 0.0), 1.0)
        return self.start + share * (self.end - self.start)

    def ticks(self, wanted: int = 4) -> list[float]:
        """Round values inside, about ``wanted`` of them."""
        if self.log and self.high / self.low > 5:
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            inside = [m * 10.0**p for p in powers for m in (1, 2, 5) if self.low <= m * 10.0**p <= self.high]
            tens = [value for value in inside if f"{value:e}".startswith("1.0")]
            chosen = inside if len(inside) <= wanted + 1 else tens
            return chosen[:: math.ceil(len(chosen) / (wanted + 2))] if chosen else []
        step = _round_step((self.high - self.low) / wanted)
        first = math.ceil(self.low / step)
        return [n * step for n in range(first, math.floor(self.high / step) + 1)]


def _round_step(rough: float) -> float:
    size = 10.0 ** math.floor(math.log10(rough))
    return next(step * size for step in (1, 2, 2.5, 5, 10) if step * size >= rough * 0.999)


def decimal(value: float) -> str:
    """A tick of a score."""
    return f"{value:.4f}".rstrip("0").rstrip(".") or "0"


def whole(value: float) -> str:
    """A tick of a cost or of steps."""
    return short(value).replace(".00", "").replace(".0", "") if value >= 10 else f"{value:g}"
