"""Masks: which memory positions a query may attend to.

One convention everywhere: boolean, True = may attend.

B batch, T query positions, S memory positions, D width
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Direction = Literal["both", "forward", "backward"]


def combined_mask(
    mask: Tensor | None, queries_BTD: Tensor, memory_BSD: Tensor, *, direction: Direction = "both"
) -> Tensor | None:
    """The boolean mask (B or 1, T or 1, S) that joins padding and direction; None if everything is allowed.

    ``mask`` is (B, S) or (B, T, S). ``forward`` keeps j <= i (causal), ``backward`` keeps j >= i. Where there are
    fewer queries than memory positions, the queries are the last T of the S positions, as in decoding step by step.

    Raises ``ValueError`` for a mask of another type or shape, and for a direction with more queries than memory.
    """
    batch, length, size = *queries_BTD.shape[:2], memory_BSD.shape[1]
    joined = None
    if mask is not None:
        if mask.dtype != torch.bool or tuple(mask.shape) not in {(batch, size), (batch, length, size)}:
            raise ValueError(
                f"expected a boolean mask of shape {(batch, size)} or {(batch, length, size)} with True = may attend, "
                f"got {mask.dtype} of shape {tuple(mask.shape)}"
            )
        joined = mask[:, None, :] if mask.dim() == 2 else mask
    if direction == "both":
        return joined
    if length > size:
        raise ValueError(
            f"a {direction} direction needs at least as many memory positions as queries, "
            f"got {length} queries and {size} memory positions; is the memory another sequence?"
        )
    square = torch.ones(length, size, dtype=torch.bool, device=queries_BTD.device)
    triangle = (square.tril(size - length) if direction == "forward" else square.triu(size - length))[None]
    return triangle if joined is None else joined & triangle


def masked_mean(states_BSD: Tensor, mask_BS: Tensor) -> Tensor:
    """The mean (B, D) of the states where ``mask_BS`` is True; zero where it never is."""
    kept_BS1 = mask_BS[..., None]
    total_BD = states_BSD.masked_fill(~kept_BS1, 0.0).sum(dim=1)
    return total_BD / kept_BS1.sum(dim=1).clamp(min=1)


def zero_unreachable(values_BTD: Tensor, mask_BTS: Tensor | None) -> Tensor:
    """``values_BTD`` with exact zeros (and zero gradients) at queries that may attend to nothing.

    ``mask_BTS`` is what ``combined_mask`` returns.
    """
    if mask_BTS is None:
        return values_BTD
    return values_BTD.masked_fill(~mask_BTS.any(-1, keepdim=True), 0.0)
