"""From tokens to the pieces of a pretrained encoder and back, and the windows that it reads of a long text.

N texts, K tokens of all texts, P pieces of all texts, W windows of all texts
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

from models.pieces import TokenPieces
from tasks.encoding.padding import Ints, offsets_of, ranges
from tasks.encoding.spelling import Spelt

OVERLAP = 4
"""A window shares a quarter of its pieces with the next, so that a token has an eighth of one on either side."""


class Cut(NamedTuple):
    """Pieces of texts: their ids, where those of each text begin, the first of each token and how many it has."""

    ids_P: Ints
    offsets: Ints
    starts_K: Ints
    counts_K: Ints


class Tokenizer:
    """The tokenizer of an encoder. ``prefix`` and ``suffix``: the special pieces around a text.

    A text is read whole, whatever the tokenizer was told to cut or to pad before, and as it stands: that it holds the
    name of a special piece (``[SEP]``) means nothing.
    """

    def __init__(self, saved: str) -> None:
        from tokenizers import Tokenizer as Library

        self._library: Any = Library.from_str(saved)
        self._library.no_truncation()
        self._library.no_padding()
        sample = self._library.encode("a")
        inside = [number for number, special in enumerate(sample.special_tokens_mask) if not special]
        self.prefix: list[int] = sample.ids[: inside[0]]
        self.suffix: list[int] = sample.ids[inside[-1] + 1 :]
        self._library.encode_special_tokens = True
        names = [getattr(self._library.model, "unk_token", None), "[UNK]", "<unk>", "[MASK]", "<mask>"]
        ids = (self._library.token_to_id(name) for name in names if name is not None)
        self.unknown: int | None = next((one for one in ids if one is not None), None)

    def cut(self, spelt: Spelt, lengths_N: Ints) -> Cut:
        """The pieces of texts of so many tokens. A token without any (a control character) is unknown.

        A piece belongs to every token that it has a character of. Raises ValueError where a token has no piece and the
        tokenizer no unknown one.
        """
        encodings = self._library.encode_batch(spelt.texts, add_special_tokens=False)
        ids_P = np.array([piece for one in encodings for piece in one.ids], dtype=np.int32)
        places = np.array([place for one in encodings for place in one.offsets], dtype=np.int64).reshape(-1, 2)
        offsets = offsets_of([len(one.ids) for one in encodings])
        # All texts one after the other, so that each look-up is one for them all.
        bases_N = offsets_of([len(text) + 1 for text in spelt.texts])[:-1]
        places = places + np.repeat(bases_N, np.diff(offsets))[:, None]
        bases_K, text_K = np.repeat(bases_N, lengths_N), np.repeat(np.arange(len(lengths_N)), lengths_N)
        starts_K = np.searchsorted(places[:, 1], spelt.starts_K + bases_K, side="right")
        counts_K = np.searchsorted(places[:, 0], spelt.ends_K + bases_K, side="left") - starts_K
        return self._completed(Cut(ids_P, offsets, starts_K, counts_K), text_K)

    def _completed(self, cut: Cut, text_K: Ints) -> Cut:
        """With an unknown piece for each token that has none, and starts counted from the begin of the own text."""
        lost_K = cut.counts_K <= 0
        if lost_K.any() and self.unknown is None:
            number = int(lost_K.argmax())
            raise ValueError(
                f"the encoder's tokenizer gives token {number} no piece, and it has no unknown one; choose another"
            )
        at_K = np.minimum(cut.starts_K, cut.offsets[text_K + 1])
        ids_P = np.insert(cut.ids_P, at_K[lost_K], self.unknown or 0)
        starts_K = at_K + np.cumsum(lost_K) - lost_K
        more_N = np.bincount(text_K[lost_K], minlength=len(cut.offsets) - 1)
        offsets = offsets_of(np.diff(cut.offsets) + more_N)
        return Cut(ids_P, offsets, starts_K - offsets[text_K], np.where(lost_K, 1, cut.counts_K))


class Windows(NamedTuple):
    """What an encoder reads at a time: pieces ``starts_W[w]`` to ``ends_W[w]`` of text ``texts_W[w]``.

    The windows of text n are ``offsets[n]`` to ``offsets[n + 1]``. ``of_K``: the window that each token is read in.
    """

    texts_W: Ints
    starts_W: Ints
    ends_W: Ints
    offsets: Ints
    of_K: Ints

    @property
    def texts_in_several(self) -> int:
        """How many texts are read in more than one window."""
        return int((np.diff(self.offsets) > 1).sum())


def windows_of(cut: Cut, token_offsets: Ints, *, limit: int) -> Windows:
    """Windows of at most ``limit`` pieces that overlap; a token is read where it stands farthest from a cut."""
    lengths_N = np.diff(cut.offsets)
    counts_N = np.where(lengths_N > limit, -(-(lengths_N - limit) // _step(limit)) + 1, 1)
    offsets = offsets_of(counts_N)
    texts_W = np.repeat(np.arange(len(lengths_N)), counts_N)
    starts_W = (np.arange(len(texts_W)) - offsets[texts_W]) * _step(limit)
    starts_W = np.minimum(starts_W, np.maximum(0, lengths_N[texts_W] - limit))  # the last one ends with the text
    ends_W = np.minimum(starts_W + limit, lengths_N[texts_W])
    of_K = np.repeat(offsets[:-1], np.diff(token_offsets))
    for text in np.flatnonzero(counts_N > 1):
        tokens, windows = slice(*token_offsets[text : text + 2]), slice(*offsets[text : text + 2])
        first, after = cut.starts_K[tokens, None], (cut.starts_K + cut.counts_K)[tokens, None]
        left = np.where(starts_W[windows] > 0, first - starts_W[windows], limit)
        right = np.where(ends_W[windows] < lengths_N[text], ends_W[windows] - after, limit)
        inside = (starts_W[windows] <= first) & (first < ends_W[windows])
        of_K[tokens] += np.where(inside, np.minimum(left, right), -(1 << 30)).argmax(axis=1)
    return Windows(texts_W, starts_W, ends_W, offsets, of_K)


def _step(limit: int) -> int:
    return max(1, limit - limit // OVERLAP)


@dataclass(frozen=True)
class Reading:
    """Texts as an encoder reads them. ``token_offsets``: where the tokens of each text begin.

    ``first``: whether the first piece of a token stands for it, instead of the mean of all. ``padding``: an id.
    """

    cut: Cut
    windows: Windows
    token_offsets: Ints
    prefix: Sequence[int]
    suffix: Sequence[int]
    padding: int
    first: bool

    @property
    def lengths_W(self) -> Ints:
        """The number of pieces of each window, special ones included."""
        return self.windows.ends_W - self.windows.starts_W + len(self.prefix) + len(self.suffix)

    def collate(self, indices: Ints, mask_BT: Any) -> TokenPieces:
        """The texts ``indices`` as a batch, whose tokens stand at ``mask_BT``."""
        offsets = self.windows.offsets
        windows = ranges(offsets[indices], offsets[indices + 1] - offsets[indices])
        starts = self.token_offsets[indices]
        tokens_K = ranges(starts, self.token_offsets[indices + 1] - starts)
        places_BT = np.zeros(mask_BT.shape, dtype=np.int64)
        places_BT[mask_BT] = np.arange(len(tokens_K))
        return self.pieces(windows, tokens_K, places_BT)

    def pieces(self, windows: Ints, tokens_K: Ints, places_BT: Any) -> TokenPieces:
        """Some windows as the rows of a batch, and some tokens that are read in them."""
        lengths_W, before = self.lengths_W[windows], len(self.prefix)
        texts_W, from_W = self.windows.texts_W[windows], self.windows.starts_W[windows]
        column = np.arange(lengths_W.max(initial=1))
        mask_WP = column < lengths_W[:, None]
        own_WP = mask_WP & (column >= before) & (column < lengths_W[:, None] - len(self.suffix))
        ids_WP = np.full(mask_WP.shape, self.padding, dtype=np.int64)
        ids_WP[:, :before] = self.prefix
        own_W = lengths_W - before - len(self.suffix)
        ids_WP[own_WP] = self.cut.ids_P[ranges(self.cut.offsets[texts_W] + from_W, own_W)]
        for place, piece in enumerate(self.suffix):
            ids_WP[np.arange(len(windows)), before + own_W + place] = piece
        rows = np.zeros(len(self.windows.texts_W), dtype=np.int64)
        rows[windows] = np.arange(len(windows))
        row_K = rows[self.windows.of_K[tokens_K]]
        first_K = self.cut.starts_K[tokens_K] - from_W[row_K]
        counts_K = np.minimum(self.cut.counts_K[tokens_K], own_W[row_K] - first_K)
        counts_K = np.minimum(counts_K, 1) if self.first else counts_K
        return TokenPieces(
            places_BT=torch.from_numpy(places_BT),
            ids_WP=torch.from_numpy(ids_WP),
            mask_WP=torch.from_numpy(mask_WP),
            members_M=torch.from_numpy(ranges(row_K * len(column) + before + first_K, counts_K).astype(np.int64)),
            offsets_K=torch.from_numpy(np.cumsum(counts_K) - counts_K),
        )
