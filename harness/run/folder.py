"""The folder of a run: held by one process at a time, cleared when the run is done, set aside when it begins anew."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from harness.records import files
from harness.records.files import read_record
from harness.records.processes import writes_here
from harness.records.record import Record, record_problem
from harness.run.run import BusyError

WAIT_SECONDS = 1.0
"""Between two looks whether another process is still at a run."""

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the system says of a disk, or a user's share of it, that is full."""


def leave_record(folder: Path, record: Record) -> bool:
    """Write the record of a run that did not finish; never over that of a finished one, which only ``force`` moves.

    False, after saying so, if it cannot be written.
    """
    try:
        existing = record_there(folder)
        if existing is not None and existing["status"] == "done":
            return True
        files.write_record(folder, record)
    except OSError as error:
        print(f"warning: there is no record of this: {written_to(error, folder)}", file=sys.stderr)
        return False
    return True


def leave_nothing(folder: Path) -> None:
    """Delete the folder of a run that was refused, if nothing of an earlier attempt lies in it."""
    with suppress(OSError):
        if {path.name for path in folder.iterdir()} <= {".lock"}:
            (folder / ".lock").unlink(missing_ok=True)
            folder.rmdir()


def record_there(folder: Path) -> Record | None:
    """The record in a run's folder; one that is damaged is set aside with a warning, and counts as none."""
    try:
        record = read_record(folder)
        problem = None if record is None else record_problem(record)
        if problem is None:
            return record
        said = f"{folder / 'record.json'} {problem}"
    except ValueError as error:
        said = str(error).rpartition("; ")[0]
    if writes_here():
        set_aside(folder, only=("record.json",))
        print(f"warning: {said}; it is set aside in {folder.parent.parent / 'superseded'}", file=sys.stderr)
    return None


def is_free(folder: Path) -> bool:
    """Whether no process is at a run just now."""
    try:
        with FileLock(folder / ".lock", timeout=0):
            return True
    except Timeout:
        return False


def first_free(folders: Iterable[Path]) -> list[Path]:
    """Those of some folders that no process is at any more, once there is one: after that has ended, or died."""
    folders = list(folders)
    while not (free := [folder for folder in folders if is_free(folder)]):
        time.sleep(WAIT_SECONDS)
    return free


def written_to(error: OSError, folder: Path) -> str:
    """Why a run's folder could not be written to, and what to do."""
    why = f"{error.filename or folder} could not be written ({error.strerror})"
    if error.errno in FULL:
        return f"{why}; free some space, the same command goes on from the last epoch that is kept"
    return f"{why}; choose another results_dir"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the run's folder: a second process with the same run is told so instead of writing into it.

    The lock is the kernel's (``flock``), so it ends with its process, however that dies. Linux carries it over NFS to
    the server, where it holds between machines; ``harness.engines.locks`` knows the mounts where it does not.
    """
    if not writes_here():
        yield
        return
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise BusyError(folder) from None
    try:
        yield
    finally:
        lock.release()


def clear(folder: Path) -> None:
    """Delete what a finished run has no more use for: what it would have resumed from, the error of an attempt before.

    Not before the record is written, since a run that is killed resumes from it.
    """
    if not writes_here():
        return
    with suppress(OSError):  # no reason for a finished run to fail
        for path in (*folder.glob("*.ckpt*"), folder / "error.txt"):
            path.unlink(missing_ok=True)


def set_aside(folder: Path, *, only: Sequence[str] = ()) -> None:
    """Keep what the run before left (records are never edited), or ``only`` files of these names of it."""
    left = [path for path in folder.iterdir() if (path.name in only if only else path.name != ".lock")]
    if not left:
        return
    stamp = datetime.now().strftime("%Y%m%dT%H%M%S.%f")  # a failure may follow another in the same second
    aside = folder.parent.parent / "superseded" / f"{folder.name}-{stamp}-{os.getpid()}"
    aside.mkdir(parents=True)
    for path in left:
        path.rename(aside / path.name)
