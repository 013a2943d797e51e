"""Linear-chain conditional random field: a score for whole tag sequences, normalised over all of them.

    score(y) = start[y_1] + sum_t emissions[t, y_t] + sum_t transitions[y_t, y_(t+1)] + end[y_n]
    p(y) = exp(score(y)) / Z,   Z = sum over all tag sequences of exp(score)

Lafferty, McCallum and Pereira 2001; over a BiLSTM: Lample et al. 2016, section 2.2, https://arxiv.org/abs/1603.01360.

B sequences, T positions, K tags
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from models.forward_backward import Scores, log_partition, marginals, no_sequence, reorder, reversal


class LinearChainCRF(nn.Module):
    """A CRF over ``tags`` tags, with transitions of probability exactly zero where they are forbidden.

    ``forbidden_transitions``: boolean (K, K), True at [i, j] = j may not follow i; ``forbidden_start`` and
    ``forbidden_end``: boolean (K,). None forbids nothing. Parameters start uniform in +-0.1.

    Masks are boolean, (B, T), True = a real token, contiguous from the left with at least one real token; anything else
    raises ValueError. What they hold is looked at on the CPU alone, as elsewhere the host would have to wait for the
    device; so is whether any sequence is allowed. Emissions are (B, T, K) of any floating type; the recursions run in
    float32 (float64 for float64 emissions), those of the loss in float64 on the CPU.
    """

    forbidden_transitions: Tensor
    forbidden_start: Tensor
    forbidden_end: Tensor
    transitions: nn.Parameter
    start: nn.Parameter
    end: nn.Parameter

    def __init__(
        self,
        tags: int,
        *,
        forbidden_transitions: Tensor | None = None,
        forbidden_start: Tensor | None = None,
        forbidden_end: Tensor | None = None,
    ) -> None:
        super().__init__()
        if tags < 1:
            raise ValueError(f"a CRF expects at least one tag, got {tags}")
        self.tags = tags
        for name, given, shape in (
            ("transitions", forbidden_transitions, (tags, tags)),
            ("start", forbidden_start, (tags,)),
            ("end", forbidden_end, (tags,)),
        ):
            self.register_buffer(f"forbidden_{name}", _forbidden(name, given, shape), persistent=False)
            self.register_parameter(name, nn.Parameter(torch.empty(shape).uniform_(-0.1, 0.1)))

    def negative_log_likelihood(
        self,
        emissions_BTK: Tensor,
        tags_BT: Tensor,
        mask_BT: Tensor,
        *,
        reduction: Literal["none", "sequences", "tokens"] = "sequences",
    ) -> Tensor:
        """``-log p(tags)`` in nats, in float32 (float64 for float64 emissions).

        ``reduction``: ``none`` gives (B,), ``sequences`` their mean, ``tokens`` their sum over the number of tokens.
        What ``tags_BT`` holds at padding is ignored. A sequence that makes a forbidden transition has probability
        zero, hence a loss of plus infinity: check the training tags when they are read.
        """
        lengths_B, scores = self._lengths(emissions_BTK, mask_BT), self._scores()
        if tags_BT.shape != mask_BT.shape:
            raise ValueError(f"the CRF expects tags of shape {tuple(mask_BT.shape)}, got {tuple(tags_BT.shape)}")
        gold_B = _gold_scores(emissions_BTK, tags_BT.masked_fill(~mask_BT, 0), lengths_B, scores)
        loss_B = log_partition(emissions_BTK, lengths_B, scores) - gold_B
        loss_B = loss_B.to(torch.promote_types(emissions_BTK.dtype, torch.float32))
        if reduction == "none":
            return loss_B
        if reduction == "sequences":
            return loss_B.mean()
        if reduction == "tokens":
            return loss_B.sum() / lengths_B.sum()
        raise ValueError(f"reduction expects 'none', 'sequences' or 'tokens', got {reduction!r}")

    def log_partition(self, emissions_BTK: Tensor, mask_BT: Tensor) -> Tensor:
        """``log Z`` of each sequence, (B,), float64, differentiable once."""
        return log_partition(emissions_BTK, self._lengths(emissions_BTK, mask_BT), self._scores())

    def marginals(self, emissions_BTK: Tensor, mask_BT: Tensor) -> Tensor:
        """``p(y_t = k)`` for every position, (B, T, K), zero at padding; without a gradient."""
        lengths_B, scores = self._lengths(emissions_BTK, mask_BT), self._scores()
        with torch.no_grad():
            marginals_BTK = marginals(emissions_BTK.double(), lengths_B, scores)
        return marginals_BTK.to(torch.promote_types(emissions_BTK.dtype, torch.float32))

    @torch.inference_mode()
    def decode(self, emissions_BTK: Tensor, mask_BT: Tensor) -> list[list[int]]:
        """The most probable tag sequence of each text (Viterbi), as long as the text."""
        lengths_B = self._lengths(emissions_BTK, mask_BT)
        scores = self._scores()
        paths_BT, score_B = _trace_back(_best_scores(emissions_BTK, scores), lengths_B, scores)
        lengths = lengths_B.tolist()
        if bool((score_B == -torch.inf).any()):
            raise ValueError(no_sequence(lengths_B))
        return [path[:length] for path, length in zip(paths_BT.tolist(), lengths, strict=True)]

    @torch.inference_mode()
    def decode_several(self, emissions_BTK: Tensor, mask_BT: Tensor, count: int) -> list[list[tuple[list[int], float]]]:
        """The ``count`` most probable tag sequences of each text with their ``log p``, the best first.

        Fewer where there are fewer allowed ones. Viterbi over the best ``count`` ways into each tag (Seshadri and
        Sundberg 1994, the parallel list algorithm).
        """
        lengths_B, scores = self._lengths(emissions_BTK, mask_BT), self._scores()
        log_z = log_partition(emissions_BTK, lengths_B, scores).tolist()
        found = []
        for emissions_TK, length, z in zip(emissions_BTK.double(), lengths_B.tolist(), log_z, strict=True):
            paths = _best_paths(emissions_TK[:length], scores, count)
            if not paths:
                raise ValueError(no_sequence(lengths_B))
            found.append([(path, score - z) for path, score in paths])
        return found

    def _scores(self) -> Scores:
        """Transitions, start and end, minus infinity where forbidden."""
        return (
            self.transitions.masked_fill(self.forbidden_transitions, -torch.inf),
            self.start.masked_fill(self.forbidden_start, -torch.inf),
            self.end.masked_fill(self.forbidden_end, -torch.inf),
        )

    def _lengths(self, emissions_BTK: Tensor, mask_BT: Tensor) -> Tensor:
        if emissions_BTK.dim() != 3 or emissions_BTK.shape[2] != self.tags:
            raise ValueError(f"the CRF expects emissions (B, T, {self.tags}), got {tuple(emissions_BTK.shape)}")
        if mask_BT.dtype != torch.bool or mask_BT.shape != emissions_BTK.shape[:2]:
            raise ValueError(
                f"the CRF expects a boolean mask of shape {tuple(emissions_BTK.shape[:2])}, "
                f"got {mask_BT.dtype} of shape {tuple(mask_BT.shape)}"
            )
        on_cpu = mask_BT.device.type == "cpu"
        if mask_BT.shape[1] == 0 or (on_cpu and bool((~mask_BT[:, 0]).any())):
            raise ValueError("the CRF expects at least one token in each sequence, got an empty one; leave it out")
        if on_cpu and bool((mask_BT[:, 1:] > mask_BT[:, :-1]).any()):
            raise ValueError("the CRF expects masks contiguous from the left, got a gap; pad on the right only")
        return mask_BT.sum(dim=1)


def _gold_scores(emissions_BTK: Tensor, tags_BT: Tensor, lengths_B: Tensor, scores: Scores) -> Tensor:
    """The score of the given tags, gathered at once; (B,), float64."""
    transitions_KK, start_K, end_K = scores
    valid_BT = torch.arange(tags_BT.shape[1], device=tags_BT.device) < lengths_B[:, None]
    emitted_BT = emissions_BTK.gather(2, tags_BT[..., None])[..., 0].double().masked_fill(~valid_BT, 0.0)
    pairs_BT = tags_BT[:, :-1] * len(start_K) + tags_BT[:, 1:]
    moved_BT = transitions_KK.flatten().gather(0, pairs_BT.flatten()).view_as(pairs_BT).double()
    moved_BT = moved_BT.masked_fill(~valid_BT[:, 1:], 0.0)
    last_B = tags_BT.gather(1, lengths_B[:, None] - 1)[:, 0]
    return emitted_BT.sum(1) + moved_BT.sum(1) + start_K.gather(0, tags_BT[:, 0]) + end_K.gather(0, last_B)


def _best_scores(emissions_BTK: Tensor, scores: Scores) -> Tensor:
    """Viterbi's recursion: the score of the best sequence that ends in each tag, (T, B, K).

    Sequences stand last in memory while it runs, which lets both of its operations run along them.
    """
    transitions_KK1, start_K = scores[0][:, :, None], scores[1]
    kind = torch.promote_types(emissions_BTK.dtype, torch.float32)
    best_TKB = emissions_BTK.permute(1, 2, 0).to(kind, memory_format=torch.contiguous_format, copy=True)
    candidates_KKB = best_TKB.new_empty(len(start_K), *best_TKB.shape[1:])
    best_TKB[0] += start_K[:, None]
    steps = best_TKB.unbind()
    for previous_KB, best_KB in pairwise(steps):
        torch.add(previous_KB[:, None, :], transitions_KK1, out=candidates_KKB)
        best_KB += candidates_KKB.amax(0)
    return best_TKB.transpose(1, 2).contiguous()


def _trace_back(best_TBK: Tensor, lengths_B: Tensor, scores: Scores) -> tuple[Tensor, Tensor]:
    """The best sequences (B, T) and their scores (B,). The arg-max is taken along the path only.

    Sequences are read from their ends on, so all of them start together whatever their lengths.
    """
    order_TB = reversal(lengths_B, len(best_TBK))
    reversed_TBK = reorder(best_TBK, order_TB)
    into_KK = scores[0].T.contiguous()
    score_B, tag_B = (reversed_TBK[0] + scores[2]).max(dim=1)
    path = [tag_B]
    for best_BK in reversed_TBK.unbind()[1:]:
        tag_B = best_BK.add_(into_KK.index_select(0, tag_B)).argmax(1)
        path.append(tag_B)
    return torch.stack(path).gather(0, order_TB).T, score_B


def _best_paths(emissions_TK: Tensor, scores: Scores, count: int) -> list[tuple[list[int], float]]:
    """The best sequences of one text with their scores; N ways into each tag are kept, of those (N, K) before."""
    transitions_KK, start_K, end_K = (score.double() for score in scores)
    tags = len(start_K)
    best_NK = (start_K + emissions_TK[0])[None]
    came: list[Tensor] = []
    for emitted_K in emissions_TK[1:]:
        ways_WK = (best_NK[:, :, None] + transitions_KK).flatten(0, 1)
        best_NK, from_NK = ways_WK.topk(min(count, len(ways_WK)), dim=0)
        best_NK = best_NK + emitted_K
        came.append(from_NK)
    ends_W = (best_NK + end_K).flatten()
    values, places = ends_W.topk(min(count, len(ends_W)))
    paths = []
    for score, place in zip(values.tolist(), places.tolist(), strict=True):
        if score == -torch.inf:
            break
        path = [place % tags]
        for from_NK in reversed(came):
            place = int(from_NK[place // tags, place % tags])
            path.append(place % tags)
        paths.append((path[::-1], score))
    return paths


def _forbidden(name: str, given: Tensor | None, shape: tuple[int, ...]) -> Tensor:
    if given is None:
        return torch.zeros(shape, dtype=torch.bool)
    if given.dtype != torch.bool or given.shape != shape:
        raise ValueError(
            f"forbidden_{name} expects a boolean tensor of shape {shape}, True = forbidden, "
            f"got {given.dtype} of shape {tuple(given.shape)}"
        )
    if bool(given.all()):
        raise ValueError(f"forbidden_{name} forbids everything; expected at least one allowed entry")
    return given.clone()
