"""What an encoder and a decoder are: the contracts of this folder's files, and the token site they share.

    encoder   x_BTD -> contextualize (the backbone's own mixing) -> attend (the token sites) -> states_BTD
    decoder   memory -> begin -> state;  (x_BTD, state) -> (states, context, weights), state

B texts, T positions, S positions of the memory, E external positions, R selected rows, D width of the states
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.attention.base import Attended, Attention, External, Site
from models.feedforward import FeedForward
from models.joins import Join, JoinName
from models.positions import NoPosition, refuse_relative
from models.recall import KeptMemory, recalling

AttentionFactory = Callable[[Site], Attention]
"""What makes the mechanism of a site. None in its place: no attention at all, hence no site."""

PositionFactory = Callable[..., nn.Module]


class Encoder(nn.Module, ABC):
    """The contract. ``width`` is D of the states it returns; masks are boolean, True = a real token.

    An encoder is built as ``(input_width, *, attention, position, external, <options>)``: ``attention`` makes the
    mechanism for a site (None: there is no site), ``position`` the position part, ``external`` says whether an external
    memory will be given. States of real tokens do not depend on padding; what stands at padded positions does not
    matter.
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


class Memory(NamedTuple):
    """What a decoder looks at: the encoder's states. ``mask_BS`` is boolean, True = may attend."""

    states_BSD: Tensor
    mask_BS: Tensor


class Decoded(NamedTuple):
    """What a decoder returns for T positions.

    ``states_BTD`` is what the vocabulary's projection reads, ``context_BTD`` what the last decoder site found, and
    ``weights_BHTS`` where each of its heads (of ``memory``: hops) found it, in float32. None unless asked for, and
    where the decoder has no attention.
    """

    states_BTD: Tensor
    context_BTD: Tensor
    weights_BHTS: Tensor | None

    @property
    def pointing_BTS(self) -> Tensor | None:
        """The weights of the one head that points, to copy by: the last one, or the last hop, made to sum to one.

        One is enough, and leaves the others free for what is not copied: were all averaged, each would have to point.
        Zeros where all memory is masked.
        """
        return None if self.weights_BHTS is None else _normalized(self.weights_BHTS[:, -1])

    @property
    def mean_BTS(self) -> Tensor | None:
        """The mean weights over the heads, made to sum to one: alignments. Zeros where all memory is masked."""
        return None if self.weights_BHTS is None else _normalized(self.weights_BHTS.mean(dim=1))


@dataclass(frozen=True, eq=False)
class DecoderState:
    """What a decoder knows after the positions it has read; opaque outside decoders, and never changed.

    ``memory`` and ``externals`` (the memory as each causal site sees it) stay the same at all positions and have the
    mask ``mask_BS``; ``histories`` are what the causal sites have seen of their own sequence, ``carried`` the tensors
    that a step hands to the next. The first axis of everything is the rows; ``text_B`` says which row of ``begin``
    each continues.
    """

    memory: KeptMemory
    mask_BS: Tensor
    text_B: Tensor
    externals: tuple[KeptMemory, ...] = ()
    histories: tuple[KeptMemory, ...] = ()
    carried: tuple[Tensor, ...] = ()
    length: int = 0

    def select(self, order_R: Tensor) -> DecoderState:
        """The rows ``order_R``: some left out, repeated, or in another order.

        The memory is copied only if a row gets another text: hypotheses of the same texts changing places share it.
        """
        moved = replace(
            self,
            text_B=self.text_B[order_R],
            histories=tuple(history.select(order_R) for history in self.histories),
            carried=tuple(tensor[order_R] for tensor in self.carried),
        )
        if torch.equal(moved.text_B, self.text_B):
            return moved
        return replace(
            moved,
            memory=self.memory.select(order_R),
            mask_BS=self.mask_BS[order_R],
            externals=tuple(external.select(order_R) for external in self.externals),
        )


class Decoder(nn.Module, ABC):
    """The contract. ``width`` is D of the states it returns, and of the memory it looks at; ``longest``: the most
    positions that it can read, or None for any number; ``attends``: whether it has attention, and so weights.

    A decoder is built as an encoder is; ``external`` says that the mechanism can use an external memory, which at its
    causal sites is the encoder's states. Position t depends on the positions up to t alone, so padding at the end of
    a target needs no mask.
    """

    width: int
    longest: int | None = None
    attends: bool = True

    def begin(self, memory: Memory) -> DecoderState:
        """The state before the first position.

        Raises ``ValueError`` for a memory of another width than the decoder's.
        """
        states_BSD, mask_BS = memory
        if states_BSD.shape[-1] != self.width:
            raise ValueError(
                f"the decoder's width is {self.width} and the encoder's {states_BSD.shape[-1]}; make them equal"
            )
        text_B = torch.arange(len(states_BSD), device=states_BSD.device)
        return self.prepare(DecoderState(KeptMemory(states_BSD), mask_BS, text_B))

    @abstractmethod
    def prepare(self, state: DecoderState) -> DecoderState:
        """A state that knows its memory alone, with whatever else this decoder starts from."""

    @abstractmethod
    def forward(
        self, x_BTD: Tensor, state: DecoderState, *, need_weights: bool = False
    ) -> tuple[Decoded, DecoderState]:
        """Read T more positions: (B, T, input_width) -> states (B, T, width), and the state after them.

        A whole target on a fresh state and one position after the other give the same. ``state`` stays as it is and
        may be continued in several ways.
        """


class TokenSite(nn.Module):
    """Where states attend to states: ``join(x, n, dropout(attention(n)))`` with n = norm(x).

    The same in every backbone, so that two runs that differ in the mechanism differ in nothing else. ``join`` is one of
    ``models.joins``: by ``residual`` the site is that of the pre-norm transformer (Xiong et al. 2020,
    https://arxiv.org/abs/2002.04745), whose stream has one scale; states of other backbones have not. An external
    memory is normalised by the same layer as the states that look at it. ``causal`` sites belong to decoders.
    """

    def __init__(
        self,
        width: int,
        *,
        attention: AttentionFactory,
        position: PositionFactory,
        external: bool,
        join: JoinName,
        dropout: float,
        causal: bool = False,
    ) -> None:
        super().__init__()
        scores = position if acts_on(position) == "scores" else None
        site = Site(kind="token", width=width, causal=causal, external=external, position=scores)
        self.norm = nn.LayerNorm(width)
        self.attention = attention(site)
        self.dropout = nn.Dropout(dropout)
        self.join = Join(join, width)

    def forward(self, x_BTD: Tensor, mask_BT: Tensor, external: External | None = None) -> Tensor:
        """The states joined with their contexts, (B, T, width)."""
        normed_BTD = self.norm(x_BTD)
        if external is not None:
            external = External(self.norm(external.states_BED), external.mask_BE)
        attended = self.attention(normed_BTD, normed_BTD, mask_BT, external=external)
        joined_BTD: Tensor = self.join(x_BTD, normed_BTD, self.dropout(attended.context_BTD))
        return joined_BTD

    def kept(self, state: DecoderState) -> KeptMemory:
        """The encoder's states as this site sees them when they are its external memory."""
        return KeptMemory(self.norm(state.memory.states_BSD))

    def follow(
        self, x_BTD: Tensor, history: KeptMemory, external: KeptMemory | None, mask_BS: Tensor
    ) -> tuple[Tensor, KeptMemory]:
        """Causally: the T positions after those in ``history`` joined with their contexts, and the longer history."""
        normed_BTD = self.norm(x_BTD)
        history = history.extended(normed_BTD)
        others = () if external is None else (external,)
        given = None if external is None else External(external.states_BSD, mask_BS)
        with recalling(history, *others):
            attended = self.attention(normed_BTD, history.states_BSD, causal=True, external=given)
        joined_BTD: Tensor = self.join(x_BTD, normed_BTD, self.dropout(attended.context_BTD))
        return joined_BTD, history


class Top(nn.Module):
    """What stands on top of an encoder whose own mixing is no attention: the token site, then a feed-forward layer.

    ``token_site=False`` leaves the states as the encoder made them, as published systems without self-attention have
    them, and so does no ``attention`` (None). ``site`` is how the context joins the states (``models.joins``).
    ``feedforward_width=0``: no feed-forward layer; it is there so that models can be made equally large.

    Raises ``ValueError`` without a token site for what only that could use: an external memory, relative positions.
    """

    def __init__(
        self,
        width: int,
        *,
        attention: AttentionFactory | None,
        position: PositionFactory,
        external: bool,
        token_site: bool,
        site: JoinName,
        feedforward_width: int,
        dropout: float,
    ) -> None:
        super().__init__()
        if attention is None:
            refuse_relative("none", position if acts_on(position) == "scores" else None)
            self.note = "none: no token site, the states stay as the encoder made them"
        elif not token_site and (external or acts_on(position) == "scores"):
            what = "an external memory, which is" if external else "a position that acts on scores, which are"
            raise ValueError(f"the model has {what} read at the token site; set backbone.token_site=true")
        self.feedforward = (
            FeedForward(width, feedforward_width=feedforward_width, dropout=dropout) if feedforward_width else None
        )
        # Drawn last, so that all else starts from the same weights with and without.
        self.site = (
            TokenSite(width, attention=attention, position=position, external=external, join=site, dropout=dropout)
            if token_site and attention is not None
            else None
        )

    def forward(self, states_BTD: Tensor, mask_BT: Tensor, external: External | None = None) -> Tensor:
        """The states, (B, T, width), after what there is."""
        if self.site is not None:
            states_BTD = self.site(states_BTD, mask_BT, external)
        return states_BTD if self.feedforward is None else self.feedforward(states_BTD)


def look(attention: Attention, queries_BTD: Tensor, state: DecoderState, *, need_weights: bool) -> Attended:
    """What ``attention``, at a decoder site, finds in the memory of ``state``."""
    with recalling(state.memory):
        attended: Attended = attention(queries_BTD, state.memory.states_BSD, state.mask_BS, need_weights=need_weights)
    return attended


def asked_weights(attended: Attended) -> Tensor:
    """The weights (B, H, T, S) in float32. Raises ``ValueError`` if the mechanism returned none."""
    if attended.weights_BHTS is None:
        raise ValueError(
            "the mechanism returned no weights though they were asked for (need_weights=True), and copying, coverage "
            "and alignments are made of them; use a mechanism with weights, or switch these off"
        )
    return attended.weights_BHTS.float()


def _normalized(weights_BTS: Tensor) -> Tensor:
    total_BT1 = weights_BTS.sum(dim=-1, keepdim=True)
    return weights_BTS / total_BT1.masked_fill(total_BT1 == 0, 1.0)


def no_history(state: DecoderState) -> KeptMemory:
    """The memory of a causal site before the first position: rows without positions."""
    return KeptMemory(state.memory.states_BSD[:, :0])


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
    """The module (x, start) -> x with positions for vectors of ``width``; x unchanged if positions act elsewhere."""
    return position(width) if acts_on(position) == "input" else NoPosition(width)
