"""Ending a hopeless trial of an Optuna study early, by its validation score."""

from __future__ import annotations

import math
from typing import Any

import optuna
import pytorch_lightning as pl
from omegaconf import DictConfig

from harness.search.storage import RUNGS, open_study


class Pruning(pl.Callback):
    """Reports the best validation score so far at each tenth of the steps, and stops where the pruner says so.

    Trials differ in the size of their batches, so that an epoch is no common measure, but all have the same steps.
    Between tenths, and where a validation is later than several, the next validation counts. ``pruned``: what it said.
    """

    def __init__(self, config: DictConfig, monitor: str, mode: str) -> None:
        self.pruned = False
        self.steps = int(config.training.steps)
        self.monitor = monitor
        self.sign = 1.0 if mode == "max" else -1.0
        self.best = -math.inf
        study = open_study(config)
        frozen = study.get_trials(deepcopy=False)[config.search.trial]
        self.trial = optuna.trial.Trial(study, frozen._trial_id)
        self.rung = max(frozen.intermediate_values, default=0)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Report what is new; the first validations of a resumed run, which it has reported before, are not."""
        score = self.sign * float(trainer.callback_metrics[self.monitor])
        self.best = max(self.best, score) if math.isfinite(score) else self.best
        reached = min(RUNGS, RUNGS * trainer.global_step // self.steps)
        if reached <= self.rung or not math.isfinite(self.best):
            return
        for rung in range(self.rung + 1, reached + 1):
            self.trial.report(self.best, rung)
        self.rung = reached
        if reached < RUNGS and self.trial.should_prune():
            self.pruned = True
            trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        """The best score so far and the decision travel in the checkpoint."""
        return {"best": self.best, "pruned": self.pruned}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from the checkpoint."""
        self.best, self.pruned = state_dict["best"], state_dict["pruned"]
