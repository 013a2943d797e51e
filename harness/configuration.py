"""A configuration before anything is made of it: composed outside the command line, named, checked, counted."""

from __future__ import annotations

import importlib.util
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf, open_dict

CONF = Path(__file__).resolve().parent.parent / "conf"
NAMED = ("task", "data", "model", "backbone", "position")
COMPARISONS = "compare/"
"""Where in ``conf/experiment`` the presets are that sweep over systems and name none."""

CONTROLS = ("retry", "max_minutes", "plan", "workers", "engine")
"""Keys that say how runs are driven, and nothing of what they compute."""

SEARCH = ("search", "search_space")
"""Keys that say how settings are searched; a run knows only the trial or the choice that it is."""

RETRY = ("failed", "none", "all")


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
    user's own files by the folder or file that they come from. A preset that is a system of its own
    (``experiment=vaswani2017``) gives its runs its name as ``experiment``; a comparison (``compare/<task>``) does not.
    """
    with open_dict(config):
        config.names = {group: choices[group] for group in NAMED}
        config.names.model = _model_name(config, choices["model"])
        if choices["data"] == "files":
            config.names.data = _files_name(config.data)
        experiment = choices.get("experiment")
        if experiment is not None and not experiment.startswith(COMPARISONS):
            config.names.experiment = experiment


def targets(part: Any) -> Iterator[str]:
    """Every ``_target_`` inside a part of a configuration: what Hydra would make."""
    if isinstance(part, Mapping) and "_target_" in part:
        yield str(part["_target_"])
    for inner in part.values() if isinstance(part, Mapping) else part if isinstance(part, list) else ():
        yield from targets(inner)


def foreign_files(config: Mapping[str, Any]) -> list[Path]:
    """The source files of the parts that come from outside the repository: they belong to the version of the code.

    Of a package all files, since what a class does may stand in any of them; of an installed one that of the class's
    module alone, since versions of packages are on the record.
    """
    plain = OmegaConf.to_container(config, resolve=True) if isinstance(config, DictConfig) else config
    assert isinstance(plain, Mapping)
    groups = ("task", "data", "model", "embedding", "backbone", "decoder", "position")
    modules = {target.rpartition(".")[0] for group in groups for target in targets(plain.get(group))}
    foreign = [module for module in modules if module and module.split(".")[0] not in ("models", "tasks", "harness")]
    return sorted({path for module in foreign for path in _sources(module)})


def _sources(module: str) -> list[Path]:
    try:
        whole, itself = (importlib.util.find_spec(name) for name in (module.split(".")[0], module))
    except (ImportError, ValueError):
        return []
    if whole is None or itself is None:
        return []
    installed = [Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib")]
    folders = [Path(folder) for folder in whole.submodule_search_locations or ()]
    if folders and not any(folder.is_relative_to(place) for folder in folders for place in installed):
        return [path for folder in folders for path in folder.rglob("*.py")]
    return [Path(itself.origin)] if itself.origin is not None else []


def check_controls(config: DictConfig) -> None:
    """Refuse controls that mean nothing, before anything runs. Raises ValueError."""
    if config.retry not in RETRY:
        raise ValueError(f"retry is {', '.join(RETRY[:-1])} or {RETRY[-1]}, got {config.retry!r}")
    if config.max_minutes is not None and not (_is_number(config.max_minutes) and config.max_minutes > 0):
        raise ValueError(f"max_minutes is a number above 0, or null for no limit; got {config.max_minutes!r}")
    if not isinstance(config.plan, bool):
        raise ValueError(f"plan is true or false, got {config.plan!r}")
    if not _is_number(config.workers) or config.workers != int(config.workers) or config.workers < 1:
        raise ValueError(f"workers is a whole number from 1, got {config.workers!r}")


def make_results_dir(config: DictConfig) -> None:
    """Make the folder of results before anything is read. Raises ValueError if that cannot be."""
    try:
        Path(config.results_dir).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"results_dir={config.results_dir} cannot be made ({error}); choose another folder") from error


def processes_of(config: DictConfig) -> int:
    """How many processes train a run together: one a device of every node.

    Raises ValueError unless ``trainer.devices`` is a number or a list of devices: what ``auto`` and -1 stand for, and
    with it the run that they name, would be another on every machine.
    """
    devices, nodes = config.trainer.devices, config.trainer.num_nodes
    count = len(devices) if isinstance(devices, ListConfig) else devices
    if not all(type(number) is int and number > 0 for number in (count, nodes)):
        raise ValueError(
            f"expected trainer.devices to be a whole number from 1 or a list of devices such as [0,1], and "
            f"trainer.num_nodes a whole number from 1, got {devices!r} and {nodes!r}; say how many"
        )
    return int(count * nodes)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _model_name(config: DictConfig, choice: str) -> str:
    target = str(config.model.attention["_target_"]) if "attention" in config.model else ""
    inside = f"models.attention.{choice}."
    return choice if not target or target.startswith(inside) else target


def _files_name(data: DictConfig) -> str:
    place = data.path or data.train
    return f"files:{Path(place).name}" if place else "files"
