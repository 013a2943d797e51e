"""Pre-norm transformers, encoder and decoder, whose mixing layers are the mechanism.

B texts, T positions, S positions of the memory, D width
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import zip_longest

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
    acts_on,
    asked_weights,
    input_position,
    look,
    no_history,
)
from models.feedforward import FeedForward
from models.joins import JoinName
from models.positions import refuse_relative
from models.recall import KeptMemory


class TransformerEncoder(Encoder):
    """Projection, positions, ``layers`` blocks of a token site and a feed-forward layer, a last normalisation.

    Pre-norm as in Xiong et al. 2020, https://arxiv.org/abs/2002.04745. Projected vectors are normalised before
    positions are added, where the transformer's paper multiplies them by the root of the width: so stream, positions
    and what the blocks add have one scale, however large a table's vectors are. The blocks are the encoding: they make
    up ``attend``, and an external text passes through them too before it is looked at (``memory``). Without
    ``attention`` (None) the blocks are their feed-forward layers, and no token sees another.

    Raises ``ValueError`` without attention for positions that act on scores.
    """

    def __init__(
        self,
        input_width: int,
        *,
        attention: AttentionFactory | None,
        position: PositionFactory,
        external: bool,
        width: int,
        layers: int,
        site: JoinName,
        feedforward_width: int,
        dropout: float,
    ) -> None:
        super().__init__()
        if attention is None:
            refuse_relative("none", position if acts_on(position) == "scores" else None)
            self.note = "none: no token site, so in the transformer no token sees another: a bag of words with layers"
        self.width = width
        self.projection, self.first_norm = nn.Linear(input_width, width), nn.LayerNorm(width)
        self.position = input_position(position, width)
        self.dropout = nn.Dropout(dropout)
        self.feedforwards = nn.ModuleList(
            FeedForward(width, feedforward_width=feedforward_width, dropout=dropout) for _ in range(layers)
        )
        self.sites = nn.ModuleList(
            TokenSite(width, attention=attention, position=position, external=external, join=site, dropout=dropout)
            for _ in range(layers)
            if attention is not None
        )
        self.norm = nn.LayerNorm(width)

    def contextualize(self, x_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        """Project and add positions; no token sees another before the blocks."""
        states_BTD: Tensor = self.dropout(self.position(self.first_norm(self.projection(x_BTD))))
        return states_BTD

    def attend(self, states_BTD: Tensor, mask_BT: Tensor, external: External | None = None) -> Tensor:
        """The blocks and the last normalisation."""
        for site, feedforward in zip_longest(self.sites, self.feedforwards):
            states_BTD = feedforward(states_BTD if site is None else site(states_BTD, mask_BT, external))
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
        self.attention = attention(Site(kind="decoder", width=width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x_BTD: Tensor, state: DecoderState, *, need_weights: bool) -> tuple[Tensor, Attended]:
        """The states with their contexts added, (B, T, width), and what the mechanism returned."""
        attended = look(self.attention, self.norm(x_BTD), state, need_weights=need_weights)
        return x_BTD + self.dropout(attended.context_BTD), attended


class TransformerDecoder(Decoder):
    """Projection, positions, ``layers`` blocks of causal token site, decoder site and feed-forward, a last norm.

    Vaswani et al. 2017, section 3.1, https://arxiv.org/abs/1706.03762; normalised where the encoder is. The
    memory is normalised before it is looked at, as not every encoder ends with a normalisation.

    Raises ``ValueError`` for fewer layers than one, and without attention.
    """

    def __init__(
        self,
        input_width: int,
        *,
        attention: AttentionFactory | None,
        position: PositionFactory,
        external: bool,
        width: int,
        layers: int,
        site: JoinName,
        feedforward_width: int,
        dropout: float,
    ) -> None:
        super().__init__()
        if attention is None:
            raise ValueError(
                "model=none: a transformer decoder without attention would not see what it has written; use "
                "model=uniform, which weighs all of it alike, or decoder=recurrent, which carries it along"
            )
        if layers < 1:
            raise ValueError(f"a transformer decoder needs at least one layer, got layers={layers}")
        self.width, self.external = width, external
        self.projection, self.first_norm = nn.Linear(input_width, width), nn.LayerNorm(width)
        self.position = input_position(position, width)
        self.longest = getattr(self.position, "max_length", None)
        self.dropout = nn.Dropout(dropout)
        token_site = partial(
            TokenSite, width, attention=attention, position=position, external=external, join=site, dropout=dropout
        )
        self.sites = nn.ModuleList(token_site(causal=True) for _ in range(layers))
        self.memory_sites = nn.ModuleList(
            DecoderSite(width, attention=attention, dropout=dropout) for _ in range(layers)
        )
        self.feedforwards = nn.ModuleList(
            FeedForward(width, feedforward_width=feedforward_width, dropout=dropout) for _ in range(layers)
        )
        self.memory_norm, self.norm = nn.LayerNorm(width), nn.LayerNorm(width)

    def prepare(self, state: DecoderState) -> DecoderState:
        """No position was seen by any site."""
        state = replace(state, memory=KeptMemory(self.memory_norm(state.memory.states_BSD)))
        externals = tuple(site.kept(state) for site in self._token_sites()) if self.external else ()
        return replace(state, externals=externals, histories=tuple(no_history(state) for _ in self.sites))

    def forward(
        self, x_BTD: Tensor, state: DecoderState, *, need_weights: bool = False
    ) -> tuple[Decoded, DecoderState]:
        """The blocks, each after its own history; the context and the weights are the last block's."""
        states_BTD: Tensor = self.dropout(self.position(self.first_norm(self.projection(x_BTD)), start=state.length))
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
        weights_BHTS = asked_weights(attended) if need_weights else None
        return Decoded(self.norm(states_BTD), attended.context_BTD, weights_BHTS), after

    def _token_sites(self) -> list[TokenSite]:
        return [site for site in self.sites if isinstance(site, TokenSite)]
