"""Trials that Optuna draws, by ask and tell: a worker asks when it starts a trial and tells how it ended.

The storage is a journal, a file that workers share, also over a network file system; it is made to be read again after
a kill. A trial that began and never ended keeps its number and its values, and whoever runs it again tells its end. So
a study has as many trials as it was asked for, however often it was stopped.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import optuna
from filelock import FileLock
from omegaconf import DictConfig, OmegaConf, open_dict
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from harness.records.files import study_folder

RUNGS = 10
"""Trials are compared after each of so many equal parts of their steps; their epochs differ in steps."""


class JournalLock:
    """Holds the journal while it is written. The system frees it when its process dies, however that happens.

    Optuna's own lock outlives a killed process, and is taken from a slow one by force after 30 seconds.
    """

    def __init__(self, journal: Path) -> None:
        self._lock = FileLock(journal.with_suffix(".lock"))

    def acquire(self) -> bool:
        """Wait for the lock."""
        self._lock.acquire()
        return True

    def release(self) -> None:
        """Give it back."""
        self._lock.release()


def open_study(config: DictConfig, *, seed: int = 0) -> optuna.Study:
    """The study of a trial's configuration, made if it is new. ``seed``: of what this process draws."""
    search = config.search
    folder = study_folder(config.results_dir, search.study)
    folder.mkdir(parents=True, exist_ok=True)
    journal = folder / "optuna.log"
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        storage = JournalStorage(JournalFileBackend(str(journal), JournalLock(journal)))  # type: ignore[arg-type]
        return optuna.create_study(
            study_name=search.study,
            storage=storage,
            direction="maximize",
            load_if_exists=True,
            sampler=optuna.samplers.TPESampler(n_startup_trials=search.startup_trials, seed=seed),
            pruner=optuna.pruners.MedianPruner(
                n_startup_trials=search.startup_trials, n_warmup_steps=round(RUNGS * search.prune_after)
            ),
        )


def count_drawn(config: DictConfig) -> int:
    """How many trials the study has drawn, finished or not. Only while no worker is at it: mends a torn journal."""
    mend(study_folder(config.results_dir, config.search.study) / "optuna.log")
    return len(open_study(config).get_trials(deepcopy=False))


def mend(journal: Path) -> None:
    """Drop the half line that a process leaves which is killed while it writes; the next would be joined to it."""
    if not journal.exists():
        return
    content = journal.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with journal.open("r+b") as file:
            file.truncate(whole)


def distribution(described: DictConfig) -> BaseDistribution:
    """A dimension of the space (as ``Dimension.described`` gives it) in Optuna's words."""
    if "choices" in described:
        return CategoricalDistribution(list(described.choices))
    log = "log" in described and bool(described.log)
    whole = "whole" in described and bool(described.whole)
    return (IntDistribution if whole else FloatDistribution)(described.low, described.high, log=log)


def _sampler_seed(config: DictConfig) -> int:
    """Another for each place in the sweep: workers with equal samplers would draw equal trials."""
    place = config.search.place
    return int(config.search.seed) * 100_003 + (0 if place is None else int(place))


def _settled(config: DictConfig, study: optuna.Study, number: int) -> DictConfig:
    """The configuration with the number and the values that the study has drawn."""
    values: dict[str, Any] = dict(study.get_trials(deepcopy=False)[number].params)
    for key, value in values.items():
        OmegaConf.update(config, key, value)
    with open_dict(config):
        config.search.pop("place")
        config.search.trial = number
        config.search["values"] = values
    return config


def ask(config: DictConfig) -> tuple[optuna.Study, DictConfig]:
    """The study of a trial's configuration, and that with number and values: those that it names, or new ones."""
    study = open_study(config, seed=_sampler_seed(config))
    number = config.search.trial
    if number is None:
        distributions = {key: distribution(found) for key, found in config.search.space.items()}
        number = study.ask(distributions).number
    return study, _settled(config, study, number)


def tell(study: optuna.Study, number: int, *, score: float | None, pruned: bool) -> None:
    """How a trial ended, unless the study knows. ``score``: None if it diverged."""
    if study.get_trials(deepcopy=False)[number].state.is_finished():
        return
    if score is None and not pruned:
        study.tell(number, state=TrialState.FAIL)
    elif pruned:
        study.tell(number, state=TrialState.PRUNED)
    else:
        study.tell(number, score)
