"""Pre-norm transformers, encoder and decoder, whose mixing layers are the mechanism.

B texts, T positions, S positions of the memory, D width
"""

from __future__ import annotations

import math
from dataclasses import replace

from torch import Tensor, nn

from models.attention.base import Attended, External, Site
from models.backbones.base import (
    AttentionFactory,
    Decoded,
    Decoder,
    DecoderState,
    Encoder,
    PositionFactory,
    TokenSite,
    input_position,
    look,
    mean_weights,
    no_history,
)
from models.feedforward import FeedForward


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


class DecoderSite(nn.Module):
    """Where a decoder's states attend to the encoder's: ``x + dropout(attention(norm(x), memory))``."""

    def __init__(self, width: int, *, attention: AttentionFactory, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attention = attention(Site(kind="decoder", width=width, adds_queries=True))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x_BTD: Tensor, state: DecoderState, *, need_weights: bool) -> tuple[Tensor, Attended]:
        """The states with their contexts added, (B, T, width), and what the mechanism returned."""
        attended = look(self.attention, self.norm(x_BTD), state, need_weights=need_weights)
        return x_BTD + self.dropout(attended.context_BTD), attended


class TransformerDecoder(Decoder):
    """Projection, positions, ``layers`` blocks of causal token site, decoder site and feed-forward, a last norm.

    Vaswani et al. 2017, section 3.1, https://arxiv.org/abs/1706.03762; pre-norm as the encoder.

    Raises ``ValueError`` for fewer layers than one.
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
        if layers < 1:
            raise ValueError(f"a transformer decoder needs at least one layer, got layers={layers}")
        self.width, self.external = width, external
        self.projection = nn.Linear(input_width, width)
        self.position = input_position(position, width)
        self.longest = getattr(self.position, "max_length", None)
        self.dropout = nn.Dropout(dropout)

        def token_site() -> TokenSite:
            return TokenSite(
                width, attention=attention, position=position, external=external, dropout=dropout, causal=True
            )

        self.sites = nn.ModuleList(token_site() for _ in range(layers))
        self.memory_sites = nn.ModuleList(
            DecoderSite(width, attention=attention, dropout=dropout) for _ in range(layers)
        )
        self.feedforwards = nn.ModuleList(
            FeedForward(width, feedforward_width=feedforward_width, dropout=dropout) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)

    def prepare(self, state: DecoderState) -> DecoderState:
        """No position was seen by any site."""
        externals = tuple(site.kept(state) for site in self._token_sites()) if self.external else ()
        return replace(state, externals=externals, histories=tuple(no_history(state) for _ in self.sites))

    def forward(
        self, x_BTD: Tensor, state: DecoderState, *, need_weights: bool = False
    ) -> tuple[Decoded, DecoderState]:
        """The blocks, each after its own history; the context and the weights are the last block's."""
        scaled_BTD = self.projection(x_BTD) * math.sqrt(self.width)
        states_BTD: Tensor = self.dropout(self.position(scaled_BTD, start=state.length))
        histories = []
        for layer, (site, memory_site, feedforward) in enumerate(
            zip(self._token_sites(), self.memory_sites, self.feedforwards, strict=True)
        ):
            external = state.externals[layer] if self.external else None
            states_BTD, history = site.follow(states_BTD, state.histories[layer], external, state.mask_BS)
            asked = need_weights and layer == len(self.sites) - 1
            states_BTD, attended = memory_site(states_BTD, state, need_weights=asked)
            states_BTD = feedforward(states_BTD)
            histories.append(history)
        after = replace(state, histories=tuple(histories), length=state.length + x_BTD.shape[1])
        weights_BTS = mean_weights(attended) if need_weights else None
        return Decoded(self.norm(states_BTD), attended.context_BTD, weights_BTS), after

    def _token_sites(self) -> list[TokenSite]:
        return [site for site in self.sites if isinstance(site, TokenSite)]
