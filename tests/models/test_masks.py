from __future__ import annotations

import pytest
import torch

from models.masks import combined_mask, zero_unreachable

QUERIES, MEMORY = torch.zeros(2, 3, 4), torch.zeros(2, 5, 4)


def test_nothing_to_forbid_is_no_mask() -> None:
    assert combined_mask(None, QUERIES, MEMORY) is None


def test_padding_becomes_a_row_for_all_queries() -> None:
    mask = torch.rand(2, 5) > 0.5
    joined = combined_mask(mask, QUERIES, MEMORY)
    assert joined is not None
    assert torch.equal(joined, mask[:, None])


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("size", [3, 5])
def test_directions_keep_the_past_or_the_future_of_the_last_positions(direction: str, size: int) -> None:
    mask = torch.rand(2, 3, size) > 0.3
    joined = combined_mask(mask, QUERIES, MEMORY[:, :size], direction=direction)  # type: ignore[arg-type]
    assert joined is not None
    for b in range(2):
        for i in range(3):
            for j in range(size):
                at = i + size - 3
                ordered = j <= at if direction == "forward" else j >= at
                assert bool(joined[b, i, j]) == (ordered and bool(mask[b, i, j]))


def test_a_direction_alone_needs_no_mask() -> None:
    joined = combined_mask(None, QUERIES, QUERIES, direction="forward")
    assert joined is not None
    assert joined.tolist() == [[[True, False, False], [True, True, False], [True, True, True]]]


def test_more_queries_than_memory_have_no_direction() -> None:
    with pytest.raises(ValueError, match=r"forward direction needs .* got 5 queries and 3 memory positions"):
        combined_mask(None, MEMORY, QUERIES, direction="forward")


@pytest.mark.parametrize("mask", [torch.ones(2, 5), torch.ones(2, 3, dtype=torch.bool), torch.ones(5).bool()])
def test_a_mask_of_another_type_or_shape_is_refused(mask: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"expected a boolean mask of shape \(2, 5\) or \(2, 3, 5\) .* got torch\."):
        combined_mask(mask, QUERIES, MEMORY)


def test_queries_without_memory_become_zero_with_zero_gradients() -> None:
    values = torch.full((2, 3, 4), 7.0, requires_grad=True)
    mask = torch.ones(2, 3, 5, dtype=torch.bool)
    mask[0, 1] = False
    zeroed = zero_unreachable(values, mask)
    zeroed.sum().backward()
    assert values.grad is not None
    for result in (zeroed / 7, values.grad):
        assert (result[0, 1] == 0).all()
        assert result.sum() == 5 * 4
    assert zero_unreachable(values, None) is values
