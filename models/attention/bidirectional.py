"""Bidirectional attention: F ⊙ fw + (1 − F) ⊙ bw, with F = σ(W_f [fw; bw] + b).

fw is an attention that sees only j <= i, bw one that sees only j >= i. Shen et al. 2018 (DiSAN), sections 3.2 and 3.3,
https://arxiv.org/abs/1709.04696. Departures: multi-head dot-product scores where DiSAN scores each feature by an
additive layer; i itself is seen in both directions; the gate fuses the directions instead of each with its input.

B batch, H heads, T query positions, S memory positions, D width
"""

from __future__ import annotations

import torch
from torch import Tensor

from models.attention.base import Attended, Attention, External, Site
from models.first_weights import projection
from models.masks import combined_mask
from models.multihead import MultiHead, Normalizing, Scoring


class BidirectionalAttention(Attention):
    """Two directions and a gate; the forward half alone at a causal site, and ``self`` over another sequence."""

    supports = frozenset({"self", "cross", "causal"})

    def __init__(self, site: Site, *, heads: int, score: Scoring, normalizer: Normalizing, dropout: float) -> None:
        super().__init__()

        def half() -> MultiHead:
            return MultiHead(site, heads=heads, score=score, normalizer=normalizer, dropout=dropout, projections="all")

        self.directed, self.both = site.own_states, site.own_states and not site.causal
        self.ahead = half()
        if self.both:
            self.back = half()
            self.fusion = projection(2 * site.width, site.width, bias=True)
        elif self.directed:
            self.note = "bidirectional: a causal site has no backward direction, so only the forward half exists"
        else:
            self.note = f"bidirectional: no direction over the memory of a {site.kind} site, so it is self"

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
        """The context (B, T, D); if asked for, weights (B, 2·heads, T, S), the forward heads first.

        Raises ``ValueError`` for ``causal`` at a site that was not declared causal.
        """
        if causal and self.both:
            raise ValueError("bidirectional was built for a site that looks both ways; build it with Site(causal=True)")
        forward = self.directed or causal
        ahead_mask = combined_mask(mask, queries_BTD, memory_BSD, direction="forward" if forward else "both")
        ahead: Attended = self.ahead(queries_BTD, memory_BSD, ahead_mask, need_weights=need_weights)
        if not self.both:
            return ahead
        back_mask = combined_mask(mask, queries_BTD, memory_BSD, direction="backward")
        back: Attended = self.back(queries_BTD, memory_BSD, back_mask, need_weights=need_weights)
        gate_BTD = self.fusion(torch.cat((ahead.context_BTD, back.context_BTD), dim=-1)).sigmoid()
        context_BTD = gate_BTD * ahead.context_BTD + (1 - gate_BTD) * back.context_BTD
        weights = [half.weights_BHTS for half in (ahead, back) if half.weights_BHTS is not None]
        return Attended(context_BTD, torch.cat(weights, dim=1) if need_weights else None)
