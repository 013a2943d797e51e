"""What a batch brings for a pretrained encoder: the states of its tokens, or the pieces that these are computed from.

B texts, T positions, K real tokens of the batch, J layers, D width, W windows, P pieces of a window, M pieces of all
tokens
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class TokenStates:
    """States that were computed before training.

    ``places_BT``: which of the K tokens stands at each position (0 at padding, which is some real token).
    ``states_KJD``: the states of each token, in the order of the texts, a layer each; of 16 or 32 bits.
    """

    places_BT: Tensor
    states_KJD: Tensor

    def stretched(self, length: int) -> TokenStates:
        """As if a single text had so many tokens, each with states of its own."""
        count = torch.arange(length)
        return TokenStates(count[None], self.states_KJD[count % len(self.states_KJD)])


@dataclass(frozen=True)
class TokenPieces:
    """Pieces from which an encoder computes the states of the tokens.

    ``places_BT``: as in ``TokenStates``.
    ``ids_WP``: ids of the pieces of each window, special ones included. ``mask_WP``: True = a real piece.
    ``members_M``: the pieces of each token, one token after the other, as indices into the flattened ``ids_WP``;
    ``offsets_K``: where those of each token start (as in ``nn.EmbeddingBag``). Every token has at least one.
    """

    places_BT: Tensor
    ids_WP: Tensor
    mask_WP: Tensor
    members_M: Tensor
    offsets_K: Tensor

    def pooled(self, states_WPD: Tensor) -> Tensor:
        """The mean state of the pieces of each token, (K, D)."""
        # An embedding bag sums in a fixed order, forwards and backwards.
        return F.embedding_bag(self.members_M, states_WPD.flatten(0, 1), self.offsets_K, mode="mean")

    def stretched(self, length: int) -> TokenPieces:
        """As if a single text had so many tokens, and so many more pieces, in windows of the size of its longest."""
        tokens, (windows, size) = len(self.offsets_K), self.ids_WP.shape
        times = -(-length // tokens)
        whole = windows * size
        moved = torch.arange(times)[:, None]
        return TokenPieces(
            places_BT=torch.arange(length)[None],
            ids_WP=self.ids_WP.repeat(times, 1),
            mask_WP=self.mask_WP.repeat(times, 1),
            members_M=(self.members_M + moved * whole).flatten(),
            offsets_K=(self.offsets_K + moved * len(self.members_M)).flatten(),
        )


Given = TokenStates | TokenPieces


def changed(given: Given, change: Callable[[Tensor], Tensor], *, only: str | None = None) -> Given:
    """With every tensor changed, or the one of this name."""
    names = [field.name for field in fields(given) if only in (None, field.name)]
    values: dict[str, Any] = {name: change(getattr(given, name)) for name in names}
    return replace(given, **values)
