"""Sequences that stand one after the other in one array, and some of them as rows of one padded tensor.

K entries of all sequences, B rows, T positions
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Ints = NDArray[np.integer[Any]]


def padded(flat_K: Ints, offsets: Ints, indices: Ints, *, filler: int) -> Tensor:
    """The sequences ``indices``, (B, T), padded to the longest of them with ``filler``.

    Sequence n is ``flat_K[offsets[n] : offsets[n + 1]]``.
    """
    lengths = offsets[indices + 1] - offsets[indices]
    padded_BT = np.full((len(indices), lengths.max(initial=1)), filler, dtype=np.int64)
    padded_BT[np.arange(padded_BT.shape[1]) < lengths[:, None]] = flat_K[ranges(offsets[indices], lengths)]
    return torch.from_numpy(padded_BT)


def ranges(starts: Ints, lengths: Ints) -> NDArray[Any]:
    """``starts[0], starts[0] + 1, …`` (``lengths[0]`` of them), then the same for the next, in one array."""
    before = np.cumsum(lengths) - lengths
    found: NDArray[Any] = np.repeat(starts - before, lengths) + np.arange(int(lengths.sum()))
    return found


def offsets_of(lengths: Any) -> NDArray[np.int64]:
    """Where sequences of these lengths begin; the last entry is K."""
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets
