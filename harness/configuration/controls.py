"""How runs are driven (retry, limits, workers, engine), which changes nothing of what they compute."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import DictConfig, ListConfig

CONTROLS = ("retry", "max_minutes", "plan", "workers", "engine", "attention_maps")
"""Keys that say how runs are driven, and nothing of what they compute."""

SEARCH = ("search", "search_space")
"""Keys that say how settings are searched; a run knows only the trial or the choice that it is."""

RETRY = ("failed", "none", "all")


def check_controls(config: DictConfig) -> None:
    """Refuse controls that mean nothing, before anything runs. Raises ValueError."""
    if config.retry not in RETRY:
        raise ValueError(f"retry is {', '.join(RETRY[:-1])} or {RETRY[-1]}, got {config.retry!r}")
    if config.max_minutes is not None and not (_is_number(config.max_minutes) and config.max_minutes > 0):
        raise ValueError(f"max_minutes is a number above 0, or null for no limit; got {config.max_minutes!r}")
    for name in ("plan", "attention_maps"):
        if not isinstance(config[name], bool):
            raise ValueError(f"{name} is true or false, got {config[name]!r}")
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
