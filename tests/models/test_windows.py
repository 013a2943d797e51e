"""Windows of long texts."""

from __future__ import annotations

import torch

from models.attention.base import External
from models.embeddings import TextTensors
from models.windows import Windows


def texts(length: int) -> TextTensors:
    words_BT = torch.arange(2, 2 + 2 * length).reshape(2, length)
    mask_BT = torch.ones(2, length, dtype=torch.bool)
    mask_BT[1, -2:] = False
    nothing = torch.zeros(0, dtype=torch.int64)
    return TextTensors(words_BT, mask_BT, words_BT, nothing, nothing, nothing, nothing)


def test_what_is_cut_and_joined_is_what_it_was():
    for length in (4, 5, 6, 7, 8):
        windows, whole = Windows(3, length), texts(length)
        parts = windows.cut(whole)
        assert parts.words_BT.shape == (2 * windows.count, 3)
        states_NWD = parts.words_BT[..., None].expand(-1, -1, 2)
        assert torch.equal(windows.join(states_NWD)[..., 0], whole.words_BT)
        assert int(parts.mask_BT.sum()) == int(whole.mask_BT.sum())
        states, mask = windows.parts(whole.words_BT[..., None], whole.mask_BT)
        assert torch.equal(states[..., 0], parts.words_BT)
        assert torch.equal(mask, parts.mask_BT)


def test_each_window_has_the_memory_of_its_text():
    memory = External(torch.tensor([[[1.0]], [[2.0]]]), torch.tensor([[True], [False]]))
    shared = Windows(3, 7).shared(memory)
    assert shared is not None
    assert shared.states_BED.flatten().tolist() == [1, 1, 1, 2, 2, 2]
    assert shared.mask_BE.flatten().tolist() == [True] * 3 + [False] * 3
    one = External(torch.zeros(1, 2, 3), torch.ones(1, 2, dtype=torch.bool))
    assert Windows(3, 7).shared(one) is one
