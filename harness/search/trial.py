"""One trial of a search: what it came to, and how a worker runs one that Optuna draws."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig

from harness.run.execute import execute
from harness.run.run import Outcome, Run
from harness.search.storage import _sampler_seed, _settled, _tell, distribution, open_study


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
    def of(cls, record: Mapping[str, Any]) -> Trial:
        """The trial that a record is of."""
        search = record["search"]
        score = record.get("validation_scores", {}).get(record.get("main_score"))
        known = score if score is not None and math.isfinite(score) else None
        pruned = bool(search.get("pruned", False))
        return cls(search["trial"], record["status"], record["reason"], search["values"], known, pruned)


def run_drawn(config: DictConfig, *, announce: Callable[[Run], None]) -> Outcome:
    """Run the trial that ``config`` numbers, or a new one; returns its outcome, of which the study has been told.

    A trial that failed (but for diverging) is not told: it may be run again.
    """
    study = open_study(config, seed=_sampler_seed(config))
    number = config.search.trial
    if number is None:
        distributions = {key: distribution(found) for key, found in config.search.space.items()}
        number = study.ask(distributions).number
    outcome = execute(_settled(config, study, number), announce=announce)
    if outcome.record["status"] == "done":
        _tell(study, Trial.of(outcome.record))
    return outcome
