"""Self-attention: c = concat_h(softmax(Q_h K_hᵀ / √D) V_h) W_O, with Q = H W_Q, K = M W_K, V = M W_V.

Vaswani et al. 2017, section 3.2.2, https://arxiv.org/abs/1706.03762. The memory is the site's own states wherever it
has them; at pooling and decoder sites it is the one the site gives. Departure: other scores and normalisers are
options.

B batch, H heads, T query positions, S memory positions, D width
"""

from __future__ import annotations

from models.attention.base import Site
from models.multihead import MultiHeadAttention, Normalizing, Scoring


class SelfAttention(MultiHeadAttention):
    """Multi-head attention with query, key, value and output projections."""

    def __init__(self, site: Site, *, heads: int, score: Scoring, normalizer: Normalizing, dropout: float) -> None:
        super().__init__(site, heads=heads, score=score, normalizer=normalizer, dropout=dropout, projections="all")
