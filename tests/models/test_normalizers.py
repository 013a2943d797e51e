from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pytest
import torch

from models.normalizers import NORMALIZERS, Softmax, build_normalizer

SCORES = torch.randn(3, 2, 4, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
MASK = torch.rand(3, 1, 4, 6, generator=torch.Generator().manual_seed(1)) > 0.4
MASK[2] = False
every_normalizer = pytest.mark.parametrize("name", sorted(NORMALIZERS))


def softmax(scores: Sequence[float]) -> list[float]:
    return [math.exp(score) / sum(math.exp(other) for other in scores) for score in scores]


def threshold(weigh: Callable[[float], float], low: float, high: float) -> float:
    """By bisection, the threshold at which the weights sum to one."""
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if weigh(middle) > 1 else (low, middle)
    return low


def sparsemax(scores: Sequence[float]) -> list[float]:
    found = threshold(lambda t: sum(max(0.0, s - t) for s in scores), min(scores) - 1, max(scores))
    return [max(0.0, s - found) for s in scores]


def entmax15(scores: Sequence[float]) -> list[float]:
    found = threshold(lambda t: sum(max(0.0, s / 2 - t) ** 2 for s in scores), min(scores) / 2 - 1, max(scores) / 2)
    return [max(0.0, s / 2 - found) ** 2 for s in scores]


def sigmoid(scores: Sequence[float]) -> list[float]:
    return [1 / (1 + math.exp(math.log(len(scores)) - score)) for score in scores]


ORACLES = {"softmax": softmax, "sparsemax": sparsemax, "entmax15": entmax15, "sigmoid": sigmoid}


@every_normalizer
@pytest.mark.parametrize("masked", [True, False])
def test_weights_over_the_allowed_positions_follow_the_definition(name: str, masked: bool) -> None:
    weights = build_normalizer(name)(SCORES, MASK if masked else None)
    for b in range(3):
        for h in range(2):
            for i in range(4):
                allowed = [j for j in range(6) if not masked or MASK[b, 0, i, j]]
                expected = [0.0] * 6
                if allowed:
                    for j, weight in zip(allowed, ORACLES[name](SCORES[b, h, i, allowed].tolist()), strict=True):
                        expected[j] = weight
                assert weights[b, h, i].tolist() == pytest.approx(expected, abs=1e-9)


@every_normalizer
@pytest.mark.filterwarnings("error")
def test_gradients_are_right_and_zero_where_masked(name: str) -> None:
    normalizer = build_normalizer(name)
    scores = SCORES.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: normalizer(x, MASK), (scores,), eps=1e-7, atol=1e-5)
    normalizer(scores, MASK).square().sum().backward()
    assert scores.grad is not None
    assert scores.grad.isfinite().all()
    assert (scores.grad[~MASK.expand_as(scores)] == 0).all()


@every_normalizer
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("level", [-3e4, 0.0, 3e4])
def test_extreme_scores_stay_finite_in_every_precision(name: str, dtype: torch.dtype, level: float) -> None:
    weights = build_normalizer(name)((SCORES + level).to(dtype), MASK)
    assert weights.dtype == dtype
    assert weights.isfinite().all()
    assert (weights[~MASK.expand_as(weights)] == 0).all()
    if NORMALIZERS[name].sums_to_one:
        torch.testing.assert_close(
            weights[:2].sum(-1).float(), MASK[:2].any(-1).float().expand(2, 2, 4), atol=0.02, rtol=0
        )


def test_sparse_ones_are_sparse() -> None:
    scores = torch.tensor([[2.0, 1.9, -3.0]])
    for name in ("sparsemax", "entmax15"):
        assert build_normalizer(name)(scores)[0, 2] == 0
    assert build_normalizer("softmax")(scores)[0, 2] > 0


def test_names_factories_and_a_wrong_name() -> None:
    assert isinstance(build_normalizer("softmax"), Softmax)
    assert isinstance(build_normalizer(torch.nn.Identity), torch.nn.Identity)
    message = r"no normalizer is named 'hard'; there are entmax15, sigmoid, softmax, sparsemax, and any factory"
    with pytest.raises(ValueError, match=message):
        build_normalizer("hard")
