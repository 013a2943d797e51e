"""From the cells of a sweep to studies: cells that differ in the seed alone share a search."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

from harness.search.space import POINTS, Dimension, read_space
from harness.search.study import Study
from harness.sweep.cells import Cell

METHODS = (*POINTS, "optuna")


def make_studies(cells: Sequence[Cell]) -> tuple[list[Cell], list[Study]]:
    """The cells that run as they are, and a study for all cells that differ in the seed alone, in their order.

    A floor has no settings of the space: it runs over the seeds without trials.
    Raises ValueError, naming the cell, for settings of a search that mean nothing, before anything runs.
    """
    groups: dict[str, list[Cell]] = {}
    ordinary = []
    for cell in cells:
        if cell.searched:
            groups.setdefault(_but_for_seed(cell), []).append(cell)
        else:
            ordinary.append(cell)
    studies = []
    for group in groups.values():
        label = _label(group)
        try:
            study = _study(label, group)
        except ValueError as error:
            raise ValueError(f"{label}: {error}") from error
        if "floor" in study.config.model:
            ordinary += [_floor(study, seed) for seed in study.seeds]
        else:
            studies.append(study)
    if len({study.described["study"] for study in studies}) < len(studies):
        raise ValueError("one study is asked for with several numbers of trials or seeds; run one after the other")
    return ordinary, studies


def _but_for_seed(cell: Cell) -> str:
    settings = OmegaConf.to_container(cell.config, resolve=False)
    assert isinstance(settings, dict)
    return json.dumps({k: v for k, v in settings.items() if k != "seed"}, sort_keys=True, default=str)


def _label(group: Sequence[Cell]) -> str:
    """What the cells of a study have in common."""
    words = [word for word in group[0].label.split(" ") if not (len(group) > 1 and word.startswith("seed="))]
    return " ".join(words) or "the only cell"


def _study(label: str, group: Sequence[Cell]) -> Study:
    config = copy.deepcopy(group[0].config)
    assert config is not None
    search = config.search
    _check_settings(search)
    own = [cell.config.seed for cell in group]  # type: ignore[union-attr]
    if search.seeds is not None and len(own) > 1:
        raise ValueError("seeds are given by seed= and by search.seeds=; keep one of them")
    seeds = tuple(own if search.seeds is None else search.seeds)
    _check_seeds(seeds, search.trial_seed)
    _check_splits(config, seeds[0])
    config.seed = search.trial_seed
    if "floor" in config.model:
        return Study(label, config, (), seeds)
    dimensions = read_space(search.space, config)
    _check_swept(label, dimensions)
    return Study(label, config, dimensions, seeds)


def _check_swept(label: str, dimensions: Sequence[Dimension]) -> None:
    swept = {word.partition("=")[0].lstrip("+~") for word in label.split(" ")}
    both = [dimension.key for dimension in dimensions if dimension.key in swept]
    if both:
        raise ValueError(
            f"{both[0]} is swept over and searched; leave it out of the search with search_space.{both[0]}=null"
        )


def _check_settings(search: DictConfig) -> None:
    if search.method not in METHODS:
        raise ValueError(f"search is none, {', '.join(METHODS[:-1])} or {METHODS[-1]}, got {search.method!r}")
    for name, least in (("trials", 1), ("seed", 0), ("trial_seed", 0)):
        if not _is_whole(search[name]) or search[name] < least:
            raise ValueError(f"search.{name} is a whole number from {least}, got {search[name]!r}")
    if search.method != "optuna":
        return
    if not _is_whole(search.startup_trials) or search.startup_trials < 1:
        raise ValueError(f"search.startup_trials is a whole number from 1, got {search.startup_trials!r}")
    if not isinstance(search.prune, bool):
        raise ValueError(f"search.prune is true or false, got {search.prune!r}")
    if not isinstance(search.prune_after, int | float) or not 0 <= search.prune_after <= 1:
        raise ValueError(f"search.prune_after is a share of the steps, from 0 to 1, got {search.prune_after!r}")


def _check_seeds(seeds: Sequence[Any], trial_seed: int) -> None:
    if not seeds or not all(_is_whole(seed) for seed in seeds) or len(set(seeds)) < len(seeds):
        raise ValueError(f"search.seeds are different whole numbers, one or more, got {list(seeds)}")
    if trial_seed in seeds:
        raise ValueError(
            f"seed {trial_seed} is that of the trials, and what they choose must run over fresh seeds; "
            f"leave it out of {list(seeds)}, or set search.trial_seed to another"
        )


def _check_splits(config: DictConfig, seed: int) -> None:
    """Refuse a test split that the run's seed draws: the trials would have trained on rows that are tested later."""
    if config.data.get("test_fraction") is None:
        return
    drawn = []
    for run_seed in (config.search.trial_seed, seed):
        run = copy.deepcopy(config)
        run.seed = run_seed
        drawn.append(run.data.seed)
    if drawn[0] != drawn[1]:
        raise ValueError(
            "every seed draws its own test split, so trials would learn from later test rows; fix data.seed=1"
        )


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _floor(study: Study, seed: int) -> Cell:
    plain = study.plain()
    assert plain.config is not None
    plain.config.seed = seed
    return Cell(f"{study.label}: seed={seed}", plain.config)
