"""What engines have in common: what they promise, how a worker's death is told, and what a worker elsewhere does."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

Engine = Callable[[Callable[[Any], Any], Sequence[Any]], Iterator[tuple[int, Any]]]

GRACE_SECONDS = 60.0
"""What a job may exceed its limit by before its worker is killed: it should end itself and leave a record."""

STOP_SECONDS = 30.0
"""How long workers may take to write the records of what they are at when all is stopped."""


class EngineError(Exception):
    """An engine cannot run anything at all: its message says what its cluster refuses."""


@dataclass(frozen=True)
class WorkerDied:
    """A worker ended without an answer: killed from outside, out of memory, crashed, or ``overdue`` and killed here.

    ``said``: what is known of the end where the worker was not this machine's, and has no exit code here.
    """

    exit_code: int | None
    overdue: bool = False
    said: str | None = None

    def __str__(self) -> str:
        """The reason that a record gives."""
        if self.overdue:
            return "worker died (killed, for it did not stop at max_minutes)"
        if self.said is not None:
            return f"worker died ({self.said})"
        if self.exit_code == -signal.SIGKILL:
            return "worker died (signal 9): killed from outside, or by the system because memory ran out"
        if self.exit_code is not None and self.exit_code < 0:
            return f"worker died (signal {-self.exit_code})"
        return f"worker died (exit code {self.exit_code})"


def visible_gpus() -> list[str]:
    """The GPUs that this process may use, as ``CUDA_VISIBLE_DEVICES`` names them; asked without importing torch."""
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if allowed is not None:
        return [name for name in allowed.split(",") if name]
    if shutil.which("nvidia-smi") is None:
        return []
    asked = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=60, check=False)
    return [str(number) for number, line in enumerate(asked.stdout.splitlines()) if line.startswith("GPU ")]


@dataclass(frozen=True)
class Workplace:
    """What a worker takes over from the process that hands out the jobs, wherever it runs.

    ``folder``: the working directory, which the machines share; ``path``: where modules are found; ``preload`` and
    ``seconds``: as LocalWorkers has them.
    """

    folder: str
    path: tuple[str, ...]
    preload: tuple[str, ...]
    seconds: float | None


def this_place(preload: Sequence[str], seconds: float | None) -> Workplace:
    """The workplace of this very process."""
    return Workplace(os.getcwd(), tuple(sys.path), tuple(preload), seconds)


def work_at(place: Workplace, function: Callable[[Any], Any], job: Any) -> Any:
    """What a worker does with one job; a job that does not end itself at its limit is killed with its worker."""
    os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported
    os.chdir(place.folder)
    sys.path += [entry for entry in place.path if entry not in sys.path]
    for module in place.preload:
        import_module(module)
    with _killed_after(None if place.seconds is None else place.seconds + GRACE_SECONDS):
        return function(job)


@contextmanager
def _killed_after(seconds: float | None) -> Iterator[None]:
    if seconds is None:
        yield
        return
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def import_engine(package: str) -> Any:
    """The package behind ``engine=<package>``. Raises ValueError that says how to install it."""
    try:
        return import_module(package)
    except ImportError as error:
        raise ValueError(
            f"engine={package} needs the package {package} ({error}); "
            "install it with: pip install -c constraints.txt -e '.[cluster]'"
        ) from error
