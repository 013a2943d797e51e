"""Processes that work through jobs one at a time: a dying one costs its own job, and torch is imported once for all.

An engine takes a function and jobs and yields (number of the job, its result or the WorkerDied that ended it) as they
end. Closing it stops what is running. ``harness.sweep.dispatch.run_cells`` knows no more of where its cells run.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from importlib import import_module
from multiprocessing import forkserver
from multiprocessing.context import BaseContext
from typing import Any

from harness.engines.base import GRACE_SECONDS, STOP_SECONDS, WorkerDied, visible_gpus

POLL_SECONDS = 1.0


class LocalWorkers:
    """Up to ``count`` processes on this machine, one CPU thread each, pinned to its GPUs in turn.

    Without a GPU they are forked from a process that has only imported: a new one is there at once, and what they have
    imported lies in memory once. With one each starts anew, for CUDA must not have been asked before a fork.
    More processes than GPUs share them: ``count=8`` on two GPUs puts four on each, which must have memory for four.
    ``seconds``: what a job may take, not counting ``GRACE_SECONDS``; None: no limit. ``preload``: the modules that are
    imported before the first job.
    """

    def __init__(self, count: int, *, seconds: float | None = None, preload: Sequence[str] = ()) -> None:
        self.count = count
        self.seconds = seconds
        self.preload = tuple(preload)

    def __call__(self, function: Callable[[Any], Any], jobs: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """Yield (number, result) of each job as it ends."""
        count = min(self.count, len(jobs))
        gpus = visible_gpus()
        context = multiprocessing.get_context("spawn") if gpus else _imported(self.preload)
        pinned = [gpus[slot % len(gpus)] if gpus and count > 1 else None for slot in range(count)]
        free = [_Lane(context, gpu, self.preload) for gpu in pinned]
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

    def __init__(self, context: BaseContext, gpu: str | None, preload: Sequence[str]) -> None:
        self.context = context
        self.gpu = gpu
        self.preload = preload
        self.process: Any = None
        self._renew()

    def _renew(self) -> None:
        self.overdue = False
        told = (dict(os.environ), self.gpu, self.preload)
        self.executor = ProcessPoolExecutor(1, self.context, initializer=_prepare, initargs=told)

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


def _imported(preload: Sequence[str]) -> BaseContext:
    """Processes that are forked from one which has imported these modules and begun nothing: no thread, no GPU."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    threads = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"  # read when torch is imported
    try:
        with _deaf_to_interrupts():
            forkserver.ensure_running()
    finally:
        os.environ.pop("OMP_NUM_THREADS")
        if threads is not None:
            os.environ["OMP_NUM_THREADS"] = threads
    return context


def _prepare(environment: Mapping[str, str], gpu: str | None, preload: Sequence[str]) -> None:
    """What a worker does first. ``environment``: that of the process which hands out the jobs.

    Threads and GPU are settled before torch is imported, where it is not yet.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.clear()
    os.environ.update(environment, OMP_NUM_THREADS="1")
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
