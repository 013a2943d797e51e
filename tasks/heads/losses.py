"""The losses of heads that choose among labels: cross-entropy, smoothed, weighed by label, focused on what is hard.

One label of all, q the target (1 for the right label, or 1 - s + s/L for it and s/L for each other one):
    loss = -sum_l w_l q_l (1 - p_l)^gamma log p_l
Labels each for itself, y the target (1 or 0, or 1 - s/2 and s/2):
    loss = -sum_l [w_l y_l (1 - p_l)^gamma log p_l + (1 - y_l) p_l^gamma log(1 - p_l)]

Label smoothing s: Szegedy et al. 2016, https://arxiv.org/abs/1512.00567. Focal loss: Lin et al. 2017, equation 5,
https://arxiv.org/abs/1708.02002, where w is alpha; gamma = 0 is cross-entropy, and 2 is what they use. Weights:
``tasks.labels.weights``.

The mean is over the *number* of labels, not over the sum of their weights as in torch's ``reduction="mean"``: over all
of train both are the same, since the mean weight of train is one; but this way a label weighs the same in whichever
batch it stands, and several batches make the step of one large one.

N labels that are asked for, L labels there are; B texts
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, logsigmoid

from tasks.base import IGNORED


class LabelLoss(nn.Module):
    """``weights``: w of each label, kept with the network's weights; None: 1. ``focal_gamma``: gamma, from 0."""

    weights_L: Tensor | None

    def __init__(
        self, *, label_smoothing: float = 0.0, focal_gamma: float = 0.0, weights: Sequence[float] | None = None
    ) -> None:
        super().__init__()
        if focal_gamma < 0:
            raise ValueError(f"task.focal_gamma: expected a number from 0, got {focal_gamma}")
        self.label_smoothing, self.focal_gamma = label_smoothing, focal_gamma
        self.register_buffer("weights_L", None if weights is None else torch.tensor(weights, dtype=torch.float32))

    @property
    def plain(self) -> bool:
        """Whether it is cross-entropy and nothing else."""
        return not (self.label_smoothing or self.focal_gamma) and self.weights_L is None

    def of_one(self, logits_NL: Tensor, labels_N: Tensor) -> Tensor:
        """The mean over the labels that are not ``IGNORED``, in nats."""
        smoothing = self.label_smoothing
        if self.weights_L is None and not self.focal_gamma:
            return cross_entropy(logits_NL, labels_N, ignore_index=IGNORED, label_smoothing=smoothing)
        known_N = labels_N != IGNORED
        if not self.focal_gamma:
            weights_L = None if self.weights_L is None else self.weights_L.to(logits_NL.dtype)
            summed = cross_entropy(
                logits_NL, labels_N, weights_L, ignore_index=IGNORED, label_smoothing=smoothing, reduction="sum"
            )
            return summed / known_N.sum()
        kind = torch.promote_types(logits_NL.dtype, torch.float32)
        log_p_NL = logits_NL.to(kind).log_softmax(dim=-1)
        # Bounded away from zero, where the gradient of a power below one is infinite.
        surprise_NL = -((-torch.expm1(log_p_NL)).clamp(min=1e-7) ** self.focal_gamma) * log_p_NL
        if self.weights_L is not None:
            surprise_NL = surprise_NL * self.weights_L
        right_N = surprise_NL.gather(1, labels_N.where(known_N, 0)[:, None])[:, 0]
        loss_N = (1 - smoothing) * right_N + smoothing * surprise_NL.mean(dim=1)
        return loss_N.masked_fill(~known_N, 0.0).sum() / known_N.sum()

    def of_each(self, logits_BL: Tensor, wanted_BL: Tensor) -> Tensor:
        """The mean over texts of the sum over labels, in nats; ``wanted_BL``: 0 or 1."""
        y_BL = wanted_BL.to(logits_BL.dtype) * (1 - self.label_smoothing) + self.label_smoothing / 2
        if not self.focal_gamma:
            weights_L = None if self.weights_L is None else self.weights_L.to(logits_BL.dtype)
            summed = binary_cross_entropy_with_logits(logits_BL, y_BL, pos_weight=weights_L, reduction="sum")
            return summed / len(wanted_BL)
        kind = torch.promote_types(logits_BL.dtype, torch.float32)
        log_p_BL, log_not_BL = logsigmoid(logits_BL.to(kind)), logsigmoid(-logits_BL.to(kind))
        there_BL = y_BL * (self.focal_gamma * log_not_BL).exp() * log_p_BL
        not_there_BL = (1 - y_BL) * (self.focal_gamma * log_p_BL).exp() * log_not_BL
        if self.weights_L is not None:
            there_BL = there_BL * self.weights_L
        return -(there_BL + not_there_BL).sum() / len(wanted_BL)
