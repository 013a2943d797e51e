"""A text for a text: a decoder that attends to the encoder's states, copies where it may, and is searched by beam.

    x_t = dropout(E y_{t-1}),  y_0 = begin
    s_t, c_t, a_t = decoder(x_1..x_t, encoder states)
    P(y_t) = softmax(W s_t + b), or with copying p P_vocabulary + (1 - p) Σ_{i: source_i = y_t} a_ti   (models.pointer)

Sutskever et al. 2014 (https://arxiv.org/abs/1409.3215), Bahdanau et al. 2015 (https://arxiv.org/abs/1409.0473), See et
al. 2017 (https://arxiv.org/abs/1704.04368). W and E may be one table, which may be the source's too (Press and Wolf
2017, https://arxiv.org/abs/1608.05859).

B texts, T target positions, S source positions, V symbols of the vocabulary, X copied forms beyond it, D width
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, cast

import torch
from torch import Tensor, nn

from models.backbones.base import Decoded, Decoder, Memory
from models.decoding import SearchOptions, search
from models.pointer import Pointer, coverage_loss
from models.projection import linear_cross_entropy
from tasks.base import IGNORED, PADDING, UNKNOWN, Encoded, Head, Voter, WrittenSymbols


class Generated(NamedTuple):
    """A written text: its ``ids`` without begin and end, their ``log_probability``, and attention to the source.

    ``weights`` (T, S) are those with which the *reference* was read, position by position, the end left out; None
    unless alignments are scored.
    """

    ids: list[int]
    log_probability: float
    weights: Tensor | None = None


@dataclass(frozen=True)
class Coverage:
    """The loss that punishes attending to the same place again (See et al. 2017, section 2.3).

    ``weight``: of this loss; ``start``: the share of the training after which it counts. The paper adds it in a last
    phase, since from the start it keeps attention from settling. Outside training it always counts, so that what is
    chosen by the validation loss is chosen by the loss of the last phase.

    Raises ValueError for a ``start`` that is no share.
    """

    weight: float
    start: float

    def __post_init__(self) -> None:
        if not 0 <= self.start <= 1:
            raise ValueError(f"task.coverage_from is a share of the training, from 0 to 1, got {self.start}")


@dataclass(frozen=True)
class Learning:
    """How a head that writes learns.

    ``label_smoothing``: the share of the target spread over the vocabulary; ``dropout``: of what the decoder reads and
    of what the vocabulary's projection reads.
    """

    label_smoothing: float
    dropout: float
    coverage: Coverage


@dataclass(frozen=True)
class TextSearch:
    """How texts are written: searched for by ``options``, and how long they may become.

    A text has at most ``length_factor`` times the source's symbols and ``length_extra`` more.
    """

    options: SearchOptions
    length_factor: float
    length_extra: int

    def limits(self, lengths_B: Tensor, longest: int | None) -> Tensor:
        """The most symbols of each text (B,); ``longest`` is what the decoder can read, or None."""
        limits_B = (self.length_factor * lengths_B).ceil().long() + self.length_extra
        return limits_B if longest is None else limits_B.clamp(max=longest)


class GenerationHead(Head):
    """Cross-entropy of the next symbol while learning, beam search afterwards.

    ``symbols``: what can be written. ``input_width``: of the vectors that ``decoder`` reads.
    ``table``: the source's vectors, to be shared; None: own tables.
    ``copying``: whether symbols of the source may be copied, also those outside the vocabulary.
    ``aligns``: whether predictions bring the attention weights of the reference.

    Raises ValueError where a shared table has another width than the decoder.
    """

    stepwise: ClassVar[bool] = True

    def __init__(
        self,
        decoder: Decoder,
        *,
        symbols: WrittenSymbols,
        input_width: int,
        table: nn.Embedding | None,
        copying: bool,
        learning: Learning,
        text_search: TextSearch,
        aligns: bool,
    ) -> None:
        super().__init__()
        self.decoder = decoder
        self.symbols, self.learning, self.text_search = symbols, learning, text_search
        self.aligns = aligns and decoder.attends
        self.table = table if table is not None else _own_table(symbols.count, input_width)
        self.output = nn.Linear(decoder.width, symbols.count)
        nn.init.zeros_(self.output.bias)
        if table is not None:
            if table.embedding_dim != decoder.width:
                raise ValueError(
                    f"task.tie=true needs vectors of words as wide as the decoder, got {table.embedding_dim} and "
                    f"{decoder.width}; set embedding.parts.words.width={decoder.width}, or task.tie=false"
                )
            self.output.weight = table.weight
        self.dropout = nn.Dropout(learning.dropout)
        self.pointer = Pointer(input_width=input_width, width=decoder.width) if copying and decoder.attends else None
        if copying and not decoder.attends:
            self.note = "none: nothing points at the source, so nothing is copied"

    def forward(self, texts: Sequence[Encoded], labels: Tensor | None = None) -> Tensor:
        """The logits of the vocabulary, (B, T, V), where each position has read the ``labels`` before it."""
        if labels is None:
            raise ValueError("a head that writes needs the labels that it reads; search with predict instead")
        logits_BTV: Tensor = self.output(self._read(texts[0], labels)[1].states_BTD)
        return logits_BTV

    def loss(self, texts: Sequence[Encoded], labels: Tensor) -> Tensor:
        """The mean cross-entropy of a target symbol in nats, smoothed only in training, and the coverage loss."""
        x_BTD, decoded = self._read(texts[0], labels, need_weights=self.pointer is not None or self._covers)
        known_BT = labels != IGNORED
        smoothing = self.learning.label_smoothing if self.training else 0.0
        if self.pointer is None:
            # A form that only copying could write is unknown.
            labels_N = labels.where(labels < self.symbols.count, UNKNOWN).flatten()
            states_ND = self.dropout(decoded.states_BTD).flatten(0, 1)
            loss = linear_cross_entropy(
                states_ND, self.output.weight, self.output.bias, labels_N, label_smoothing=smoothing
            )
        else:
            loss = self._copying_loss(texts[0], labels, x_BTD, decoded, smoothing)
        if self._covers:
            assert decoded.pointing_BTS is not None
            loss = loss + self.learning.coverage.weight * coverage_loss(decoded.pointing_BTS, known_BT)
        return loss

    def predict(self, texts: Sequence[Encoded], labels: Tensor | None = None) -> list[Any]:
        """The best text found for each source, as ``Generated``; if it ``aligns``, with the weights of the labels."""
        found = [best for (best,) in written_together([self], [texts[0]], 1)]
        if not self.aligns or labels is None:
            return found
        aligned = zip(found, self._attention(texts[0], labels), strict=True)
        return [generated._replace(weights=weights_TS) for generated, weights_TS in aligned]

    def vote(self, texts: Sequence[Encoded], others: Sequence[Voter]) -> list[Any]:
        """The best texts by the mean of the distributions of each next symbol."""
        return [best[0] for best in written_together([self, *_heads(others)], [texts[0], *_firsts(others)], 1)]

    def ranked(
        self, texts: Sequence[Encoded], count: int, others: Sequence[Voter] = ()
    ) -> list[list[tuple[Any, float]]]:
        """The best texts that the beam finds, by the search's own order. Raises ValueError for a beam below that."""
        found = written_together([self, *_heads(others)], [texts[0], *_firsts(others)], count)
        return [[(generated, generated.log_probability) for generated in best] for best in found]

    def align(self, texts: Sequence[Encoded], predictions: Sequence[Any]) -> list[Tensor | None]:
        """The attention weights (T, S) with which each text that was written is read again.

        None for an empty text, and without attention.
        """
        if not self.decoder.attends:
            return [None] * len(predictions)
        ids = [torch.tensor([*generated.ids, self.symbols.end]) for generated in predictions]
        labels = nn.utils.rnn.pad_sequence(ids, batch_first=True, padding_value=IGNORED)
        weights = self._attention(texts[0], labels.to(texts[0].mask_BT.device))
        return [weights_TS if len(weights_TS) else None for weights_TS in weights]

    def _attention(self, text: Encoded, labels: Tensor) -> list[Tensor]:
        """The weights (T, S) with which each of the labels is read, the mean over heads; its end left out."""
        decoded = self._read(text, labels, need_weights=True)[1]
        assert decoded.mean_BTS is not None
        written_B, read_B = (labels != IGNORED).sum(dim=1) - 1, text.mask_BT.sum(dim=1)
        return [
            weights_TS[:written, :read].cpu()
            for weights_TS, written, read in zip(decoded.mean_BTS, written_B.tolist(), read_B.tolist(), strict=True)
        ]

    @property
    def _covers(self) -> bool:
        coverage = self.learning.coverage
        return coverage.weight > 0 and self.decoder.attends and (not self.training or self.progress >= coverage.start)

    def _read(self, text: Encoded, labels: Tensor, *, need_weights: bool = False) -> tuple[Tensor, Decoded]:
        """The decoder after reading, at each position, the labels before it."""
        begin_B1 = torch.full_like(labels[:, :1], self.symbols.begin)
        x_BTD = self.dropout(self._embed(torch.cat([begin_B1, labels[:, :-1]], dim=1)))
        state = self.decoder.begin(Memory(text.states_BTD, text.mask_BT))
        decoded, _ = self.decoder(x_BTD, state, need_weights=need_weights)
        return x_BTD, decoded

    def _embed(self, ids: Tensor) -> Tensor:
        """The vectors of symbols: copied forms are unknown to the table, and padding may be anything."""
        vectors: Tensor = self.table(ids.clamp(min=0).where(ids < self.symbols.count, UNKNOWN))
        return vectors

    def _copying_loss(self, text: Encoded, labels: Tensor, x_BTD: Tensor, decoded: Decoded, smoothing: float) -> Tensor:
        """Minus the log of the mixture's probability; smoothing acts on the vocabulary's part alone."""
        assert self.pointer is not None
        assert text.copies_BT is not None
        known_BT = labels != IGNORED
        logits_BTV = self.output(self.dropout(decoded.states_BTD))
        log_probs_BT = self.pointer.target_log_probs(logits_BTV, decoded, x_BTD, text.copies_BT, labels.clamp(min=0))
        if smoothing:
            spread_BT = logits_BTV.float().log_softmax(dim=-1).mean(dim=-1)
            log_probs_BT = (1 - smoothing) * log_probs_BT + smoothing * spread_BT
        # Not by an index: the host would have to wait to know how many there are.
        return -log_probs_BT.masked_fill(~known_BT, 0.0).sum() / known_BT.sum()

    def extension(self, text: Encoded) -> tuple[Tensor, Tensor]:
        """The forms outside the vocabulary that this batch may copy, and its copies numbered V, V + 1, … by them."""
        size = self.symbols.count
        if self.pointer is None or text.copies_BT is None:
            return text.mask_BT.new_zeros(0, dtype=torch.long), torch.zeros_like(text.mask_BT, dtype=torch.long)
        copies_BS = text.copies_BT
        forms_X: Tensor = torch.unique(copies_BS[copies_BS >= size])
        return forms_X, torch.where(copies_BS < size, copies_BS, size + torch.searchsorted(forms_X, copies_BS))

    def step(self, extended: int, device: torch.device) -> Any:
        """One step of the search: the log-probabilities after each row's last symbol."""
        forbidden = torch.tensor([PADDING, UNKNOWN, self.symbols.begin], device=device)

        def step(tokens_R: Tensor, state: _Writing) -> tuple[Tensor, _Writing]:
            x_R1D = self._embed(tokens_R[:, None])
            decoded, after = self.decoder(x_R1D, state.decoder, need_weights=self.pointer is not None)
            logits_R1V = self.output(decoded.states_BTD)
            if self.pointer is None:
                log_probs_R1V = logits_R1V.float().log_softmax(dim=-1)
            else:
                log_probs_R1V = self.pointer.log_probs(logits_R1V, decoded, x_R1D, state.copies_RS, extended)
            log_probs_RV = log_probs_R1V[:, 0].index_fill_(1, forbidden, float("-inf"))
            return log_probs_RV, _Writing(after, state.copies_RS)

        return step


def written_together(heads: Sequence[GenerationHead], texts: Sequence[Encoded], count: int) -> list[list[Generated]]:
    """The best ``count`` texts for each source, written by one head, or by several that agree on each next symbol.

    Of several it is the mean of their distributions: they must have the same symbols, and read the same sources, of
    which ``texts`` has the states of each. Raises ValueError for a beam below ``count``.
    """
    first, text = heads[0], texts[0]
    forms_X, copies_BS = first.extension(text)
    lengths_B, device = text.mask_BT.sum(dim=1), text.states_BTD.device
    memories = [Memory(read.states_BTD, read.mask_BT) for read in texts]
    states = [_Writing(head.decoder.begin(memory), copies_BS) for head, memory in zip(heads, memories, strict=True)]
    reach = [head.decoder.longest for head in heads if head.decoder.longest is not None]
    found = search(
        _agreed([head.step(len(forms_X), device) for head in heads]),
        _Several(tuple(states)),
        rows=len(lengths_B),
        limits_B=first.text_search.limits(lengths_B, min(reach, default=None)),
        begin=first.symbols.begin,
        end=first.symbols.end,
        options=first.text_search.options,
        device=device,
        count=count,
    )
    extra, size = forms_X.tolist(), first.symbols.count
    return [
        [Generated([extra[i - size] if i >= size else i for i in one.tokens], one.score) for one in best]
        for best in found
    ]


def _heads(voters: Sequence[Voter]) -> list[GenerationHead]:
    return [cast(GenerationHead, head) for head, _ in voters]


def _firsts(voters: Sequence[Voter]) -> list[Encoded]:
    return [texts[0] for _, texts in voters]


def _agreed(steps: Sequence[Any]) -> Any:
    """The step of several: the log of the mean of their probabilities."""

    def step(tokens_R: Tensor, state: _Several) -> tuple[Tensor, _Several]:
        taken = [one(tokens_R, part) for one, part in zip(steps, state.parts, strict=True)]
        after = _Several(tuple(part for _, part in taken))
        if len(taken) == 1:
            return taken[0][0], after
        log_probs_RV = torch.stack([log_probs_RV for log_probs_RV, _ in taken]).logsumexp(dim=0)
        return log_probs_RV - math.log(len(taken)), after

    return step


@dataclass(frozen=True)
class _Several:
    """Where the parts of a search stand, one a head."""

    parts: tuple[_Writing, ...]

    def select(self, order_R: Tensor) -> _Several:
        """Some of the rows of each, in this order."""
        return _Several(tuple(part.select(order_R) for part in self.parts))


@dataclass(frozen=True)
class _Writing:
    """Where a search stands: the decoder's state and what each row may copy."""

    decoder: Any
    copies_RS: Tensor

    def select(self, order_R: Tensor) -> _Writing:
        """Some of the rows, in this order."""
        return _Writing(self.decoder.select(order_R), self.copies_RS[order_R])


def _own_table(size: int, width: int) -> nn.Embedding:
    table = nn.Embedding(size, width, padding_idx=PADDING)
    with torch.no_grad():
        table.weight.normal_(std=width**-0.5)
        table.weight[PADDING].zero_()
    return table
