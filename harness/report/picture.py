"""The overview of a board as a picture: SVG that any page can show, on light and on dark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from harness.board.tables import Board
from harness.report.overview import overview_views
from harness.report.svg import tag

THEMES: Mapping[str, Mapping[str, str]] = {
    "light": {
        "paper": "#fcfcfb", "ink": "#1b1c1f", "muted": "#62666e", "rule": "#e5e5e1", "best": "#0b62b8",
        "gain": "#0072b2", "loss": "#d55e00",
    },
    "dark": {
        "paper": "#141517", "ink": "#e8e8e6", "muted": "#9b9fa7", "rule": "#2c2e32", "best": "#74b4f5",
        "gain": "#4ba3e0", "loss": "#f08a4b",
    },
}  # fmt: skip
"""Colours as the report's page has them."""

NAMES, CELL, ROW, HEAD, EDGE = 104, 102, 40, 44, 14
"""Widths of the names and of a cell, heights of a row and of the heads, and the margin, in pixels."""

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
DEEPEST = 0.34
"""The opacity of a cell's shade where all the error of ``none`` is removed."""

SHADE = "Shade: the share of the error of none that is removed, or added. Hatched: a run without a score."

Colours = Mapping[str, str]


def overview_pictures(board: Board) -> dict[str, str]:
    """The picture for each theme, by its name; none of a board without tables."""
    views = overview_views(board)
    return {theme: _picture(views, colours) for theme, colours in THEMES.items()} if views else {}


def _picture(views: Sequence[Mapping[str, Any]], colours: Colours) -> str:
    """Every block of every overview, one below the other, and how to read a cell."""
    parts: list[Markup] = []
    top = EDGE
    width = NAMES + CELL * max(len(block["heads"]) for view in views for block in view["blocks"]) + 2 * EDGE
    for view in views:
        parts.append(_text(_sentence(view["title"]), EDGE, top + 14, colours["ink"], 14, bold=True))
        top += 30
        for block in view["blocks"]:
            parts += _block(block, top, colours)
            top += HEAD + ROW * len(block["rows"]) + EDGE
        for line in _lines(f"{_sentence(view['legend'])} {SHADE}", (width - 2 * EDGE) / 5.6):
            parts.append(_text(line, EDGE, top + 10, colours["muted"], 11))
            top += 16
        top += EDGE
    title = "; ".join(view["title"] for view in views)
    paper = tag("rect", width="100%", height="100%", fill=colours["paper"])
    return str(
        tag("svg", tag("title", title), _hatching(colours), paper, *parts, xmlns="http://www.w3.org/2000/svg",
            viewBox=f"0 0 {width} {top}", width=width, height=top, role="img", font_family=FONT)
    )  # fmt: skip


def _block(block: Mapping[str, Any], top: float, colours: Colours) -> Iterator[Markup]:
    for place, head in enumerate(block["heads"]):
        left = EDGE + NAMES + CELL * place + 6
        yield _text(_cut(head["name"], 15), left, top + 14, colours["ink"], 12, bold=True)
        yield _text(_cut(head["data"], 17), left, top + 29, colours["muted"], 11)
    for number, row in enumerate(block["rows"]):
        y = top + HEAD + ROW * number - 6
        yield tag("line", x1=EDGE, x2=EDGE + NAMES + CELL * len(row["cells"]), y1=y, y2=y, stroke=colours["rule"])
        yield _text(_cut(row["name"], 17), EDGE, y + 17, colours["ink"], 12)
        yield _text(_cut(row["details"], 20), EDGE, y + 31, colours["muted"], 10)
        for place, cell in enumerate(row["cells"]):
            yield from _cell(cell, EDGE + NAMES + CELL * place, y, colours)


def _cell(cell: Mapping[str, Any], left: float, top: float, colours: Colours) -> Iterator[Markup]:
    """Its shade, its hatching or outline, and its words."""
    place = {"x": left + 1, "y": top + 1, "width": CELL - 2, "height": ROW - 2}
    if cell["state"] == "hole":
        yield tag("rect", **place, fill="url(#hole)")
        yield _text(_cut(cell["text"], 14), left + 6, top + 17, colours["ink"], 11)
        return
    if cell["state"] == "empty":
        return
    if cell["share"] is not None:
        tone = colours["gain" if cell["share"] > 0 else "loss"]
        yield tag("rect", **place, fill=tone, fill_opacity=round(abs(cell["share"]) * DEEPEST, 3))
    if cell["state"] == "best":
        inside = {"x": left + 2, "y": top + 2, "width": CELL - 4, "height": ROW - 4}
        yield tag("rect", **inside, fill="none", stroke=colours["best"], stroke_width=2)
    rank = tag("tspan", cell["rank"], dx=5, font_weight="normal", font_size=10.5, fill=colours["muted"])
    yield _text(cell["text"], left + 6, top + 17, colours["ink"], 12, rank, bold=True)
    yield _text(f"{cell['difference']} {cell['verdict']}".strip(), left + 6, top + 31, colours["ink"], 10.5)


def _text(words: str, x: float, y: float, colour: str, size: float, *inside: Markup, bold: bool = False) -> Markup:
    weight = 600 if bold else None
    return tag("text", words, *inside, x=x, y=y, fill=colour, font_size=size, font_weight=weight)


def _hatching(colours: Colours) -> Markup:
    """What cells without a score are filled with."""
    stripe = tag("rect", width=4, height=9, fill=colours["rule"])
    options = {"width": 9, "height": 9, "patternUnits": "userSpaceOnUse", "patternTransform": "rotate(45)"}
    return tag("defs", tag("pattern", stripe, id="hole", **options))


def _lines(words: str, letters: float) -> Iterator[str]:
    """The words in lines of at most so many letters."""
    line = ""
    for word in words.split():
        if len(line) + len(word) >= letters:
            yield line
            line = ""
        line = f"{line} {word}".strip()
    yield line


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _cut(words: str, letters: int) -> str:
    return words if len(words) <= letters else f"{words[: letters - 1]}…"
