"""What an attention mechanism is: the contract every file in this folder fulfils. The shell is ``models.multihead``.

A mechanism is built for one *site* of a network and maps

    (queries_BTD, memory_BSD, mask, causal, external) -> Attended(context_BTD, weights_BHTS or None)

It returns the context alone; residual connections and normalisation belong to the site.

B batch, T query positions, S memory positions, E external positions, D width of the states, H heads
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

from torch import Tensor, nn

from models.masks import combined_mask


class External(NamedTuple):
    """A second sequence that a site may look at: another text, the names of the labels, a gazetteer.

    ``mask_BE`` is boolean, True = may attend. Both may have one row instead of B: a memory that all rows share.
    """

    states_BED: Tensor
    mask_BE: Tensor


class Attended(NamedTuple):
    """What a mechanism returns. The weights are None unless they were asked for."""

    context_BTD: Tensor
    weights_BHTS: Tensor | None = None
    external_weights_BHTE: Tensor | None = None


@dataclass(frozen=True)
class Site:
    """A place in a network where attention stands, and what that place offers.

    ``kind``
        ``token``: the states attend to states of their own sequence, with a residual connection around;
        ``pooling``: one learned query attends to the states of a text;
        ``decoder``: the states of a decoder attend to those of the encoder.
    ``width``
        D, the size of queries, memory, external states and context alike.
    ``causal``
        whether position i may only look at positions j <= i (token sites of decoders).
    ``external``
        whether an ``External`` memory will be given at this site.
    ``reads_queries``
        whether the place reads its queries beside the context (a token site joins both, a decoder too), or needs not
        (a pooling site's query is the same for all texts). A mechanism whose result holds the query (a jump
        connection) leaves it out there, so that nothing enters twice.
    ``position``
        makes the relative position part (``models.positions``) for ``heads`` and ``head_width``,
        or None where the site has none. Only token sites have one.
    """

    kind: Literal["token", "pooling", "decoder"]
    width: int
    causal: bool = False
    external: bool = False
    position: Callable[..., nn.Module] | None = None
    reads_queries: bool = True

    @property
    def own_states(self) -> bool:
        """True where the memory is the queries' own sequence."""
        return self.kind == "token"


class Attention(nn.Module, ABC):
    """The contract. A mechanism is any subclass whose constructor takes ``site`` and keyword options.

    ``supports`` declares abilities: ``self`` (memory is the queries' own sequence), ``cross`` (memory is
    another sequence), ``causal``, ``external`` (makes use of an external memory).
    ``note`` says, for the run's record, where the mechanism became another one at its site
    (``None`` where it is what its name says).
    """

    supports: ClassVar[frozenset[str]]
    note: str | None = None

    @abstractmethod
    def forward(
        self,
        queries_BTD: Tensor,
        memory_BSD: Tensor,
        mask: Tensor | None = None,
        *,
        causal: bool = False,
        external: External | None = None,
        need_weights: bool = False,
    ) -> Attended:
        """Attend.

        ``mask`` is boolean, (B, S) or (B, T, S), True = may attend; None allows everything.
        ``causal`` additionally forbids j > i; where T < S, the queries are the last T of the S positions, as in
        decoding step by step. Mechanisms that do not support ``external`` leave it unread. A query whose memory
        (and external memory, where it is read) is wholly masked receives a zero context and zero weights. Weights
        are those before dropout, and are computed only for ``need_weights``.

        What depends on the memory alone may be computed through ``models.recall.recall``: then decoding step by step
        does not compute it again at every step. Without it a mechanism is as right, and slower.
        """


class MaskedAttention(Attention):
    """A mechanism over one memory: what may be looked at is one mask before its equation, ``attend``, begins."""

    def forward(
        self,
        queries_BTD: Tensor,
        memory_BSD: Tensor,
        mask: Tensor | None = None,
        *,
        causal: bool = False,
        external: External | None = None,
        need_weights: bool = False,
    ) -> Attended:
        """Join padding and direction, then ``attend``. An external memory is left unread."""
        joined = combined_mask(mask, queries_BTD, memory_BSD, direction="forward" if causal else "both")
        return self.attend(queries_BTD, memory_BSD, joined, need_weights=need_weights)

    @abstractmethod
    def attend(
        self, queries_BTD: Tensor, memory_BSD: Tensor, mask_BTS: Tensor | None, *, need_weights: bool
    ) -> Attended:
        """The equation. ``mask_BTS`` is what ``models.masks.combined_mask`` returns; None allows everything."""


@contextmanager
def recorded_weights(network: nn.Module) -> Iterator[dict[str, Attended]]:
    """Ask every mechanism inside ``network`` for its weights while the block runs.

    Yields a dictionary, filled by each forward pass, from the mechanism's module name to what it returned.
    """
    seen: dict[str, Attended] = {}

    def ask(_module: nn.Module, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        return args, {**kwargs, "need_weights": True}

    def keep(name: str) -> Callable[..., None]:
        def hook(_module: nn.Module, _args: Any, output: Attended) -> None:
            seen[name] = output

        return hook

    handles = []
    for name, module in network.named_modules():
        if isinstance(module, Attention):
            handles.append(module.register_forward_pre_hook(ask, with_kwargs=True))
            handles.append(module.register_forward_hook(keep(name)))
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()
