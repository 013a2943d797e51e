"""What an encoder is: the contract every file in this folder fulfils, and the token site they share.

    x_BTD -> contextualize (the backbone's own mixing) -> attend (the token sites) -> states_BTD

B texts, T positions, E external positions, D width of the states
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from torch import Tensor, nn

from models.attention.base import Attention, External, Site

AttentionFactory = Callable[[Site], Attention]
PositionFactory = Callable[..., nn.Module]


class Encoder(nn.Module, ABC):
    """The contract. ``width`` is D of the states it returns; masks are boolean, True = a real token.

    An encoder is built as ``(input_width, *, attention, position, external, <options>)``: ``attention`` makes the
    mechanism for a site, ``position`` the position part, ``external`` says whether an external memory will be given.
    States of real tokens do not depend on padding; what stands at padded positions does not matter.
    """

    width: int

    @abstractmethod
    def contextualize(self, x_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        """The backbone's own mixing, without attention: (B, T, input_width) -> (B, T, width)."""

    @abstractmethod
    def attend(self, states_BTD: Tensor, mask_BT: Tensor, external: External | None = None) -> Tensor:
        """The token site or sites: contextualized states -> states of the same shape."""

    def memory(self, states_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        """Contextualized states of an external text, made ready to be looked at."""
        return states_BTD

    def forward(self, x_BTD: Tensor, mask_BT: Tensor, external: External | None = None) -> Tensor:
        """Encode: (B, T, input_width) -> (B, T, width)."""
        return self.attend(self.contextualize(x_BTD, mask_BT), mask_BT, external)


class TokenSite(nn.Module):
    """Where states attend to states: ``x + dropout(attention(norm(x)))``.

    Residual and normalisation of the pre-norm transformer (Xiong et al. 2020, https://arxiv.org/abs/2002.04745) in
    every backbone, so that two runs that differ in the mechanism differ in nothing else. An external memory is
    normalised by the same layer as the states that look at it.
    """

    def __init__(
        self, width: int, *, attention: AttentionFactory, position: PositionFactory, external: bool, dropout: float
    ) -> None:
        super().__init__()
        scores = position if acts_on(position) == "scores" else None
        self.norm = nn.LayerNorm(width)
        self.attention = attention(Site(kind="token", width=width, external=external, position=scores))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x_BTD: Tensor, mask_BT: Tensor, external: External | None = None) -> Tensor:
        """The states with their contexts added, (B, T, width)."""
        normed_BTD = self.norm(x_BTD)
        if external is not None:
            external = External(self.norm(external.states_BED), external.mask_BE)
        attended = self.attention(normed_BTD, normed_BTD, mask_BT, external=external)
        context_BTD: Tensor = self.dropout(attended.context_BTD)
        return x_BTD + context_BTD


def acts_on(position: PositionFactory) -> str:
    """Where a position part acts: ``nothing``, ``input`` (vectors before mixing) or ``scores`` (in the attention)."""
    place = getattr(getattr(position, "func", position), "acts_on", None)
    if place not in ("nothing", "input", "scores"):
        raise ValueError(
            f"a position part expects a class attribute acts_on of 'nothing', 'input' or 'scores', got {place!r} from "
            f"{position!r}; see models/positions.py"
        )
    return str(place)


def input_position(position: PositionFactory, width: int) -> nn.Module:
    """The module x -> x with positions for vectors of ``width``; the identity if positions act elsewhere."""
    return position(width) if acts_on(position) == "input" else nn.Identity()
