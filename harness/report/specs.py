"""Charts as Vega-Lite: made by Altair once for each kind, without data.

Every chart has a list of marks, ``rows``: plain values with the texts that a mark tells and the number of its row in
the table, by which the page switches it on and off (``told``, see ``drawings``). Ends of axes are parameters.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

import altair as alt

INK, MUTED, RULE, ACCENT, PAPER = "#1b1c1f", "#62666e", "#e5e5e1", "#0b62b8", "#fcfcfb"
"""Colours that the page's style sheet maps to those of its theme; ``names.COLOURS`` are those of series."""

WIDTH, HEIGHT = 276, 190
"""Of the plot: with its axes a chart is as wide as a phone."""

FOREST_WIDTH, FOREST_STEP = 170, 22

Spec = dict[str, Any]


def _ends(name: str) -> list[Any]:
    return [alt.ExprRef(expr=f"{name}_low"), alt.ExprRef(expr=f"{name}_high")]


def _scale(name: str, kind: Literal["linear", "log"] = "linear") -> alt.Scale:
    return alt.Scale(domain=_ends(name), type=kind, nice=False, zero=False)


def _axis(title: str | None = None, **options: Any) -> alt.Axis:
    return alt.Axis(title=title, tickCount=4, labelOverlap="greedy", labelFlush=True, **options)


def _of(mark: str) -> str:
    return f"datum.mark == '{mark}'"


def _finished(chart: Any) -> Spec:
    made: Spec = (
        chart.configure(background=PAPER, padding=4)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=MUTED, titleColor=MUTED, gridColor=RULE, domainColor=MUTED, tickColor=RULE, labelFontSize=11,
            titleFontSize=11, titleFontWeight="normal", labelLimit=110, ticks=False, labelPadding=5,
        )
        .to_dict(validate=False)
    )  # fmt: skip
    return made


@cache
def forest() -> Spec:
    """Rows below each other: seeds as ticks, the mean, its interval, and the places that the row may have."""
    rows = alt.Chart(alt.NamedData("rows")).encode(
        y=alt.Y(
            "name:N",
            sort=None,
            axis=_axis(
                grid=False, domain=False, labelColor=INK, labelPadding=12, minExtent=alt.ExprRef(expr="room_low")
            ),
        ),
        description="told:N",
        color=alt.Color("colour:N", scale=None),
    )
    x = alt.X("x:Q", scale=_scale("x"), axis=_axis(orient="top", domain=False))
    seeds = rows.transform_filter(_of("seed")).mark_tick(thickness=1, size=14).encode(x=x)
    interval = rows.transform_filter(_of("interval")).mark_rule(strokeWidth=1.75).encode(x=x, x2="x2:Q")
    means = rows.transform_filter(_of("mean")).mark_point(filled=True, size=36, opacity=1).encode(x=x)
    beyond = rows.transform_filter(_of("beyond")).mark_text(fontSize=13).encode(x=x, text="text:N")
    ranks = (
        rows.transform_filter(_of("rank"))
        .mark_text(align="left", fontSize=11)
        .encode(x=alt.value(FOREST_WIDTH + 8), text="text:N")
    )
    layers = alt.layer(seeds, interval, means, beyond, ranks)
    return _finished(layers.properties(width=FOREST_WIDTH, height=alt.Step(FOREST_STEP)))


@cache
def scatter() -> Spec:
    """Score against a cost: means with intervals on both axes, the front as steps, the best floor as a line."""
    rows = alt.Chart(alt.NamedData("rows")).encode(description="told:N", color=alt.Color("colour:N", scale=None))
    x = alt.X("x:Q", scale=_scale("x", "log"), axis=_axis("x_name", format="~s", grid=False))
    y = alt.Y("y:Q", scale=_scale("y"), axis=_axis(domain=False))
    floor = rows.transform_filter(_of("floor")).mark_rule(strokeDash=[4, 4]).encode(y=y)
    front = rows.transform_filter(_of("front")).mark_line(interpolate="step-after", opacity=0.6, strokeWidth=1.5)
    across = rows.transform_filter(_of("cost")).mark_rule(opacity=0.7).encode(x=x, x2="x2:Q", y=y)
    along = rows.transform_filter(_of("score")).mark_rule(opacity=0.7).encode(x=x, y=y, y2="y2:Q")
    points = (
        rows.transform_filter(_of("point"))
        .mark_point(size=60, opacity=1, strokeWidth=1.5)
        .encode(x=x, y=y, fill=alt.Fill("fill:N", scale=None))
    )
    names = rows.transform_filter(_of("name")).mark_text(align="left", baseline="alphabetic", fontSize=11)
    layers = alt.layer(
        floor, across, along, front.encode(x=x, y=y), points,
        names.encode(x=alt.X("left:Q", scale=None), y=alt.Y("base:Q", scale=None), text="text:N"),
    )  # fmt: skip
    return _finished(layers.properties(width=WIDTH, height=HEIGHT))


def _lines(x: alt.X) -> Spec:
    rows = alt.Chart(alt.NamedData("rows")).encode(description="told:N")
    y = alt.Y("y:Q", scale=_scale("y"), axis=_axis(domain=False))
    colour = alt.Color("colour:N", scale=None)
    band = rows.transform_filter(_of("band")).mark_area(opacity=0.16)
    line = rows.transform_filter(_of("line")).mark_line(strokeWidth=1.8, strokeJoin="round")
    seeds = rows.transform_filter(_of("seed")).mark_line(strokeWidth=0.8, opacity=0.7)
    ends = rows.transform_filter(_of("end")).mark_point(filled=True, size=34, opacity=1)
    dash = alt.StrokeDash("dash:N", scale=None)
    layers = alt.layer(
        band.encode(x=x, y=y, y2="y2:Q", fill=alt.Fill("colour:N", scale=None), detail="line:N"),
        seeds.encode(x=x, y=y, color=colour, detail="line:N").properties(name="seeds"),
        line.encode(x=x, y=y, color=colour, strokeDash=dash, detail="line:N"),
        ends.encode(x=x, y=y, color=colour),
    )
    return _finished(layers.properties(width=WIDTH, height=HEIGHT))


@cache
def lines() -> Spec:
    """Lines over numbers, with bands, single lines of seeds, and points."""
    return _lines(alt.X("x:Q", scale=_scale("x"), axis=_axis("x_name", format="~s", grid=False)))


@cache
def shares() -> Spec:
    """Lines over a share from 0 to 1."""
    return _lines(alt.X("x:Q", scale=_scale("x"), axis=_axis("x_name", grid=False)))


@cache
def lines_over_words() -> Spec:
    """Lines over a few words."""
    return _lines(alt.X("x:O", sort=None, axis=_axis("x_name", grid=False, labelAngle=0)))
