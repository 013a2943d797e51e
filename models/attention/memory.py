"""Memory network: K hops u_{k+1} = u_k + Σ_j softmax_j(u_k·A_k m_j) C_k m_j, with u_1 = h.

Sukhbaatar et al. 2015 (MemN2N), sections 2.1 and 2.2, https://arxiv.org/abs/1503.08895. ``tying=adjacent`` shares
A_{k+1} = C_k as in the paper, ``tying=none`` gives each hop two matrices of its own. Departures: the memory is a state
of the encoder where the paper has a bag of words with a temporal vector; other normalisers are possible; and so are
scores divided by √D (``scale=True``), for states of unit variance make the paper's so large that the softmax starts
where it has no gradient. The result is u_{K+1} − h, the sum of the hops' readings, where the place reads h beside it
(``Site.reads_queries``, all of this repository's do), and u_{K+1} elsewhere.

B batch, K hops, T query positions, S memory positions, D width
"""

from __future__ import annotations

import math
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from models.attention.base import Attended, MaskedAttention, Site
from models.first_weights import projection
from models.masks import zero_unreachable
from models.multihead import Lookup, Normalizing
from models.positions import refuse_relative
from models.recall import recall
from models.scores import DotScore


class MemoryAttention(MaskedAttention):
    """Each hop reads the memory with what the hops before it found.

    Raises ``ValueError`` for fewer hops than one, an unknown tying, and a site with a relative position.
    """

    supports = frozenset({"self", "cross", "causal"})

    def __init__(
        self,
        site: Site,
        *,
        hops: int,
        tying: Literal["adjacent", "none"],
        scale: bool,
        normalizer: Normalizing,
        dropout: float,
    ) -> None:
        super().__init__()
        if site.own_states:
            refuse_relative("memory", site.position)
        if hops < 1 or tying not in ("adjacent", "none"):
            raise ValueError(
                f"expected hops >= 1 and tying 'adjacent' or 'none', got hops={hops!r} and tying={tying!r}"
            )
        self.jump = not site.reads_queries
        self.stride = 1 if tying == "adjacent" else 2
        self.hops, matrices = hops, hops + 1 if tying == "adjacent" else 2 * hops
        self.embed = projection(site.width, site.width, matrices=matrices)
        # The readings C_k m are summed: together they are one map from K D channels, and so they are drawn.
        drawn = self.embed.weight.detach().chunk(matrices)
        for hop in range(hops):
            drawn[self.stride * hop + 1].mul_(math.sqrt(2 / (hops + 1)))
        score = partial(DotScore, scaled=scale)
        self.lookup = Lookup(site.width, heads=1, score=score, normalizer=normalizer, dropout=dropout)

    def attend(
        self, queries_BTD: Tensor, memory_BSD: Tensor, mask_BTS: Tensor | None, *, need_weights: bool
    ) -> Attended:
        """The context (B, T, D), and weights (B, hops, T, S) if asked for.

        A query whose memory is wholly masked gets zeros, without the h of u_{K+1}.
        """
        (embedded_BSD,) = recall(self, memory_BSD, lambda memory: (self.embed(memory),))
        memories = embedded_BSD[:, None].chunk(self.embed.out_features // memory_BSD.shape[2], dim=-1)
        found_B1TD, weights = torch.zeros_like(queries_BTD)[:, None], []
        for hop in range(self.hops):
            keys, values = memories[self.stride * hop], memories[self.stride * hop + 1]
            asked_B1TD = queries_BTD[:, None] + found_B1TD
            read_B1TD, weights_B1TS = self.lookup(asked_B1TD, keys, values, mask_BTS, need_weights=need_weights)
            found_B1TD = found_B1TD + read_B1TD
            weights.append(weights_B1TS)
        context_BTD = found_B1TD[:, 0]
        if self.jump:
            context_BTD = zero_unreachable(queries_BTD + context_BTD, mask_BTS)
        return Attended(context_BTD, torch.cat(weights, dim=1) if need_weights else None)
