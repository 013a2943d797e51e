"""Loggers that need more than their constructor, Weights & Biases and none at all; and boards sent to the former."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger


def make_logger(config: DictConfig, folder: Path) -> Any:
    """The configured logger, writing to ``logs/<attempt>`` in the run's folder; False where there is none.

    Each attempt at a run has logs of its own, because Lightning's CSV logger deletes what it finds.
    """
    from hydra.utils import instantiate

    factory = instantiate(config.logger)
    logs = folder / "logs" / str(1 + len(list(folder.glob("logs/*"))))
    logs.mkdir(parents=True)
    if config.logger["_target_"].endswith("wandb_logger"):
        resolved = OmegaConf.to_container(config, resolve=True)
        return factory(save_dir=str(logs), name=folder.name, config=resolved)
    return factory(save_dir=str(logs))


def no_logger(*, save_dir: str) -> bool:
    """No logger: the record alone keeps what happened."""
    return False


def wandb_logger(
    *, save_dir: str, project: str, group: str | None, tags: list[str], mode: str, name: str, config: Mapping[str, Any]
) -> Logger:
    """A Weights & Biases run with the run's name, its group (task and data set unless given), tags and configuration.

    ``mode``: ``online``, ``offline`` (files under ``save_dir``, sent later by ``wandb sync``) or ``disabled``.
    """
    from pytorch_lightning.loggers import WandbLogger

    if mode not in ("online", "offline", "disabled"):
        raise ValueError(f"logger.mode is online, offline or disabled, got {mode!r}")
    described = config["names"]
    return WandbLogger(
        project=project,
        name=name,
        save_dir=save_dir,
        group=group or f"{described['task']}/{described['data']}",
        tags=[*tags, described["task"], described["data"], described["model"]],
        config=dict(config),
        mode=mode,
        reinit="finish_previous",
    )


def finish_tracking(logger: Any, *, scores: Mapping[str, float] | None, failed: bool) -> None:
    """Write the final scores where the logger keeps a summary, and close the run, also after a failure."""
    if logger is None or logger is False:
        return
    if type(logger).__name__ == "WandbLogger":
        logger.experiment.summary.update({f"test/{key}": value for key, value in (scores or {}).items()})
        logger.experiment.finish(exit_code=1 if failed else 0)
    else:
        logger.finalize("failed" if failed else "success")
