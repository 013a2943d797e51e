"""Text of data and records as it may be shown."""

from __future__ import annotations

from collections.abc import Iterable


def plain(text: str) -> str:
    """Without control characters, which could steer a terminal or break a table."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def listed(numbers: Iterable[int]) -> str:
    """Numbers, such as seeds, in the order in which they come."""
    return ", ".join(map(str, numbers))
