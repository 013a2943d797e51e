"""From the cells of a sweep to studies: cells that differ in the seed alone share a search."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from harness.configuration.values import check_values
from harness.search.space import Dimension, read_space
from harness.search.study import Study, with_values
from harness.sweep.cells import Cell

if TYPE_CHECKING:
    from tasks.reading.source import Source


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
    own = [cell.config.seed for cell in group]  # type: ignore[union-attr]
    if search.seeds is not None and len(own) > 1:
        raise ValueError(f"seeds are given by seed={own} and by search.seeds={list(search.seeds)}; keep one of them")
    seeds = tuple(own if search.seeds is None else search.seeds)
    _check_seeds(seeds, search.trial_seed)
    _check_splits(config, seeds[0])
    config.seed = search.trial_seed
    if "floor" in config.model:
        return Study(label, config, (), seeds)
    dimensions = read_space(search.space, config)
    _check_swept(label, dimensions)
    _check_drawn(config, dimensions)
    return Study(label, config, dimensions, seeds)


def _check_swept(label: str, dimensions: Sequence[Dimension]) -> None:
    swept = {word.partition("=")[0].lstrip("+~") for word in label.split(" ")}
    both = [dimension.key for dimension in dimensions if dimension.key in swept]
    if both:
        raise ValueError(
            f"{both[0]} is swept over and searched; leave it out of the search with search_space.{both[0]}=null"
        )


def _check_drawn(config: DictConfig, dimensions: Sequence[Dimension]) -> None:
    """Refuse a space with a value that the setting may not have, at the ends of ranges and among choices."""
    ends = {dimension.key: dimension.choices or (dimension.low, dimension.high) for dimension in dimensions}
    for number in range(max(map(len, ends.values()))):
        try:
            check_values(with_values(config, {key: values[number % len(values)] for key, values in ends.items()}))
        except ValueError as error:
            raise ValueError(f"search_space has what cannot be: {error}; correct the range or the choices") from error


def _check_seeds(seeds: Sequence[int], trial_seed: int) -> None:
    if trial_seed in seeds:
        raise ValueError(
            f"seed {trial_seed} is that of the trials, and what they choose must run over fresh seeds; "
            f"leave it out of {list(seeds)}, or set search.trial_seed to another"
        )


def _check_splits(config: DictConfig, seed: int) -> None:
    """Refuse a test split that the run's seed draws: the trials would have trained on rows that are tested later."""
    try:
        source: Source = instantiate(config.data)
    except InstantiationException as error:
        raise ValueError(str(error.__cause__ or error)) from error
    if "test" not in source.may_draw():
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


def _floor(study: Study, seed: int) -> Cell:
    plain = study.plain()
    assert plain.config is not None
    plain.config.seed = seed
    return Cell(f"{study.label}: seed={seed}", plain.config)
