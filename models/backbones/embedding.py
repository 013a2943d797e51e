"""No mixing but the attention: each state is a projection of its own token's vector.

B texts, T positions, D width
"""

from __future__ import annotations

from torch import Tensor, nn

from models.attention.base import External
from models.backbones.base import AttentionFactory, Encoder, PositionFactory, Top, input_position
from models.joins import JoinName


class EmbeddingEncoder(Encoder):
    """``states = dropout(position(W x))``, then ``models.backbones.base.Top``."""

    def __init__(
        self,
        input_width: int,
        *,
        attention: AttentionFactory | None,
        position: PositionFactory,
        external: bool,
        width: int,
        token_site: bool,
        site: JoinName,
        feedforward_width: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.width = width
        self.projection = nn.Linear(input_width, width)
        self.position = input_position(position, width)
        self.dropout = nn.Dropout(dropout)
        self.top = Top(
            width,
            attention=attention,
            position=position,
            external=external,
            token_site=token_site,
            site=site,
            feedforward_width=feedforward_width,
            dropout=dropout,
        )

    def contextualize(self, x_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        """Project; no token sees another."""
        states_BTD: Tensor = self.dropout(self.position(self.projection(x_BTD)))
        return states_BTD

    def attend(self, states_BTD: Tensor, mask_BT: Tensor, external: External | None = None) -> Tensor:
        """The token site and the feed-forward layer, where there are such."""
        attended: Tensor = self.top(states_BTD, mask_BT, external)
        return attended
