"""What training keeps to go on from, and to test: the last epoch and the best one."""

from __future__ import annotations

import io
import pickle
import sys
from functools import partial
from pathlib import Path

import torch
from pytorch_lightning.callbacks import ModelCheckpoint

from harness.records.processes import writes_here


def checkpoints(folder: Path, monitored: str, mode: str) -> tuple[ModelCheckpoint, ModelCheckpoint]:
    """What keeps the best epoch and the last one; ``save_last`` of the former would keep the last best one.

    Saved between two epochs: what an interrupted run resumes from is then exactly a state of the uninterrupted one.
    """
    make = partial(ModelCheckpoint, folder, enable_version_counter=False, save_on_train_epoch_end=True)
    return make(filename="best", monitor=monitored, mode=mode), make(filename="last")


def last_checkpoint(folder: Path) -> Path | None:
    """What an earlier attempt left to resume from; a damaged file is set aside with a warning, and counts as none."""
    last = folder / "last.ckpt"
    try:
        damage = _damage(last)
    except FileNotFoundError:  # there is none, or another process of the same run was first to set it aside
        return None
    if damage is None:
        return last
    if writes_here():
        aside = last.replace(last.with_name("last.ckpt.damaged"))
        print(f"warning: {last} is damaged ({damage}); it is now {aside.name}, the run begins anew", file=sys.stderr)
    return None


def _damage(checkpoint: Path) -> str | None:
    """Why a checkpoint cannot be loaded, None if it can."""
    content = io.BytesIO(checkpoint.read_bytes())  # torch reports most cuts of a file as OSError, like a broken disk
    try:
        torch.load(content, map_location="cpu", weights_only=True)
    except (RuntimeError, ValueError, LookupError, EOFError, pickle.UnpicklingError) as error:
        return f"{type(error).__name__}: {error}".splitlines()[0]
    return None
