"""The two promises of ``models.first_weights``, and that every score and projection of the shared shell keeps them."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from models.attention.base import Site
from models.first_weights import projection, uniform
from models.multihead import MultiHead
from models.scores import SCORES, AdditiveScore, GeneralScore


def normalised(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def over_keys(scores: torch.Tensor) -> float:
    """The standard deviation over the keys of a query, which is what a softmax sees."""
    return float(scores.detach().var(dim=-1).mean().sqrt())


def test_each_matrix_is_drawn_alone_after_glorot_and_keeps_the_spread() -> None:
    torch.manual_seed(0)
    layer = projection(100, 100, matrices=3, bias=True)
    assert layer.weight.shape == (300, 100)
    assert layer.weight.abs().max() <= (6 / 200) ** 0.5
    assert layer.weight.std().item() == pytest.approx((2 / 200) ** 0.5, rel=0.05)
    assert (layer.bias == 0).all()
    assert layer(normalised(200, 100)).std().item() == pytest.approx(1.0, abs=0.05)
    assert projection(4, 5).bias is None


def test_uniform_has_the_standard_deviation_that_was_asked_for() -> None:
    torch.manual_seed(0)
    drawn = uniform(200, 50, std=0.3).detach()
    assert drawn.std().item() == pytest.approx(0.3, rel=0.02)
    assert drawn.mean().item() == pytest.approx(0.0, abs=0.01)
    assert drawn.abs().max() <= 0.3 * 3**0.5


@pytest.mark.parametrize(("width", "heads"), [(128, 1), (32, 4)])
@pytest.mark.parametrize("score", [*SCORES, "additive of another width"])
def test_scores_of_normalised_states_start_with_a_spread_of_one(score: str, width: int, heads: int) -> None:
    torch.manual_seed(1)
    made = SCORES[score](width, heads) if score in SCORES else AdditiveScore(width, heads, hidden_width=24)
    spreads = [over_keys(made(normalised(4, heads, 60, width), normalised(4, heads, 60, width, seed=1)))]
    # a pooling site has one query for all texts
    spreads.append(over_keys(made(normalised(1, heads, 1, width), normalised(4, heads, 60, width, seed=1))))
    assert spreads[0] == pytest.approx(1.0, abs=0.25)
    assert spreads[1] == pytest.approx(1.0, abs=0.45)


@pytest.mark.parametrize("score", SCORES)
def test_so_do_scores_of_projected_states(score: str) -> None:
    torch.manual_seed(0)
    options: dict[str, Any] = {"heads": 4, "score": score, "normalizer": "softmax", "dropout": 0.0}
    attention = MultiHead(Site("decoder", 128), **options, projections="all")
    assert attention.query is not None
    keys_BHSD, _ = attention.read(normalised(4, 50, 128))
    queries_BHTD = attention.query(normalised(4, 50, 128, seed=1)).view(4, 50, 4, 32).transpose(1, 2)
    scorer = attention.lookup.score
    scores = scorer.compare(queries_BHTD, keys_BHSD) if score == "additive" else scorer(queries_BHTD, keys_BHSD)
    assert over_keys(scores) == pytest.approx(1.0, abs=0.2)


def test_the_paper_of_additive_scores_has_no_bias_and_neither_have_they() -> None:
    assert [name for name, _ in AdditiveScore(8, 2, hidden_width=4).named_parameters()] == [
        "query_HDA",
        "key_HDA",
        "vector_HA",
    ]
    assert GeneralScore(8, 2).weight_HDD.shape == (2, 8, 8)
