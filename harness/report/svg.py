"""Elements of inline SVG. Every text is escaped by ``tag``."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape


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
