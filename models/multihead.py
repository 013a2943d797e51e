"""The shell that mechanisms share: heads, projections, score, normaliser, dropout and relative position.

``Lookup`` is attention on states that are already split into heads; ``MultiHead`` splits, projects and merges. Both
take the mask that ``models.masks.combined_mask`` makes. ``MultiHeadAttention`` is the mechanism of one ``MultiHead``.

B batch, H heads, T query positions, S memory positions, D width (of the states, or of a head)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from models.attention.base import Attended, MaskedAttention, Site
from models.first_weights import projection
from models.masks import zero_unreachable
from models.normalizers import Softmax, build_normalizer
from models.positions import name_of
from models.recall import Read, recall
from models.scores import AdditiveScore, BilinearScore, ScoreFactory, build_score

Normalizing = str | Callable[[], nn.Module]
Scoring = str | ScoreFactory
Projections = Literal["none", "inputs", "all"]


class Lookup(nn.Module):
    """c_t = Σ_s dropout(normalise(score(q_t, k_s)))·v_s, head by head.

    Runs in the fused kernel where that computes the same and is not slower: a bilinear score, softmax, weights not
    asked for; on the CPU no dropout either, which takes its gain away there. A query that may attend to nothing gets
    zeros, with zero gradients.

    Raises ``ValueError`` for a position that turns queries and keys while the score is not bilinear.
    """

    def __init__(
        self,
        head_width: int,
        *,
        heads: int,
        score: Scoring,
        normalizer: Normalizing,
        dropout: float,
        position: Callable[..., nn.Module] | None = None,
    ) -> None:
        super().__init__()
        self.score = build_score(score, head_width=head_width, heads=heads)
        self.normalizer = build_normalizer(normalizer)
        self.dropout = dropout
        self.position = None if position is None else position(heads=heads, head_width=head_width)
        needs_bilinear = getattr(self.position, "needs_bilinear", False)
        if position is not None and needs_bilinear and not isinstance(self.score, BilinearScore):
            raise ValueError(
                f"{type(self.score).__name__} cannot use {name_of(position)}, which needs a score that is a dot "
                "product of query and key: use score=dot or score=general, or position=alibi, none, sinusoidal, learned"
            )

    @property
    def embeds_keys(self) -> bool:
        """Whether keys can be embedded before they meet a query; a position might look at them as they are."""
        return isinstance(self.score, AdditiveScore) and self.position is None

    def forward(
        self,
        q_BHTD: Tensor,
        k_BHSD: Tensor,
        v_BHSD: Tensor,
        mask_BTS: Tensor | None,
        *,
        need_weights: bool,
        embedded: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """The context (B, H, T, D), and the weights (B, H, T, S) before dropout if they are asked for.

        ``embedded``: the keys have gone through the additive score's ``embed`` already.
        """
        bilinear = isinstance(self.score, BilinearScore)
        if isinstance(self.score, BilinearScore):
            q_BHTD = self.score.transform(q_BHTD)
        bias_HTS = None
        if self.position is not None:
            q_BHTD, k_BHSD, bias_HTS = self.position(q_BHTD, k_BHSD)
        if self._fuses(q_BHTD, need_weights):
            return self._fused(q_BHTD, k_BHSD, v_BHSD, mask_BTS, bias_HTS), None
        if bilinear:
            scores_BHTS = q_BHTD @ k_BHSD.transpose(-2, -1)
        elif embedded and isinstance(self.score, AdditiveScore):
            scores_BHTS = self.score.compare(q_BHTD, k_BHSD)
        else:
            scores_BHTS = self.score(q_BHTD, k_BHSD)
        if bias_HTS is not None:
            scores_BHTS = scores_BHTS + bias_HTS
        weights_BHTS = self.normalizer(scores_BHTS, None if mask_BTS is None else mask_BTS[:, None])
        context_BHTD = F.dropout(weights_BHTS, self.dropout, self.training) @ v_BHSD
        return context_BHTD, weights_BHTS if need_weights else None

    def _fuses(self, q_BHTD: Tensor, need_weights: bool) -> bool:
        pays = q_BHTD.device.type != "cpu" or not (self.training and self.dropout > 0)
        exact = isinstance(self.score, BilinearScore) and type(self.normalizer) is Softmax
        return pays and exact and not need_weights

    def _fused(
        self, q_BHTD: Tensor, k_BHSD: Tensor, v_BHSD: Tensor, mask_BTS: Tensor | None, bias_HTS: Tensor | None
    ) -> Tensor:
        dropout = self.dropout if self.training else 0.0
        if mask_BTS is None:
            bias = None if bias_HTS is None else bias_HTS[None]
            return F.scaled_dot_product_attention(q_BHTD, k_BHSD, v_BHSD, bias, dropout, scale=1.0)
        # Kernels differ in what a wholly masked row gives (zeros, NaN, the mean): open such rows, then zero them.
        open_BHTS = (mask_BTS | ~mask_BTS.any(-1, keepdim=True))[:, None]
        if bias_HTS is not None:
            open_BHTS = bias_HTS.masked_fill(~open_BHTS, float("-inf"))
        context_BHTD = F.scaled_dot_product_attention(q_BHTD, k_BHSD, v_BHSD, open_BHTS, dropout, scale=1.0)
        return zero_unreachable(context_BHTD, mask_BTS[:, None])


class MultiHead(nn.Module):
    """Lookup in several heads of width D/H, each with channels of its own.

    ``projections``: ``all`` for learned Q, K, V and output matrices (Vaswani et al. 2017, section 3.2.2,
    https://arxiv.org/abs/1706.03762), ``inputs`` for Q, K and V alone, ``none`` for states as they are: the context
    is then a weighted mean of the memory itself. No matrix has a bias, as in the paper's equations: the key's could
    not learn under softmax, and the others would make the context of an empty memory something else than zero. First
    weights: ``models.first_weights``.

    The relative position of ``site`` is used where the memory is the queries' own sequence.
    """

    def __init__(
        self,
        site: Site,
        *,
        heads: int,
        score: Scoring,
        normalizer: Normalizing,
        dropout: float,
        projections: Projections,
    ) -> None:
        super().__init__()
        self.heads, width = heads, site.width
        _check_heads(heads, width)
        self.lookup = Lookup(
            width // heads,
            heads=heads,
            score=score,
            normalizer=normalizer,
            dropout=dropout,
            position=site.position if site.own_states else None,
        )
        projected = projections != "none"
        self.query = projection(width, width) if projected else None
        self.key_value = projection(width, width, matrices=2) if projected else None
        self.output = projection(width, width) if projections == "all" else None

    def forward(
        self, queries_BTD: Tensor, memory_BSD: Tensor, mask_BTS: Tensor | None, *, need_weights: bool
    ) -> Attended:
        """The context, and the weights (B, H, T, S) if they are asked for.

        A memory of one row (1, S, D) is shared by all queries: projected once, then looked at by each.
        """
        return self.attend(queries_BTD, self.read(memory_BSD), mask_BTS, need_weights=need_weights)

    def read(self, memory_BSD: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values (B, H, S, ·): all that depends on the memory alone. See ``models.recall``."""
        memory_BHSD = self._split(memory_BSD)
        if self.key_value is None and not self.lookup.embeds_keys:
            return memory_BHSD, memory_BHSD
        keys_BHSD, *values = recall(self, memory_BSD, self._project)
        return keys_BHSD, values[0] if values else memory_BHSD

    def attend(
        self, queries_BTD: Tensor, read: tuple[Tensor, Tensor], mask_BTS: Tensor | None, *, need_weights: bool
    ) -> Attended:
        """Look at what was ``read``: the context, and the weights (B, H, T, S) if they are asked for."""
        if self.query is not None:
            queries_BTD = self.query(queries_BTD)
        keys_BHSD, values_BHSD = (part.expand(len(queries_BTD), -1, -1, -1) for part in read)
        context_BHTD, weights_BHTS = self.lookup(
            self._split(queries_BTD),
            keys_BHSD,
            values_BHSD,
            mask_BTS,
            need_weights=need_weights,
            embedded=self.lookup.embeds_keys,
        )
        context_BTD = context_BHTD.transpose(1, 2).flatten(2)
        return Attended(context_BTD if self.output is None else self.output(context_BTD), weights_BHTS)

    def _project(self, memory_BSD: Tensor) -> Read:
        """What has to be computed of a memory: the keys, and the values unless they are the memory itself."""
        parts = (memory_BSD,) if self.key_value is None else self.key_value(memory_BSD).chunk(2, dim=-1)
        keys_BHSD, *values = (self._split(part) for part in parts)
        if self.lookup.embeds_keys and isinstance(self.lookup.score, AdditiveScore):
            keys_BHSD = self.lookup.score.embed(keys_BHSD)
        return keys_BHSD, *values

    def _split(self, states_BTD: Tensor) -> Tensor:
        return states_BTD.view(*states_BTD.shape[:2], self.heads, -1).transpose(1, 2)


class MultiHeadAttention(MaskedAttention):
    """A mechanism that is ``MultiHead`` and nothing else: the score and the projections make it what it is."""

    supports = frozenset({"self", "cross", "causal"})

    def __init__(
        self,
        site: Site,
        *,
        heads: int,
        score: Scoring,
        normalizer: Normalizing,
        dropout: float,
        projections: Projections,
    ) -> None:
        super().__init__()
        self.attention = MultiHead(
            site, heads=heads, score=score, normalizer=normalizer, dropout=dropout, projections=projections
        )

    def attend(
        self, queries_BTD: Tensor, memory_BSD: Tensor, mask_BTS: Tensor | None, *, need_weights: bool
    ) -> Attended:
        """The context (B, T, D), and weights (B, heads, T, S) if asked for."""
        attended: Attended = self.attention(queries_BTD, memory_BSD, mask_BTS, need_weights=need_weights)
        return attended


def _check_heads(heads: int, width: int) -> None:
    if heads < 1 or width % heads:
        divisors = ", ".join(str(number) for number in range(1, width + 1) if width % number == 0)
        raise ValueError(f"heads={heads} does not divide the width {width}; numbers of heads that do: {divisors}")
