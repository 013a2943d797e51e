"""Attention maps as inline SVG: a square a pair of tokens. A library of charts draws them no better."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from harness.report.svg import drawing, tag

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
