"""Gated attention: g_i = σ(W_g tanh(W_a [h_i; c_i])), result g_i ⊙ W_c c_i, with the jump connection h_i + result.

c_i is multi-head attention, whose output matrix is W_c. The gate unit and the jump connection are those of surveys of
attention; gates on states and on attention's output: Dhingra et al. 2017, section 3.1, https://arxiv.org/abs/1606.01549,
and Qiu et al. 2025, section 2.2, https://arxiv.org/abs/2505.06708. A place that reads h_i beside the result makes the
jump itself (``Site.reads_queries``, all of this repository's do); elsewhere it is made here.

B batch, H heads, T query positions, S memory positions, D width
"""

from __future__ import annotations

import torch
from torch import Tensor

from models.attention.base import Attended, MaskedAttention, Site
from models.first_weights import projection
from models.masks import zero_unreachable
from models.multihead import MultiHead, Normalizing, Scoring


class GatedAttention(MaskedAttention):
    """A gate in (0, 1)^D decides, for each query and channel, how much of the context passes."""

    supports = frozenset({"self", "cross", "causal"})

    def __init__(self, site: Site, *, heads: int, score: Scoring, normalizer: Normalizing, dropout: float) -> None:
        super().__init__()
        width = site.width
        self.jump = not site.reads_queries
        self.attention = MultiHead(
            site, heads=heads, score=score, normalizer=normalizer, dropout=dropout, projections="inputs"
        )
        self.joint = projection(2 * width, width)
        self.gate = projection(width, width)
        self.context = projection(width, width)
        self.context.weight.detach().mul_(2)  # gates start near a half, so that the result keeps the context's spread

    def attend(
        self, queries_BTD: Tensor, memory_BSD: Tensor, mask_BTS: Tensor | None, *, need_weights: bool
    ) -> Attended:
        """The context (B, T, D), and weights (B, heads, T, S) if asked for.

        A query whose memory is wholly masked gets zeros, without the jump.
        """
        context_BTD, weights_BHTS, _ = self.attention(queries_BTD, memory_BSD, mask_BTS, need_weights=need_weights)
        gate_BTD = self.gate(self.joint(torch.cat((queries_BTD, context_BTD), dim=-1)).tanh()).sigmoid()
        result_BTD = gate_BTD * self.context(context_BTD)
        if self.jump:
            result_BTD = zero_unreachable(queries_BTD + result_BTD, mask_BTS)
        return Attended(result_BTD, weights_BHTS)
