"""``python -m harness`` in a process that is forked, so that torch and Lightning are imported once for many of them.

A server of its own, which has only imported, is forked from; so a test sees what it would see of a started process:
output, exit code, signals, environment. A fork of the process of the tests would also know what the tests have changed.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import forkserver
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_PATH = list(sys.path)
"""What the server would import from; a test may have added to that of its own process."""

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(
    [__name__, "hydra.main", "harness.run.execute", "harness.training.fit", "harness.multirun"]
)


class Forked:
    """``python -m harness`` with these arguments, in the repository's folder and this environment.

    ``said``: the files that standard output and standard error go to; one for both if they are the same. ``session``:
    whether it leads a session, so that it and what it starts are one process group, as in a terminal.
    """

    def __init__(self, arguments: Sequence[str], said: tuple[Path, Path], *, session: bool = False) -> None:
        with _as_if_no_test_ran():
            forkserver.ensure_running()
        self._process = _context.Process(target=_become, args=(list(arguments), said, dict(os.environ), session))
        self._process.start()
        self.pid = self._process.pid or 0

    def poll(self) -> int | None:
        """The exit code, negative the signal that ended it; None while it runs."""
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def wait(self, timeout: float) -> int:
        """The exit code, once it has ended; TimeoutError, after killing it, if that takes too long."""
        self._process.join(timeout)
        code = self.poll()
        if code is None:
            self._process.kill()
            self._process.join()
            raise TimeoutError(f"python -m harness did not end in {timeout} s")
        return code


@contextmanager
def _as_if_no_test_ran() -> Iterator[None]:
    """Folder, environment and path that the server may keep; its path stands in its command line, too."""
    folder, python_path, path = os.getcwd(), os.environ.pop("PYTHONPATH", None), list(sys.path)
    os.chdir(ROOT)
    sys.path[:] = _PATH
    try:
        yield
    finally:
        os.chdir(folder)
        sys.path[:] = path
        if python_path is not None:
            os.environ["PYTHONPATH"] = python_path


def _become(arguments: list[str], said: tuple[Path, Path], environment: dict[str, str], session: bool) -> None:
    """What the forked process does."""
    if session:
        os.setsid()
    for number, path in zip((1, 2), said, strict=True):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    added = [entry for entry in environment.get("PYTHONPATH", "").split(os.pathsep) if entry]
    sys.path[:] = [str(ROOT), *added, *_PATH[1:]]
    sys.argv = ["harness", *arguments]
    runpy.run_module("harness", run_name="__main__", alter_sys=True)
