"""Long texts read in windows: each is encoded for itself, so that time and memory grow with the text, not its square.

The states of the windows are then one text again: a head tags, or pools, all of it.

B texts, T positions, W positions of a window, N windows of all texts (N = B * ceil(T / W)), D width of the states
"""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from models.attention.base import External
from models.embeddings import TextTensors


@dataclass(frozen=True)
class Windows:
    """The windows of a batch of texts, ``size`` positions each, in the order of the texts; the last is padded."""

    size: int
    length: int

    @property
    def count(self) -> int:
        """The number of windows of one text."""
        return -(-self.length // self.size)

    def cut(self, texts: TextTensors) -> TextTensors:
        """Each window as a text (N, W). What belongs to the distinct forms stays as it is."""
        return texts.rearranged(self._parted)

    def parts(self, states_BTD: Tensor, mask_BT: Tensor) -> tuple[Tensor, Tensor]:
        """States and mask of each window: (N, W, D) and (N, W)."""
        padded = F.pad(states_BTD, (0, 0, 0, self.count * self.size - self.length))
        return padded.reshape(-1, self.size, states_BTD.shape[2]), self._parted(mask_BT)

    def _parted(self, values_BT: Tensor) -> Tensor:
        return F.pad(values_BT, (0, self.count * self.size - self.length)).reshape(-1, self.size)

    def join(self, states_NWD: Tensor) -> Tensor:
        """The states of the windows as those of the texts (B, T, D)."""
        width = states_NWD.shape[2]
        return states_NWD.reshape(-1, self.count * self.size, width)[:, : self.length]

    def shared(self, external: External | None) -> External | None:
        """An external memory of each text (B, E) as one of each window; one that all texts share stays that."""
        if external is None or len(external.mask_BE) == 1:
            return external
        return External(*(part.repeat_interleave(self.count, dim=0) for part in external))
