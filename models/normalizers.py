"""Normalisers: from the scores of a query to its weights. One of the three choices that make a mechanism.

Each maps (scores_BHTS, mask or None) -> weights_BHTS, where the boolean mask broadcasts against the scores and
True = may attend. Masked positions get a weight of exactly zero, and a wholly masked row is all zeros, with zero
gradients. Named in YAML (``normalizer: softmax``); any other factory ``() -> Normalizer`` serves as well.

B batch, H heads, T query positions, S memory positions
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import torch
from entmax import entmax15, sparsemax
from torch import Tensor, nn


class Normalizer(nn.Module, ABC):
    """The contract. ``sums_to_one`` says whether the weights of a query with any memory sum to one."""

    sums_to_one: ClassVar[bool]

    @abstractmethod
    def forward(self, scores_BHTS: Tensor, mask: Tensor | None = None) -> Tensor:
        """The weights (B, H, T, S)."""


class Softmax(Normalizer):
    """p_j = exp(e_j) / Σ_k exp(e_k)."""

    sums_to_one = True

    def forward(self, scores_BHTS: Tensor, mask: Tensor | None = None) -> Tensor:
        """The weights; all of them positive where allowed."""
        if mask is None:
            return scores_BHTS.softmax(-1)
        # The smallest number instead of -inf: a wholly masked row stays finite until it is zeroed.
        lowest = torch.finfo(scores_BHTS.dtype).min
        return scores_BHTS.masked_fill(~mask, lowest).softmax(-1).masked_fill(~mask, 0.0)


class Sparsemax(Normalizer):
    """p = argmin over the simplex of ‖p − e‖²: the Euclidean projection, which gives exact zeros.

    Martins and Astudillo 2016, equation 2, https://arxiv.org/abs/1602.02068
    """

    sums_to_one = True

    def forward(self, scores_BHTS: Tensor, mask: Tensor | None = None) -> Tensor:
        """The weights; scores more than 1 below the best weigh exactly zero."""
        return _projected(sparsemax, scores_BHTS, mask)


class Entmax15(Normalizer):
    """p = argmax over the simplex of p·e + H_1.5(p), half-way between softmax and sparsemax.

    Peters, Niculae and Martins 2019, section 3, https://arxiv.org/abs/1905.05702
    """

    sums_to_one = True

    def forward(self, scores_BHTS: Tensor, mask: Tensor | None = None) -> Tensor:
        """The weights; scores more than 2 below the best weigh exactly zero."""
        return _projected(entmax15, scores_BHTS, mask)


class Sigmoid(Normalizer):
    """p_j = σ(e_j − log n), with n the number of positions that the query may attend to. Sums to about one at first.

    Ramapuram et al. 2024, section 2, https://arxiv.org/abs/2409.04431. Departure: n is counted per query, where the
    paper takes the length of the sequence, so that padding changes nothing.
    """

    sums_to_one = False

    def forward(self, scores_BHTS: Tensor, mask: Tensor | None = None) -> Tensor:
        """The weights, each within (0, 1)."""
        if mask is None:
            return (scores_BHTS - torch.log(scores_BHTS.new_tensor(scores_BHTS.shape[-1]))).sigmoid()
        allowed = mask.sum(-1, keepdim=True).clamp(min=1).to(scores_BHTS.dtype)
        return (scores_BHTS - allowed.log()).sigmoid().masked_fill(~mask, 0.0)


def _projected(project: Callable[..., Tensor], scores_BHTS: Tensor, mask: Tensor | None) -> Tensor:
    """A projection onto the simplex, in float32 at least, over the allowed positions alone."""
    scores = scores_BHTS if scores_BHTS.dtype == torch.float64 else scores_BHTS.float()
    if mask is None:
        weights = project(scores, dim=-1)
    else:
        # These projections fail on -inf. A thousand below the best allowed score is as surely outside the support.
        best = scores.detach().masked_fill(~mask, torch.finfo(scores.dtype).min).amax(-1, keepdim=True)
        weights = project((scores - best).masked_fill(~mask, -1000.0), dim=-1).masked_fill(~mask, 0.0)
    return weights.to(scores_BHTS.dtype)


NORMALIZERS: dict[str, type[Normalizer]] = {
    "softmax": Softmax,
    "sparsemax": Sparsemax,
    "entmax15": Entmax15,
    "sigmoid": Sigmoid,
}


def build_normalizer(normalizer: str | Callable[[], nn.Module]) -> nn.Module:
    """The normaliser named ``normalizer``, or made by the factory ``normalizer``.

    Raises ``ValueError`` for a name that does not exist.
    """
    if not isinstance(normalizer, str):
        return normalizer()
    if normalizer not in NORMALIZERS:
        raise ValueError(
            f"no normalizer is named {normalizer!r}; there are {', '.join(sorted(NORMALIZERS))}, "
            "and any factory () -> Module (in YAML: _target_ with _partial_: true)"
        )
    return NORMALIZERS[normalizer]()
