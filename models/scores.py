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
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

ScoreFactory = Callable[[int, int], nn.Module]


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
    """e = h·W m, with one W for each head.

    Luong et al. 2015, section 3.1 ("general"), https://arxiv.org/abs/1508.04025. Departure: several heads are
    possible; one head recovers the paper.
    """

    def __init__(self, head_width: int, heads: int) -> None:
        super().__init__()
        self.weight_HDD = _uniform(heads, head_width, head_width, fan_in=head_width)

    def transform(self, q_BHTD: Tensor) -> Tensor:
        """hᵀW."""
        return q_BHTD @ self.weight_HDD


class AdditiveScore(nn.Module):
    """e = v·tanh(W h + U m), with W, U and v for each head; ``hidden_width`` is A, the size of v (None: D).

    Bahdanau et al. 2015, appendix A.1.2, https://arxiv.org/abs/1409.0473. Departure: several heads are possible;
    one head recovers the paper.

    The sum inside the tanh has B·H·T·S·A elements. Beyond ``largest_block`` it is made for a few queries at a time,
    and made again for the gradient instead of being kept.
    """

    largest_block = 1 << 22
    """Elements of the hidden layer that are held at once: 16 MiB in float32."""

    def __init__(self, head_width: int, heads: int, *, hidden_width: int | None) -> None:
        super().__init__()
        hidden_width = head_width if hidden_width is None else hidden_width
        self.query_HDA = _uniform(heads, head_width, hidden_width, fan_in=head_width)
        self.key_HDA = _uniform(heads, head_width, hidden_width, fan_in=head_width)
        self.vector_HA = _uniform(heads, hidden_width, fan_in=hidden_width)

    def forward(self, q_BHTD: Tensor, k_BHSD: Tensor) -> Tensor:
        """The scores (B, H, T, S)."""
        q_BHTA, k_BHSA = q_BHTD @ self.query_HDA, k_BHSD @ self.key_HDA
        length = q_BHTA.shape[2]
        step = max(1, self.largest_block * length // max(1, q_BHTA.numel() * k_BHSA.shape[2]))
        if step >= length:
            return _additive_block(q_BHTA, k_BHSA, self.vector_HA)
        parts: list[Tensor] = [
            checkpoint(_additive_block, part, k_BHSA, self.vector_HA, use_reentrant=False, preserve_rng_state=False)
            for part in torch.split(q_BHTA, step, dim=2)
        ]
        return torch.cat(parts, dim=2)


def _additive_block(q_BHTA: Tensor, k_BHSA: Tensor, vector_HA: Tensor) -> Tensor:
    hidden_BHTSA = (q_BHTA[:, :, :, None] + k_BHSA[:, :, None]).tanh_()
    return (hidden_BHTSA @ vector_HA[:, None, :, None]).squeeze(-1)


def _uniform(*shape: int, fan_in: int) -> nn.Parameter:
    """A parameter drawn as ``nn.Linear`` draws its own: uniform within ±1/√fan_in."""
    bound = 1 / math.sqrt(fan_in)
    return nn.Parameter(torch.empty(shape).uniform_(-bound, bound))


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
