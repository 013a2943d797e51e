"""Several labels for a text: each label has its own logistic regression on what the pooled head reads.

    p(l | text) = sigmoid(logit_l);  loss: ``tasks.heads.losses``, the mean over texts
    predicted: every label with p > 1/2

B texts in the batch, L labels
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from tasks.base import Encoded, Voter
from tasks.heads.pooled import PooledHead


class LabelSetHead(PooledHead):
    """``PooledHead`` with a sigmoid for each label in place of a softmax over all."""

    def loss(self, texts: Sequence[Encoded], labels: Tensor) -> Tensor:
        """The mean over texts of the loss of their sets, in nats; ``labels`` (B, L), 0 or 1."""
        return self.learning.of_each(self(texts), labels)

    def predict(self, texts: Sequence[Encoded], labels: Tensor | None = None) -> list[list[int]]:  # type: ignore[override]
        """The indices of the labels of each text, in order; perhaps none."""
        chosen_BL = (self(texts) > 0).tolist()
        return [[index for index, chosen in enumerate(row) if chosen] for row in chosen_BL]

    def probabilities(self, texts: Sequence[Encoded]) -> Tensor:
        """How probable each label is for itself (B, L), each in (0, 1)."""
        logits_BL: Tensor = self(texts)
        return logits_BL.float().sigmoid()

    def choose(self, probabilities: Tensor, mask_BT: Tensor) -> list[Any]:
        """The indices of the labels that are more probable than not."""
        return [[index for index, chosen in enumerate(row) if chosen] for row in (probabilities > 0.5).tolist()]

    def ranked(
        self, texts: Sequence[Encoded], count: int, others: Sequence[Voter] = ()
    ) -> list[list[tuple[Any, float]]]:
        """Raises ValueError: there is no order."""
        raise ValueError("each label is chosen for itself, so that sets have no order; ask for probabilities")

    def confidences(self, texts: Sequence[Encoded], predictions: Sequence[Any]) -> list[Any]:
        """The probability of each predicted set: that just its labels are there, each for itself."""
        probabilities_BL = self.probabilities(texts)
        chosen_BL = torch.zeros_like(probabilities_BL, dtype=torch.bool)
        for row, labels in enumerate(predictions):
            chosen_BL[row, labels] = True
        confidences: list[float] = probabilities_BL.where(chosen_BL, 1 - probabilities_BL).prod(dim=1).tolist()
        return confidences
