"""A tag for every token, by one linear layer over the states and, on top of it, one of three schemes.

``softmax``: each token's tag for itself.
``constrained``: trained as softmax; the most probable *valid* BIO sequence is predicted (Viterbi over the tokens'
log-probabilities with forbidden transitions). Measured equal to a CRF by others, at less cost.
``crf``: a linear-chain CRF (Lample et al. 2016, https://arxiv.org/abs/1603.01360) whose transitions have probability
zero where they would make invalid BIO, in training as in prediction.

Every loss is a mean over the *tokens* of the batch: the CRF's is the sum of the sequences' negative log-likelihoods
over the number of tokens. So both are nats a token, and learning rate and gradient clipping mean the same to all.
The likelihood of a whole sequence has no place for the weights, the focus and the smoothing of ``tasks.heads.losses``,
which the two other schemes take.

B texts, T positions, D width of the states, K tags
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from models.crf import LinearChainCRF
from tasks.base import Encoded, Head, Voter
from tasks.heads.losses import LabelLoss
from tasks.labels.bio import Legal, legal

Scheme = Literal["crf", "softmax", "constrained"]
SCHEMES = ("crf", "softmax", "constrained")


class TaggingHead(Head):
    """Tags ``labels`` for every real token. ``bio``: whether they are BIO tags, so that some sequences are invalid.

    ``learning``: the loss of a tag, plain cross-entropy for ``crf``. ``dropout`` is that of the states.
    Raises ValueError for an unknown scheme, and for ``constrained`` without BIO.
    """

    def __init__(
        self, width: int, *, labels: Sequence[str], bio: bool, scheme: Scheme, learning: LabelLoss, dropout: float
    ) -> None:
        super().__init__()
        if scheme not in SCHEMES:
            raise ValueError(f"expected task.scheme to be one of {', '.join(SCHEMES)}, got {scheme!r}")
        if scheme == "constrained" and not bio:
            raise ValueError("task.scheme=constrained needs BIO tags; these tags may follow each other freely: softmax")
        assert scheme != "crf" or learning.plain
        self.scheme = scheme
        self.learning = learning
        self._rules = legal(labels) if bio and scheme != "softmax" else None
        self.dropout = nn.Dropout(dropout)
        self.emissions = nn.Linear(width, len(labels))
        self.crf = None if scheme == "softmax" else _chain(len(labels), self._rules)
        if self.crf is not None:
            # The rules of BIO are computed on the CPU whatever device the model is made on.
            self.crf.to(self.emissions.weight.device)
        if scheme == "constrained":
            assert self.crf is not None
            _uniform(self.crf)

    def forward(self, texts: Sequence[Encoded], labels: Tensor | None = None) -> Tensor:
        """The emissions (B, T, K): a score of each tag at each position, padding included."""
        (text,) = texts
        emissions_BTK: Tensor = self.emissions(self.dropout(text.states_BTD))
        return emissions_BTK

    def loss(self, texts: Sequence[Encoded], labels: Tensor) -> Tensor:
        """The mean loss a token, in nats; ``labels`` (B, T) tag indices, ``IGNORED`` at padding."""
        emissions_BTK, mask_BT = self(texts), texts[0].mask_BT
        if self.crf is not None and self.scheme == "crf":
            return self.crf.negative_log_likelihood(emissions_BTK, labels, mask_BT, reduction="tokens")
        return self.learning.of_one(emissions_BTK.flatten(0, 1), labels.flatten())

    def predict(self, texts: Sequence[Encoded], labels: Tensor | None = None) -> list[list[int]]:
        """The tag indices of the real tokens of each text."""
        emissions_BTK, mask_BT = self(texts), texts[0].mask_BT
        if self.crf is None:
            lengths = mask_BT.sum(dim=1).tolist()
            tags = emissions_BTK.argmax(dim=-1).tolist()
            return [row[:length] for row, length in zip(tags, lengths, strict=True)]
        # For `constrained` too: a token's log-probabilities are its emissions less a constant.
        return self.crf.decode(emissions_BTK, mask_BT)

    def probabilities(self, texts: Sequence[Encoded]) -> Tensor:
        """``p(tag of token t = k)`` (B, T, K), zero at padding: of the sequences that the scheme holds possible.

        ``softmax``: each token's own. ``crf`` and ``constrained``: summed over all valid sequences, of which the most
        probable one is predicted, so that a predicted tag need not be the most probable of its token.
        """
        emissions_BTK: Tensor = self(texts)
        mask_BT = texts[0].mask_BT
        if self.crf is None:
            return emissions_BTK.float().softmax(dim=-1).masked_fill(~mask_BT[..., None], 0.0)
        return self.crf.marginals(emissions_BTK, mask_BT)

    def choose(self, probabilities: Tensor, mask_BT: Tensor) -> list[list[int]]:
        """The sequence of which the product of the tags' probabilities is largest, of those that the scheme allows."""
        return self._rule_chain().to(mask_BT.device).decode(probabilities.clamp(min=1e-30).log(), mask_BT)

    def ranked(
        self, texts: Sequence[Encoded], count: int, others: Sequence[Voter] = ()
    ) -> list[list[tuple[Any, float]]]:
        """The most probable sequences of tags. Raises ValueError where several heads vote, token by token."""
        if others:
            raise ValueError("several runs vote tag by tag and rank no sequences; ask for probabilities, or one run")
        emissions_BTK: Tensor = self(texts)
        chain = self.crf if self.crf is not None else self._rule_chain().to(emissions_BTK.device)
        return [list(found) for found in chain.decode_several(emissions_BTK.float(), texts[0].mask_BT, count)]

    def _rule_chain(self) -> LinearChainCRF:
        """A chain that only forbids what the scheme does."""
        return _uniform(_chain(self.emissions.out_features, self._rules))

    def confidences(self, texts: Sequence[Encoded], predictions: Sequence[Any]) -> list[Any]:
        """The probability of each predicted tag; that of a sequence as a whole is another."""
        rows = self.probabilities(texts).cpu()
        return [row_TK[range(len(tags)), tags].tolist() for row_TK, tags in zip(rows, predictions, strict=True)]


def _chain(tags: int, rules: Legal | None) -> LinearChainCRF:
    if rules is None:
        return LinearChainCRF(tags)
    return LinearChainCRF(tags, forbidden_transitions=~rules.transitions_KK, forbidden_start=~rules.start_K)


def _uniform(chain: LinearChainCRF) -> LinearChainCRF:
    """Let a chain only forbid: all other transitions cost nothing, and none is learnt."""
    for parameter in chain.parameters():
        torch.nn.init.zeros_(parameter)
        parameter.requires_grad_(False)
    return chain
