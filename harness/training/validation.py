"""A trial of a search: trained like any run, scored on validation, never tested; it keeps no weights."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from omegaconf import DictConfig

from harness.build.data import Data
from harness.records.environment import environment
from harness.records.ranks import writes_here
from harness.training.callbacks import History
from harness.training.costs import peak_memory_bytes
from harness.training.fit import Facts, fit, load_best, prepare, validation_scores
from harness.training.loggers import finish_tracking, make_logger
from harness.training.module import DivergedError, TrainingModule
from tasks.base import Task
from tasks.reading.source import Corpus


def train_and_validate(
    config: DictConfig, folder: Path, facts: Facts, task: Task, corpus: Corpus
) -> tuple[dict[str, float], dict[int, Any]]:
    """Train and put ``validation_scores`` into ``facts``; returns no test scores and no predictions.

    A loss that becomes no number ends a trial without a score. That is no failure: a search meets such settings.
    """
    data, module = prepare(config, facts, task, corpus)
    logger = make_logger(config, folder) if writes_here() else False
    history = History()
    facts["curves"] = history.curve
    ended = False
    try:
        _train(config, folder, facts, module, data, logger, history)
        ended = True
    finally:
        finish_tracking(logger, scores=None, failed=not ended)
    facts["curves"] = history.curve
    facts["costs"] |= {"train_seconds": history.train_seconds, "train_steps": history.steps,
                       "peak_memory_bytes": peak_memory_bytes()}  # fmt: skip
    return {}, {}


def _train(
    config: DictConfig,
    folder: Path,
    facts: Facts,
    module: TrainingModule,
    data: Data,
    logger: Any,
    history: History,
) -> None:
    try:
        trainer, best = fit(
            config, folder, facts, module, data, logger, history, further=_pruning(config, facts, module)
        )
    except DivergedError as error:
        facts["search"]["diverged"] = str(error)
        return
    facts["environment"] = environment(device=str(trainer.strategy.root_device), threads=torch.get_num_threads())
    if module.validate_by == "score":
        facts["validation_scores"] = _best_point(history, module.monitor[0])
    elif "pruned" not in facts["search"]:
        load_best(config, module, best)
        facts["validation_scores"] = validation_scores(trainer, module, data)


def _pruning(config: DictConfig, facts: Facts, module: TrainingModule) -> list[pl.Callback]:
    if config.search.method != "optuna" or not config.search.prune:
        return []
    from harness.search.pruning import Pruning

    monitor, mode = module.monitor
    return [Pruning(config, facts, monitor=monitor, mode=mode)]


def _best_point(history: History, monitored: str) -> dict[str, float]:
    """The validation scores of the best epoch, the first of equal ones; empty if none has a score that is a number."""
    points = [point for point in history.curve if math.isfinite(point[monitored])]
    best = max(points, key=lambda point: point[monitored], default={})
    return {key.removeprefix("validation/"): value for key, value in best.items() if key.startswith("validation/")}
