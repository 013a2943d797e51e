"""Attention maps of one text as a page of their own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.explanation.maps import AttentionMap
from harness.records.printable import plain


def html_page(title: str, prediction: str, maps: Sequence[AttentionMap], head: int | None) -> str:
    """One page with the maps, in the style of the report."""
    from markupsafe import Markup

    from harness.report.heat_map import heat_map
    from harness.report.policy import content_policy
    from harness.report.svg import tag

    style = Markup((Path(__file__).resolve().parent / "style.css").read_text(encoding="utf-8"))
    figures = [
        tag(
            "figure",
            tag("figcaption", f"{made.site} ", tag("small", made.part)),
            tag("div", heat_map(made.weights(head).tolist(), [*map(plain, made.rows)],
                                [*map(plain, made.columns)], title=made.site), class_="scroll"),
        )
        for made in maps
    ]  # fmt: skip
    head_part = tag(
        "head",
        Markup(
            '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<meta http-equiv="Content-Security-Policy" content="{content_policy()}">'
        ),
        tag("title", title),
        tag("style", style),
    )
    header = tag("header", tag("h1", title), tag("p", prediction, class_="lead"), class_="page-head")
    body = tag("body", tag("main", header, tag("div", *figures, class_="maps")))
    return f"<!doctype html>\n{tag('html', head_part, body, lang='en')}\n"
