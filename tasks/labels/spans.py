"""Spans of BIO tags. No torch: readers of records count spans too."""

from __future__ import annotations

from collections.abc import Sequence


def spans_of(tags: Sequence[str]) -> set[tuple[str, int, int]]:
    """Type, first token and the one after the last of each span, as strict IOB2 counts them.

    A span begins with ``B-X`` and goes on with ``I-X`` of its type; an ``I-X`` that continues nothing is no span.
    """
    spans = set()
    kind, start = "", 0
    for place, tag in enumerate([*tags, "O"]):
        if kind and tag != f"I-{kind}":
            spans.add((kind, start, place))
            kind = ""
        if tag.startswith("B-"):
            kind, start = tag[2:], place
    return spans
