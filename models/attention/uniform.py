"""Uniform attention: every allowed memory position weighs the same, c_i = mean_j m_j (causal: the running mean).

``reduce=max`` takes the largest value of each channel instead, c_i = max_j m_j: max-over-time pooling, Collobert et al.
2011, section 3.2.2, https://arxiv.org/abs/1103.0398.

The placebo of every comparison: it stands at every site as a mechanism does, and looks at nothing. What it gains over
``model=none``, which has no site, is the plumbing; what a mechanism gains over it is attention. No parameters.

B batch, T query positions, S memory positions, D width
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor
from torch.nn import functional as F

from models.attention.base import Attended, MaskedAttention, Site
from models.positions import refuse_relative


class UniformAttention(MaskedAttention):
    """c_i = mean (or maximum, by ``reduce``) of the memory that i may attend to.

    Raises ``ValueError`` for a site with a relative position, as there are no scores to add it to, and for another
    ``reduce``.
    """

    supports = frozenset({"self", "cross", "causal"})

    def __init__(self, site: Site, *, reduce: Literal["mean", "max"]) -> None:
        super().__init__()
        if reduce not in ("mean", "max"):
            raise ValueError(f"model.reduce expects mean or max, got {reduce!r}")
        self.reduce = reduce
        if site.own_states:
            refuse_relative("uniform", site.position)

    def attend(
        self, queries_BTD: Tensor, memory_BSD: Tensor, mask_BTS: Tensor | None, *, need_weights: bool
    ) -> Attended:
        """The means or maxima (B, T, D), the queries unread.

        Weights (B, 1, T, S) are one over the number of positions; for maxima, the share of channels that are largest
        there.
        """
        length, size = queries_BTD.shape[1], memory_BSD.shape[1]
        if mask_BTS is None:
            mask_BTS = memory_BSD.new_ones(1, 1, size).bool()
        if self.reduce == "mean":
            allowed = mask_BTS.to(memory_BSD.dtype)
            weights_BTS = allowed / allowed.sum(-1, keepdim=True).clamp(min=1)
            context_BTD = weights_BTS @ memory_BSD
        else:
            context_BTD, weights_BTS = _largest(memory_BSD, mask_BTS, need_weights=need_weights)
        weights = weights_BTS.expand(len(memory_BSD), length, -1)[:, None] if need_weights else None
        return Attended(context_BTD.expand(-1, length, -1), weights)


def _largest(memory_BSD: Tensor, mask_BTS: Tensor, *, need_weights: bool) -> tuple[Tensor, Tensor]:
    """Each channel's maximum, zero where nothing is allowed, and where it lies (an empty tensor unless asked for)."""
    given_BT1 = mask_BTS.any(-1, keepdim=True)
    allowed_BTSD = memory_BSD[:, None].masked_fill(~mask_BTS[..., None], float("-inf"))
    largest_BTD, place_BTD = allowed_BTSD.max(dim=2)
    context_BTD = largest_BTD.masked_fill(~given_BT1, 0.0)
    if not need_weights:
        return context_BTD, memory_BSD.new_empty(0)
    share_BTS = F.one_hot(place_BTD, memory_BSD.shape[1]).to(memory_BSD.dtype).mean(dim=2)
    return context_BTD, share_BTS * given_BT1
