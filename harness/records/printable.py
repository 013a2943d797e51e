"""Text of data and records as it may be shown."""

from __future__ import annotations

import zlib
from collections.abc import Iterable


def plain(text: str) -> str:
    """Without control characters, which could steer a terminal or break a table."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def cut(text: str, most: int = 200) -> str:
    """A name as it may stand in a table: a longer one ends in a mark that tells it from others that begin alike."""
    return text if len(text) <= most else f"{text[: most - 10]}…{zlib.crc32(text.encode()):08x}"


def listed(numbers: Iterable[int]) -> str:
    """Numbers, such as seeds, in the order in which they come."""
    return ", ".join(map(str, numbers))
