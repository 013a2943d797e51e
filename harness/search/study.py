"""A study: the trials of one cell of a sweep, the choice among them by validation, the runs of what was chosen.

A trial is an ordinary run whose record has a validation score and no test score; nothing here sees a test score.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

from harness.configuration.controls import CONTROLS, SEARCH
from harness.records.identity import run_id
from harness.search.space import POINTS, Dimension, draw
from harness.search.trial import Trial, run_drawn
from harness.sweep.cells import Cell
from harness.sweep.job import run_alone

NOT_OF_STUDY = ("trials", "seeds")
"""What may change while a study stays the same: it goes on with more trials, or runs its choice over more seeds."""


@dataclass(frozen=True)
class Study:
    """The search for one cell's settings. ``config``: the cell's, with the seed of the trials."""

    label: str
    config: DictConfig
    dimensions: tuple[Dimension, ...]
    seeds: tuple[int, ...]

    @property
    def method(self) -> str:
        """How trials are drawn."""
        return str(self.config.search.method)

    @property
    def trials(self) -> int:
        """How many trials are made."""
        return int(self.config.search.trials)

    @cached_property
    def described(self) -> dict[str, Any]:
        """What every record of the study says of it."""
        settings = OmegaConf.to_container(self.config.search, resolve=True)
        assert isinstance(settings, dict)
        kept = {str(key): value for key, value in settings.items() if key not in NOT_OF_STUDY}
        kept["space"] = {dimension.key: dimension.described() for dimension in self.dimensions}
        own = OmegaConf.to_container(self.config, resolve=True)
        assert isinstance(own, dict)
        identity = {str(key): value for key, value in own.items() if key not in (*CONTROLS, *SEARCH)}
        base = run_id(identity, data_fingerprint=None, code_version="")
        digest = hashlib.sha256(json.dumps([base, kept], sort_keys=True, default=str).encode())
        return {"study": digest.hexdigest()[:12], **kept}

    def trial(self, number: int | None, *, place: int | None = None) -> Cell:
        """The cell of a trial; of a trial that Optuna draws, the worker settles number and values when it starts.

        ``place``: of such a trial, the place in the study that it fills.
        """
        drawn = self.method in POINTS
        seed = int(self.config.search.seed)
        values = draw(self.dimensions, method=self.method, seed=seed, trial=number or 0) if drawn else {}
        config = with_values(self.config, values)
        search = {**self.described, "trial": number, "values": values}
        _set_search(config, search if drawn else {**search, "place": place})
        name = "a further trial" if number is None else f"trial {number}"
        start = run_alone if drawn else run_drawn
        return Cell(f"{self.label}: {name}", config, restarts=True, start=start, unnamed=not drawn)

    def chosen(self, trials: Sequence[Trial], best: Trial) -> list[Cell]:
        """The cells that run the chosen values, one a seed."""
        choice = {"trial": best.number, "score": best.score, "values": dict(best.values)}
        scores = [trial.score for trial in trials]
        search = {**self.described, "trials": self.trials, "scores": scores, "chosen": choice}
        cells = []
        for seed in self.seeds:
            config = with_values(self.config, best.values)
            config.seed = seed
            _set_search(config, search)
            cells.append(Cell(f"{self.label}: chosen, seed={seed}", config))
        return cells

    def plain(self) -> Cell:
        """The cell as it would be without a search, at the trials' seed."""
        config = copy.deepcopy(self.config)
        _set_search(config, {"method": "none"})
        return Cell(self.label, config)


def with_values(config: DictConfig, values: Mapping[str, Any]) -> DictConfig:
    """A copy of a configuration with some settings changed."""
    changed = copy.deepcopy(config)
    for key, value in values.items():
        OmegaConf.update(changed, key, value)
    return changed


def _set_search(config: DictConfig, search: Mapping[str, Any]) -> None:
    with open_dict(config):
        config.search = dict(search)
        config.search_space = {}


def best_of(trials: Sequence[Trial]) -> Trial | None:
    """The trial of the highest validation score, of equal ones the first; none that was pruned. None: no score."""
    scored = [trial for trial in trials if trial.score is not None and not trial.pruned]
    return max(scored, key=lambda trial: (trial.score, -trial.number), default=None)
