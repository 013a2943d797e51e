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

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from models.backbones.base import Decoded, Decoder, Memory
from models.decoding import SearchOptions, search
from models.pointer import Pointer, coverage_loss
from models.projection import linear_cross_entropy
from tasks.base import IGNORED, UNKNOWN, Encoded, Head


class Generated(NamedTuple):
    """A written text: its ``ids`` without begin and end, their ``log_probability``, and attention to the source.

    ``weights`` (T, S) are those with which the *reference* was read, position by position, the end left out; None
    unless alignments are scored.
    """

    ids: list[int]
    log_probability: float
    weights: Tensor | None = None


class GenerationHead(Head):
    """Cross-entropy of the next symbol while learning, beam search afterwards.

    ``copying``: whether symbols of the source may be copied, also those outside the vocabulary.
    ``coverage_weight``: of the loss that punishes attending to the same place again (See et al. 2017, section 2.3);
    ``coverage_from``: the share of the training after which it counts. The paper adds it in a last phase, since from
    the start it keeps attention from settling. Outside training it always counts, so that what is chosen by the
    validation loss is chosen by the loss of the last phase.
    ``label_smoothing``: the share of the target spread over the vocabulary; ``dropout``: of what the decoder reads and
    of what the vocabulary's projection reads. ``table``: the source's vectors, to be shared; None: own tables.
    ``search``, ``length_factor``, ``length_extra``: see ``tasks.kinds.writing.GenerationTask``.
    ``aligns``: whether predictions bring the attention weights of the reference.

    Raises ValueError where a shared table has another width than the decoder.
    """

    def __init__(
        self,
        decoder: Decoder,
        *,
        input_width: int,
        vocabulary_size: int,
        begin: int,
        end: int,
        table: nn.Embedding | None,
        copying: bool,
        coverage_weight: float,
        coverage_from: float,
        label_smoothing: float,
        dropout: float,
        search: SearchOptions,
        length_factor: float,
        length_extra: int,
        aligns: bool,
    ) -> None:
        super().__init__()
        self.decoder = decoder
        self.begin, self.end, self.vocabulary_size = begin, end, vocabulary_size
        self.label_smoothing = label_smoothing
        self.coverage_weight, self.coverage_from = coverage_weight, coverage_from
        self.search_options, self.length_factor, self.length_extra = search, length_factor, length_extra
        self.aligns = aligns and decoder.attends
        self.table = table if table is not None else _own_table(vocabulary_size, input_width)
        self.output = nn.Linear(decoder.width, vocabulary_size)
        nn.init.zeros_(self.output.bias)
        if table is not None:
            if input_width != decoder.width:
                raise ValueError(
                    f"task.tie=true needs vectors as wide as the decoder, got {input_width} and {decoder.width}; make "
                    "embedding and decoder equally wide, or set task.tie=false"
                )
            self.output.weight = table.weight
        self.dropout = nn.Dropout(dropout)
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
        if self.pointer is None:  # a form that only copying could write is unknown
            labels = labels.where(labels < self.vocabulary_size, UNKNOWN)
        smoothing = self.label_smoothing if self.training else 0.0
        if self.pointer is None:
            states_ND = self.dropout(decoded.states_BTD)[known_BT]
            loss = linear_cross_entropy(
                states_ND, self.output.weight, self.output.bias, labels[known_BT], label_smoothing=smoothing
            )
        else:
            loss = self._copying_loss(texts[0], labels, x_BTD, decoded, smoothing)
        if self._covers:
            assert decoded.pointing_BTS is not None
            loss = loss + self.coverage_weight * coverage_loss(decoded.pointing_BTS, known_BT)
        return loss

    def predict(self, texts: Sequence[Encoded]) -> list[Any]:
        """The best text found for each source, as ``Generated``."""
        text = texts[0]
        forms_X, copies_BS = self._extension(text)
        lengths_B = text.mask_BT.sum(dim=1)
        limits_B = (self.length_factor * lengths_B).ceil().long() + self.length_extra
        if self.decoder.longest is not None:
            limits_B = limits_B.clamp(max=self.decoder.longest)
        found = search(
            self._step(len(forms_X), text.states_BTD.device),
            _Writing(self.decoder.begin(Memory(text.states_BTD, text.mask_BT)), copies_BS),
            rows=len(lengths_B),
            limits_B=limits_B,
            begin=self.begin,
            end=self.end,
            options=self.search_options,
            device=text.states_BTD.device,
        )
        extra = forms_X.tolist()
        return [
            Generated(
                [extra[i - self.vocabulary_size] if i >= self.vocabulary_size else i for i in best.tokens], best.score
            )
            for best in found
        ]

    def align(self, texts: Sequence[Encoded], labels: Tensor) -> list[Tensor]:
        """The attention weights (T, S) with which each reference is read, its end left out."""
        decoded = self._read(texts[0], labels, need_weights=True)[1]
        assert decoded.mean_BTS is not None
        written_B, read_B = (labels != IGNORED).sum(dim=1) - 1, texts[0].mask_BT.sum(dim=1)
        return [
            weights_TS[:written, :read].cpu()
            for weights_TS, written, read in zip(decoded.mean_BTS, written_B.tolist(), read_B.tolist(), strict=True)
        ]

    @property
    def _covers(self) -> bool:
        return (
            self.coverage_weight > 0
            and self.decoder.attends
            and (not self.training or self.progress >= self.coverage_from)
        )

    def _read(self, text: Encoded, labels: Tensor, *, need_weights: bool = False) -> tuple[Tensor, Decoded]:
        """The decoder after reading, at each position, the labels before it."""
        begin_B1 = torch.full_like(labels[:, :1], self.begin)
        x_BTD = self.dropout(self._embed(torch.cat([begin_B1, labels[:, :-1]], dim=1)))
        state = self.decoder.begin(Memory(text.states_BTD, text.mask_BT))
        decoded, _ = self.decoder(x_BTD, state, need_weights=need_weights)
        return x_BTD, decoded

    def _embed(self, ids: Tensor) -> Tensor:
        """The vectors of symbols: copied forms are unknown to the table, and padding may be anything."""
        vectors: Tensor = self.table(ids.clamp(min=0).where(ids < self.vocabulary_size, UNKNOWN))
        return vectors

    def _copying_loss(self, text: Encoded, labels: Tensor, x_BTD: Tensor, decoded: Decoded, smoothing: float) -> Tensor:
        """Minus the log of the mixture's probability; smoothing acts on the vocabulary's part alone."""
        assert self.pointer is not None
        assert text.copies_BT is not None
        known_BT = labels != IGNORED
        logits_BTV = self.output(self.dropout(decoded.states_BTD))
        log_probs_BT = self.pointer.target_log_probs(logits_BTV, decoded, x_BTD, text.copies_BT, labels.clamp(min=0))
        loss = -log_probs_BT[known_BT].mean()
        if smoothing:
            spread = -logits_BTV.float().log_softmax(dim=-1).mean(dim=-1)[known_BT].mean()
            loss = (1 - smoothing) * loss + smoothing * spread
        return loss

    def _extension(self, text: Encoded) -> tuple[Tensor, Tensor]:
        """The forms outside the vocabulary that this batch may copy, and its copies numbered V, V + 1, … by them."""
        size = self.vocabulary_size
        if self.pointer is None or text.copies_BT is None:
            return text.mask_BT.new_zeros(0, dtype=torch.long), torch.zeros_like(text.mask_BT, dtype=torch.long)
        copies_BS = text.copies_BT
        forms_X: Tensor = torch.unique(copies_BS[copies_BS >= size])
        return forms_X, torch.where(copies_BS < size, copies_BS, size + torch.searchsorted(forms_X, copies_BS))

    def _step(self, extended: int, device: torch.device) -> Any:
        """One step of the search: the log-probabilities after each row's last symbol."""
        forbidden = torch.tensor([0, UNKNOWN, self.begin], device=device)

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


@dataclass(frozen=True)
class _Writing:
    """Where a search stands: the decoder's state and what each row may copy."""

    decoder: Any
    copies_RS: Tensor

    def select(self, order_R: Tensor) -> _Writing:
        """Some of the rows, in this order."""
        return _Writing(self.decoder.select(order_R), self.copies_RS[order_R])


def _own_table(size: int, width: int) -> nn.Embedding:
    table = nn.Embedding(size, width, padding_idx=0)
    with torch.no_grad():
        table.weight.normal_(std=width**-0.5)
        table.weight[0].zero_()
    return table
