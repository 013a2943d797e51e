"""The head that writes: what a search finds has the probability that the loss gives it, with and without copying."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch

from models.attention.dot import DotAttention
from models.backbones.base import Decoder
from models.backbones.recurrent import RecurrentDecoder
from models.backbones.transformer import TransformerDecoder
from models.decoding import SearchOptions
from models.positions import Learned, NoPosition
from tasks.base import Encoded
from tasks.heads.generation import Generated, GenerationHead

WIDTH, INPUT, V, BEGIN, END = 8, 6, 9, 2, 3
# V, V + 2 and V + 5 are forms beyond the vocabulary; 0 stands at padding
COPIES = torch.tensor([[4, V, 5, 4, V + 5], [V + 2, 6, V + 2, 0, 0], [7, 0, 0, 0, 0]])


def decoder(kind: str, position: Any = NoPosition) -> Decoder:
    attention = partial(DotAttention, heads=1, scale=True, normalizer="softmax", dropout=0.0)
    options: dict[str, Any] = {"position": position, "external": False, "width": WIDTH, "layers": 1, "dropout": 0.0}
    if kind == "transformer":
        return TransformerDecoder(INPUT, attention=attention, site="residual", feedforward_width=WIDTH, **options)
    return RecurrentDecoder(INPUT, attention=attention, input_feeding=kind == "feeding", site="projection", **options)


def make_head(kind: str, *, copying: bool, position: Any = NoPosition) -> GenerationHead:
    torch.manual_seed(3)
    head = GenerationHead(
        decoder(kind, position),
        input_width=INPUT,
        vocabulary_size=V,
        begin=BEGIN,
        end=END,
        table=None,
        copying=copying,
        coverage_weight=0.0,
        coverage_from=0.0,
        label_smoothing=0.0,
        dropout=0.0,
        search=SearchOptions(beam=3, length_penalty=0.0, no_repeat_ngram=0, min_length=2),
        length_factor=0.0,
        length_extra=6,
        aligns=False,
    )
    for parameter in head.parameters():  # far from the start, so that what is read matters
        torch.nn.init.normal_(parameter, std=0.7)
    if head.pointer is not None:
        torch.nn.init.constant_(head.pointer.gate.bias, -2.0)  # copies gladly
    return head.eval()


def source() -> Encoded:
    torch.manual_seed(4)
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


@pytest.mark.parametrize("kind", ["recurrent", "feeding", "transformer"])
def test_no_text_is_longer_than_the_decoder_has_positions_for(kind: str):
    head = make_head(kind, copying=True, position=partial(Learned, max_length=3))
    torch.nn.init.constant_(head.output.bias[END : END + 1].detach(), -100.0)  # it would go on
    assert {len(found.ids) for found in head.predict([source()])} == {3}
