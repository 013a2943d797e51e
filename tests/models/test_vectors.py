"""Pretrained vectors in a network."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from models.embeddings import IdCounts, TextTensors
from models.vectors import PretrainedVectors

SIZES = IdCounts(9, 7, 0, vectors=2, vector_width=3)
VECTORS = torch.tensor([[1.0, 2, 3], [4, 5, 6], [7, 8, 9], [0, 0, 0]])
"""Of four forms: a word of train, one that train lacks, another of train, one without a vector."""


def texts() -> TextTensors:
    nothing = torch.zeros(4, 0, dtype=torch.long)
    words_BT = torch.tensor([[2, 5, 1], [8, 0, 0]])
    forms_BT = torch.tensor([[0, 1, 3], [2, 0, 0]])
    ids_U = torch.tensor([1, 3, 2, 0])
    return TextTensors(words_BT, words_BT > 0, forms_BT, nothing, nothing, nothing, nothing, VECTORS, ids_U)


def part(*, train: bool, word_dropout: float = 0.0) -> PretrainedVectors:
    made = PretrainedVectors(SIZES, train=train, word_dropout=word_dropout)
    made.start_from(torch.tensor([[0.0, 0, 0], [1, 2, 3], [7, 8, 9]]))
    with torch.no_grad():
        made.unknown_D.fill_(0.5)
    return made


@pytest.mark.parametrize("train", [False, True])
def test_each_token_has_its_vector_and_words_without_one_share_one(train: bool):
    x_BTD = part(train=train)(texts())
    torch.testing.assert_close(x_BTD[0], torch.stack([VECTORS[0], VECTORS[1], torch.full((3,), 0.5)]))
    torch.testing.assert_close(x_BTD[1, 0], VECTORS[2])


def test_frozen_vectors_are_no_parameters():
    frozen = part(train=False)
    assert [name for name, _ in frozen.named_parameters()] == ["unknown_D"]
    assert set(frozen.state_dict()) == {"unknown_D"}


def test_what_is_learnt_on_are_vectors_of_words_that_train_shows():
    learnt = part(train=True)
    learnt(texts()).sum().backward()
    assert learnt.table is not None
    assert learnt.table.weight.shape == (3, 3)
    assert learnt.table.weight.grad.abs().sum(dim=1).tolist() == [0, 9, 3]  # form 0 also stands at padding
    with torch.no_grad():
        learnt.table.weight[1:] += 1
    x_BTD = learnt(texts())
    torch.testing.assert_close(x_BTD[0, 0], VECTORS[0] + 1)
    torch.testing.assert_close(x_BTD[0, 1], VECTORS[1])


def test_dropped_words_are_read_as_words_without_a_vector():
    torch.manual_seed(0)
    made = part(train=False, word_dropout=0.5)
    found = [tuple(made(texts())[0, 0].tolist()) for _ in range(50)]
    assert set(found) == {(1.0, 2.0, 3.0), (0.5, 0.5, 0.5)}
    assert made.eval()(texts())[0, 0].tolist() == [1, 2, 3]


def test_drawing_of_other_parts_does_not_depend_on_the_words():
    drawn = []
    for sizes in (SIZES, SIZES._replace(vectors=50)):
        torch.manual_seed(3)
        PretrainedVectors(sizes, train=True, word_dropout=0.0)
        drawn.append(torch.rand(()))
    assert drawn[0] == drawn[1]


def test_without_a_file_and_without_vectors_it_is_refused():
    with pytest.raises(ValueError, match=r"name it with embedding\.path"):
        PretrainedVectors(IdCounts(9, 7, 0), train=False, word_dropout=0.0)
    with pytest.raises(ValueError, match="encoded without pretrained vectors"):
        part(train=False)(replace(texts(), vectors_UD=None))
