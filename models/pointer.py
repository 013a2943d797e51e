"""Copying from the source, and coverage: pointer-generator networks.

    P(w) = p · P_vocabulary(w) + (1 - p) · Σ_{i: copy_i = w} a_i,   p = σ(w_c·c_t + w_s·s_t + w_x·x_t + b)

See et al. 2017, sections 2.2 and 2.3, https://arxiv.org/abs/1704.04368. The ids V, V + 1, … are forms of the source
that the vocabulary lacks: they can only be copied.

B texts, T target positions, S source positions, V tokens of the vocabulary, X forms beyond it, D width
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.backbones.base import Decoded
from models.precision import without_autocast

FLOOR = math.log(torch.finfo(torch.float32).tiny)
"""About -87: the log-probability of a target that can neither be written nor copied, so that its loss is finite."""

NEVER = -1e30
"""The log of no probability, finite so that gradients are numbers."""


class Pointer(nn.Module):
    """The mixture of writing and copying, in log space and float32.

    a are the weights of the head that points, so ``decoded`` must have some (``need_weights=True``); x_BTD is what the
    decoder read. ``copies_BS`` are the ids of the source's positions in the extended vocabulary; a negative one cannot
    be copied, and the others share its weight. Where no position can be copied (all of the memory is masked), p = 1.
    """

    def __init__(self, *, input_width: int, width: int) -> None:
        super().__init__()
        self.gate = nn.Linear(2 * width + input_width, 1)

    def log_probs(
        self, logits_BTV: Tensor, decoded: Decoded, x_BTD: Tensor, copies_BS: Tensor, extended: int
    ) -> Tensor:
        """log P of every id, (B, T, V + X) with X = ``extended``; -inf for forms that the source lacks.

        Made for decoding: the loss of a target takes ``target_log_probs``, which never holds (B, T, V + X).
        """
        with without_autocast(logits_BTV.device):
            copying_BTS, writes_BT, copies_BT = self._parts(decoded, x_BTD, copies_BS)
            written_BTV = logits_BTV.float().log_softmax(dim=-1) + writes_BT[..., None]
            all_BTV = F.pad(written_BTV, (0, extended), value=float("-inf"))
            ids_BS = copies_BS.clamp(min=0)  # what cannot be copied has no weight, and adds nothing to id 0
            places_BTS = ids_BS[:, None].expand_as(copying_BTS)
            total_BTV = torch.zeros_like(all_BTV).scatter_add_(2, places_BTS, copying_BTS)
            copied_BTS = total_BTV.gather(2, places_BTS).log() + copies_BT[..., None]
            # Positions with the same id have the same sum, so it does not matter which of them is written last.
            mixed_BTS = torch.logaddexp(all_BTV.gather(2, places_BTS), copied_BTS)
            return all_BTV.scatter(2, places_BTS, mixed_BTS)

    def target_log_probs(
        self, logits_BTV: Tensor, decoded: Decoded, x_BTD: Tensor, copies_BS: Tensor, targets_BT: Tensor
    ) -> Tensor:
        """log P of each target, (B, T); ``FLOOR`` for one that can neither be written nor copied."""
        vocabulary = logits_BTV.shape[-1]
        with without_autocast(logits_BTV.device):
            copying_BTS, writes_BT, copies_BT = self._parts(decoded, x_BTD, copies_BS)
            known_BT = targets_BT < vocabulary
            cost_BT = F.cross_entropy(
                logits_BTV.float().flatten(0, 1), targets_BT.where(known_BT, 0).flatten(), reduction="none"
            ).view_as(targets_BT)
            written_BT = (writes_BT - cost_BT).where(known_BT, NEVER)
            hit_BTS = copies_BS[:, None, :] == targets_BT[:, :, None]
            share_BT = (copying_BTS * hit_BTS).sum(dim=-1)
            found_BT = share_BT > 0
            copied_BT = (share_BT.where(found_BT, 1.0).log() + copies_BT).where(found_BT, NEVER)
            return torch.logaddexp(written_BT, copied_BT).where(known_BT | found_BT, FLOOR)

    def _parts(self, decoded: Decoded, x_BTD: Tensor, copies_BS: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """a over what can be copied, (B, T, S), and log p and log (1 - p), (B, T)."""
        if decoded.pointing_BTS is None:
            raise ValueError("copying needs the attention weights: call the decoder with need_weights=True")
        weights_BTS = decoded.pointing_BTS * (copies_BS >= 0)[:, None]
        total_BT1 = weights_BTS.sum(dim=-1, keepdim=True)
        some_BT = total_BT1[..., 0] > 0
        inputs = torch.cat((decoded.context_BTD, decoded.states_BTD, x_BTD), dim=-1).float()
        gate_BT = F.linear(inputs, self.gate.weight.float(), self.gate.bias.float())[..., 0]
        writes_BT = F.logsigmoid(gate_BT).where(some_BT, 0.0)
        copies_BT = F.logsigmoid(-gate_BT).where(some_BT, float("-inf"))
        return weights_BTS / total_BT1.masked_fill(total_BT1 == 0, 1.0), writes_BT, copies_BT


def coverage_loss(weights_BTS: Tensor, mask_BT: Tensor) -> Tensor:
    """The mean over target tokens of Σ_s min(a_ts, c_ts), with c_t = Σ_{t' < t} a_t': attending again to the same.

    See et al. 2017, equations 10 and 12. Departure: c_t is not fed into the attention's score (equation 11), so that
    each mechanism keeps its equation, and all positions are read at once. ``mask_BT``: True = a target token.
    """
    weights_BTS = weights_BTS.float()
    covered_BTS = weights_BTS.cumsum(dim=1) - weights_BTS
    again_BT = torch.minimum(weights_BTS, covered_BTS).sum(dim=-1)
    return again_BT.masked_fill(~mask_BT, 0.0).sum() / mask_BT.sum().clamp(min=1)
