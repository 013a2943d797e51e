"""Which words, characters and n-grams have a number, as the training split shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from tasks.base import UNKNOWN
from tasks.encoding.arrays import FormVectors
from tasks.encoding.text_encoder import TextEncoder
from tasks.reading.normalization import Form, checked_form

Overlong = Literal["windows", "cut", "error"]


class VectorLookup(Protocol):
    """Pretrained vectors by the spelling of words, see ``tasks.encoding.vectors``.

    ``rows_VD``: those that are kept, the first row of words without one; ``learnt``: how many after it train shows.
    """

    width: int
    learnt: int
    rows_VD: NDArray[np.float32]

    def of(self, forms: Sequence[str]) -> FormVectors:
        """The vectors of some forms."""


@dataclass(frozen=True, kw_only=True)
class EncodingOptions:
    """How tokens become ids.

    ``normalize``: the Unicode form of the texts, which written ones are brought into, too.
    ``lowercase``: whether words are lower-cased for the word vocabulary (characters and n-grams never are).
    ``min_count``: words rarer than this in train are unknown.
    ``max_characters``: characters beyond this many of a form are left out.
    ``ngram_min``, ``ngram_max``: shortest and longest character n-gram. ``ngram_buckets``: number of hash buckets;
    0: no n-grams are computed.
    ``max_length``: the most tokens of a text that are read together, where a task tags or chooses; None: any number.
    ``overlong``: what becomes of a longer one: it is read in ``windows``, ``cut``, or refused with an ``error``.
    ``encoder``: a pretrained encoder that reads the texts besides; None: there is none.
    ``vectors``: where the pretrained vectors of words are looked up; None: none are used.
    """

    normalize: Form
    lowercase: bool
    min_count: int
    max_characters: int
    ngram_min: int
    ngram_max: int
    ngram_buckets: int
    max_length: int | None = None
    overlong: Overlong = "windows"
    encoder: TextEncoder | None = None
    vectors: VectorLookup | None = None

    def __post_init__(self) -> None:
        checked_form(self.normalize)
        if self.min_count < 1 or self.max_characters < 1 or self.ngram_buckets < 0:
            raise ValueError(
                "expected encoding.min_count and encoding.max_characters of at least 1 and ngram_buckets of at least "
                f"0, got {self.min_count}, {self.max_characters} and {self.ngram_buckets}"
            )
        if not 1 <= self.ngram_min <= self.ngram_max:
            raise ValueError(
                f"expected 1 <= encoding.ngram_min <= encoding.ngram_max, got {self.ngram_min} and {self.ngram_max}"
            )


class Vocabulary:
    """Symbols and their ids: 0 is padding, 1 is unknown, then ``first``, then the others, at most ``size`` of them.

    The others are ordered by falling count (ties: by code point), and the rarest are left out.
    """

    def __init__(
        self, counts: Mapping[str, int], *, min_count: int, first: Sequence[str] = (), size: int | None = None
    ) -> None:
        kept = sorted((-count, symbol) for symbol, count in counts.items() if count >= min_count)
        self.symbols = (*first, *(symbol for _, symbol in kept[:size]))
        self._ids = {symbol: number for number, symbol in enumerate(self.symbols, start=2)}

    @classmethod
    def of(cls, symbols: Sequence[str]) -> Vocabulary:
        """The vocabulary of these symbols in this order."""
        return cls({}, min_count=1, first=symbols)

    def __len__(self) -> int:
        """The number of ids, padding and unknown included."""
        return len(self.symbols) + 2

    def __contains__(self, symbol: str) -> bool:
        return symbol in self._ids

    def id_of(self, symbol: str) -> int:
        """The id of a symbol, 1 if it is unknown."""
        return self._ids.get(symbol, UNKNOWN)
