"""The loss of a large vocabulary without its logits.

    loss = mean_n [(1 - e) (-log p_n,y_n) + e mean_v (-log p_nv)],   p_n = softmax(W x_n + b)

The logits of a batch (symbols x vocabulary) are by far its largest tensor: computed, normalised and differentiated a
chunk of symbols at a time, they stay in the processor's cache, and only the gradients of x, W and b are kept.
The idea: Wijmans et al. 2025 (Cut Your Losses, https://arxiv.org/abs/2411.09009), section 4; here without its kernels.

N symbols, V vocabulary, D width
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from models.precision import short_type, without_autocast

CHUNK_ELEMENTS = 1 << 21
"""Logits a chunk: 8 MiB in float32; smaller ones make the products slower than the cache makes the rest fast."""


IGNORED = -100
"""The label of a symbol that does not count."""


def linear_cross_entropy(
    x_ND: Tensor, weight_VD: Tensor, bias_V: Tensor, labels_N: Tensor, *, label_smoothing: float
) -> Tensor:
    """The mean cross-entropy of ``labels_N`` in nats, as ``F.cross_entropy`` of the logits in at least float32.

    Labels are indices in [0, V), or ``IGNORED``. On the CPU what is ignored is left out before; elsewhere it is
    computed and weighs nothing, for the host would have to wait to know how much is left. Raises ValueError for no
    symbols, on the CPU also if all are ignored (elsewhere their loss is not a number).
    """
    if x_ND.device.type == "cpu":
        counted_N = labels_N != IGNORED
        if not counted_N.all():
            x_ND, labels_N = x_ND[counted_N], labels_N[counted_N]
    if len(x_ND) == 0:
        raise ValueError("a mean loss needs at least one symbol, got none")
    dtype = short_type(x_ND.device)
    if dtype is not None:
        x_ND, weight_VD = x_ND.to(dtype), weight_VD.to(dtype)
    # Asked here: inside the function gradients are always off, and its inputs need some even where none are wanted.
    learning = torch.is_grad_enabled() and any(part.requires_grad for part in (x_ND, weight_VD, bias_V))
    with without_autocast(x_ND.device):
        loss: Tensor = _LinearCrossEntropy.apply(  # type: ignore[no-untyped-call]
            x_ND, weight_VD, bias_V, labels_N, label_smoothing, learning
        )
    return loss


class _LinearCrossEntropy(torch.autograd.Function):
    """Gradients are computed in the forward pass, where the chunk's probabilities are at hand."""

    @staticmethod
    def forward(
        ctx: Any, x_ND: Tensor, weight_VD: Tensor, bias_V: Tensor, labels_N: Tensor, smoothing: float, learning: bool
    ) -> Tensor:
        size, long = len(weight_VD), torch.promote_types(x_ND.dtype, torch.float32)
        counted_N1 = (labels_N != IGNORED)[:, None]
        dx_ND = torch.empty_like(x_ND) if learning else None
        dweight_VD = torch.zeros(weight_VD.shape, dtype=long, device=x_ND.device) if learning else None
        dbias_V = torch.zeros(size, dtype=long, device=x_ND.device) if learning else None
        total = torch.zeros((), dtype=long, device=x_ND.device)
        for start in range(0, len(x_ND), max(1, CHUNK_ELEMENTS // size)):
            part = slice(start, start + max(1, CHUNK_ELEMENTS // size))
            counted_C1 = counted_N1[part]
            labels_C1 = labels_N[part, None].where(counted_C1, 0)
            logits_CV = torch.addmm(bias_V.to(x_ND.dtype), x_ND[part], weight_VD.t()).to(long)
            log_probs_CV = logits_CV.log_softmax(dim=1)
            total -= (1 - smoothing) * (log_probs_CV.gather(1, labels_C1) * counted_C1).sum()
            if smoothing:
                total -= smoothing * (log_probs_CV.mean(dim=1, keepdim=True) * counted_C1).sum()
            if not learning:
                continue
            assert dx_ND is not None
            assert dweight_VD is not None
            assert dbias_V is not None
            slope_CV = log_probs_CV.exp_()
            if smoothing:
                slope_CV -= smoothing / size
            slope_CV.scatter_add_(1, labels_C1, slope_CV.new_full(labels_C1.shape, smoothing - 1))
            slope_CV *= counted_C1
            dbias_V += slope_CV.sum(dim=0)
            slope_CV = slope_CV.to(x_ND.dtype)
            torch.mm(slope_CV, weight_VD, out=dx_ND[part])
            if x_ND.dtype == long:
                dweight_VD.addmm_(slope_CV.t(), x_ND[part])
            else:  # products in the short type, sums in the long one
                dweight_VD += slope_CV.t() @ x_ND[part]
        if learning:
            ctx.save_for_backward(dx_ND, dweight_VD, dbias_V, counted_N1)
            ctx.dtypes = (x_ND.dtype, weight_VD.dtype, bias_V.dtype)
        return total / counted_N1.sum()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Any, ...]:
        *slopes, counted_N1 = ctx.saved_tensors
        scale = gradient / counted_N1.sum()
        return (
            *((slope * scale).to(dtype) for slope, dtype in zip(slopes, ctx.dtypes, strict=True)),
            None,
            None,
            None,
        )
