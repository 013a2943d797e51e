"""Text of data and records as it may be shown."""

from __future__ import annotations


def plain(text: str) -> str:
    """Without control characters, which could steer a terminal or break a table."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
