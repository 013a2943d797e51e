"""A trial of a search: trained like any run, scored on validation, never tested; it keeps no weights."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from pathlib import Path

import pytorch_lightning as pl
import torch
from omegaconf import DictConfig, OmegaConf

from harness.build.trainer import MakeCallback
from harness.records.environment import environment
from harness.records.record import Answers, Facts
from harness.training.callbacks import History
from harness.training.costs import peak_memory_bytes
from harness.training.fit import fit, load_best, validation_scores
from harness.training.loggers import finish_tracking
from harness.training.module import DivergedError
from harness.training.session import Session, begin
from tasks.base import Task
from tasks.reading.source import Corpus


def train_and_validate(
    config: DictConfig, folder: Path, task: Task, corpus: Corpus, callbacks: Sequence[MakeCallback] = ()
) -> Generator[Facts, None, Answers]:
    """Train and yield ``validation_scores`` among the facts of the run; no test scores, and no predictions to return.

    A loss that becomes no number ends a trial without a score. That is no failure: a search meets such settings.
    """
    session = yield from begin(config, folder, task, corpus)
    ended = False
    try:
        yield from _validated(session, callbacks)
        ended = True
    finally:
        finish_tracking(session.logger, scores=None, failed=not ended)
    history = session.history
    yield {
        "costs": {
            **session.costs,
            "train_seconds": history.train_seconds,
            "train_steps": history.steps,
            "peak_memory_bytes": peak_memory_bytes(),
        }
    }
    yield {"scores": {}}
    return Answers({}, {})


def _validated(session: Session, callbacks: Sequence[MakeCallback]) -> Generator[Facts, None, None]:
    settings = OmegaConf.to_container(session.config.search, resolve=True)
    assert isinstance(settings, dict)
    search = {str(key): value for key, value in settings.items()}
    try:
        trainer, best = yield from fit(session, callbacks)
    except DivergedError as error:
        yield {"search": {**search, "diverged": str(error)}}
        return
    pruned = _was_pruned(trainer)
    if pruned:
        yield {"search": {**search, "pruned": True}}
    yield {"environment": environment(device=str(trainer.strategy.root_device), threads=torch.get_num_threads())}
    if session.module.validate_by == "score":
        yield {"validation_scores": _best_point(session.history, session.module.monitor[0])}
    elif not pruned:
        load_best(session, best)
        yield {"validation_scores": validation_scores(trainer, session)}


def _was_pruned(trainer: pl.Trainer) -> bool:
    """Whether a callback ended the trial early, for it was hopeless."""
    return any(getattr(callback, "pruned", False) for callback in trainer.callbacks)  # type: ignore[attr-defined]


def _best_point(history: History, monitored: str) -> dict[str, float]:
    """The validation scores of the best epoch, the first of equal ones; empty if none has a score that is a number."""
    points = [point for point in history.curve if math.isfinite(point[monitored])]
    best = max(points, key=lambda point: point[monitored], default={})
    return {key.removeprefix("validation/"): value for key, value in best.items() if key.startswith("validation/")}
