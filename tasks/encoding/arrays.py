"""Encoded texts and splits as flat arrays, from which batches are cut.

What depends on the spelling of a token alone (its characters, its character n-grams) is stored once a distinct form.

N texts, K tokens of all texts, U distinct forms, C characters of a form, M n-grams of all forms
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.integer[Any]]


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
