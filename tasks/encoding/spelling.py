"""From tokens back to a text that an encoder reads as it reads any, with the characters that each token is of.

N texts, K tokens of all texts
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from tasks.encoding.padding import Ints
from tasks.encoding.subwords import WORD
from tasks.encoding.tokenization import is_spaceless

Tokens = Sequence[Sequence[str]]


class Spelt(NamedTuple):
    """Texts, and the first character of each token and the one after its last, in its own text."""

    texts: list[str]
    starts_K: Ints
    ends_K: Ints


def spell_words(texts: Tokens) -> Spelt:
    """Tokens with a space between two, but where both are of a script that is written without any."""
    alone = lru_cache(maxsize=1 << 16)(is_spaceless)
    spelt, spans = [], []
    for tokens in texts:
        parts: list[str] = []
        place, before = 0, True
        for token in tokens:
            now = alone(token)
            if parts and not (now and before):
                parts.append(" ")
                place += 1
            parts.append(token)
            spans.append((place, place + len(token)))
            place, before = place + len(token), now
        spelt.append("".join(parts))
    return Spelt(spelt, *_columns(spans))


def spell_symbols(texts: Tokens) -> Spelt:
    """Symbols of a ``Segmenter``, joined. Of one that is a space alone, the character after it."""
    spelt, spans = [], []
    for symbols in texts:
        text = "".join(symbols).replace(WORD, " ")
        lost = len(text) - len(text.lstrip(" "))
        place = -lost
        for symbol in symbols:
            start, place = place, place + len(symbol)
            start += symbol.startswith(WORD)
            spans.append((max(0, start), max(place, start + 1)))
        spelt.append(text[lost:])
    return Spelt(spelt, *_columns(spans))


def _columns(spans: Sequence[tuple[int, int]]) -> tuple[Ints, Ints]:
    both = np.array(spans, dtype=np.int64).reshape(-1, 2)
    return both[:, 0], both[:, 1]
