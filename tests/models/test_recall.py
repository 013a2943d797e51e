from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from models.recall import KeptMemory, Read, recall, recalling


@pytest.fixture
def module() -> nn.Module:
    return nn.Linear(3, 2)


@pytest.fixture
def lengths() -> list[int]:
    """How many positions were read at each call."""
    return []


@pytest.fixture
def read(module: nn.Linear, lengths: list[int]) -> Callable[[Tensor], Read]:
    def reader(memory: Tensor) -> Read:
        lengths.append(memory.shape[1])
        return module(memory), -memory

    return reader


def draw(positions: int = 4) -> Tensor:
    return torch.randn(2, positions, 3)


def same(read: Read, module: nn.Module, memory: Tensor) -> bool:
    return torch.allclose(read[0], module(memory), atol=1e-6) and torch.equal(read[1], -memory)


def test_a_kept_memory_is_read_once(module: nn.Module, read: Callable[[Tensor], Read], lengths: list[int]) -> None:
    kept = KeptMemory(draw())
    for _ in range(3):
        with recalling(kept):
            assert same(recall(module, kept.states_BSD, read), module, kept.states_BSD)
    assert lengths == [4]


def test_only_new_positions_of_a_longer_memory_are_read(
    module: nn.Module, read: Callable[[Tensor], Read], lengths: list[int]
) -> None:
    kept = KeptMemory(draw(0)).extended(draw(3))
    with recalling(kept):
        recall(module, kept.states_BSD, read)
    for longer in (kept.extended(draw(2)), kept.extended(draw(1))):
        with recalling(longer):
            assert same(recall(module, longer.states_BSD, read), module, longer.states_BSD)
    assert lengths == [3, 2, 1]


def test_what_looks_at_itself_is_read_whole(
    module: nn.Module, read: Callable[[Tensor], Read], lengths: list[int]
) -> None:
    kept = KeptMemory(draw(3))
    for _ in range(2):
        with recalling(kept):
            recall(module, kept.states_BSD, read, whole=True)
    longer = kept.extended(draw(1))
    with recalling(longer):
        recall(module, longer.states_BSD, read, whole=True)
    assert lengths == [3, 4]


def test_selected_rows_keep_what_was_read(
    module: nn.Module, read: Callable[[Tensor], Read], lengths: list[int]
) -> None:
    kept = KeptMemory(draw())
    with recalling(kept):
        recall(module, kept.states_BSD, read)
    order = torch.tensor([1, 1, 0])
    selected = kept.select(order)
    assert torch.equal(selected.states_BSD, kept.states_BSD[order])
    with recalling(selected):
        assert same(recall(module, selected.states_BSD, read), module, selected.states_BSD)
    assert lengths == [4]


def test_everything_else_is_computed(module: nn.Module, read: Callable[[Tensor], Read], lengths: list[int]) -> None:
    kept, other = KeptMemory(draw()), nn.Linear(3, 2)
    with recalling(kept):
        recall(module, kept.states_BSD, read)
        recall(module, kept.states_BSD.clone(), read)  # another tensor
        recall(other, kept.states_BSD, read)  # another module
        with recalling():
            recall(module, kept.states_BSD, read)
        recall(module, kept.states_BSD, read)  # known again
    recall(module, kept.states_BSD, read)
    assert lengths == [4] * 5


def test_what_is_kept_has_gradients(module: nn.Module, read: Callable[[Tensor], Read]) -> None:
    states = draw().requires_grad_()
    kept = KeptMemory(states)
    with recalling(kept):
        first = recall(module, states, read)[0]
        second = recall(module, states, read)[0]
    (first.sum() + second.sum()).backward()
    expected = torch.autograd.grad(2 * module(states).sum(), states)[0]
    torch.testing.assert_close(states.grad, expected)
