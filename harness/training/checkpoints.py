"""What training keeps to go on from, and to test: the last epoch and the best one. No path stands in them."""

from __future__ import annotations

import io
import os
import sys
from functools import partial
from pathlib import Path
from typing import IO, Any, cast
from zipfile import BadZipFile, ZipFile

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.plugins.io import TorchCheckpointIO

from harness.records.processes import writes_here

BEST, LAST = "best", "last"


class Kept(ModelCheckpoint):
    """One checkpoint of this name in the run's folder, wherever that has moved since.

    Lightning's own notes paths and, in a moved folder, forgets which epoch was best.
    """

    def state_dict(self) -> dict[str, Any]:
        """The score of what is kept."""
        return {"score": self.best_model_score}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """What is kept stands in the folder of today."""
        path = str(Path(str(self.dirpath), f"{self.filename}.ckpt"))
        self.best_model_path = path
        if self.monitor is not None:
            score = state_dict["score"]
            self.best_model_score = self.kth_value = self.current_score = score
            self.kth_best_model_path, self.best_k_models = path, {path: score}


def checkpoints(folder: Path, monitored: str, mode: str) -> tuple[ModelCheckpoint, ModelCheckpoint]:
    """What keeps the best epoch and the last one; ``save_last`` of the former would keep the last best one.

    Saved between two epochs: what an interrupted run resumes from is then exactly a state of the uninterrupted one.
    """
    make = partial(Kept, folder, enable_version_counter=False, save_on_train_epoch_end=True)
    return make(filename=BEST, monitor=monitored, mode=mode), make(filename=LAST)


class Owner(pl.Callback):
    """Notes in each checkpoint which run it is of: the name of its folder, which holds the run's id."""

    def __init__(self, folder: Path) -> None:
        self.run = folder.name

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Note it."""
        checkpoint["run"] = self.run


def last_checkpoint(folder: Path) -> Path | None:
    """What an earlier attempt left to resume from, or None.

    Where it or the best epoch is damaged, lost or of another run, what is left is set aside with a warning: then there
    is nothing to resume from, and the run begins anew.
    """
    last, best = folder / f"{LAST}.ckpt", folder / f"{BEST}.ckpt"
    if not last.exists():  # there is none, or another process of the same run was first to set it aside
        return None
    for path in (last, best):
        try:
            load(path)
        except ValueError as error:
            if writes_here():
                for left in (last, best):
                    if left.exists():
                        left.replace(left.with_name(f"{left.name}.damaged"))
                print(f"warning: {error}; {path.name} is set aside, the run begins anew", file=sys.stderr)
            return None
    return last


def load(path: Path) -> dict[str, Any]:
    """A checkpoint of the run in whose folder it lies. Raises ValueError if it is damaged, lost or of another run."""
    try:
        content = io.BytesIO(path.read_bytes())  # torch reports most cuts of a file as OSError, like a broken disk
    except FileNotFoundError:
        raise ValueError(f"{path} is lost") from None
    try:
        _check_sums(content)
        checkpoint = torch.load(content, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever bytes make of torch's reader
        raise ValueError(f"{path} is damaged ({_first_line(error)})") from error
    if not isinstance(checkpoint, dict) or checkpoint.get("run") != path.parent.name:
        raise ValueError(f"{path} is no checkpoint of this run")
    return checkpoint


def _check_sums(content: io.BytesIO) -> None:
    """Raise BadZipFile if a part of what ``torch.save`` wrote is not as it was written: torch itself does not look."""
    with ZipFile(content) as parts:
        changed = parts.testzip()
    if changed is not None:
        raise BadZipFile(f"{changed} is not as it was written")
    content.seek(0)


def _first_line(error: Exception) -> str:
    return next(iter(f"{type(error).__name__}: {error}".splitlines()), type(error).__name__)


class WholeFiles(TorchCheckpointIO):
    """Writes a checkpoint beside its place and renames it: whenever the process is killed, a whole one is there.

    Lightning's own writes below ``$TMPDIR``; where that is another file system, the file is copied to its place.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Write the file."""
        write_whole(checkpoint, Path(path))


def write_whole(content: Any, path: Path) -> None:
    """Write what ``torch.save`` writes at once or not at all: what could not be written to its end does not stay.

    Raises the error of the system (a full disk), which torch would make one of its own.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")  # the same name for all, so that kills leave one at most
    try:
        with part.open("wb") as file:
            noting = _Noting(file)
            try:
                torch.save(content, cast("IO[bytes]", noting))
            except RuntimeError as error:
                raise noting.error or error from None
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


class _Noting:
    """A file that notes why it could not be written: torch's writer, in C++, would lose it."""

    def __init__(self, file: io.BufferedWriter) -> None:
        self._file = file
        self.error: BaseException | None = None

    def write(self, content: bytes) -> int:
        try:
            return self._file.write(content)
        except BaseException as error:
            self.error = error
            raise

    def flush(self) -> None:
        self._file.flush()
