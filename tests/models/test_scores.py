from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

import models.scores
from models.scores import SCORES, AdditiveScore, BilinearScore, DotScore, GeneralScore, build_score

HEADS, WIDTH = 2, 3


def states(size: int) -> Tensor:
    noise = torch.Generator().manual_seed(size)
    return torch.randn(2, HEADS, size, WIDTH, dtype=torch.float64, generator=noise)


Q, K = states(4), states(5)


def assert_each(scores: Tensor, expected: Any) -> None:
    scores = scores.detach()
    assert scores.shape == (2, HEADS, 4, 5)
    for b in range(2):
        for h in range(HEADS):
            for i in range(4):
                for j in range(5):
                    assert float(scores[b, h, i, j]) == pytest.approx(float(expected(h, Q[b, h, i], K[b, h, j])))


@pytest.mark.parametrize(("scaled", "factor"), [(True, 1 / math.sqrt(WIDTH)), (False, 1.0)])
def test_dot(scaled: bool, factor: float) -> None:
    assert_each(DotScore(WIDTH, HEADS, scaled=scaled)(Q, K), lambda _head, q, k: sum(q * k) * factor)


def test_general() -> None:
    score = GeneralScore(WIDTH, HEADS).double()
    weight = score.weight_HDD.detach()
    assert_each(score(Q, K), lambda h, q, k: sum(q[i] * (weight[h, i] * k).sum() for i in range(WIDTH)))


@pytest.mark.parametrize("hidden_width", [None, 7])
def test_additive(hidden_width: int | None) -> None:
    score = AdditiveScore(WIDTH, HEADS, hidden_width=hidden_width).double()
    w, u, v = (p.detach() for p in (score.query_HDA, score.key_HDA, score.vector_HA))
    assert v.shape == (HEADS, hidden_width or WIDTH)
    assert_each(score(Q, K), lambda h, q, k: v[h] @ torch.tanh(w[h].T @ q + u[h].T @ k))


@pytest.mark.parametrize("rows", [1, 3])
def test_additive_in_blocks_gives_the_same_scores_and_gradients(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    score = AdditiveScore(WIDTH, HEADS, hidden_width=None).double()
    q, k = Q.clone().requires_grad_(), K.clone().requires_grad_()

    def results() -> list[Tensor]:
        scores = score(q, k)
        return [scores, *torch.autograd.grad(scores.square().sum(), [q, k, *score.parameters()])]

    whole = results()
    monkeypatch.setattr(models.scores, "LARGEST_BLOCK", rows * 2 * HEADS * 5 * WIDTH)
    for block, expected in zip(results(), whole, strict=True):
        torch.testing.assert_close(block, expected)
    assert torch.autograd.gradcheck(score, (q, k))


def test_additive_in_many_blocks_of_bfloat16_sums_their_gradients_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    inputs = [torch.randn(2, 1, 200, 16), torch.randn(2, 1, 200, 16), 0.3 * torch.randn(1, 16)]
    grad = torch.randn(2, 1, 200, 200)

    def gradients(kind: torch.dtype) -> list[torch.Tensor]:
        leaves = [part.to(kind).requires_grad_() for part in inputs]
        found = torch.autograd.grad(models.scores._AdditiveScores.apply(*leaves), leaves, grad.to(kind))
        return [part.double() for part in found]

    monkeypatch.setattr(models.scores, "LARGEST_BLOCK", 1)  # a block a query
    for found, exact in zip(gradients(torch.bfloat16), gradients(torch.float64), strict=True):
        assert (found - exact).norm() < 0.01 * exact.norm()  # up to 0.02 where the sums are kept in bfloat16


def test_additive_keeps_no_hidden_layer_of_a_long_text_for_the_gradient() -> None:
    score = AdditiveScore(WIDTH, 1, hidden_width=64)
    states = torch.randn(1, 1, 300, WIDTH, requires_grad=True)
    kept: list[int] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x.numel()) or x, lambda x: x):
        score(states, states)
    assert models.scores.LARGEST_BLOCK < 300 * 300 * 64
    assert max(kept) <= 300 * 300


def test_names_and_factories() -> None:
    for name, bilinear in (("dot", True), ("general", True), ("additive", False)):
        assert isinstance(build_score(name, head_width=WIDTH, heads=HEADS), BilinearScore) == bilinear
    assert set(SCORES) == {"dot", "general", "additive"}
    built = build_score("dot", head_width=WIDTH, heads=HEADS)
    torch.testing.assert_close(built(Q, K), Q @ K.transpose(2, 3) / math.sqrt(WIDTH))
    made = build_score(lambda width, heads: torch.nn.Linear(width, heads), head_width=WIDTH, heads=HEADS)
    assert isinstance(made, torch.nn.Linear)
    assert (made.in_features, made.out_features) == (WIDTH, HEADS)


def test_a_wrong_name_lists_the_right_ones() -> None:
    with pytest.raises(
        ValueError, match=r"no score is named 'cosine'; there are additive, dot, general, and any factory"
    ):
        build_score("cosine", head_width=WIDTH, heads=HEADS)
