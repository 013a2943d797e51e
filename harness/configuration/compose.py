"""A configuration before anything is made of it: composed outside the command line, and named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

CONF = Path(__file__).resolve().parents[2] / "conf"

NAMED = ("task", "data", "model", "backbone", "position")

COMPARISONS = "compare/"
"""Where in ``conf/experiment`` the presets are that sweep over systems and name none."""


def compose_configuration(overrides: Sequence[str]) -> DictConfig:
    """The configuration that ``python -m harness`` would compose from the same overrides."""
    from hydra import compose, initialize_config_dir

    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", overrides=list(overrides), return_hydra_config=True)
    choices = OmegaConf.to_container(config.hydra.runtime.choices)
    with open_dict(config):
        del config["hydra"]
    name_choices(config, choices)  # type: ignore[arg-type]
    return config


def name_choices(config: DictConfig, choices: Mapping[str, Any]) -> None:
    """Write under ``names`` what each choice is called in records and tables: the name of its file.

    A mechanism from outside (``model.attention._target_=my_package.MyAttention``) is called by its dotted path, and a
    user's own files by the folder or file that they come from. Data that are folded say so, for a score on folds is
    compared with no other. A preset that is a system of its own (``experiment=vaswani2017``) gives its runs its name as
    ``experiment``; a comparison (``compare/<task>``) does not.

    Raises ValueError for a recipe or space that was asked for and is not there.
    """
    _check_optional(choices)
    with open_dict(config):
        config.names = {group: choices[group] for group in NAMED}
        config.names.model = _model_name(config, choices["model"])
        if choices["data"] == "files":
            config.names.data = _files_name(config.data)
        if config.data.get("folds") is not None:
            config.names.data = f"{config.names.data} in {config.data.folds} folds"
        experiment = choices.get("experiment")
        if experiment is not None and not experiment.startswith(COMPARISONS):
            config.names.experiment = experiment


def _check_optional(choices: Mapping[str, Any]) -> None:
    """Of the groups in which Hydra passes over a file that is not there, refuse one that somebody asked for."""
    from hydra.core.global_hydra import GlobalHydra

    if not GlobalHydra.instance().is_initialized():
        return
    loader = GlobalHydra.instance().config_loader()
    for group, usual in (("recipe", f"{choices['task']}_{choices['data']}"), ("search_space", choices["task"])):
        chosen, there = choices.get(group), loader.get_group_options(group)
        if chosen not in (None, usual, *there):
            raise ValueError(f"{group}={chosen}: there is no such file in conf/{group}; there are: {', '.join(there)}")


def _model_name(config: DictConfig, choice: str) -> str:
    attention = config.model.get("attention")
    target = "" if attention is None else str(attention["_target_"])
    inside = f"models.attention.{choice}."
    return choice if not target or target.startswith(inside) else target


def _files_name(data: DictConfig) -> str:
    place = data.path or data.train
    return f"files:{Path(place).name}" if place else "files"
