"""A pre-norm transformer encoder whose mixing layer is the mechanism.

B texts, T positions, D width
"""

from __future__ import annotations

import math

from torch import Tensor, nn

from models.attention.base import External
from models.backbones.base import AttentionFactory, Encoder, PositionFactory, TokenSite, input_position


class FeedForward(nn.Module):
    """``x + dropout(W_2 dropout(gelu(W_1 norm(x))))``, position by position.

    Vaswani et al. 2017, section 3.3, https://arxiv.org/abs/1706.03762. Differs from the paper: GELU for ReLU, and
    the normalisation comes first.
    """

    def __init__(self, width: int, *, feedforward_width: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, feedforward_width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(feedforward_width, width),
            nn.Dropout(dropout),
        )

    def forward(self, x_BTD: Tensor) -> Tensor:
        """The states with the layer's result added, (B, T, width)."""
        change_BTD: Tensor = self.layers(x_BTD)
        return x_BTD + change_BTD


class TransformerEncoder(Encoder):
    """Projection, positions, ``layers`` blocks of a token site and a feed-forward layer, a last normalisation.

    Pre-norm as in Xiong et al. 2020, https://arxiv.org/abs/2002.04745. The blocks are the encoding: they make up
    ``attend``, and an external text passes through them too before it is looked at (``memory``).
    """

    def __init__(
        self,
        input_width: int,
        *,
        attention: AttentionFactory,
        position: PositionFactory,
        external: bool,
        width: int,
        layers: int,
        feedforward_width: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.width = width
        self.projection = nn.Linear(input_width, width)
        self.position = input_position(position, width)
        self.dropout = nn.Dropout(dropout)
        self.sites = nn.ModuleList(
            TokenSite(width, attention=attention, position=position, external=external, dropout=dropout)
            for _ in range(layers)
        )
        self.feedforwards = nn.ModuleList(
            FeedForward(width, feedforward_width=feedforward_width, dropout=dropout) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)

    def contextualize(self, x_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        """Project and add positions; no token sees another before the blocks."""
        # The paper's sqrt(width): position vectors have entries of size one, embeddings of 1 / sqrt(width).
        scaled_BTD = self.projection(x_BTD) * math.sqrt(self.width)
        states_BTD: Tensor = self.dropout(self.position(scaled_BTD))
        return states_BTD

    def attend(self, states_BTD: Tensor, mask_BT: Tensor, external: External | None = None) -> Tensor:
        """The blocks and the last normalisation."""
        for site, feedforward in zip(self.sites, self.feedforwards, strict=True):
            states_BTD = feedforward(site(states_BTD, mask_BT, external))
        normed_BTD: Tensor = self.norm(states_BTD)
        return normed_BTD

    def memory(self, states_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        """The external text after the blocks, in which it attends only to itself."""
        return self.attend(states_BTD, mask_BT, None)
