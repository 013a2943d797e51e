"""How what a site found joins what was there: the context c of a mechanism, and the stream n that asked for it.

Both are of normalised states, so that neither drowns the other, whatever the backbone:

``residual``   x + c: the stream as it came, not normalised; right where it is kept at one scale, as in pre-norm blocks
``sum``        n + c
``gain``       norm(n + g ⊙ c), with a learned gain a channel that starts at 1
``zero_gain``  n + g ⊙ c, with one that starts at 0: ReZero, Bachlechner et al. 2021, https://arxiv.org/abs/2003.04887,
               a channel at a time as in LayerScale, Touvron et al. 2021, https://arxiv.org/abs/2103.17239
``mapped``     n + W c: the stream is kept, and the context can be turned down, and away from the stream's channels
``projection`` W [n; c], so that each can be turned down: Luong et al. 2015, equation 5, without its tanh,
               https://arxiv.org/abs/1508.04025

B texts, T positions, D width
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from models.first_weights import projection

JoinName = Literal["residual", "sum", "gain", "zero_gain", "mapped", "projection"]
JOINS = ("residual", "sum", "gain", "zero_gain", "mapped", "projection")


class Join(nn.Module):
    """The states after a site. Raises ``ValueError`` for a name that is not among ``JOINS``."""

    def __init__(self, name: JoinName, width: int) -> None:
        super().__init__()
        if name not in JOINS:
            raise ValueError(f"a site joins by one of {', '.join(JOINS)}, got {name!r}")
        self.name = name
        first = {"gain": 1.0, "zero_gain": 0.0}.get(name)
        self.gain_D = None if first is None else nn.Parameter(torch.full((width,), first))
        self.after = nn.LayerNorm(width) if name == "gain" else nn.Identity()
        self.both = projection(2 * width, width) if name == "projection" else None
        self.map = projection(width, width) if name == "mapped" else None

    def forward(self, x_BTD: Tensor, normed_BTD: Tensor, context_BTD: Tensor) -> Tensor:
        """(B, T, D) of the stream as it came, the stream normalised, and the context."""
        if self.both is not None:
            joined_BTD: Tensor = self.both(torch.cat((normed_BTD, context_BTD), dim=-1))
            return joined_BTD
        if self.map is not None:
            context_BTD = self.map(context_BTD)
        if self.gain_D is not None:
            context_BTD = self.gain_D * context_BTD
        summed_BTD: Tensor = self.after((x_BTD if self.name == "residual" else normed_BTD) + context_BTD)
        return summed_BTD
