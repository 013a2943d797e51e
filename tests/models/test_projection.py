"""The chunked loss is the plain one, in value and in every gradient."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional as F

from models import projection
from models.projection import IGNORED, linear_cross_entropy


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
    with pytest.raises(ValueError, match="at least one symbol"):
        linear_cross_entropy(x_ND, weight_VD, bias_V, torch.full((7,), IGNORED), label_smoothing=0.0)


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_it_computes_in_the_type_that_it_is_given(kind: torch.dtype):
    labels_N = torch.tensor([0, 10, 3, 3, 7, 1, 2])
    ours, exact = ([part.detach().to(to).requires_grad_() for part in inputs()] for to in (kind, torch.float64))
    loss = linear_cross_entropy(*ours, labels_N, label_smoothing=0.1)
    expected = F.cross_entropy(F.linear(*exact), labels_N, label_smoothing=0.1)
    close = {"rtol": 1e-12, "atol": 1e-12} if kind == torch.float64 else {"rtol": 1e-5, "atol": 1e-6}
    assert loss.dtype == kind
    torch.testing.assert_close(loss.double(), expected, **close)
    loss.backward()
    expected.backward()
    for one, other in zip(ours, exact, strict=True):
        assert one.grad.dtype == kind
        torch.testing.assert_close(one.grad.double(), other.grad, **close)


@pytest.mark.parametrize("way", ["left out", "weighing nothing"])
def test_what_is_ignored_neither_counts_nor_gets_a_gradient(way: str):
    labels_N = torch.tensor([0, IGNORED, 3, 3, IGNORED, IGNORED, 2])
    ours, plain = inputs(), inputs()
    if way == "left out":
        loss = linear_cross_entropy(*ours, labels_N, label_smoothing=0.1)
    else:
        loss = projection._LinearCrossEntropy.apply(*ours, labels_N, 0.1, True)
    expected = F.cross_entropy(F.linear(*plain), labels_N, label_smoothing=0.1)
    torch.testing.assert_close(loss, expected)
    loss.backward()
    expected.backward()
    for one, other in zip(ours, plain, strict=True):
        torch.testing.assert_close(one.grad, other.grad)


def test_no_number_is_looked_at_where_the_host_would_wait_for_it():
    parts = [part.detach().to("meta").requires_grad_() for part in inputs()]
    linear_cross_entropy(*parts, torch.zeros(7, dtype=torch.long, device="meta"), label_smoothing=0.1).backward()
    assert all(part.grad.shape == part.shape for part in parts)
