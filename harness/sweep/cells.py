"""The cells of a sweep: one combination of the swept values each."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass

from omegaconf import DictConfig, OmegaConf, open_dict

from harness.configuration.compose import COMPARISONS, name_choices
from harness.configuration.content import settle_content
from harness.configuration.controls import CONTROLS, processes_of
from harness.configuration.refusals import refusal
from harness.configuration.values import check_settings
from harness.sweep.job import Start, run_alone
from harness.sweep.progress import Progress

SEED = re.compile(r"seed=(0|[1-9]\d{0,8})")
"""A seed as sweeps give them, which is sound whatever the rest is."""


@dataclass(frozen=True)
class Cell:
    """One combination of the swept values: what sets it apart, and its configuration or why there is none.

    ``restarts``: if its worker dies it is not a failure but interrupted, for whoever runs it begins it again.
    ``start``, ``unnamed``: as ``job.Job`` has them.
    """

    label: str
    config: DictConfig | None = None
    problem: str | None = None
    restarts: bool = False
    start: Start = run_alone
    unnamed: bool = False

    @property
    def searched(self) -> bool:
        """Whether it stands for a study (``search=``) instead of one run."""
        return self.config is not None and self.config.search.method != "none"


def make_cells(
    combinations: Sequence[Sequence[str]], *, swept: Sequence[str], compose: Callable[[Sequence[str]], DictConfig]
) -> list[Cell]:
    """A cell for each combination, equal ones once; one that cannot be composed says why.

    Raises ValueError if there are none, if all have the same problem, if what drives the whole sweep is swept over, or
    for several devices.
    """
    if not combinations:
        raise ValueError("the sweep has no cells: a swept value is an empty list, range or pattern; give it values")
    driving = sorted(key for key in swept if key.partition(".")[0] in CONTROLS)
    if driving:
        raise ValueError(f"{', '.join(driving)} is of the whole sweep; give it one value")
    if "experiment" in swept and any(word.startswith(f"experiment={COMPARISONS}") for c in combinations for word in c):
        raise ValueError("a comparison is a sweep by itself: run one at a time, or experiment=compare/all")
    cells = []
    made = _Composer(compose)
    distinct = list(dict.fromkeys(map(tuple, combinations)))
    progress = Progress("composed", len(distinct))
    for overrides in distinct:
        own = [override for override in overrides if override.partition("=")[0].lstrip("+~") in swept]
        label = " ".join(own) or "the only cell"
        try:
            cells.append(Cell(label, made(overrides)))
        except Exception as error:  # Hydra and OmegaConf have many, and each is about this cell alone
            cells.append(Cell(label, problem=refusal(error, overrides, compose)))
        progress.one()
    alike = {cell.problem for cell in cells}
    if len(alike) == 1 and cells[0].problem is not None:  # it is none of what they differ in
        raise ValueError(cells[0].problem)
    digest = hashlib.sha256(json.dumps(sorted(map(sorted, combinations))).encode()).hexdigest()[:8]
    for cell in cells:
        if cell.config is not None:
            check_one_device(cell.config)
            if "group" in cell.config.logger and cell.config.logger.group is None:
                cell.config.logger.group = f"sweep-{digest}"  # the same when the sweep is resumed
    return cells


class _Composer:
    """Composes cells; those that differ in nothing but their seed are composed once, which takes most of the time."""

    def __init__(self, compose: Callable[[Sequence[str]], DictConfig]) -> None:
        self._compose = compose
        self._known: dict[tuple[str, ...], DictConfig] = {}

    def __call__(self, overrides: Sequence[str]) -> DictConfig:
        seeds = [override for override in overrides if SEED.fullmatch(override)]
        others = tuple(override for override in overrides if override not in seeds)
        if len(seeds) != 1 or any(override.lstrip("+~").startswith("seed") for override in others):
            return _plain(self._compose(overrides))
        if others not in self._known:
            self._known[others] = _plain(self._compose(others))
        config = deepcopy(self._known[others])
        config.seed = int(seeds[0].partition("=")[2])
        return config


def check_one_device(config: DictConfig) -> None:
    """Refuse a cell over several devices: for each of them Lightning would start the command of the sweep again.

    Raises ValueError.
    """
    if processes_of(config) != 1:
        devices, nodes = config.trainer.devices, config.trainer.num_nodes
        raise ValueError(
            f"a cell of a sweep or search has one device, got trainer.devices={devices} and trainer.num_nodes={nodes}; "
            "run several cells at once with workers= or engine=; a single run (no -m, no search=) may use trainer=ddp"
        )


def _plain(config: DictConfig) -> DictConfig:
    """The configuration as a single run has it; bars of several workers would only overwrite each other."""
    choices = OmegaConf.to_container(config.hydra.runtime.choices)
    with open_dict(config):
        del config["hydra"]
    check_settings(config)
    name_choices(config, choices)  # type: ignore[arg-type]
    settle_content(config)
    config.trainer.enable_progress_bar = False
    return config
