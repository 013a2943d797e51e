"""General attention: e_ij = h_i·W m_j, c_i = Σ_j softmax_j(e_ij) m_j.

Luong et al. 2015, section 3.1 ("general"), https://arxiv.org/abs/1508.04025. Departure: ``heads`` > 1 gives each head a
slice of the channels and a W of its own; one head recovers the paper.

B batch, H heads, T query positions, S memory positions, D width
"""

from __future__ import annotations

from models.attention.base import Site
from models.multihead import MultiHeadAttention, Normalizing


class GeneralAttention(MultiHeadAttention):
    """The context is a weighted mean of the memory itself; only the score has parameters."""

    def __init__(self, site: Site, *, heads: int, normalizer: Normalizing, dropout: float) -> None:
        super().__init__(site, heads=heads, score="general", normalizer=normalizer, dropout=dropout, projections="none")
