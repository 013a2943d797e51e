"""No attention: every allowed memory position weighs the same, c_i = mean_j m_j (causal: the running mean).

The floor of every comparison, and the fixed vector of an encoder-decoder without attention (Cho et al. 2014, section
2.2, https://arxiv.org/abs/1406.1078; departure: the mean of the states instead of the last one). No parameters.

B batch, T query positions, S memory positions, D width
"""

from __future__ import annotations

from torch import Tensor

from models.attention.base import Attended, Attention, External, Site
from models.masks import combined_mask
from models.positions import refuse_relative


class NoAttention(Attention):
    """c_i = mean of the memory that i may attend to.

    Raises ``ValueError`` for a site with a relative position: there are no scores to add it to.
    """

    supports = frozenset({"self", "cross", "causal"})

    def __init__(self, site: Site) -> None:
        super().__init__()
        if site.own_states:
            refuse_relative("none", site.position)

    def forward(
        self,
        queries_BTD: Tensor,
        memory_BSD: Tensor,
        mask: Tensor | None = None,
        *,
        causal: bool = False,
        external: External | None = None,
        need_weights: bool = False,
    ) -> Attended:
        """The means (B, T, D), the queries unread; weights (B, 1, T, S) are one over the number of positions."""
        length, size = queries_BTD.shape[1], memory_BSD.shape[1]
        joined = combined_mask(mask, queries_BTD, memory_BSD, direction="forward" if causal else "both")
        if joined is None:
            joined = memory_BSD.new_ones(1, 1, size).bool()
        allowed = joined.to(memory_BSD.dtype)
        weights_BTS = allowed / allowed.sum(-1, keepdim=True).clamp(min=1)
        context_BTD = (weights_BTS @ memory_BSD).expand(-1, length, -1)
        weights = weights_BTS.expand(len(memory_BSD), length, -1)[:, None] if need_weights else None
        return Attended(context_BTD, weights)
