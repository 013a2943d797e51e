"""Loggers that need more than their constructor, Weights & Biases and none at all; and boards sent to the former."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger

    from harness.board import Board


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


def upload_board(board: Board, *, project: str) -> None:
    """Send a board to Weights & Biases: a run of the type ``leaderboard`` with a table and an artifact.

    The table has every row with all its columns, the artifact ``leaderboard`` the board as CSV and JSON. As always
    there, ``WANDB_MODE=offline`` keeps files (below ``WANDB_DIR``) that ``wandb sync`` sends later.

    Raises ValueError, with what Weights & Biases says, where nobody is logged in or the service cannot be reached.
    """
    import wandb

    from harness.board_formats import as_csv, as_json

    place = os.environ.get("WANDB_DIR")  # given here, for wandb itself reads it only once a process
    try:
        run = wandb.init(
            project=project, name="leaderboard", job_type="leaderboard", dir=place, reinit="finish_previous"
        )
    except wandb.Error as error:
        raise ValueError(f"the board cannot be sent to Weights & Biases: {error}") from error
    text = as_csv(board)
    names, *rows = list(csv.reader(io.StringIO(text)))
    columns = [_numbers(column) for column in zip(*rows, strict=True)]
    artifact = wandb.Artifact("leaderboard", type="leaderboard")
    with tempfile.TemporaryDirectory() as folder, run:
        for name, content in (("board.csv", text), ("board.json", as_json(board))):
            file = Path(folder, name)
            file.write_text(content + "\n", encoding="utf-8")
            artifact.add_file(str(file), name=name)
        run.log({"leaderboard": wandb.Table(columns=[*names], data=[list(row) for row in zip(*columns, strict=True)])})
        run.log_artifact(artifact)


def _numbers(cells: Sequence[str]) -> list[Any]:
    """A column of the CSV as numbers if all its cells are some, so that it can be sorted; None where one is empty."""
    try:
        return [float(cell) if cell else None for cell in cells]
    except ValueError:
        return [cell or None for cell in cells]
