"""Long short-term memory: an encoder that reads from both sides, and a decoder.

B texts, T positions, S positions of the memory, L layers, D width (in the encoder, half of it a direction)
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from models.attention.base import External, Site
from models.backbones.base import (
    AttentionFactory,
    Decoded,
    Decoder,
    DecoderState,
    Encoder,
    PositionFactory,
    TokenSite,
    Top,
    asked_weights,
    input_position,
    look,
    no_history,
)
from models.first_weights import projection
from models.joins import JoinName
from models.masks import masked_mean
from models.recall import KeptMemory


class BidirectionalLSTM(nn.Module):
    """One layer: ``[forward LSTM; backward LSTM]``, each (B, T, width / 2).

    Hochreiter and Schmidhuber 1997; Graves and Schmidhuber 2005. The backward half reads each text reversed *within
    its own length*, so padding, which then always stands at the end, is read after everything that counts.

    Why not packed sequences: on one CPU core, batch 64 x 30 with lengths 5..30, width 130 -> 2 x 128, forward and
    backward took 69 ms packed and 34 ms this way (a plain unpacked bidirectional nn.LSTM, whose backward half
    reads the padding first: 31 ms); oneDNN's kernel does not take packed sequences.
    """

    def __init__(self, input_width: int, width: int) -> None:
        super().__init__()
        if width % 2:
            raise ValueError(f"backbone.width expects an even number, got {width}: half of it is each direction's")
        self.rightward = nn.LSTM(input_width, width // 2, batch_first=True)
        self.leftward = nn.LSTM(input_width, width // 2, batch_first=True)
        for direction in (self.rightward, self.leftward):
            _initialise(direction)

    def forward(self, x_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        """Read both ways: (B, T, input_width) -> (B, T, width)."""
        order_BT = reversal(mask_BT)
        rightward_BTD, _ = self.rightward(x_BTD)
        leftward_BTD, _ = self.leftward(_reorder(x_BTD, order_BT))
        return torch.cat([rightward_BTD, _reorder(leftward_BTD, order_BT)], dim=-1)


class RecurrentEncoder(Encoder):
    """``layers`` bidirectional LSTMs with dropout on what each returns, then the top.

    ``residual``: whether each layer's input is added to what it returns (projected where the widths differ).
    ``token_site``, ``site``, ``feedforward_width``: see ``models.backbones.base.Top``.
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
        residual: bool,
        token_site: bool,
        site: JoinName,
        feedforward_width: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.width = width
        self.position = input_position(position, input_width)
        self.layers = nn.ModuleList(
            BidirectionalLSTM(input_width if layer == 0 else width, width) for layer in range(layers)
        )
        self.residual = residual
        self.projection = nn.Linear(input_width, width) if residual and input_width != width else nn.Identity()
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
        """Read the texts in both directions."""
        states_BTD: Tensor = self.position(x_BTD)
        for index, layer in enumerate(self.layers):
            read_BTD = self.dropout(layer(states_BTD, mask_BT))
            carried_BTD = self.projection(states_BTD) if index == 0 else states_BTD
            states_BTD = read_BTD + carried_BTD if self.residual else read_BTD
        return states_BTD

    def attend(self, states_BTD: Tensor, mask_BT: Tensor, external: External | None = None) -> Tensor:
        """The token site and the feed-forward layer, where there are such."""
        attended: Tensor = self.top(states_BTD, mask_BT, external)
        return attended


class RecurrentDecoder(Decoder):
    """LSTMs and the attention of Luong et al. 2015, sections 3 and 3.3, https://arxiv.org/abs/1508.04025.

        h_t = norm(LSTM(x_t))       with ``input_feeding``: of [x_t; h~_{t-1}], h~_0 = 0
        c_t = attention(h_t, norm(encoder states))
        h~_t = dropout(tanh(W [c_t; h_t] + b))

    h~ is what the vocabulary's projection reads. Without input feeding all positions are read at once. Departures:
    the first states of LSTM and cell are tanh(W m + b) of the mean m of the normalised encoder states, since not every
    encoder has a last state; W has a bias, and h~ dropout; states are normalised (layer norm, as at every token site),
    since plain LSTM states are so small that all scores begin equal and the context drowns them. A mechanism that uses
    an external memory (``external``) has its causal token site between LSTM and decoder site, whose ``site`` is how
    what it found joins (``models.joins``). Dropout also stands between the LSTM's layers.

    Without ``attention`` (None) c_t = m at every step: the one fixed vector of Cho et al. 2014, section 2.2,
    https://arxiv.org/abs/1406.1078, which has the last state for the mean and no tanh layer.

    Raises ``ValueError`` for fewer layers than one.
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
        input_feeding: bool,
        site: JoinName,
        dropout: float,
    ) -> None:
        super().__init__()
        if layers < 1:
            raise ValueError(f"a recurrent decoder needs at least one layer, got layers={layers}")
        self.width, self.input_feeding = width, input_feeding
        self.position = input_position(position, input_width)
        self.longest = getattr(self.position, "max_length", None)
        between = dropout if layers > 1 else 0.0
        read_width = input_width + width if input_feeding else input_width
        self.lstm = nn.LSTM(read_width, width, num_layers=layers, batch_first=True, dropout=between)
        _initialise(self.lstm)
        self.first = nn.Linear(width, 2 * layers * width)
        self.join = projection(2 * width, width, bias=True)
        self.site = (
            TokenSite(
                width, attention=attention, position=position, external=True, join=site, dropout=dropout, causal=True
            )
            if external and attention is not None
            else None
        )
        self.attends = attention is not None
        self.attention = None if attention is None else attention(Site(kind="decoder", width=width))
        if attention is None:
            self.note = "none: the recurrent decoder reads the mean of the encoder's states at every step"
        self.query_norm, self.memory_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def prepare(self, state: DecoderState) -> DecoderState:
        """LSTM and cell states from the mean of the memory; a memory that is wholly masked has mean zero."""
        state = replace(state, memory=KeptMemory(self.memory_norm(state.memory.states_BSD)))
        mean_BD = masked_mean(state.memory.states_BSD, state.mask_BS)
        if not self.attends:  # the mean is all that will be read
            state = replace(state, memory=KeptMemory(mean_BD[:, None]), mask_BS=state.mask_BS.any(dim=1, keepdim=True))
        hidden_BLD, cell_BLD = self.first(mean_BD).tanh().view(len(mean_BD), -1, self.width).chunk(2, dim=1)
        carried = (hidden_BLD, cell_BLD, torch.zeros_like(mean_BD)) if self.input_feeding else (hidden_BLD, cell_BLD)
        if self.site is None:
            return replace(state, carried=carried)
        return replace(state, carried=carried, externals=(self.site.kept(state),), histories=(no_history(state),))

    def forward(
        self, x_BTD: Tensor, state: DecoderState, *, need_weights: bool = False
    ) -> tuple[Decoded, DecoderState]:
        """All positions at once, or with input feeding one after the other."""
        x_BTD = self.position(x_BTD, start=state.length)
        if not self.input_feeding:
            return self._read(x_BTD, state, need_weights=need_weights)
        steps = []
        for position in range(x_BTD.shape[1]):
            *before, fed_BD = state.carried
            fed_x_B1D = torch.cat((x_BTD[:, position], fed_BD), dim=-1)[:, None]
            decoded, state = self._read(fed_x_B1D, replace(state, carried=tuple(before)), need_weights=need_weights)
            state = replace(state, carried=(*state.carried, decoded.states_BTD[:, 0]))
            steps.append(decoded)
        states, contexts, weights = zip(*steps, strict=True)
        return Decoded(
            torch.cat(states, 1),
            torch.cat(contexts, 1),
            torch.cat(weights, 2) if need_weights and self.attends else None,
        ), state

    def _read(self, x_BTD: Tensor, state: DecoderState, *, need_weights: bool) -> tuple[Decoded, DecoderState]:
        """LSTM, causal token site if there is one, decoder site, and what joins them."""
        first = tuple(carried_BLD.transpose(0, 1).contiguous() for carried_BLD in state.carried)
        hidden_BTD, last = self.lstm(x_BTD, first)
        histories = state.histories
        if self.site is not None:
            hidden_BTD, history = self.site.follow(hidden_BTD, histories[0], state.externals[0], state.mask_BS)
            histories = (history,)
        normed_BTD, weights_BHTS = self.query_norm(hidden_BTD), None
        if self.attention is None:
            context_BTD = state.memory.states_BSD.expand_as(normed_BTD)
        else:
            attended = look(self.attention, normed_BTD, state, need_weights=need_weights)
            context_BTD, weights_BHTS = attended.context_BTD, asked_weights(attended) if need_weights else None
        joined_BTD = self.join(torch.cat((context_BTD, normed_BTD), dim=-1)).tanh()
        after = replace(
            state,
            histories=histories,
            carried=tuple(carried_LBD.transpose(0, 1) for carried_LBD in last),
            length=state.length + x_BTD.shape[1],
        )
        return Decoded(self.dropout(joined_BTD), context_BTD, weights_BHTS), after


def reversal(mask_BT: Tensor) -> Tensor:
    """The permutation of positions that reverses each text within its length and leaves its padding in place.

    It is its own inverse.
    """
    position_T = torch.arange(mask_BT.shape[1], device=mask_BT.device)
    length_B1 = mask_BT.sum(dim=1, keepdim=True)
    return torch.where(position_T < length_B1, length_B1 - 1 - position_T, position_T)


def _reorder(x_BTD: Tensor, order_BT: Tensor) -> Tensor:
    return x_BTD.gather(1, order_BT[..., None].expand(-1, -1, x_BTD.shape[2]))


def _initialise(lstm: nn.LSTM) -> None:
    """Orthogonal recurrent weights gate by gate, Xavier input weights, forget bias 1 (Jozefowicz et al. 2015)."""
    size = lstm.hidden_size
    for name, parameter in lstm.named_parameters():
        if "bias" in name:
            nn.init.zeros_(parameter)
            if "bias_ih" in name:
                with torch.no_grad():
                    parameter[size : 2 * size] = 1.0
        else:
            initialise = nn.init.orthogonal_ if "weight_hh" in name else nn.init.xavier_uniform_
            for gate in range(4):
                with torch.no_grad():
                    initialise(parameter[gate * size : (gate + 1) * size])
