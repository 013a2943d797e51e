"""Self-attention: c = concat_h(softmax(Q_h K_hᵀ / √D) V_h) W_O, with Q = H W_Q, K = M W_K, V = M W_V.

Vaswani et al. 2017, section 3.2.2, https://arxiv.org/abs/1706.03762. The memory is the site's own states wherever it
has them; at pooling and decoder sites it is the one the site gives. Departure: other scores and normalisers are
options.

B batch, H heads, T query positions, S memory positions, D width
"""

from __future__ import annotations

from torch import Tensor

from models.attention.base import Attended, Attention, External, Site
from models.masks import combined_mask
from models.multihead import MultiHead, Normalizing, Scoring


class SelfAttention(Attention):
    """Multi-head attention with query, key, value and output projections."""

    supports = frozenset({"self", "cross", "causal"})

    def __init__(self, site: Site, *, heads: int, score: Scoring, normalizer: Normalizing, dropout: float) -> None:
        super().__init__()
        self.attention = MultiHead(
            site, heads=heads, score=score, normalizer=normalizer, dropout=dropout, projections="all"
        )

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
        """The context (B, T, D), and weights (B, heads, T, S) if asked for."""
        joined = combined_mask(mask, queries_BTD, memory_BSD, direction="forward" if causal else "both")
        attended: Attended = self.attention(queries_BTD, memory_BSD, joined, need_weights=need_weights)
        return attended
