"""The learning rate over the steps of a training, as a factor of its highest value."""

from __future__ import annotations

import math
from dataclasses import dataclass

SCHEDULES = ("cosine", "inverse_sqrt", "stable")


@dataclass
class Schedule:
    """After ``warmup`` steps, in which the rate rises from nothing, one of three ways down.

    ``cosine``: falls to ``final`` of the rate at the last of ``total`` steps.
    ``inverse_sqrt``: falls with the square root of the step (Vaswani et al. 2017, section 5.3).
    ``stable``: stays until ``begin_decay`` is called, then falls along a straight line to ``final`` within
    ``decay_share`` of the steps until then (warm-up, stable, decay: Hu et al. 2024, MiniCPM, section 4; the straight
    line and a share of a tenth to a fifth: Hägele et al. 2024, section 3). So no length has to be known in advance.
    """

    name: str
    warmup: int
    total: int
    final: float
    decay_share: float
    decay_from: int | None = None

    def __post_init__(self) -> None:
        if self.name not in SCHEDULES:
            raise ValueError(f"expected training.schedule to be {' or '.join(SCHEDULES)}, got {self.name!r}")

    @property
    def waits(self) -> bool:
        """Whether the rate stays until somebody says that its decay begins."""
        return self.name == "stable"

    @property
    def decay_steps(self) -> int:
        """How long the decay of ``stable`` takes; 0 before it has begun."""
        return 0 if self.decay_from is None else max(1, round(self.decay_share * self.decay_from))

    def begin_decay(self, step: int) -> None:
        """Let the rate of ``stable`` fall from this step on; once begun, it goes on."""
        if self.decay_from is None:
            self.decay_from = step

    def must_decay(self, step: int) -> bool:
        """Whether a decay that begins now ends just within ``total`` steps."""
        return step + round(self.decay_share * step) >= self.total

    def is_over(self, step: int) -> bool:
        """Whether the decay of ``stable`` has ended."""
        return self.decay_from is not None and step >= self.decay_from + self.decay_steps

    def factor(self, step: int) -> float:
        """The rate at a step (from 0), as a share of the highest."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        if self.name == "inverse_sqrt":
            return math.sqrt(self.warmup / (step + 1))
        if self.name == "stable":
            begun = 0.0 if self.decay_from is None else (step - self.decay_from) / self.decay_steps
            return 1 - (1 - self.final) * min(1.0, max(0.0, begun))
        progress = min(1.0, (step - self.warmup) / max(1, self.total - self.warmup))
        return self.final + (1 - self.final) * 0.5 * (1 + math.cos(math.pi * progress))
