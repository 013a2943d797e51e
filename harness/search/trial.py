"""One trial of a search: what it came to, and how a worker runs one that Optuna draws."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from omegaconf import DictConfig

from harness.records.record import Record
from harness.run.run import Outcome, Run


@dataclass(frozen=True)
class Trial:
    """What a trial came to. ``score``: by validation; None if it diverged or failed. ``pruned``: ended early."""

    number: int
    status: str
    reason: str | None
    values: Mapping[str, Any]
    score: float | None = None
    pruned: bool = False

    @classmethod
    def of(cls, record: Record) -> Trial:
        """The trial that a record is of."""
        search = record["search"]
        score = record.get("validation_scores", {}).get(record.get("main_score", ""))
        known = score if score is not None and math.isfinite(score) else None
        pruned = bool(search.get("pruned", False))
        return cls(search["trial"], record["status"], record["reason"], search["values"], known, pruned)


def run_drawn(config: DictConfig, *, announce: Callable[[Run], None]) -> Outcome:
    """Run the trial that ``config`` numbers, or a new one; returns its outcome, of which the study has been told.

    A trial that failed (but for diverging) is not told: it may be run again.
    """
    from harness.run.execute import execute  # torch and Optuna: a worker's, not the process's that hands out trials
    from harness.search import storage

    study, settled = storage.ask(config)
    outcome = execute(settled, announce=announce, callbacks=_pruning(settled))
    if outcome.record["status"] == "done":
        trial = Trial.of(outcome.record)
        storage.tell(study, trial.number, score=trial.score, pruned=trial.pruned)
    return outcome


def _pruning(config: DictConfig) -> list[Callable[[str, str], Any]]:
    """What makes the pruner, if there is one, as ``build.trainer.MakeCallback`` says."""
    if not config.search.prune:
        return []
    from harness.search.pruning import Pruning

    return [partial(Pruning, config)]
