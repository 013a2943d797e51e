"""Additive attention: e_ij = v·tanh(W h_i + U m_j), c_i = Σ_j softmax_j(e_ij) m_j.

Bahdanau et al. 2015, appendix A.1.2, https://arxiv.org/abs/1409.0473. Departure: ``heads`` > 1 gives each head a slice
of the channels and parameters of its own; one head recovers the paper.

B batch, H heads, T query positions, S memory positions, D width
"""

from __future__ import annotations

from functools import partial

from torch import Tensor

from models.attention.base import Attended, Attention, External, Site
from models.masks import combined_mask
from models.multihead import MultiHead, Normalizing
from models.scores import AdditiveScore


class AdditiveAttention(Attention):
    """The context is a weighted mean of the memory itself; only the score has parameters.

    ``hidden_width`` is the size of v; None takes the width of a head. Raises ``ValueError`` for rotary positions,
    which need a score that is a dot product.
    """

    supports = frozenset({"self", "cross", "causal"})

    def __init__(
        self, site: Site, *, heads: int, hidden_width: int | None, normalizer: Normalizing, dropout: float
    ) -> None:
        super().__init__()
        self.attention = MultiHead(
            site,
            heads=heads,
            score=partial(AdditiveScore, hidden_width=hidden_width),
            normalizer=normalizer,
            dropout=dropout,
            projections="none",
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
