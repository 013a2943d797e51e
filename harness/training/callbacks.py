"""What happens around training: learning curves, clocks, what a resumed run needs, a progress bar one can read."""

from __future__ import annotations

import math
import random
import sys
import time
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import TQDMProgressBar, WeightAveraging

from harness.training.schedule import Schedule


class History(pl.Callback):
    """The learning curve (one point a validation) and the seconds and tokens of training, validation left out.

    It travels in the checkpoint, so that a resumed run reports the whole of itself.
    """

    def __init__(self) -> None:
        self.curve: list[dict[str, float]] = []
        self.train_seconds = 0.0
        self.tokens = 0
        self.steps = 0
        self._started: float | None = None
        self._loss_sum: torch.Tensor | float = 0.0
        self._steps_before = 0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock."""
        self._started = time.perf_counter()
        self._loss_sum, self._steps_before = 0.0, trainer.global_step

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count; the loss is summed on its device, since reading it would wait for it.

        What comes of each batch is its share of the step's loss.
        """
        self._loss_sum = self._loss_sum + outputs["loss"].detach()
        self.steps = trainer.global_step

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop the clock while validating."""
        if self._started is not None:
            self.train_seconds += time.perf_counter() - self._started
            self._started = None

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Add a point to the curve and start the clock again."""
        if trainer.sanity_checking or trainer.state.fn != "fit":
            return
        scores = {k: float(v) for k, v in trainer.callback_metrics.items() if k.startswith("validation/")}
        loss = float(self._loss_sum) / max(1, trainer.global_step - self._steps_before)
        self.curve.append(
            {
                "epoch": trainer.current_epoch + 1,
                "step": trainer.global_step,
                "train_seconds": round(self.train_seconds, 3),
                "train_loss": loss,
                **scores,
            }
        )
        self._started = time.perf_counter()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop the clock between epochs."""
        if self._started is not None:
            self.train_seconds += time.perf_counter() - self._started
            self._started = None
        loader: Any = trainer.train_dataloader
        self.tokens += loader.tokens_per_epoch

    def state_dict(self) -> dict[str, Any]:
        """Plain containers, so that the checkpoint loads with ``weights_only``."""
        return {"curve": self.curve, "train_seconds": self.train_seconds, "tokens": self.tokens, "steps": self.steps}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on counting where the checkpoint stopped, in the same list, which the run's facts hold as well."""
        self.curve[:] = state_dict["curve"]
        for key in ("train_seconds", "tokens", "steps"):
            setattr(self, key, state_dict[key])


class RandomStates(pl.Callback):
    """Keeps the random states in the checkpoint, so that a resumed run draws what an uninterrupted one would.

    They are restored at the first batch after loading, because Lightning draws numbers while it starts. Of the GPUs it
    is the one that trains, whatever others are visible: a resumed run may see fewer, or have another one. Several
    processes go on from the states of the first.
    """

    def __init__(self) -> None:
        self._device = torch.device("cpu")
        self._to_restore: dict[str, Any] | None = None

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Note the device that trains."""
        self._device = trainer.strategy.root_device

    def state_dict(self) -> dict[str, Any]:
        """The states of Python, NumPy, torch and the GPU, as tensors and plain containers."""
        name, keys, *rest = np.random.get_state(legacy=True)
        version, internal, gauss = random.getstate()
        return {
            "python": [version, list(internal), gauss],
            "numpy": [name, keys.tolist(), *rest],  # type: ignore[union-attr]
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state(self._device) if self._device.type == "cuda" else None,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keep the states until the first batch."""
        self._to_restore = state_dict

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Restore what was loaded, once."""
        if self._to_restore is None:
            return
        version, internal, gauss = self._to_restore["python"]
        random.setstate((version, tuple(internal), gauss))
        name, keys, *rest = self._to_restore["numpy"]
        np.random.set_state((name, np.array(keys, dtype=np.uint32), *rest))
        torch.set_rng_state(self._to_restore["torch"])
        if self._to_restore["cuda"] is not None and self._device.type == "cuda":
            torch.cuda.set_rng_state(self._to_restore["cuda"], self._device)
        self._to_restore = None


class Verdict(pl.Callback):
    """Keeps in the checkpoint that training is to end: early stopping said so, or a pruner.

    Lightning keeps what led to the decision, not the decision itself: a run that was killed after its last epoch would
    train a further one.
    """

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Checkpoints come last after an epoch, so that everyone has decided."""
        checkpoint["should_stop"] = trainer.should_stop

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Lightning looks at ``should_stop`` before the first epoch, once it has loaded."""
        trainer.should_stop = checkpoint["should_stop"]


class Patience(pl.Callback):
    """Ends training once ``steps`` have gone by without a better validation: the rate decays, then training stops.

    With a schedule that does not wait (cosine, inverse_sqrt) training stops at once. ``ran_out``: whether patience
    ended what went before the decay; if not, the budget of steps did, and a longer one might have shown more.
    Steps are those of the optimiser, looked at after every epoch.
    """

    def __init__(self, steps: int, *, monitor: str, mode: str) -> None:
        self.steps = steps
        self.monitor = monitor
        self.sign = 1.0 if mode == "max" else -1.0
        self.best = -math.inf
        self.best_step = 0
        self.ran_out = False

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Look at what the epoch has brought."""
        schedule: Schedule = pl_module.schedule  # type: ignore[assignment]
        step, score = trainer.global_step, self.sign * float(trainer.callback_metrics[self.monitor])
        if score > self.best:
            self.best, self.best_step = score, step
        if schedule.decay_from is None:
            self.ran_out = step - self.best_step >= self.steps
            if self.ran_out and not schedule.waits:
                trainer.should_stop = True
            elif schedule.waits and (self.ran_out or schedule.must_decay(step)):
                schedule.begin_decay(step)
        elif schedule.is_over(step):
            trainer.should_stop = True

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Keep what has been seen, and when the decay began."""
        schedule: Schedule = pl_module.schedule  # type: ignore[assignment]
        checkpoint["patience"] = [self.best, self.best_step, self.ran_out, schedule.decay_from]

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Go on from there."""
        schedule: Schedule = pl_module.schedule  # type: ignore[assignment]
        self.best, self.best_step, self.ran_out, schedule.decay_from = checkpoint["patience"]


class Averaging(WeightAveraging):
    """An exponential moving average of the weights, validated and tested in their place (Polyak & Juditsky 1992).

    average <- d x average + (1 - d) x weights with d = min(decay, (1 + n) / (10 + n)) after n steps, so that the
    random first weights are soon forgotten. Done every fourth step with d to the fourth, since it costs a pass over
    all weights. Buffers hold constants here (masks, label names) and are not averaged.
    """

    EVERY = 4

    def __init__(self, decay: float) -> None:
        def average(averages: Any, weights: Any, updates: Any) -> None:
            steps = self.EVERY * int(updates)
            kept = min(decay, (1 + steps) / (10 + steps)) ** self.EVERY
            torch._foreach_lerp_(averages, weights, 1 - kept)

        super().__init__(multi_avg_fn=average, use_buffers=False)

    def should_update(self, step_idx: int | None = None, epoch_idx: int | None = None) -> bool:
        """After every fourth step."""
        return step_idx is not None and step_idx % self.EVERY == 0

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """What is validated or tested after training are the weights that were loaded, not the last average."""
        self._average_model = None


class ProgressBar(TQDMProgressBar):
    """Lightning's bar without the version number; refreshed at most every 20 steps, since drawing costs time."""

    def __init__(self) -> None:
        super().__init__(refresh_rate=20)

    def get_metrics(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> dict[str, Any]:
        """The loss and the running validation score."""
        shown = super().get_metrics(trainer, pl_module)
        shown.pop("v_num", None)
        return shown


def bars(*, asked: bool) -> list[ProgressBar]:
    """The progress bar, if it is asked for and drawn over: on a terminal or in a notebook.

    In a file or a pipe each of its states would be a line.
    """
    watched = sys.stdout.isatty() or type(sys.stdout).__module__.startswith("ipykernel.")
    return [ProgressBar()] if asked and watched else []
