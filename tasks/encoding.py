"""From tokens to arrays: vocabularies taken from the training split, texts as flat arrays, labels as numbers.

A split is encoded once, into a few NumPy arrays; a batch is cut out of them without a loop over its texts.
What depends on the spelling of a token alone (its characters, its character n-grams) is stored once a distinct form.

N texts, K tokens of all texts, U distinct forms, C characters of a form, M n-grams of all forms
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.ngrams import hash_ngrams

PADDING, UNKNOWN = 0, 1
"""The first two ids of every vocabulary."""

Ints = NDArray[np.integer[Any]]


@dataclass(frozen=True, kw_only=True)
class EncodingOptions:
    """How tokens become ids.

    ``lowercase``: whether words are lower-cased for the word vocabulary (characters and n-grams never are).
    ``min_count``: words rarer than this in train are unknown.
    ``max_characters``: characters beyond this many of a form are left out.
    ``ngram_min``, ``ngram_max``: shortest and longest character n-gram. ``ngram_buckets``: number of hash buckets;
    0: no n-grams are computed.
    """

    lowercase: bool
    min_count: int
    max_characters: int
    ngram_min: int
    ngram_max: int
    ngram_buckets: int

    def __post_init__(self) -> None:
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

    def __len__(self) -> int:
        """The number of ids, padding and unknown included."""
        return len(self.symbols) + 2

    def __contains__(self, symbol: str) -> bool:
        return symbol in self._ids

    def id_of(self, symbol: str) -> int:
        """The id of a symbol, 1 if it is unknown."""
        return self._ids.get(symbol, UNKNOWN)


@dataclass(frozen=True)
class Forms:
    """The distinct forms of a set of texts and what follows from their spelling.

    ``words_U``: word ids. ``characters_UC``: character ids, 0 at padding. ``shapes_U``: see ``shape_of``.
    ``ngrams_M``: the hashed n-grams of all forms one after the other; those of form u are
    ``ngrams_M[ngram_offsets[u] : ngram_offsets[u + 1]]``.
    """

    words_U: Ints
    characters_UC: Ints
    shapes_U: Ints
    ngrams_M: Ints
    ngram_offsets: Ints


@dataclass(frozen=True)
class EncodedTexts:
    """Texts one after the other: text n is ``forms_K[offsets[n] : offsets[n + 1]]``, indices into ``forms``."""

    forms: Forms
    forms_K: Ints
    offsets: Ints

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> Ints:
        """The number of tokens of each text."""
        lengths: Ints = np.diff(self.offsets)
        return lengths


def shape_of(form: str) -> int:
    """Which kinds of characters a form has, as six bits.

    From the lowest: begins in upper case; upper case after the first character; lower case anywhere; a digit anywhere;
    begins with a sign (neither letter nor digit); a sign after the first character.
    """
    first, rest = form[:1], form[1:]
    bits = (
        first.isupper(),
        any(character.isupper() for character in rest),
        any(character.islower() for character in form),
        any(character.isdigit() for character in form),
        not first.isalnum(),
        any(not character.isalnum() for character in rest),
    )
    return sum(bit << place for place, bit in enumerate(bits))


class TextCodec:
    """The vocabularies of a run, and the way from tokens to ``EncodedTexts``."""

    def __init__(self, words: Vocabulary, characters: Vocabulary, options: EncodingOptions) -> None:
        self.words = words
        self.characters = characters
        self.options = options

    @classmethod
    def fit(
        cls,
        texts: Iterable[Sequence[str]],
        options: EncodingOptions,
        *,
        first: Sequence[str] = (),
        size: int | None = None,
    ) -> TextCodec:
        """Take both vocabularies from tokenised training texts; ``first`` and ``size`` as in ``Vocabulary``."""
        counts: Counter[str] = Counter()
        for tokens in texts:
            counts.update(tokens)
        words: Counter[str] = Counter()
        characters: Counter[str] = Counter()
        for form, count in counts.items():
            words[form.lower() if options.lowercase else form] += count
            for character in form:
                characters[character] += count
        vocabulary = Vocabulary(words, min_count=options.min_count, first=first, size=size)
        return cls(vocabulary, Vocabulary(characters, min_count=1), options)

    @property
    def vocabulary_size(self) -> int:
        """The number of word ids, padding and unknown included."""
        return len(self.words)

    @property
    def character_count(self) -> int:
        """The number of character ids, padding and unknown included."""
        return len(self.characters)

    def encode(self, texts: Sequence[Sequence[str]]) -> EncodedTexts:
        """Tokenised texts as arrays."""
        index: dict[str, int] = {}
        flat = np.fromiter((index.setdefault(token, len(index)) for text in texts for token in text), dtype=np.int32)
        offsets = np.zeros(len(texts) + 1, dtype=np.int64)
        np.cumsum([len(text) for text in texts], out=offsets[1:])
        return EncodedTexts(self._describe(list(index)), flat, offsets)

    def _describe(self, forms: list[str]) -> Forms:
        options = self.options
        lowered = [form.lower() for form in forms] if options.lowercase else forms
        words_U = np.array([self.words.id_of(word) for word in lowered], dtype=np.int32)
        longest = min(max(map(len, forms), default=0), options.max_characters)
        characters_UC = np.zeros((len(forms), longest), dtype=np.int32)
        for row, form in enumerate(forms):
            ids = [self.characters.id_of(character) for character in form[:longest]]
            characters_UC[row, : len(ids)] = ids
        ngrams_M, ngram_offsets = hash_ngrams(
            forms, shortest=options.ngram_min, longest=options.ngram_max, buckets=options.ngram_buckets
        )
        shapes_U = np.array([shape_of(form) for form in forms], dtype=np.int32)
        return Forms(words_U, characters_UC, shapes_U, ngrams_M, ngram_offsets)


@dataclass(frozen=True)
class EncodedTargets:
    """Texts to be written, one after the other: text n is ``ids_K[offsets[n] : offsets[n + 1]]``, its end included.

    Ids below the vocabulary's size are symbols of the vocabulary; id ``size + u`` is form u of the split's first
    text column, ``forms_U[u]`` (See et al. 2017, section 2.2: the extended vocabulary). ``copies_U``: the id that each
    of these forms has when it is copied.
    """

    ids_K: Ints
    offsets: Ints
    copies_U: Ints
    forms_U: tuple[str, ...]

    @property
    def lengths(self) -> Ints:
        """The number of symbols of each text, its end included."""
        lengths: Ints = np.diff(self.offsets)
        return lengths


@dataclass(frozen=True)
class EncodedSplit:
    """A split as arrays.

    ``rows_N``: the index of each example in the split's list of rows (rows may have been dropped).
    ``texts``: one entry a text column, N texts each.
    ``external``: N texts, or a single one that all examples share, or None.
    ``labels``: N class indices; or, if ``per_token``, one tag index a token of ``texts[0]``; or None.
    ``targets``: the N texts to be written, for tasks that write; else None.
    """

    rows_N: Ints
    texts: tuple[EncodedTexts, ...]
    external: EncodedTexts | None
    labels: Ints | None
    per_token: bool
    targets: EncodedTargets | None = None

    def __len__(self) -> int:
        return len(self.rows_N)

    @property
    def lengths(self) -> Ints:
        """The length of each example in tokens: that of its longest text."""
        written = [self.targets.lengths] if self.targets is not None else []
        lengths: Ints = np.maximum.reduce([*(text.lengths for text in self.texts), *written])
        return lengths

    @property
    def tokens(self) -> int:
        """The number of tokens of all texts, read and written (external ones left out)."""
        written = len(self.targets.ids_K) if self.targets is not None else 0
        return int(sum(len(text.forms_K) for text in self.texts)) + written
