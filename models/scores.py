"""Scores: how well a query and a key fit together. One of the three choices that make an attention mechanism.

A score is built for ``head_width`` and ``heads`` and maps (q_BHTD, k_BHSD) -> scores_BHTS. The scores here are named
in YAML (``score: dot``); any other factory ``(head_width, heads) -> nn.Module`` serves as well. A score that inherits
from ``BilinearScore`` is a plain dot product after its query was transformed: the fused kernel can compute it, and
the query can be rotated (rotary positions).

B batch, H heads, T query positions, S memory positions, D width of a head, A width of the additive layer
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from models.first_weights import uniform

ScoreFactory = Callable[[int, int], nn.Module]

LARGEST_BLOCK = 1 << 20
"""Elements of the additive score's hidden layer that are held at once: 4 MiB in float32."""

KEY_VARIANCE = 0.284
"""Of tanh(q + k) over k, the mean over q, where q and k are independent standard normal numbers."""


class BilinearScore(nn.Module, ABC):
    """A score that is f(h)·m: linear in the key, so that only the query has to be transformed."""

    @abstractmethod
    def transform(self, q_BHTD: Tensor) -> Tensor:
        """f(h): the queries whose plain dot product with the keys is the score."""

    def forward(self, q_BHTD: Tensor, k_BHSD: Tensor) -> Tensor:
        """The scores (B, H, T, S)."""
        return self.transform(q_BHTD) @ k_BHSD.transpose(-2, -1)


class DotScore(BilinearScore):
    """e = h·m / √D, or h·m with ``scaled=False``. No parameters.

    Luong et al. 2015, section 3.1 ("dot"), https://arxiv.org/abs/1508.04025; scaling: Vaswani et al. 2017,
    section 3.2.1, https://arxiv.org/abs/1706.03762
    """

    def __init__(self, head_width: int, heads: int, *, scaled: bool) -> None:
        super().__init__()
        self.factor = 1 / math.sqrt(head_width) if scaled else None

    def transform(self, q_BHTD: Tensor) -> Tensor:
        """h / √D."""
        return q_BHTD if self.factor is None else q_BHTD * self.factor


class GeneralScore(BilinearScore):
    """e = h·W m, with one W for each head. Scores of normalised states start with a standard deviation of 1.

    Luong et al. 2015, section 3.1 ("general"), https://arxiv.org/abs/1508.04025. Departure: several heads are
    possible; one head recovers the paper.
    """

    def __init__(self, head_width: int, heads: int) -> None:
        super().__init__()
        # The variance of e is that of an entry times D², the fan-in of the whole bilinear form.
        self.weight_HDD = uniform(heads, head_width, head_width, std=1 / head_width)

    def transform(self, q_BHTD: Tensor) -> Tensor:
        """hᵀW."""
        return q_BHTD @ self.weight_HDD


class AdditiveScore(nn.Module):
    """e = v·tanh(W h + U m), with W, U and v for each head; ``hidden_width`` is A, the size of v (None: D).

    Bahdanau et al. 2015, appendix A.1.2, https://arxiv.org/abs/1409.0473, whose equation has no bias. Departures:
    several heads are possible, and one recovers the paper; the first weights, which the paper draws with a standard
    deviation of 0.001 (W, U) or sets to zero (v), are such that over the keys of a query scores of normalised states
    have a standard deviation of 1.

    U m depends on the key alone and can be computed before: ``embed`` it, then ``compare``.

    The layer inside the tanh has B·H·T·S·A elements. Where that is many, ``_AdditiveScores`` never holds it whole.
    """

    def __init__(self, head_width: int, heads: int, *, hidden_width: int | None) -> None:
        super().__init__()
        hidden_width = head_width if hidden_width is None else hidden_width
        self.query_HDA = uniform(heads, head_width, hidden_width, std=1 / math.sqrt(head_width))
        self.key_HDA = uniform(heads, head_width, hidden_width, std=1 / math.sqrt(head_width))
        self.vector_HA = uniform(heads, hidden_width, std=1 / math.sqrt(hidden_width * KEY_VARIANCE))

    def forward(self, q_BHTD: Tensor, k_BHSD: Tensor) -> Tensor:
        """The scores (B, H, T, S)."""
        return self.compare(q_BHTD, self.embed(k_BHSD))

    def embed(self, k_BHSD: Tensor) -> Tensor:
        """U m, for each head."""
        return k_BHSD @ self.key_HDA

    def compare(self, q_BHTD: Tensor, k_BHSA: Tensor) -> Tensor:
        """The scores (B, H, T, S) of queries and embedded keys."""
        q_BHTA = q_BHTD @ self.query_HDA
        vector_HA = self.vector_HA.to(q_BHTA.dtype)
        if q_BHTA.shape[2] * k_BHSA.numel() <= LARGEST_BLOCK:
            hidden_BHTSA = (q_BHTA[:, :, :, None] + k_BHSA[:, :, None]).tanh_()
            return (hidden_BHTSA @ vector_HA[:, None, :, None]).squeeze(-1)
        scores_BHTS: Tensor = _AdditiveScores.apply(q_BHTA, k_BHSA, vector_HA)  # type: ignore[no-untyped-call]
        return scores_BHTS


class _AdditiveScores(torch.autograd.Function):
    """v·tanh(q + k) for some queries at a time, made again for the gradient instead of being kept.

    With t = tanh(q_i + k_j) and g_ij the gradient of the score: dv = Σ_ij g_ij t, dq_i = v ⊙ Σ_j g_ij (1 − t²),
    dk_j = v ⊙ Σ_i g_ij (1 − t²). A block that fits the cache is faster than the whole layer at once.
    """

    @staticmethod
    def forward(ctx: Any, q_BHTA: Tensor, k_BHSA: Tensor, vector_HA: Tensor) -> Tensor:
        ctx.save_for_backward(q_BHTA, k_BHSA, vector_HA)
        blocks = [hidden_BHTSA @ vector_HA[:, None, :, None] for _, hidden_BHTSA in _hidden_blocks(q_BHTA, k_BHSA)]
        return torch.cat(blocks, dim=2).squeeze(-1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_BHTS: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q_BHTA, k_BHSA, vector_HA = ctx.saved_tensors
        long = torch.promote_types(k_BHSA.dtype, torch.float32)  # many blocks are summed up
        saturated_q, saturated_k = torch.empty_like(q_BHTA), torch.zeros_like(k_BHSA, dtype=long)
        grad_v = torch.zeros_like(vector_HA[:, :, None], dtype=long)
        for rows, hidden_BHTSA in _hidden_blocks(q_BHTA, k_BHSA):
            grad = grad_BHTS[:, :, rows]
            grad_v += (hidden_BHTSA.flatten(2, 3).transpose(2, 3) @ grad.flatten(2)[..., None]).sum(0)
            squared_BHTSA = hidden_BHTSA.square_()
            saturated_q[:, :, rows] = (grad[:, :, :, None] @ squared_BHTSA).squeeze(3)
            saturated_k += squared_BHTSA.mul_(grad[..., None]).sum(2, dtype=long)
        vector_H1A = vector_HA[:, None]
        grad_q = vector_H1A * (grad_BHTS.sum(3)[..., None] - saturated_q)
        grad_k = vector_H1A * (grad_BHTS.sum(2, dtype=long)[..., None] - saturated_k)
        return grad_q, grad_k.to(k_BHSA.dtype), grad_v.squeeze(-1).to(vector_HA.dtype)


def _hidden_blocks(q_BHTA: Tensor, k_BHSA: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """tanh(q + k) for as many queries at a time as the block allows, and which queries they are."""
    one_query = max(1, k_BHSA.numel())
    step = max(1, LARGEST_BLOCK // one_query)
    for start in range(0, q_BHTA.shape[2], step):
        rows = slice(start, start + step)
        yield rows, (q_BHTA[:, :, rows, None] + k_BHSA[:, :, None]).tanh_()


def _dot(head_width: int, heads: int) -> nn.Module:
    return DotScore(head_width, heads, scaled=True)


def _additive(head_width: int, heads: int) -> nn.Module:
    return AdditiveScore(head_width, heads, hidden_width=None)


SCORES: dict[str, ScoreFactory] = {"dot": _dot, "general": GeneralScore, "additive": _additive}


def build_score(score: str | ScoreFactory, *, head_width: int, heads: int) -> nn.Module:
    """The score named ``score``, or made by the factory ``score``.

    Raises ``ValueError`` for a name that does not exist.
    """
    if not isinstance(score, str):
        return score(head_width, heads)
    if score not in SCORES:
        raise ValueError(
            f"no score is named {score!r}; there are {', '.join(sorted(SCORES))}, "
            "and any factory (head_width, heads) -> Module (in YAML: _target_ with _partial_: true)"
        )
    return SCORES[score](head_width, heads)
