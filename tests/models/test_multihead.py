from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.attention.base import Site
from models.multihead import Lookup, MultiHead
from models.normalizers import Normalizer
from models.positions import ALiBi, Rotary
from models.scores import AdditiveScore

OPTIONS: dict[str, Any] = {"heads": 2, "score": "dot", "normalizer": "softmax", "dropout": 0.0}


def states(size: int = 5) -> Tensor:
    return torch.randn(3, 2, size, 4, generator=torch.Generator().manual_seed(size))


@pytest.fixture
def fused_calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the fused kernel was called with."""
    calls: list[Any] = []
    kernel = F.scaled_dot_product_attention

    def counted(*args: Any, **kwargs: Any) -> Tensor:
        calls.append(args)
        return kernel(*args, **kwargs)

    monkeypatch.setattr(F, "scaled_dot_product_attention", counted)
    return calls


@pytest.mark.parametrize(
    ("changed", "training", "need_weights", "fused"),
    [
        ({}, True, False, True),
        ({"score": "general"}, False, False, True),
        ({"position": partial(Rotary, base=1e4)}, False, False, True),
        ({"position": ALiBi}, False, False, True),
        ({"dropout": 0.5}, False, False, True),
        ({"dropout": 0.5}, True, False, False),
        ({}, False, True, False),
        ({"score": "additive"}, False, False, False),
        ({"normalizer": "sparsemax"}, False, False, False),
    ],
)
def test_the_fused_kernel_serves_where_it_can_and_pays(
    changed: dict[str, Any], training: bool, need_weights: bool, fused: bool, fused_calls: list[Any]
) -> None:
    lookup = Lookup(4, **(OPTIONS | changed)).train(training)
    _, weights = lookup(states(), states(), states(), None, need_weights=need_weights)
    assert len(fused_calls) == fused
    assert (weights is not None) == need_weights


@pytest.mark.parametrize("position", [None, ALiBi])
def test_no_kernel_ever_sees_a_row_without_any_key(position: Any, fused_calls: list[Any]) -> None:
    mask = torch.rand(3, 5, 5) > 0.5
    mask[1] = False
    context, _ = Lookup(4, **OPTIONS, position=position)(states(), states(), states(), mask, need_weights=False)
    given = fused_calls[0][3]
    assert (given if given.dtype == torch.bool else given.isfinite()).any(-1).all()
    assert (context[1] == 0).all()
    assert (context[0] != 0).any()


def test_dropout_acts_on_the_weights_and_keeps_their_mean() -> None:
    lookup = Lookup(4, **(OPTIONS | {"dropout": 0.5})).train()
    torch.manual_seed(0)
    ones = torch.ones(3, 2, 4000, 1)
    context, weights = lookup(states(), states(4000), ones, None, need_weights=True)
    assert weights is not None
    torch.testing.assert_close(weights.sum(-1), torch.ones(3, 2, 5))
    assert context.mean().item() == pytest.approx(1.0, abs=0.05)
    assert context.std() > 0.01


@pytest.mark.parametrize("position", [None, partial(Rotary, base=1e4), ALiBi])
@pytest.mark.parametrize("score", ["dot", "general"])
def test_bfloat16_autocast_agrees_with_full_precision(score: str, position: Any) -> None:
    attention = MultiHead(Site("token", 8, position=position), **(OPTIONS | {"score": score}), projections="all").eval()
    queries, mask = torch.randn(2, 5, 8), torch.rand(2, 5, 5) > 0.3
    mask[0, 0] = False
    expected = attention(queries, queries, mask, need_weights=False).context_BTD
    for need_weights in (False, True):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            context = attention(queries, queries, mask, need_weights=need_weights).context_BTD
        torch.testing.assert_close(context.float(), expected, atol=0.03, rtol=0.03)
        assert (context[0, 0] == 0).all()


def test_projections_are_what_was_asked_for_and_have_no_bias() -> None:
    sizes = {"none": [], "inputs": ["query.weight", "key_value.weight"]}
    sizes["all"] = [*sizes["inputs"], "output.weight"]
    for projections, names in sizes.items():
        attention = MultiHead(Site("token", 8), **OPTIONS, projections=projections)  # type: ignore[arg-type]
        assert [name for name, _ in attention.named_parameters()] == names


def test_it_computes_what_torch_computes() -> None:
    ours = MultiHead(Site("token", 8), **OPTIONS, projections="all").eval()
    theirs = nn.MultiheadAttention(8, 2, bias=False, batch_first=True).eval()
    assert ours.query is not None
    assert ours.key_value is not None
    assert ours.output is not None
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat((ours.query.weight, ours.key_value.weight)))
        theirs.out_proj.weight.copy_(ours.output.weight)
    queries, memory, mask = torch.randn(3, 4, 8), torch.randn(3, 6, 8), torch.rand(3, 6) > 0.3
    mask[:, 0] = True
    expected, weights = theirs(queries, memory, memory, key_padding_mask=~mask, average_attn_weights=False)
    attended = ours(queries, memory, mask[:, None], need_weights=True)
    torch.testing.assert_close(attended.context_BTD, expected)
    torch.testing.assert_close(attended.weights_BHTS, weights)


class Nearness(nn.Module):
    """A score of a user's own: minus the squared distance."""

    def __init__(self, head_width: int, heads: int) -> None:
        super().__init__()

    def forward(self, q_BHTD: Tensor, k_BHSD: Tensor) -> Tensor:
        return -torch.cdist(q_BHTD, k_BHSD).square()


class Hardmax(Normalizer):
    """A normaliser of a user's own: everything on the best."""

    sums_to_one = True

    def forward(self, scores_BHTS: Tensor, mask: Tensor | None = None) -> Tensor:
        assert mask is None
        return F.one_hot(scores_BHTS.argmax(-1), scores_BHTS.shape[-1]).to(scores_BHTS.dtype)


def test_scores_and_normalizers_of_ones_own_need_no_edit_here() -> None:
    lookup = Lookup(4, **(OPTIONS | {"score": Nearness, "normalizer": Hardmax}))
    found, _ = lookup(states(), states(), states(), None, need_weights=False)
    torch.testing.assert_close(found, states())


def test_additive_scores_take_a_bias_but_no_rotation() -> None:
    options = OPTIONS | {"score": partial(AdditiveScore, hidden_width=None)}
    Lookup(4, **options, position=ALiBi)
    message = r"AdditiveScore cannot use Rotary, which needs .* use score=dot or score=general, or position=alibi"
    with pytest.raises(ValueError, match=message):
        Lookup(4, **options, position=partial(Rotary, base=1e4))


@pytest.mark.parametrize("heads", [0, 5, 24])
def test_heads_have_to_divide_the_width(heads: int) -> None:
    with pytest.raises(ValueError, match=rf"heads={heads} does not divide the width 12; .*: 1, 2, 3, 4, 6, 12$"):
        MultiHead(Site("token", 12), **(OPTIONS | {"heads": heads}), projections="all")


def test_counting_operations_without_memory_sees_the_attention() -> None:
    from torch.utils.flop_counter import FlopCounterMode

    with torch.device("meta"):
        attention = MultiHead(Site("token", 8), **(OPTIONS | {"score": "additive"}), projections="all")
        queries = torch.empty(2, 600, 8)
        with FlopCounterMode(display=False) as counter:
            attention(queries, queries, torch.ones(2, 1, 600, dtype=torch.bool), need_weights=False)
    assert counter.get_total_flops() > 2 * 2 * 600 * 600 * 8
