"""Positions: how a network learns the order of a sequence.

Each class says what it ``acts_on``:

``nothing``  the order is left to the backbone;
``input``    built by ``factory(width)``, maps x_BTD -> x_BTD before the backbone;
``scores``   built by ``factory(heads=…, head_width=…)`` inside a mechanism, where a sequence attends to itself; maps
             (q_BHTD, k_BHSD) -> (q_BHTD, k_BHSD, bias_HTS or None), the bias to be added to the scores. Where there are
             fewer queries than keys, the queries are the last T of the S positions, as in decoding step by step.

B batch, H heads, T query positions, S memory positions, D width (of the states, or of a head)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

ActsOn = Literal["nothing", "input", "scores"]


class NoPosition(nn.Module):
    """x, unchanged."""

    acts_on: ClassVar[ActsOn] = "nothing"

    def __init__(self, width: int) -> None:
        super().__init__()

    def forward(self, x_BTD: Tensor, *, start: int = 0) -> Tensor:
        """x, unchanged."""
        return x_BTD


class Sinusoidal(nn.Module):
    """x_t + p_t with p_t[2i] = sin(t / base^(2i/D)) and p_t[2i+1] = cos(t / base^(2i/D)). No parameters.

    Vaswani et al. 2017, section 3.5, https://arxiv.org/abs/1706.03762
    """

    acts_on: ClassVar[ActsOn] = "input"
    frequencies_F: Tensor

    def __init__(self, width: int, *, base: float) -> None:
        super().__init__()
        self.register_buffer("frequencies_F", _frequencies(width, base), persistent=False)

    def forward(self, x_BTD: Tensor, *, start: int = 0) -> Tensor:
        """Add the codes of the positions from ``start`` on."""
        angles_TF = _angles(self.frequencies_F, start, start + x_BTD.shape[1])
        codes_TD = torch.stack((angles_TF.sin(), angles_TF.cos()), dim=-1).flatten(1)[:, : x_BTD.shape[2]]
        return x_BTD + codes_TD.to(x_BTD.dtype)


class Learned(nn.Module):
    """x_t + p_t with one learned vector p_t for each of ``max_length`` positions.

    Gehring et al. 2017, section 3.1, https://arxiv.org/abs/1705.03122
    """

    acts_on: ClassVar[ActsOn] = "input"

    def __init__(self, width: int, *, max_length: int) -> None:
        super().__init__()
        self.max_length = max_length
        self.vectors_LD = nn.Parameter(torch.randn(max_length, width) * 0.02)

    def forward(self, x_BTD: Tensor, *, start: int = 0) -> Tensor:
        """Add the vectors of the positions from ``start`` on.

        Raises ``ValueError`` for a text that is longer than ``max_length``.
        """
        stop = start + x_BTD.shape[1]
        if stop > self.max_length:
            raise ValueError(
                f"learned positions exist up to a length of {self.max_length}, got a text of {stop}; "
                f"set position.max_length={stop} or more, shorten the texts, or use position=sinusoidal"
            )
        return x_BTD + self.vectors_LD[start:stop]


class Rotary(nn.Module):
    """Turn the pair i of query and key by t·base^(−2i/D), so that q_t·k_s depends on t − s alone. No parameters.

    Su et al. 2021, section 3.2.2, https://arxiv.org/abs/2104.09864. Departure: pair i joins the channels i and
    i + D/2 instead of 2i and 2i + 1, the same up to a permutation of channels. It needs a score that is a dot product.
    """

    acts_on: ClassVar[ActsOn] = "scores"
    needs_bilinear: ClassVar[bool] = True
    frequencies_F: Tensor

    def __init__(self, *, heads: int, head_width: int, base: float) -> None:
        super().__init__()
        if head_width % 2:
            raise ValueError(f"rotary positions turn pairs of channels and need an even head width, got {head_width}")
        self.register_buffer("frequencies_F", _frequencies(head_width, base), persistent=False)

    def forward(self, q_BHTD: Tensor, k_BHSD: Tensor) -> tuple[Tensor, Tensor, None]:
        """The turned queries and keys, and no bias."""
        length, size = q_BHTD.shape[2], k_BHSD.shape[2]
        angles_SF = _angles(self.frequencies_F, 0, size)
        cos_SD, sin_SD = angles_SF.cos().repeat(1, 2), angles_SF.sin().repeat(1, 2)
        turned = _turned(q_BHTD, cos_SD[size - length :], sin_SD[size - length :])
        return turned, _turned(k_BHSD, cos_SD, sin_SD), None


class ALiBi(nn.Module):
    """Add −m_h·|t − s| to the score, with a slope m_h for each head: a geometric series. No parameters.

    Press et al. 2022, section 3, https://arxiv.org/abs/2108.12409. Departure: the distance counts in both directions
    where attention looks in both; at a causal site this is the paper's bias. Slopes for a number of heads that is no
    power of two follow the authors' code.
    """

    acts_on: ClassVar[ActsOn] = "scores"
    needs_bilinear: ClassVar[bool] = False
    slopes_H: Tensor

    def __init__(self, *, heads: int, head_width: int) -> None:
        super().__init__()
        self.register_buffer("slopes_H", torch.tensor(_slopes(heads)), persistent=False)

    def forward(self, q_BHTD: Tensor, k_BHSD: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries and keys as they are, and the bias (H, T, S)."""
        length, size = q_BHTD.shape[2], k_BHSD.shape[2]
        positions_S = torch.arange(size, device=q_BHTD.device)
        distance_TS = (positions_S[size - length :, None] - positions_S).abs()
        return q_BHTD, k_BHSD, (-self.slopes_H[:, None, None] * distance_TS).to(q_BHTD.dtype)


def name_of(factory: Callable[..., nn.Module]) -> str:
    """The class name of the positions made by ``factory``."""
    made: Any = factory
    while isinstance(made, partial):
        made = made.func
    return str(getattr(made, "__name__", made))


def refuse_relative(mechanism: str, factory: Callable[..., nn.Module] | None) -> None:
    """Raise ``ValueError`` if a relative position is asked of a ``mechanism`` that has no scores to give it to."""
    if factory is not None:
        raise ValueError(
            f"{mechanism} cannot use the relative position {name_of(factory)}; "
            "use position=none, position=sinusoidal or position=learned with it"
        )


def _frequencies(width: int, base: float) -> Tensor:
    return base ** (-torch.arange(0, width, 2) / width)


def _angles(frequencies_F: Tensor, start: int, stop: int) -> Tensor:
    return torch.arange(start, stop, device=frequencies_F.device)[:, None] * frequencies_F


def _turned(x_BHTD: Tensor, cos_TD: Tensor, sin_TD: Tensor) -> Tensor:
    left, right = x_BHTD.chunk(2, dim=-1)
    crossed = torch.cat((-right, left), dim=-1)
    return x_BHTD * cos_TD.to(x_BHTD.dtype) + crossed * sin_TD.to(x_BHTD.dtype)


def _slopes(heads: int) -> list[float]:
    power = 2 ** int(math.log2(heads))
    slopes = [2.0 ** (-8 * (head + 1) / power) for head in range(power)]
    if power == heads:
        return slopes
    return slopes + [2.0 ** (-4 * (head + 1) / power) for head in range(0, 2 * (heads - power), 2)]
