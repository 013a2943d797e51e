"""Cross-attention of two streams: F ⊙ own + (1 − F) ⊙ other, with F = σ(W_f [own; other] + b).

own = attention(h, m) over the site's memory, as in ``self``; other = attention(h, e'), over the external memory that
has itself been self-attended: e' = e + attention(e, e). Two-stream cross-attention of surveys; a memory of label
names: Wang et al. 2018 (LEAM), section 3, https://arxiv.org/abs/1805.04174. The external stream has no relative
positions.

B batch, H heads, T query positions, S memory positions, E external positions, D width
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from models.attention.base import Attended, Attention, External, Site
from models.first_weights import projection
from models.masks import combined_mask
from models.multihead import MultiHead, Normalizing, Scoring
from models.recall import recall


class CrossAttention(Attention):
    """Two streams and a learned merge; only the own stream where the site has no external memory."""

    supports = frozenset({"self", "cross", "causal", "external"})

    def __init__(self, site: Site, *, heads: int, score: Scoring, normalizer: Normalizing, dropout: float) -> None:
        super().__init__()

        def stream(at: Site) -> MultiHead:
            return MultiHead(at, heads=heads, score=score, normalizer=normalizer, dropout=dropout, projections="all")

        self.own = stream(site)
        self.external = site.external
        if not site.external:
            self.note = f"cross: no external memory at this {site.kind} site, so it is self"
            return
        self.refine = stream(replace(site, position=None))
        self.other = stream(replace(site, position=None))
        self.merge = projection(2 * site.width, site.width, bias=True)

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
        """The context (B, T, D); if asked for, weights (B, heads, T, S) and external ones (B, heads, T, E).

        Where no external memory is given, or all of it is masked, the own stream is the context. A memory that all
        rows share (one row) is refined and projected once, not once a row.
        """
        joined = combined_mask(mask, queries_BTD, memory_BSD, direction="forward" if causal else "both")
        own: Attended = self.own(queries_BTD, memory_BSD, joined, need_weights=need_weights)
        if external is None or not self.external:
            return own
        states_BED, mask_BE = external
        keys, values = recall(
            self, states_BED, lambda states: self.other.read(self._refined(states, mask_BE)), whole=True
        )
        rows = len(queries_BTD)
        reading = combined_mask(mask_BE.expand(rows, -1), queries_BTD, states_BED.expand(rows, -1, -1))
        other = self.other.attend(queries_BTD, (keys, values), reading, need_weights=need_weights)
        gate_BTD = self.merge(torch.cat((own.context_BTD, other.context_BTD), dim=-1)).sigmoid()
        merged_BTD = gate_BTD * own.context_BTD + (1 - gate_BTD) * other.context_BTD
        given_B11 = mask_BE.any(-1)[:, None, None]
        context_BTD = torch.where(given_B11, merged_BTD, own.context_BTD)
        return Attended(context_BTD, own.weights_BHTS, other.weights_BHTS)

    def _refined(self, states_BED: Tensor, mask_BE: Tensor) -> Tensor:
        """e' = e + attention(e, e)."""
        among = combined_mask(mask_BE, states_BED, states_BED)
        context_BED: Tensor = self.refine(states_BED, states_BED, among, need_weights=False).context_BTD
        return states_BED + context_BED
