"""The chunked loss is the plain one, in value and in every gradient."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional as F

from models import projection
from models.projection import linear_cross_entropy


def inputs(count: int = 7, size: int = 11, width: int = 5) -> list[torch.Tensor]:
    torch.manual_seed(0)
    return [
        torch.randn(count, width, requires_grad=True),
        torch.randn(size, width, requires_grad=True),
        torch.randn(size, requires_grad=True),
    ]


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("chunk", [11, 25, 1 << 20])
def test_value_and_gradients_are_those_of_cross_entropy(smoothing: float, chunk: int, monkeypatch):
    monkeypatch.setattr(projection, "CHUNK_ELEMENTS", chunk)
    labels_N = torch.tensor([0, 10, 3, 3, 7, 1, 2])
    ours, plain = inputs(), inputs()
    loss = linear_cross_entropy(*ours, labels_N, label_smoothing=smoothing)
    expected = F.cross_entropy(F.linear(*plain), labels_N, label_smoothing=smoothing)
    torch.testing.assert_close(loss, expected)
    (3 * loss).backward()
    (3 * expected).backward()
    for a, b in zip(ours, plain, strict=True):
        torch.testing.assert_close(a.grad, b.grad)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_without_gradients_the_value_is_the_same_and_none_are_computed(mode: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delattr(torch, "mm")  # the product that gives a gradient
    labels_N = torch.arange(7)
    with mode():
        loss = linear_cross_entropy(*inputs(), labels_N, label_smoothing=0.1)
        torch.testing.assert_close(loss, F.cross_entropy(F.linear(*inputs()), labels_N, label_smoothing=0.1))


def test_under_autocast_the_loss_is_float32_and_near():
    labels_N = torch.arange(7)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = linear_cross_entropy(*(ours := inputs()), labels_N, label_smoothing=0.1)
    loss.backward()
    assert loss.dtype == torch.float32
    assert all(t.grad.dtype == torch.float32 for t in ours)
    torch.testing.assert_close(
        loss, F.cross_entropy(F.linear(*inputs()), labels_N, label_smoothing=0.1), rtol=0.02, atol=0.02
    )


def test_no_symbols_are_refused():
    x_ND, weight_VD, bias_V = inputs()
    with pytest.raises(ValueError, match="at least one symbol"):
        linear_cross_entropy(x_ND[:0], weight_VD, bias_V, torch.zeros(0, dtype=torch.long), label_smoothing=0.0)
