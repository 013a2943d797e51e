"""A label for a text, or for a pair of texts: pool the states by attention, then a small perceptron.

    u = attention(q, norm(states))   q one learned query, attention the mechanism that is compared
    r = u, or for a pair [u; v; |u - v|; u * v]          (Mou et al. 2016, https://arxiv.org/abs/1512.08422)
    logits = W_2 dropout(tanh(W_1 dropout(r) + b_1)) + b_2, or without hidden units W dropout(r) + b

The text's vector is what the mechanism returns and nothing else, so that two runs that differ in the mechanism
differ in nothing else. The query is a state like any other to it, and starts as normalised states are: entries of mean
zero and variance one. Without attention (``model=none``) u is the mean of the normalised states.
Departure from Mou et al.: |u - v| instead of u - v, as in Conneau et al. 2017, https://arxiv.org/abs/1705.02364.

B texts, T positions, D width of the states, R width of what the perceptron reads, L labels
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from models.attention.base import Site
from models.backbones.base import AttentionFactory
from models.masks import masked_mean
from tasks.base import Encoded, Head, Voter
from tasks.heads.losses import LabelLoss


class PooledHead(Head):
    """``learning``, a loss, over ``label_count`` labels of ``texts`` texts (1 or 2, which share the pooling).

    ``attention`` makes the mechanism of the pooling site (None: there is none). ``hidden``: units of the perceptron, 0
    for a linear layer alone; ``dropout``: of what it reads and of its hidden units.
    """

    def __init__(
        self,
        width: int,
        *,
        label_count: int,
        attention: AttentionFactory | None,
        texts: int,
        hidden: int,
        dropout: float,
        learning: LabelLoss,
    ) -> None:
        super().__init__()
        if texts not in (1, 2):
            raise ValueError(f"expected 1 or 2 texts to pool, got {texts}")
        self.texts = texts
        self.learning = learning
        read = width if texts == 1 else 4 * width
        between = [nn.Linear(read, hidden), nn.Tanh(), nn.Dropout(dropout)] if hidden else []
        self.perceptron = nn.Sequential(nn.Dropout(dropout), *between, nn.Linear(hidden or read, label_count))
        self.norm = nn.LayerNorm(width)
        if attention is None:
            self.query_D, self.attention = None, None
            self.note = "none: the mean of the states is the text's vector"
        else:  # drawn last, so that all else starts from the same weights with and without
            self.query_D = nn.Parameter(torch.empty(width).normal_())
            self.attention = attention(Site(kind="pooling", width=width))

    def forward(self, texts: Sequence[Encoded], labels: Tensor | None = None) -> Tensor:
        """The logits (B, L). Raises ValueError for another number of texts than the head was made for."""
        if len(texts) != self.texts:
            raise ValueError(f"this head reads {self.texts} text(s) an example, got {len(texts)}")
        logits_BL: Tensor = self.perceptron(self.read(texts))
        return logits_BL

    def loss(self, texts: Sequence[Encoded], labels: Tensor) -> Tensor:
        """The mean over texts, in nats; ``labels`` (B,) class indices."""
        return self.learning.of_one(self(texts), labels)

    def predict(self, texts: Sequence[Encoded], labels: Tensor | None = None) -> list[int]:
        """The index of the most probable label of each text."""
        indices: list[int] = self(texts).argmax(dim=-1).tolist()
        return indices

    def probabilities(self, texts: Sequence[Encoded]) -> Tensor:
        """The softmax of the logits (B, L)."""
        logits_BL: Tensor = self(texts)
        return logits_BL.float().softmax(dim=-1)

    def choose(self, probabilities: Tensor, mask_BT: Tensor) -> list[Any]:
        """The index of the most probable label of each text."""
        indices: list[int] = probabilities.argmax(dim=-1).tolist()
        return indices

    def ranked(
        self, texts: Sequence[Encoded], count: int, others: Sequence[Voter] = ()
    ) -> list[list[tuple[Any, float]]]:
        """The most probable labels."""
        log_probs_BL = self.mean_probabilities(texts, others).log()
        found = log_probs_BL.topk(min(count, log_probs_BL.shape[1]), dim=-1)
        pairs = zip(found.indices.tolist(), found.values.tolist(), strict=True)
        return [list(zip(labels, values, strict=True)) for labels, values in pairs]

    def confidences(self, texts: Sequence[Encoded], predictions: Sequence[Any]) -> list[Any]:
        """The probability of each predicted label."""
        probabilities_BL = self.probabilities(texts)
        chosen_B1 = torch.tensor(predictions, device=probabilities_BL.device)[:, None]
        confidences: list[float] = probabilities_BL.gather(1, chosen_B1)[:, 0].tolist()
        return confidences

    def read(self, texts: Sequence[Encoded]) -> Tensor:
        """What the perceptron reads, (B, R): u, or [u; v; |u - v|; u * v]."""
        pooled = [self.pool(text) for text in texts]
        if self.texts == 1:
            return pooled[0]
        u_BD, v_BD = pooled
        return torch.cat([u_BD, v_BD, (u_BD - v_BD).abs(), u_BD * v_BD], dim=-1)

    def pool(self, text: Encoded) -> Tensor:
        """The text's vector, (B, D)."""
        states_BTD = self.norm(text.states_BTD)
        if self.attention is None or self.query_D is None:
            return masked_mean(states_BTD, text.mask_BT)
        query_B1D = self.query_D.expand(len(states_BTD), 1, -1)
        pooled_BD: Tensor = self.attention(query_B1D, states_BTD, text.mask_BT).context_BTD[:, 0]
        return pooled_BD
