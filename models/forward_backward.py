"""The forward and backward recursions of a linear-chain CRF: log Z and its gradient, fast and exact.

The gradient of log Z is the expected count of every emission, transition, start and end, which one pass of both
recursions gives (Rabiner 1989, section III, https://doi.org/10.1109/5.18626). So the recursions run once, without a
graph. On the CPU that is in probability space and float64, the fastest there, unless scores are too far apart for it;
elsewhere in log space, in the type of the emissions: right for all scores, so that no number has to be looked at, and
the host never waits for the device.

B sequences, T positions, K tags; T2BK: both recursions side by side, the backward one from each sequence's end
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

Scores = tuple[Tensor, Tensor, Tensor]
"""Transitions (K, K), start (K,) and end (K,); minus infinity = forbidden."""

IMPOSSIBLE = -1e30
"""A finite stand-in for a score of minus infinity in log space; its exponential is exactly zero."""

LARGEST_BLOCK = 1 << 22
"""Elements that are held at once where pairs of tags are normalised position by position."""

# In probability space, numbers are kept far from where float64 ends (about 1e-308). LARGEST_RANGE bounds what one step
# can take away (e^-115 = 1e-50), so a number that is 0 at one step was below SMALLEST the step before, or truly 0.
# SMALLEST_MASS leaves room for the products of the gradient, of which some are multiplied by exact zeros later.
LARGEST_RANGE, SMALLEST, SMALLEST_MASS, RESCALE_AT = 115.0, 1e-200, 1e-150, 150.0


def log_partition(emissions_BTK: Tensor, lengths_B: Tensor, scores: Scores) -> Tensor:
    """``log Z`` of each sequence, (B,), float64, differentiable once.

    Raises ValueError, on the CPU, if the forbidden scores leave a sequence of some length without any way through;
    elsewhere its log Z is of the order of ``IMPOSSIBLE``.
    """
    chains = _finished(emissions_BTK, lengths_B, scores)
    result_B: Tensor = _LogPartition.apply(emissions_BTK, *scores, chains)  # type: ignore[no-untyped-call]
    return result_B


def marginals(emissions_BTK: Tensor, lengths_B: Tensor, scores: Scores) -> Tensor:
    """``p(y_t = k)`` of every position, (B, T, K), 0 at padding, without a gradient; raises as ``log_partition``."""
    chains = _finished(emissions_BTK, lengths_B, scores)
    return chains.expected(torch.ones_like(chains.log_z_B))[0]


@torch.no_grad()
def _finished(emissions_BTK: Tensor, lengths_B: Tensor, scores: Scores) -> _Chains | _LogChains:
    """Both recursions, in probability space where they can be."""
    on_cpu = emissions_BTK.device.type == "cpu"
    chains = _run_chains(emissions_BTK, lengths_B, scores) if on_cpu else None
    if chains is not None:
        return chains
    logarithmic = _run_log_chains(emissions_BTK, lengths_B, scores)
    if on_cpu and bool((logarithmic.log_z_B < IMPOSSIBLE / 2).any()):
        raise ValueError(no_sequence(lengths_B))
    return logarithmic


def no_sequence(lengths_B: Tensor) -> str:
    """What to say when forbidden scores leave no way through."""
    return (
        f"no allowed tag sequence exists for some of the lengths {sorted(set(lengths_B.tolist()))}; "
        "check forbidden_transitions, forbidden_start and forbidden_end"
    )


@dataclass(frozen=True)
class _Chains:
    """What both recursions leave behind. Scales differ from position to position, and cancel in probabilities.

    ``entering_TBK``, ``forward_TBK``: the forward recursion before and after position t's own emission.
    ``backward_TBK``: the backward recursion after it. ``mass_TB``: the sum over tags of entering x backward, so that
    ``p(y_t = k) = entering x backward / mass``; 1 at padding.
    """

    entering_TBK: Tensor
    forward_TBK: Tensor
    backward_TBK: Tensor
    mass_TB: Tensor
    valid_TB: Tensor
    factors_KK: Tensor
    log_z_B: Tensor

    def expected(self, gradient_B: Tensor) -> tuple[Tensor, ...]:
        """The expected counts of emissions (B, T, K), transitions, starts and ends, summed with these weights."""
        share_TB1 = (gradient_B * self.valid_TB / self.mass_TB)[..., None]
        arriving_TBK = self.backward_TBK * share_TB1
        marginals_TBK = self.entering_TBK * arriving_TBK
        tags = marginals_TBK.shape[2]
        leaving_NK, arriving_NK = self.forward_TBK[:-1].reshape(-1, tags), arriving_TBK[1:].reshape(-1, tags)
        return _counts(marginals_TBK, self.factors_KK * (leaving_NK.T @ arriving_NK), self.valid_TB)


@dataclass(frozen=True)
class _LogChains:
    """The same as ``_Chains`` in logarithms, each position up to a constant; ``transitions_KK`` are the scores."""

    entering_TBK: Tensor
    forward_TBK: Tensor
    backward_TBK: Tensor
    valid_TB: Tensor
    transitions_KK: Tensor
    log_z_B: Tensor

    def expected(self, gradient_B: Tensor) -> tuple[Tensor, ...]:
        """As ``_Chains.expected``; the pairs of tags are normalised for some positions at a time."""
        share_TB1 = (gradient_B * self.valid_TB)[..., None].to(self.entering_TBK.dtype)
        marginals_TBK = (self.entering_TBK + self.backward_TBK).softmax(2) * share_TB1
        transitions_KK = torch.zeros_like(self.transitions_KK)
        step = max(1, LARGEST_BLOCK // (self.forward_TBK[0].numel() * len(transitions_KK)))
        for t in range(0, len(self.valid_TB) - 1, step):
            leaving_NBK = self.forward_TBK[t : t + step][: len(self.valid_TB) - 1 - t]
            arriving_NBK, share_NB1 = (x[t + 1 : t + 1 + step] for x in (self.backward_TBK, share_TB1))
            pairs_NBKK = leaving_NBK[..., None] + self.transitions_KK + arriving_NBK[:, :, None]
            pairs_NBKK = pairs_NBKK.flatten(2).softmax(2).view_as(pairs_NBKK) * share_NB1[..., None]
            transitions_KK += pairs_NBKK.sum((0, 1))
        return _counts(marginals_TBK, transitions_KK, self.valid_TB)


def _counts(marginals_TBK: Tensor, transitions_KK: Tensor, valid_TB: Tensor) -> tuple[Tensor, ...]:
    last_1BK = (valid_TB.sum(0) - 1)[None, :, None].expand(1, -1, marginals_TBK.shape[2])
    ends_K = marginals_TBK.gather(0, last_1BK)[0].sum(0)
    return marginals_TBK.transpose(0, 1), transitions_KK, marginals_TBK[0].sum(0), ends_K


class _LogPartition(torch.autograd.Function):
    """log Z, whose gradient is read off the finished recursions instead of being traced back through them."""

    @staticmethod
    def forward(
        ctx: Any,
        emissions_BTK: Tensor,
        transitions_KK: Tensor,
        start_K: Tensor,
        end_K: Tensor,
        chains: _Chains | _LogChains,
    ) -> Tensor:
        ctx.chains = chains
        ctx.kinds = [value.dtype for value in (emissions_BTK, transitions_KK, start_K, end_K)]
        return chains.log_z_B

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient_B: Tensor) -> tuple[Tensor | None, ...]:
        gradients = ctx.chains.expected(gradient_B)
        return *(value.to(kind) for value, kind in zip(gradients, ctx.kinds, strict=True)), None


def _run_chains(emissions_BTK: Tensor, lengths_B: Tensor, scores: Scores) -> _Chains | None:
    """Forward and backward recursion at once, in probability space; None where float64 is too narrow for that.

    The backward recursion reads each sequence reversed within its length, so that both are one loop over a batch
    twice as large: ``state = (state @ factors) * weights``.
    """
    order_TB = reversal(lengths_B, emissions_BTK.shape[1])
    valid_TB = torch.arange(len(order_TB), device=lengths_B.device)[:, None] < lengths_B
    weights_TBK, peak_B = _weights(emissions_BTK, valid_TB)
    (factors_KK, start_K, end_K), peaks, spread = _factors(scores)
    range_ = float(spread - weights_TBK.amin().log())
    if not range_ <= LARGEST_RANGE:
        return None
    # At least two: where the backward recursion begins, `log_z_B` below needs its state unscaled.
    every = max(2, int(RESCALE_AT / (range_ + math.log(len(factors_KK) + 1))))
    before_T2BK, after_T2BK, log_scale_TB = _recur(
        torch.stack([weights_TBK, reorder(weights_TBK, order_TB)], dim=1),
        torch.stack([factors_KK, factors_KK.T]),
        torch.stack([start_K, end_K]),
        every,
    )
    entering_TBK, forward_TBK = before_T2BK[:, 0], after_T2BK[:, 0]
    backward_TBK = reorder(after_T2BK[:, 1], order_TB)
    mass_TB = (entering_TBK * backward_TBK).sum(2).masked_fill_(~valid_TB, 1.0)
    if not _representable(after_T2BK, mass_TB):
        return None
    last_1B = (lengths_B - 1)[None]
    log_z_B = mass_TB.gather(0, last_1B)[0].log() + log_scale_TB.gather(0, last_1B)[0] + peak_B
    log_z_B += peaks[0] * (lengths_B - 1) + peaks[1] + peaks[2]
    return _Chains(entering_TBK, forward_TBK, backward_TBK, mass_TB, valid_TB, factors_KK, log_z_B)


def _weights(emissions_BTK: Tensor, valid_TB: Tensor) -> tuple[Tensor, Tensor]:
    """Exponentials of the emissions (T, B, K), the largest of a position being 1, and what that took from log Z."""
    peak_TB = emissions_BTK.amax(dim=2).T.double().masked_fill_(~valid_TB, 0.0)
    weights_TBK = emissions_BTK.transpose(0, 1).to(torch.float64, memory_format=torch.contiguous_format, copy=True)
    weights_TBK.sub_(peak_TB[..., None]).masked_fill_(~valid_TB[..., None], 0.0).exp_()
    return weights_TBK, peak_TB.sum(0)


def _recur(weights_T2BK: Tensor, factors_2KK: Tensor, ends_2K: Tensor, every: int) -> tuple[Tensor, Tensor, Tensor]:
    """The states before and after each position's weights, and the forward log scale of the states before.

    The states are divided by their largest entry at every ``every``-th position only, as seldom as their range allows.
    """
    before_T2BK, after_T2BK = torch.empty_like(weights_T2BK), torch.empty_like(weights_T2BK)
    log_scale_TB = weights_T2BK.new_zeros(weights_T2BK.shape[0], weights_T2BK.shape[2])
    before_T2BK[0] = ends_2K[:, None, :]
    torch.mul(before_T2BK[0], weights_T2BK[0], out=after_T2BK[0])
    steps = list(zip(before_T2BK.unbind(), after_T2BK.unbind(), weights_T2BK.unbind(), strict=True))
    forward_KK, backward_KK = factors_2KK
    for t in range(1, len(steps)):
        previous_2BK = steps[t - 1][1]
        if t % every == 0:
            scale_2B1 = previous_2BK.amax(2, keepdim=True).clamp(min=SMALLEST)
            previous_2BK /= scale_2B1
            log_scale_TB[t:] += scale_2B1[0, :, 0].log()
        before_2BK, after_2BK, weights_2BK = steps[t]
        # Not one bmm: it hands even the smallest products to two threads, whose meeting costs more than they save.
        torch.mm(previous_2BK[0], forward_KK, out=before_2BK[0])
        torch.mm(previous_2BK[1], backward_KK, out=before_2BK[1])
        torch.mul(before_2BK, weights_2BK, out=after_2BK)
    return before_T2BK, after_T2BK, log_scale_TB


def _factors(scores: Scores) -> tuple[list[Tensor], list[Tensor], Tensor]:
    """Exponentials of the scores, the largest being 1; what was subtracted for that; the largest range."""
    doubled = [score.double() for score in scores]
    peaks = [score.amax() for score in doubled]
    allowed = [torch.where(score == -torch.inf, peak, score) for score, peak in zip(doubled, peaks, strict=True)]
    ranges = [peak - score.amin() for score, peak in zip(allowed, peaks, strict=True)]
    factors = [(score - peak).exp() for score, peak in zip(doubled, peaks, strict=True)]
    return factors, peaks, torch.stack(ranges).amax()


def _representable(states_T2BK: Tensor, mass_TB: Tensor) -> bool:
    """Whether no number came near the end of float64's range.

    Exact zeros are fine: with one step's range bounded, a zero is impossible or follows a number that is seen here.
    They are looked for only near the ends, where forbidden starts and ends put them, unless there are others.
    """
    inner_T2BK = states_T2BK[2:]
    near_T2BK = states_T2BK[:2] if len(inner_T2BK) and bool(inner_T2BK.amin() >= SMALLEST) else states_T2BK
    small = (near_T2BK > 0) & (near_T2BK < SMALLEST)
    return not bool(small.any() | ~(mass_TB.amin() >= SMALLEST_MASS))


def _run_log_chains(emissions_BTK: Tensor, lengths_B: Tensor, scores: Scores) -> _LogChains:
    """Both recursions at once by logsumexp, each state shifted so that its largest entry is zero."""
    kind = torch.promote_types(emissions_BTK.dtype, torch.float32)
    transitions_KK, start_K, end_K = (score.to(kind).clamp(min=IMPOSSIBLE) for score in scores)
    order_TB = reversal(lengths_B, emissions_BTK.shape[1])
    valid_TB = torch.arange(len(order_TB), device=lengths_B.device)[:, None] < lengths_B
    emissions_TBK = emissions_BTK.transpose(0, 1).to(kind).contiguous()
    emissions_T2BK = torch.stack([emissions_TBK, reorder(emissions_TBK, order_TB)], dim=1)
    both_21KK = torch.stack([transitions_KK, transitions_KK.T])[:, None]
    before_2BK = torch.stack([start_K, end_K])[:, None].expand(2, len(lengths_B), -1)
    entering, after, shifts = [], [], []
    for emissions_2BK in emissions_T2BK.unbind():
        entering.append(before_2BK[0])
        after_2BK = before_2BK + emissions_2BK
        shift_2B1 = after_2BK.amax(2, keepdim=True)
        after_2BK = after_2BK - shift_2B1
        after.append(after_2BK)
        shifts.append(shift_2B1[0, :, 0])
        before_2BK = (after_2BK[..., None] + both_21KK).logsumexp(2)
    forward_TBK, backward_TBK = torch.stack(after).unbind(1)
    shift_TB = torch.stack(shifts).double().cumsum(0)
    last_1B = (lengths_B - 1)[None]
    last_BK = forward_TBK.gather(0, last_1B[..., None].expand(-1, -1, len(end_K)))[0]
    log_z_B = (last_BK + end_K).logsumexp(1) + shift_TB.gather(0, last_1B)[0]
    backward_TBK = reorder(backward_TBK, order_TB)
    return _LogChains(torch.stack(entering), forward_TBK, backward_TBK, valid_TB, transitions_KK, log_z_B)


def reversal(lengths_B: Tensor, size: int) -> Tensor:
    """(T, B): the positions that reverse each sequence within its length and leave padding in place; self-inverse."""
    position_T1 = torch.arange(size, device=lengths_B.device)[:, None]
    return torch.where(position_T1 < lengths_B, lengths_B - 1 - position_T1, position_T1)


def reorder(values_TBK: Tensor, order_TB: Tensor) -> Tensor:
    """``values_TBK`` with position t of sequence b taken from position ``order_TB[t, b]``."""
    size, batch, tags = values_TBK.shape
    rows_N = (order_TB * batch + torch.arange(batch, device=order_TB.device)).flatten()
    return values_TBK.reshape(-1, tags).index_select(0, rows_N).view(size, batch, tags)
