"""Processes that work through jobs one at a time: a dying one costs its own job, and each imports torch only once.

An engine takes a function and jobs and yields (number of the job, its result or the WorkerDied that ended it) as they
end. Closing it stops what is running. ``harness.sweep.run_cells`` knows no more of where its cells run.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

Engine = Callable[[Callable[[Any], Any], Sequence[Any]], Iterator[tuple[int, Any]]]

GRACE_SECONDS = 60.0
"""What a job may exceed its limit by before its worker is killed: it should end itself and leave a record."""

STOP_SECONDS = 30.0
"""How long workers may take to write the records of what they are at when all is stopped."""

POLL_SECONDS = 1.0


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


class LocalWorkers:
    """Up to ``count`` processes on this machine, one CPU thread each, pinned to its GPUs in turn.

    More processes than GPUs share them: ``count=8`` on two GPUs puts four on each, which must have memory for four.
    ``seconds``: what a job may take, not counting ``GRACE_SECONDS``; None: no limit. ``preload``: the modules that a
    worker imports before its first job.
    """

    def __init__(self, count: int, *, seconds: float | None = None, preload: Sequence[str] = ()) -> None:
        self.count = count
        self.seconds = seconds
        self.preload = tuple(preload)

    def __call__(self, function: Callable[[Any], Any], jobs: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """Yield (number, result) of each job as it ends."""
        count = min(self.count, len(jobs))
        gpus = visible_gpus() if count > 1 else []
        free = [_Lane(gpus[slot % len(gpus)] if gpus else None, self.preload) for slot in range(count)]
        lanes, waiting = list(free), deque(enumerate(jobs))
        busy: dict[Future[Any], tuple[int, _Lane]] = {}
        try:
            while waiting or busy:
                while waiting and free:
                    lane = free.pop(0)
                    number, job = waiting.popleft()
                    busy[lane.submit(function, job)] = number, lane
                for future in wait(busy, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED).done:
                    number, lane = busy.pop(future)
                    result = lane.result(future)
                    free.append(lane)
                    yield number, result
                for _number, lane in busy.values():
                    lane.check(self.seconds)
        finally:
            _stop(lanes, busy)


class _Lane:
    """One worker at a time; a new one takes the place of a dead one."""

    def __init__(self, gpu: str | None, preload: Sequence[str]) -> None:
        self.gpu = gpu
        self.preload = preload
        self.process: Any = None
        self._renew()

    def _renew(self) -> None:
        self.overdue = False
        context = multiprocessing.get_context("spawn")  # a fork would share what CUDA and threads have begun
        self.executor = ProcessPoolExecutor(1, context, initializer=_prepare, initargs=(self.gpu, self.preload))

    def submit(self, function: Callable[[Any], Any], job: Any) -> Future[Any]:
        """Give the worker its next job; a worker that has died is replaced first."""
        self.started = time.monotonic()
        before = set(multiprocessing.active_children())
        with _deaf_to_interrupts():
            try:
                future = self.executor.submit(function, job)
            except BrokenProcessPool:
                self._renew()
                future = self.executor.submit(function, job)
        (self.process,) = set(multiprocessing.active_children()) - before or {self.process}
        return future

    def check(self, seconds: float | None) -> None:
        """Kill the worker if its job should have ended itself and has not."""
        if seconds is not None and time.monotonic() - self.started > seconds + GRACE_SECONDS:
            self.overdue = True
            self.process.kill()

    def result(self, future: Future[Any]) -> Any:
        """What the job returned, or how its worker died."""
        try:
            return future.result()
        except BrokenProcessPool:
            self.executor.shutdown(wait=True)  # now the exit code is known
            return WorkerDied(self.process.exitcode, overdue=self.overdue)


def _stop(lanes: Sequence[_Lane], busy: dict[Future[Any], tuple[int, _Lane]]) -> None:
    """End all workers; those at a job are asked first, so that a run can say that it was interrupted."""
    try:
        for _number, lane in busy.values():
            lane.process.terminate()
        wait(busy, timeout=STOP_SECONDS)
    finally:
        for _number, lane in busy.values():
            lane.process.kill()
        for lane in lanes:
            lane.executor.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Processes started in the block ignore Ctrl-C, which a terminal sends to all: the parent stops them in order."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _prepare(gpu: str | None, preload: Sequence[str]) -> None:
    """What a worker does first: threads and GPU are settled before torch is imported."""
    os.environ["OMP_NUM_THREADS"] = "1"
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    threading.Thread(target=_end_with_parent, daemon=True).start()
    for module in preload:
        import_module(module)


def _end_with_parent() -> None:
    """Leave no orphan behind a killed parent: stop in order, so that the run can record it, and then for certain."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_SECONDS)
    os._exit(1)


def visible_gpus() -> list[str]:
    """The GPUs that this process may use, as ``CUDA_VISIBLE_DEVICES`` names them; asked without importing torch."""
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if allowed is not None:
        return [name for name in allowed.split(",") if name]
    if shutil.which("nvidia-smi") is None:
        return []
    asked = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=60, check=False)
    return [str(number) for number, line in enumerate(asked.stdout.splitlines()) if line.startswith("GPU ")]
