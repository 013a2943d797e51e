"""What engines have in common whose workers are started by somebody else: SLURM, Ray, on this machine or another."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from harness.workers import GRACE_SECONDS


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
