"""The head that writes: what a search finds has the probability that the loss gives it, with and without copying."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch

from models.attention.dot import DotAttention
from models.backbones.base import Decoder, Memory
from models.backbones.recurrent import RecurrentDecoder
from models.backbones.transformer import TransformerDecoder
from models.decoding import SearchOptions
from models.positions import Learned, NoPosition
from tasks.base import IGNORED, Encoded, WrittenSymbols
from tasks.heads.generation import (
    Coverage,
    Generated,
    GenerationHead,
    Learning,
    TextSearch,
    _agreed,
    _Several,
    _Writing,
    written_together,
)

WIDTH, INPUT, V, BEGIN, END = 8, 6, 9, 2, 3
# V, V + 2 and V + 5 are forms beyond the vocabulary; 0 stands at padding
COPIES = torch.tensor([[4, V, 5, 4, V + 5], [V + 2, 6, V + 2, 0, 0], [7, 0, 0, 0, 0]])


def decoder(kind: str, position: Any = NoPosition) -> Decoder:
    attention = partial(DotAttention, heads=1, scale=True, normalizer="softmax", dropout=0.0)
    options: dict[str, Any] = {"position": position, "external": False, "width": WIDTH, "layers": 1, "dropout": 0.0}
    if kind == "transformer":
        return TransformerDecoder(INPUT, attention=attention, site="residual", feedforward_width=WIDTH, **options)
    return RecurrentDecoder(INPUT, attention=attention, input_feeding=kind == "feeding", site="projection", **options)


def make_head(kind: str, *, copying: bool, position: Any = NoPosition, aligns: bool = False) -> GenerationHead:
    torch.manual_seed(3)
    options = SearchOptions(beam=3, length_penalty=0.0, no_repeat_ngram=0, min_length=2)
    head = GenerationHead(
        decoder(kind, position),
        symbols=WrittenSymbols(count=V, begin=BEGIN, end=END),
        input_width=INPUT,
        table=None,
        copying=copying,
        learning=Learning(label_smoothing=0.0, dropout=0.0, coverage=Coverage(weight=0.0, start=0.0)),
        text_search=TextSearch(options, length_factor=0.0, length_extra=6),
        aligns=aligns,
    )
    for parameter in head.parameters():  # far from the start, so that what is read matters
        torch.nn.init.normal_(parameter, std=0.7)
    if head.pointer is not None:
        torch.nn.init.constant_(head.pointer.gate.bias, -5.0)  # copies gladly
    return head.eval()


def source() -> Encoded:
    torch.manual_seed(5)
    return Encoded(torch.randn(*COPIES.shape, WIDTH), COPIES > 0, COPIES)


@torch.no_grad()
def log_probability(head: GenerationHead, text: Encoded, row: int, ids: list[int]) -> float:
    """Of one text, as the loss reads it."""
    alone = Encoded(text.states_BTD[[row]], text.mask_BT[[row]], COPIES[[row]])
    return -float(head.loss([alone], torch.tensor([ids]))) * len(ids)


@pytest.mark.parametrize("copying", [False, True])
@pytest.mark.parametrize("kind", ["recurrent", "feeding", "transformer"])
def test_a_text_found_is_as_probable_as_the_loss_says(kind: str, copying: bool):
    head, text = make_head(kind, copying=copying), source()
    found: list[Generated] = head.predict([text])
    written = [[i for i in best.ids if i >= V] for best in found]
    assert any(written) == copying, found
    for row, best in enumerate(found):
        assert set(written[row]) <= set(COPIES[row].tolist())
        ends = [*best.ids, END] if len(best.ids) < 6 else best.ids
        assert best.log_probability == pytest.approx(log_probability(head, text, row, ends), abs=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("copying", [False, True])
def test_several_heads_write_what_the_mean_of_their_distributions_says(copying: bool):
    heads, text = [make_head("recurrent", copying=copying), make_head("transformer", copying=copying)], source()
    alone = heads[0].predict([text])
    twice = written_together([heads[0], heads[0]], [text, text], 1)
    assert [best.ids for (best,) in twice] == [best.ids for best in alone]
    first_steps = []
    for head in heads:
        forms_X, copies_BS = head.extension(text)
        state = _Writing(head.decoder.begin(Memory(text.states_BTD, text.mask_BT)), copies_BS)
        log_probs_BV, _ = head.step(len(forms_X), torch.device("cpu"))(torch.full((3,), BEGIN), state)
        first_steps.append((log_probs_BV.exp(), state))
    together = _agreed([head.step(len(forms_X), torch.device("cpu")) for head in heads])
    mean_BV, _ = together(torch.full((3,), BEGIN), _Several(tuple(state for _, state in first_steps)))
    torch.testing.assert_close(mean_BV.exp(), (first_steps[0][0] + first_steps[1][0]) / 2)


def test_the_best_few_texts_are_ranked():
    head, text = make_head("recurrent", copying=True), source()
    for best, found in zip(head.predict([text]), head.ranked([text], 3), strict=True):
        assert found[0][0].ids == best.ids
        assert len(found) == 3
        assert len({tuple(one.ids) for one, _ in found}) == 3
        assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)


@pytest.mark.parametrize("kind", ["recurrent", "feeding", "transformer"])
def test_no_text_is_longer_than_the_decoder_has_positions_for(kind: str):
    head = make_head(kind, copying=True, position=partial(Learned, max_length=3))
    torch.nn.init.constant_(head.output.bias[END : END + 1].detach(), -100.0)  # it would go on
    assert {len(found.ids) for found in head.predict([source()])} == {3}


def test_a_text_that_was_written_is_read_again_with_the_weights_of_its_steps():
    head, text = make_head("recurrent", copying=True, aligns=True), source()
    found = head.predict([text])
    assert [generated.weights for generated in found] == [None] * 3  # no reference is known
    ids = [torch.tensor([*generated.ids, END]) for generated in found]
    labels = torch.nn.utils.rnn.pad_sequence(ids, batch_first=True, padding_value=IGNORED)
    beside = head.predict([text], labels)
    assert [generated.ids for generated in beside] == [generated.ids for generated in found]
    again = head.align([text], [*found[:2], Generated([], 0.0)])
    for generated, weights_TS in zip(beside[:2], again, strict=False):
        torch.testing.assert_close(weights_TS, generated.weights)
    assert again[2] is None


def test_the_coverage_loss_counts_late_in_training_and_always_outside():
    head, text, labels = make_head("recurrent", copying=False), source(), torch.tensor([[4, 5, END]] * 3)
    plain = head.loss([text], labels)
    head.learning = Learning(label_smoothing=0.0, dropout=0.0, coverage=Coverage(weight=1.0, start=0.5))
    assert head.loss([text], labels) > plain
    head.train()
    assert head.loss([text], labels) == plain
    head.progress = 0.5
    assert head.loss([text], labels) > plain


def test_a_share_of_the_training_is_no_larger_than_one():
    with pytest.raises(ValueError, match=r"task\.coverage_from is a share of the training, from 0 to 1, got 2"):
        Coverage(weight=1.0, start=2)
