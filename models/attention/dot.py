"""Dot-product attention: e_ij = h_i·m_j / √D, c_i = Σ_j softmax_j(e_ij) m_j.

Luong et al. 2015, section 3.1 ("dot"), https://arxiv.org/abs/1508.04025; the scale: Vaswani et al. 2017, section
3.2.1, https://arxiv.org/abs/1706.03762. ``scale=False`` is Luong's score. No parameters. Departure: ``heads`` > 1 gives
each head a slice of the channels, with D its width; one head recovers the paper.

B batch, H heads, T query positions, S memory positions, D width
"""

from __future__ import annotations

from functools import partial

from models.attention.base import Site
from models.multihead import MultiHeadAttention, Normalizing
from models.scores import DotScore


class DotAttention(MultiHeadAttention):
    """The context is a weighted mean of the memory itself; nothing is projected."""

    def __init__(self, site: Site, *, heads: int, scale: bool, normalizer: Normalizing, dropout: float) -> None:
        super().__init__(
            site,
            heads=heads,
            score=partial(DotScore, scaled=scale),
            normalizer=normalizer,
            dropout=dropout,
            projections="none",
        )
