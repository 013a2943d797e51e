"""Encoded texts, labels and splits as flat arrays, from which batches are cut.

What depends on the spelling of a token alone (its characters, its character n-grams) is stored once a distinct form.

N texts, K tokens of all texts, U distinct forms, C characters of a form, M n-grams of all forms
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tasks.base import IGNORED
from tasks.encoding.padding import Ints, padded
from tasks.encoding.pieces import Reading
from tasks.encoding.states import FrozenStates


class VectorRows:
    """Vectors one below the other, (V, D)."""

    def __init__(self, rows_VD: NDArray[np.float32]) -> None:
        self.rows_VD = rows_VD


@dataclass(frozen=True)
class FormVectors:
    """The pretrained vectors of distinct forms: that of form u is ``table.rows_VD[places_U[u]]``.

    ``ids_U``: what a network calls it: 0 where there is none, up to the number of learnt ones a row of its own table.
    """

    ids_U: Ints
    places_U: Ints
    table: VectorRows


@dataclass(frozen=True)
class Forms:
    """The distinct forms of a set of texts and what follows from their spelling.

    ``spelt_U``: the forms themselves.
    ``words_U``: word ids. ``characters_UC``: character ids, 0 at padding. ``shapes_U``: see ``shape_of``.
    ``ngrams_M``: the hashed n-grams of all forms one after the other; those of form u are
    ``ngrams_M[ngram_offsets[u] : ngram_offsets[u + 1]]``. ``vectors``: pretrained ones, where some are used.
    """

    spelt_U: tuple[str, ...]
    words_U: Ints
    characters_UC: Ints
    shapes_U: Ints
    ngrams_M: Ints
    ngram_offsets: Ints
    vectors: FormVectors | None = None


@dataclass(frozen=True)
class EncodedTexts:
    """Texts one after the other: text n is ``forms_K[offsets[n] : offsets[n + 1]]``, indices into ``forms``.

    ``pretrained``: what a pretrained encoder makes of the tokens, or reads of them; None without one.
    """

    forms: Forms
    forms_K: Ints
    offsets: Ints
    pretrained: FrozenStates | Reading | None = None

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> Ints:
        """The number of tokens of each text."""
        lengths: Ints = np.diff(self.offsets)
        return lengths

    def tokens(self, number: int) -> list[str]:
        """The tokens of one text."""
        return [self.forms.spelt_U[form] for form in self.forms_K[self.offsets[number] : self.offsets[number + 1]]]


class EncodedLabels(ABC):
    """What is to be predicted for each of N examples. A kind of label is a subclass."""

    @abstractmethod
    def collate(self, indices: Ints) -> Tensor:
        """The labels of some examples, as ``Batch.labels``."""

    def counts(self, indices: Ints) -> Ints:
        """Over how many labels the loss of each of these examples is a mean: 1, or the tokens, or the symbols."""
        known = self.collate(indices) != IGNORED
        counts: Ints = known.reshape(len(indices), -1).sum(dim=1).numpy()
        return counts

    @property
    def lengths(self) -> Ints | None:
        """The number of symbols of each label, if a network reads and writes them one by one; else None."""
        return None


@dataclass(frozen=True)
class ClassLabels(EncodedLabels):
    """One class index an example."""

    classes_N: Ints

    def collate(self, indices: Ints) -> Tensor:
        """Class indices (B,)."""
        return torch.from_numpy(self.classes_N[indices].astype(np.int64))


@dataclass(frozen=True)
class SetLabels(EncodedLabels):
    """Any number of ``count`` classes an example; those of n are ``classes_K[offsets[n] : offsets[n + 1]]``."""

    classes_K: Ints
    offsets: Ints
    count: int

    def collate(self, indices: Ints) -> Tensor:
        """Which classes each example has (B, L), 0 or 1."""
        chosen_BL = torch.zeros(len(indices), self.count, dtype=torch.int64)
        for row, index in enumerate(indices):
            chosen_BL[row, torch.from_numpy(self.classes_K[self.offsets[index] : self.offsets[index + 1]])] = 1
        return chosen_BL


@dataclass(frozen=True)
class TagLabels(EncodedLabels):
    """One tag index a token; those of example n are ``tags_K[offsets[n] : offsets[n + 1]]``."""

    tags_K: Ints
    offsets: Ints

    def collate(self, indices: Ints) -> Tensor:
        """Tag indices (B, T)."""
        return padded(self.tags_K, self.offsets, indices, filler=IGNORED)


@dataclass(frozen=True)
class EncodedSplit:
    """A split as arrays.

    ``rows_N``: the index of each example in the split's list of rows (rows may have been dropped).
    ``texts``: one entry a text column, N texts each.
    ``external``: N texts, or a single one that all examples share, or None.
    ``labels``: N labels, or None.
    ``copies_U``: the id that each form of the first text column has when it is copied; None where nothing is written.
    """

    rows_N: Ints
    texts: tuple[EncodedTexts, ...]
    external: EncodedTexts | None
    labels: EncodedLabels | None
    copies_U: Ints | None = None

    def __len__(self) -> int:
        return len(self.rows_N)

    @property
    def lengths(self) -> Ints:
        """The length of each example in tokens: that of the longest text that is read or written."""
        lengths: Ints = np.maximum.reduce([*(text.lengths for text in self.texts), *self._written])
        return lengths

    @property
    def tokens(self) -> int:
        """The number of tokens of all texts, read and written (external ones left out)."""
        return int(sum(len(text.forms_K) for text in self.texts)) + int(sum(lengths.sum() for lengths in self._written))

    @property
    def _written(self) -> list[Ints]:
        lengths = None if self.labels is None else self.labels.lengths
        return [] if lengths is None else [lengths]
