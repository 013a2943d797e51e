from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from models.attention.base import Attended, Attention, Site
from models.backbones.embedding import EmbeddingEncoder
from models.embeddings import TextTensors
from models.positions import NoPosition
from tasks.base import Batch
from tasks.heads.losses import LabelLoss
from tasks.heads.pooled import PooledHead
from tasks.heads.tagging import TaggingHead
from tasks.model import TaskModel, attention_notes, attention_parameters

WIDTH, WORDS = 8, 12


class WordTable(nn.Module):
    """Embeddings that count how often they were asked."""

    def __init__(self):
        super().__init__()
        self.width = WIDTH
        self.table = nn.Embedding(WORDS, WIDTH)
        self.rows = []

    def forward(self, texts: TextTensors):
        self.rows.append(len(texts.words_BT))
        return self.table(texts.words_BT)


class ExternalMean(Attention):
    """The mean of the external memory, or nothing where there is none; keeps what it was given."""

    supports = frozenset({"self", "cross", "external"})

    def __init__(self, site):
        super().__init__()
        self.projection = nn.Linear(site.width, site.width)
        self.given = []
        if not site.external:
            self.note = f"nothing external at this {site.kind} site"

    def forward(self, queries_BTD, memory_BSD, mask=None, *, causal=False, external=None, need_weights=False):
        self.given.append(external)
        if external is None:
            return Attended(self.projection(memory_BSD.mean(1, keepdim=True).expand_as(queries_BTD)))
        weights_BE1 = external.mask_BE[..., None] / external.mask_BE.sum(1)[:, None, None]
        return Attended((weights_BE1 * external.states_BED).sum(1, keepdim=True).expand_as(queries_BTD))


def text(*rows: list[int]) -> TextTensors:
    words_BT = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
    for row, words in enumerate(rows):
        words_BT[row, : len(words)] = torch.tensor(words)
    nothing = torch.zeros(1, dtype=torch.long)
    return TextTensors(words_BT, words_BT > 0, words_BT, nothing[None], nothing, nothing, nothing)


def make_model(*, external: bool, texts: int = 1, tags: int | None = None) -> TaskModel:
    torch.manual_seed(1)
    encoder = EmbeddingEncoder(
        WIDTH,
        attention=ExternalMean,
        position=NoPosition,
        external=external,
        width=WIDTH,
        token_site=True,
        site="projection",
        feedforward_width=0,
        dropout=0.0,
    )
    if tags is None:
        head = PooledHead(
            WIDTH, label_count=3, attention=ExternalMean, texts=texts, hidden=4, dropout=0.0, learning=LabelLoss()
        )
    else:
        head = TaggingHead(WIDTH, labels=["a"] * tags, bio=False, scheme="softmax", learning=LabelLoss(), dropout=0.0)
    return TaskModel(WordTable(), encoder, head, external=external)


def given_at_token_site(model: TaskModel) -> list:
    return model.encoder.top.site.attention.given


SINGLE = Batch(rows_B=torch.arange(2), texts=(text([2, 3, 4], [5]),), labels=torch.tensor([0, 2]))
PAIR = Batch(rows_B=torch.arange(2), texts=(text([2, 3, 4], [5]), text([6], [7, 8])), labels=torch.tensor([0, 2]))


def test_without_external_memory_none_is_given():
    model = make_model(external=False)
    model.predict(replace(SINGLE, external=text([9])))
    assert given_at_token_site(model) == [None]
    assert model.embeddings.rows == [2]


def test_each_text_of_a_pair_looks_at_the_other():
    model = make_model(external=True, texts=2)
    model.predict(PAIR)
    of_first, of_second = given_at_token_site(model)
    assert of_first.mask_BE.equal(PAIR.texts[1].mask_BT)
    assert of_second.mask_BE.equal(PAIR.texts[0].mask_BT)
    for given, other in ((of_first, PAIR.texts[1]), (of_second, PAIR.texts[0])):
        x_BTD = model.embeddings.table(other.words_BT)
        by_hand = model.encoder.top.site.norm(model.encoder.contextualize(x_BTD, other.mask_BT))
        torch.testing.assert_close(given.states_BED, by_hand)


def test_a_memory_that_all_examples_share_is_encoded_once_and_stays_one_row():
    model = make_model(external=True)
    model.predict(replace(SINGLE, external=text([9, 10])))
    (given,) = given_at_token_site(model)
    assert model.embeddings.rows == [2, 1]
    assert given.states_BED.shape == (1, 2, WIDTH)
    assert given.mask_BE.tolist() == [[True, True]]
    assert given.mask_BE.dtype == torch.bool


def test_a_memory_of_its_own_is_given_to_each_example():
    model = make_model(external=True)
    model.predict(replace(SINGLE, external=text([9, 10], [11])))
    (given,) = given_at_token_site(model)
    assert given.mask_BE.tolist() == [[True, True], [True, False]]


def test_an_external_column_comes_before_the_other_text():
    model = make_model(external=True, texts=2)
    model.predict(replace(PAIR, external=text([9])))
    assert [given.mask_BE.shape for given in given_at_token_site(model)] == [(1, 1), (1, 1)]


def test_a_promised_memory_that_does_not_come_is_an_error():
    with pytest.raises(ValueError, match="the batch brings none; give the rows a column 'external'"):
        make_model(external=True).predict(SINGLE)


def test_the_external_memory_is_learnt_through():
    model = make_model(external=True)
    model.loss(replace(SINGLE, external=text([9]))).backward()
    assert model.embeddings.table.weight.grad[9].abs().sum() > 0


def test_a_loss_needs_labels():
    with pytest.raises(ValueError, match="a loss needs labels, got a batch without"):
        make_model(external=False).loss(replace(SINGLE, labels=None))


def test_calling_it_gives_what_the_head_decides_by():
    assert make_model(external=False)(SINGLE).shape == (2, 3)
    assert make_model(external=False, tags=4)(SINGLE).shape == (2, 3, 4)


def test_notes_are_told_once_each():
    assert attention_notes(make_model(external=True)) == ["nothing external at this pooling site"]
    assert len(attention_notes(make_model(external=False))) == 2


def test_parameters_of_mechanisms_are_counted_once():
    model = make_model(external=False)
    one_site = WIDTH * WIDTH + WIDTH
    assert attention_parameters(model) == 2 * one_site
    model.head.attention.inner = ExternalMean(Site(kind="pooling", width=WIDTH))
    assert attention_parameters(model) == 3 * one_site
    model.head.attention.inner.projection = model.encoder.top.site.attention.projection
    assert attention_parameters(model) == 2 * one_site
