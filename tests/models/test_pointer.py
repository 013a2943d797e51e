from __future__ import annotations

import pytest
import torch
from torch import Tensor

from models.backbones.base import Decoded
from models.pointer import FLOOR, Pointer, coverage_loss

B, T, S, V, X, WIDTH, INPUT = 3, 4, 5, 7, 2, 6, 3
# the last position of the first text cannot be copied, the last two of the second are masked, and all of the third
COPIES = torch.tensor([[2, 7, 2, 8, -1], [3, 3, 7, 0, 0], [1, 2, 3, 0, 0]])
MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [0, 0, 0, 0, 0]]).bool()
TARGETS = torch.tensor([[2, 7, 8, 5], [3, 7, 0, 4], [1, 6, 0, 2]])


def draw() -> tuple[Pointer, Tensor, Decoded, Tensor]:
    torch.manual_seed(0)
    # two heads, of which the last points
    weights = torch.randn(B, 2, T, S).masked_fill(~MASK[:, None, None], -1e9).softmax(-1) * MASK[:, None, None]
    decoded = Decoded(torch.randn(B, T, WIDTH), torch.randn(B, T, WIDTH), weights)
    return Pointer(input_width=INPUT, width=WIDTH), torch.randn(B, T, V), decoded, torch.randn(B, T, INPUT)


def by_loops(pointer: Pointer, logits: Tensor, decoded: Decoded, x: Tensor) -> Tensor:
    """P of every id, from the equation."""
    gate = pointer.gate.requires_grad_(False)
    assert decoded.weights_BHTS is not None
    expected = torch.zeros(B, T, V + X)
    for b in range(B):
        for t in range(T):
            inputs = torch.cat((decoded.context_BTD[b, t], decoded.states_BTD[b, t], x[b, t]))
            writes = float((gate.weight[0] @ inputs + gate.bias[0]).sigmoid())
            shares = {i: float(decoded.weights_BHTS[b, 1, t, i]) for i in range(S) if MASK[b, i] and COPIES[b, i] >= 0}
            if not shares:
                writes = 1.0
            expected[b, t, :V] = writes * logits[b, t].softmax(-1)
            for i, share in shares.items():
                expected[b, t, COPIES[b, i]] += (1 - writes) * share / sum(shares.values())
    return expected


def test_every_id_has_the_probability_of_the_equation() -> None:
    pointer, logits, decoded, x = draw()
    log_probs = pointer.log_probs(logits, decoded, x, COPIES, X)
    torch.testing.assert_close(log_probs.exp(), by_loops(pointer, logits, decoded, x))
    torch.testing.assert_close(log_probs.exp().sum(-1), torch.ones(B, T))
    assert (log_probs[1, :, 8] == -torch.inf).all()
    assert (log_probs[2, :, V:] == -torch.inf).all()


def test_targets_have_the_probability_of_all_ids() -> None:
    pointer, logits, decoded, x = draw()
    expected = pointer.log_probs(logits, decoded, x, COPIES, X).gather(2, TARGETS[..., None])[..., 0]
    torch.testing.assert_close(pointer.target_log_probs(logits, decoded, x, COPIES, TARGETS), expected)


def test_targets_have_the_gradients_of_the_equation() -> None:
    pointer, logits, decoded, x = draw()
    leaves = [logits, decoded.states_BTD, decoded.context_BTD, decoded.weights_BHTS, x]
    leaves = [leaf.requires_grad_() for leaf in leaves if leaf is not None] + list(pointer.parameters())
    ours = pointer.target_log_probs(logits, decoded, x, COPIES, TARGETS).sum()
    gradients = torch.autograd.grad(ours, leaves)
    inputs = torch.cat((decoded.context_BTD, decoded.states_BTD, x), dim=-1)
    assert decoded.weights_BHTS is not None
    shares = decoded.weights_BHTS[:, 1] * (COPIES >= 0)[:, None]
    shares = shares / shares.sum(-1, keepdim=True).clamp(min=1e-20)
    copied = torch.zeros(B, T, V + X).scatter_add(2, COPIES.clamp(min=0)[:, None].expand(B, T, S), shares)
    writes = torch.where(MASK.any(-1)[:, None, None], pointer.gate(inputs).sigmoid(), 1.0)
    plain = torch.nn.functional.pad(writes * logits.softmax(-1), (0, X)) + (1 - writes) * copied
    expected = torch.autograd.grad(plain.gather(2, TARGETS[..., None]).log().sum(), leaves)
    for leaf, one, other in zip(leaves, gradients, expected, strict=True):
        if leaf is decoded.weights_BHTS:  # a masked position has a weight of zero, whatever gradient it receives
            one, other = one * MASK[:, None, None], other * MASK[:, None, None]
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("bias", [-1e4, -300.0, 300.0, 1e4])
def test_a_gate_that_is_shut_leaves_numbers(bias: float) -> None:
    pointer, logits, decoded, x = draw()
    torch.nn.init.constant_(pointer.gate.bias, bias)
    logits.requires_grad_()
    assert decoded.weights_BHTS is not None
    decoded.weights_BHTS.requires_grad_()
    chosen = pointer.target_log_probs(logits, decoded, x, COPIES, TARGETS)
    assert chosen.isfinite().all()
    chosen.sum().backward()
    for leaf in (logits, decoded.weights_BHTS, *pointer.parameters()):
        assert leaf.grad is not None
        assert leaf.grad.isfinite().all()
    all_log_probs = pointer.log_probs(logits, decoded, x, COPIES, X)
    assert not all_log_probs.isnan().any()
    torch.testing.assert_close(all_log_probs.exp().sum(-1), torch.ones(B, T))
    expected = all_log_probs.gather(2, TARGETS[..., None])[..., 0]
    torch.testing.assert_close(chosen, expected)


def test_a_target_out_of_reach_has_a_finite_cost() -> None:
    pointer, logits, decoded, x = draw()
    targets = torch.full((B, T), 8)
    logits.requires_grad_()
    chosen = pointer.target_log_probs(logits, decoded, x, COPIES, targets)
    assert (chosen[1:] == FLOOR).all()
    assert (chosen[0] > FLOOR).all()
    chosen.sum().backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_autocast_keeps_full_precision() -> None:
    pointer, logits, decoded, x = draw()
    half = Decoded(decoded.states_BTD.bfloat16(), decoded.context_BTD.bfloat16(), decoded.weights_BHTS)
    given = logits.bfloat16(), half, x.bfloat16(), COPIES
    plain_all, plain = pointer.log_probs(*given, X), pointer.target_log_probs(*given, TARGETS)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(pointer.log_probs(*given, X), plain_all)
        assert torch.equal(pointer.target_log_probs(*given, TARGETS), plain)
    assert plain_all.dtype == plain.dtype == torch.float32


def test_weights_are_asked_for() -> None:
    pointer, logits, decoded, x = draw()
    with pytest.raises(ValueError, match="copying needs the attention weights: call the decoder with need_weights"):
        pointer.log_probs(logits, decoded._replace(weights_BHTS=None), x, COPIES, X)


def test_coverage_is_the_mean_overlap_with_what_was_seen_before() -> None:
    weights = torch.rand(B, T, S)
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0]]).bool()
    total = 0.0
    for b, t in mask.nonzero().tolist():
        seen = sum((weights[b, before] for before in range(t)), torch.zeros(S))
        total += sum(min(float(weights[b, t, s]), float(seen[s])) for s in range(S))
    torch.testing.assert_close(coverage_loss(weights, mask), torch.tensor(total / 6))


def test_coverage_of_nothing_is_zero() -> None:
    weights = torch.rand(B, T, S, requires_grad=True)
    loss = coverage_loss(weights, torch.zeros(B, T).bool())
    loss.backward()
    assert loss == 0
    assert weights.grad is not None
    assert (weights.grad == 0).all()
