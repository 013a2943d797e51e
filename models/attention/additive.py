"""Additive attention: e_ij = v·tanh(W h_i + U m_j), c_i = Σ_j softmax_j(e_ij) m_j.

Bahdanau et al. 2015, appendix A.1.2, https://arxiv.org/abs/1409.0473. Departure: ``heads`` > 1 gives each head a slice
of the channels and parameters of its own; one head recovers the paper.

B batch, H heads, T query positions, S memory positions, D width
"""

from __future__ import annotations

from functools import partial

from models.attention.base import Site
from models.multihead import MultiHeadAttention, Normalizing
from models.scores import AdditiveScore


class AdditiveAttention(MultiHeadAttention):
    """The context is a weighted mean of the memory itself; only the score has parameters.

    ``hidden_width`` is the size of v; None takes the width of a head. Raises ``ValueError`` for rotary positions,
    which need a score that is a dot product.
    """

    def __init__(
        self, site: Site, *, heads: int, hidden_width: int | None, normalizer: Normalizing, dropout: float
    ) -> None:
        super().__init__(
            site,
            heads=heads,
            score=partial(AdditiveScore, hidden_width=hidden_width),
            normalizer=normalizer,
            dropout=dropout,
            projections="none",
        )
