"""From the ids of words and characters to vectors.

B texts, T positions, U distinct word forms in the batch, C characters of a form, D width
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class TextTensors:
    """A padded batch of texts, ids only.

    Spelling is a property of the word form, so what is computed from it is computed once a distinct form.

    ``words_BT``: vocabulary ids (int64), 0 = padding, 1 = unknown.
    ``mask_BT``: True = a real token.
    ``forms_BT``: index into the distinct word forms of this batch (0 at padding, which is some real form).
    ``characters_UC``: character ids of each distinct form, 0 = padding, 1 = unknown.
    ``ngrams_N``: hashed character n-grams of all forms one after the other, ids in [0, buckets).
    ``ngram_offsets_U``: where the n-grams of each form start in ``ngrams_N`` (as in ``nn.EmbeddingBag``).
    """

    words_BT: Tensor
    mask_BT: Tensor
    forms_BT: Tensor
    characters_UC: Tensor
    ngrams_N: Tensor
    ngram_offsets_U: Tensor

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> TextTensors:
        """The same texts on ``device``."""
        return TextTensors(*(value.to(device, non_blocking=non_blocking) for value in vars(self).values()))
