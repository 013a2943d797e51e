"""Which options say how runs are driven (retry, limits, workers, engine), and change nothing of what they compute."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryFile

from omegaconf import DictConfig, ListConfig

CONTROLS = ("retry", "max_minutes", "plan", "workers", "engine", "attention_maps")
"""Keys that say how runs are driven, and nothing of what they compute."""

SEARCH = ("search", "search_space")
"""Keys that say how settings are searched; a run knows only the trial or the choice that it is."""


def make_results_dir(config: DictConfig) -> None:
    """Make the folder of results before anything is read. Raises ValueError if it cannot be made or written to."""
    try:
        Path(config.results_dir).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"results_dir={config.results_dir} cannot be made ({error}); choose another folder") from error
    try:
        with TemporaryFile(dir=config.results_dir):
            pass
    except OSError as error:
        raise ValueError(
            f"results_dir={config.results_dir} cannot be written to ({error.strerror}); choose another folder"
        ) from error


def processes_of(config: DictConfig) -> int:
    """How many processes train a run together: one a device of every node.

    The schema has devices counted or listed: what ``auto`` and -1 stand for, and with it the run that they name, would
    be another on every machine.
    """
    devices = config.trainer.devices
    return int((len(devices) if isinstance(devices, ListConfig) else devices) * config.trainer.num_nodes)
