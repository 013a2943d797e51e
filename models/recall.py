"""Read once, look often: what was computed from a memory is kept while a text is written step by step.

A mechanism computes something from each memory position alone (its key and value), and a decoder shows it the same
positions again at every step. The decoder holds such a memory as a ``KeptMemory`` and names it around the call:

    with recalling(kept):
        attention(queries_BTD, kept.states_BSD, mask)      # inside: keys = recall(self, memory_BSD, self.read)

``recall`` knows a kept memory by the identity of its tensor, and computes only the positions that were not read
before. Anywhere else (in an encoder, on another tensor, in a mechanism that never calls it) everything is computed.
So nothing here changes a result, nor a gradient: what is kept stays part of the graph.

B batch, S memory positions, T new positions, R selected rows, D width
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

Read = tuple[Tensor, ...]
"""What was computed from a memory: tensors (B, …, S, D), one vector a position."""


@dataclass(frozen=True, eq=False)
class KeptMemory:
    """States (B, S, D) that will be looked at again, and what each module has read of their first positions."""

    states_BSD: Tensor
    read: dict[nn.Module, Read] = field(default_factory=dict)

    def extended(self, new_BTD: Tensor) -> KeptMemory:
        """A memory with more positions at its end; what was read of the old ones stays known."""
        if self.states_BSD.shape[1] == 0:
            return KeptMemory(new_BTD)
        return KeptMemory(torch.cat((self.states_BSD, new_BTD), dim=1), dict(self.read))

    def select(self, order_R: Tensor) -> KeptMemory:
        """The rows ``order_R``, with what was read of them."""
        # index_select copies whole rows: two to three times as fast on a CPU as indexing with brackets.
        read = {module: tuple(part.index_select(0, order_R) for part in parts) for module, parts in self.read.items()}
        return KeptMemory(self.states_BSD.index_select(0, order_R), read)


_KEPT: ContextVar[tuple[KeptMemory, ...]] = ContextVar("_KEPT", default=())


@contextmanager
def recalling(*memories: KeptMemory) -> Iterator[None]:
    """Let ``recall`` know these memories, and no others, while the block runs."""
    before = _KEPT.set(memories)
    try:
        yield
    finally:
        _KEPT.reset(before)


def recall(module: nn.Module, memory_BSD: Tensor, read: Callable[[Tensor], Read], *, whole: bool = False) -> Read:
    """``read(memory_BSD)``, without computing again what ``module`` has read of a kept memory.

    ``read`` maps (B, S, D) to tensors (B, …, S, D) position by position, and depends on nothing else that changes
    between steps; a module reads one thing of a memory. ``whole``: positions depend on each other, so that all are
    read again where any is new. What is kept is contiguous, so that steps of one position read it in order.
    """
    kept = next((kept for kept in _KEPT.get() if kept.states_BSD is memory_BSD), None)
    if kept is None:
        return read(memory_BSD)
    old = kept.read.get(module)
    known = 0 if old is None else old[0].shape[-2]
    if old is None or (whole and known < memory_BSD.shape[1]):
        kept.read[module] = tuple(part.contiguous() for part in read(memory_BSD))
    elif known < memory_BSD.shape[1]:
        new = read(memory_BSD[:, known:])
        kept.read[module] = tuple(torch.cat(parts, dim=-2) for parts in zip(old, new, strict=True))
    return kept.read[module]
