"""A board sent to Weights & Biases."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.board.export import as_csv, as_json
from harness.board.tables import Board


def upload_board(board: Board, *, project: str) -> None:
    """Send a board to Weights & Biases: a run of the type ``leaderboard`` with a table and an artifact.

    The table has every row with all its columns, the artifact ``leaderboard`` the board as CSV and JSON. As always
    there, ``WANDB_MODE=offline`` keeps files (below ``WANDB_DIR``) that ``wandb sync`` sends later.

    Raises ValueError, with what Weights & Biases says, where nobody is logged in or the service cannot be reached.
    """
    import wandb

    place = os.environ.get("WANDB_DIR")  # given here, for wandb itself reads it only once a process
    try:
        run = wandb.init(
            project=project, name="leaderboard", job_type="leaderboard", dir=place, reinit="finish_previous"
        )
    except wandb.Error as error:
        raise ValueError(
            f"the board cannot be sent to Weights & Biases ({error}); log in, or set WANDB_MODE=offline"
        ) from error
    names, *rows = list(csv.reader(io.StringIO(as_csv(board, answer=True))))
    columns = [_numbers(column) for column in zip(*rows, strict=True)]
    artifact = wandb.Artifact("leaderboard", type="leaderboard")
    with tempfile.TemporaryDirectory() as folder, run:
        for name, content in (("board.csv", as_csv(board)), ("board.json", as_json(board))):
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
