"""Charts drawn by vl-convert, without a browser: as SVG in the page's own colours, or as files.

a template (``specs``) + rows + ends of the axes -> Vega-Lite -> SVG, PNG, PDF
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import vl_convert
from markupsafe import Markup

from harness.report.specs import Spec

FORMATS = ("svg", "png", "pdf")

UNUSED = "role|aria-roledescription|aria-hidden|pointer-events|font-family|stroke-miterlimit"
"""Attributes that a page has no use for."""


@dataclass(frozen=True)
class Drawing:
    """A chart that can be drawn; ``title``: what a screen reader says, and the name of a file."""

    title: str
    spec: Spec

    def in_page(self) -> Markup:
        """An SVG that grows with its place. Its marks tell their values and have the number of their row."""
        return Markup(_slim(vl_convert.vegalite_to_svg(self.spec), self.title))

    def write(self, folder: Path, name: str) -> None:
        """The chart in every format, on white."""
        (folder / f"{name}.svg").write_text(_without_rows(vl_convert.vegalite_to_svg(self.spec)), encoding="utf-8")
        (folder / f"{name}.png").write_bytes(vl_convert.vegalite_to_png(self.spec, scale=3))
        (folder / f"{name}.pdf").write_bytes(vl_convert.vegalite_to_pdf(self.spec))


def made(
    template: Spec,
    title: str,
    rows: Sequence[Mapping[str, Any]],
    *,
    x_name: str = "",
    **ends: tuple[float, float],
) -> Drawing:
    """A template with its data. ``ends``: of the axes, by their names."""
    spec: Spec = json.loads(json.dumps(template).replace('"x_name"', json.dumps(x_name)))
    spec["datasets"] = {"rows": list(rows)}
    spec["params"] = [
        {"name": f"{axis}_{side}", "value": value}
        for axis, both in ends.items()
        for side, value in zip(("low", "high"), both, strict=True)
    ]
    return Drawing(title, spec)


def told(row: int | None, text: str) -> str:
    """What a mark tells, behind the number of its row."""
    return f"{'' if row is None else row}|{text}"


def _without_rows(svg: str) -> str:
    return re.sub(r'aria-label="\d*\|', 'aria-label="', svg)


def _slim(svg: str, title: str) -> str:
    """Without what a page does not need; numbers to a tenth of a point. What marks tell is escaped by vl-convert."""
    kept = re.sub(r'aria-label="(\d*)\|([^"]*)"', _row, svg)
    kept = re.sub(r' aria-label="(?![^"]*" data-told)[^"]*"', "", kept).replace(" data-told", "")
    kept = re.sub(
        r' (role|aria-roledescription|aria-hidden|pointer-events|font-family|stroke-miterlimit)="[^"]*"', "", kept
    )
    kept = re.sub(r'<path class="(?:background|foreground)"[^>]*/>', "", kept)
    kept = re.sub(r'(?<= )(d|transform|x|y|x1|x2|y1|y2)="[^"]*"', lambda found: _rounded(found[0]), kept)
    for _ in range(3):
        kept = re.sub(r"<g(?: [^>]*)?></g>", "", kept)
    kept = re.sub(r'<g transform="translate\(0,0\)">', "<g>", kept)
    kept = re.sub(r'<rect width="[^"]*" height="[^"]*" fill="[^"]*"/>', "", kept, count=1)
    kept = re.sub(r'class="mark-[a-z]+ role-[a-z-]+ ?', 'class="', kept).replace(' class=""', "")
    head = re.search(r'viewBox="[^"]*"', kept)
    body = kept[kept.index(">") + 1 :]
    return f'<svg {head[0] if head else ""} class="chart" role="img" aria-label="{escape(title)}">{body}'


def _row(found: re.Match[str]) -> str:
    row = f' data-row="{found[1]}"' if found[1] else ""
    return f'aria-label="{found[2]}" data-told{row}'


def _rounded(text: str) -> str:
    return re.sub(r"-?\d+\.\d+", lambda number: f"{float(number[0]):.1f}".removesuffix(".0"), text)
