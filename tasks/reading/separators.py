"""Signs that part cells or labels, and the words for those that are hard to type in a shell."""

from __future__ import annotations

from typing import Any

WORDS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "bar": "|"}
"""What options take in the place of the sign itself."""


def sign_of(given: Any) -> Any:
    """The sign that a word stands for; whatever else is given, as it is."""
    return WORDS.get(given, given) if isinstance(given, str) else given
