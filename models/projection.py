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

CHUNK_ELEMENTS = 1 << 21
"""Logits a chunk: 8 MiB in float32; smaller ones make the products slower than the cache makes the rest fast."""


def linear_cross_entropy(
    x_ND: Tensor, weight_VD: Tensor, bias_V: Tensor, labels_N: Tensor, *, label_smoothing: float
) -> Tensor:
    """The mean cross-entropy of ``labels_N`` (indices in [0, V)) in nats, as ``F.cross_entropy`` of the logits.

    Computed in float32 where autocast makes the products bfloat16 or half. Raises ValueError for no symbols.
    """
    if len(x_ND) == 0:
        raise ValueError("a mean loss needs at least one symbol, got none")
    if torch.is_autocast_enabled(x_ND.device.type):
        dtype = torch.get_autocast_dtype(x_ND.device.type)
        x_ND, weight_VD = x_ND.to(dtype), weight_VD.to(dtype)
    # Asked here: inside the function gradients are always off, and its inputs need some even where none are wanted.
    learning = torch.is_grad_enabled() and any(part.requires_grad for part in (x_ND, weight_VD, bias_V))
    with torch.autocast(x_ND.device.type, enabled=False):
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
        count, size = len(x_ND), len(weight_VD)
        dx_ND = torch.empty_like(x_ND) if learning else None
        dweight_VD = torch.zeros(weight_VD.shape, device=x_ND.device) if learning else None
        dbias_V = torch.zeros(size, device=x_ND.device) if learning else None
        total = torch.zeros((), device=x_ND.device)
        for start in range(0, count, max(1, CHUNK_ELEMENTS // size)):
            part = slice(start, start + max(1, CHUNK_ELEMENTS // size))
            labels_C1 = labels_N[part, None]
            logits_CV = torch.addmm(bias_V.to(x_ND.dtype), x_ND[part], weight_VD.t()).float()
            log_probs_CV = logits_CV.log_softmax(dim=1)
            total -= (1 - smoothing) * log_probs_CV.gather(1, labels_C1).sum()
            if smoothing:
                total -= smoothing * log_probs_CV.mean(dim=1).sum()
            if not learning:
                continue
            assert dx_ND is not None
            assert dweight_VD is not None
            assert dbias_V is not None
            slope_CV = log_probs_CV.exp_()
            if smoothing:
                slope_CV -= smoothing / size
            slope_CV.scatter_add_(1, labels_C1, slope_CV.new_full(labels_C1.shape, smoothing - 1))
            dbias_V += slope_CV.sum(dim=0)
            slope_CV = slope_CV.to(x_ND.dtype)
            torch.mm(slope_CV, weight_VD, out=dx_ND[part])
            if x_ND.dtype == torch.float32:
                dweight_VD.addmm_(slope_CV.t(), x_ND[part])
            else:  # products in the short type, sums in the long one
                dweight_VD += slope_CV.t() @ x_ND[part]
        if learning:
            ctx.save_for_backward(dx_ND, dweight_VD, dbias_V)
            ctx.count, ctx.dtypes = count, (x_ND.dtype, weight_VD.dtype, bias_V.dtype)
        return total / count

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Any, ...]:
        scale = gradient / ctx.count
        return (
            *((saved * scale).to(dtype) for saved, dtype in zip(ctx.saved_tensors, ctx.dtypes, strict=True)),
            None,
            None,
            None,
        )
