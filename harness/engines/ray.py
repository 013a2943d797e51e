"""Cells as tasks of a Ray cluster, or of a Ray of this machine: https://docs.ray.io

A cell takes ``cpus`` and ``gpus`` of the cluster; ``gpus=0.25`` puts four cells on one GPU. Ray pins a task to its GPU.
It keeps a worker for many cells, so that torch is imported once in each; but where cells take GPUs every cell gets a
new worker, for a process cannot change the GPU that torch has begun to use.

The working directory and the results folder must be shared by the machines, and the harness installed on each.
"""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from harness.engines.base import STOP_SECONDS, EngineError, WorkerDied, import_engine, this_place, visible_gpus, work_at

POLL_SECONDS = 1.0


class RayEngine:
    """``address``: of a running cluster (``auto`` finds it), or ``local``: one is started here and ended again.

    ``workers``: how many cells at a time with ``address="local"``; a cluster runs as many as its resources allow.
    Raises ValueError for settings that cannot work here.
    """

    def __init__(
        self,
        *,
        address: str,
        workers: int,
        cpus: float,
        gpus: float,
        seconds: float | None = None,
        preload: Sequence[str] = (),
    ) -> None:
        if cpus < 0 or gpus < 0 or cpus + gpus == 0:
            raise ValueError(f"engine.cpus and engine.gpus of a cell are together more than 0; got {cpus} and {gpus}")
        if address == "local" and gpus > 0 and not visible_gpus():
            raise ValueError(f"engine.gpus={gpus} asks for a GPU, but there is none here; try engine.gpus=0")
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to Ray's makers unasked
        self.ray = import_engine("ray")
        self.address = address
        self.cores = math.ceil(workers * cpus) if address == "local" else None
        self.takes = {"num_cpus": cpus, "num_gpus": gpus}
        self.place = this_place(preload, seconds)

    def __call__(self, function: Callable[[Any], Any], jobs: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """Yield (number, result) of each job as it ends."""
        self._connect()
        waiting: list[Any] = []
        try:
            work = self.ray.remote(max_retries=0, **self.takes)(work_at)
            waiting = [work.remote(self.place, function, job) for job in jobs]
            numbers = {task: number for number, task in enumerate(waiting)}
            while waiting:
                ended, waiting = self._wait(waiting)
                for task in ended:
                    yield numbers[task], self._result(task)
        finally:
            self._stop(waiting)
            self.ray.shutdown()

    def _connect(self) -> None:
        """Raises EngineError if there is no such cluster."""
        before = signal.getsignal(signal.SIGTERM)
        try:
            self.ray.init(
                address=self.address, num_cpus=self.cores, include_dashboard=False if self.cores else None,
                log_to_driver=False, logging_level="ERROR",
            )  # fmt: skip
        except Exception as error:  # some of Ray's are of no class of their own
            self.ray.shutdown()
            said = " ".join(str(error).split())
            raise EngineError(
                f"Ray does not start at engine.address={self.address} ({said}); correct it, or use engine=local"
            ) from error
        finally:
            signal.signal(signal.SIGTERM, before)  # Ray's own handler would leave without the summary

    def _wait(self, tasks: list[Any]) -> tuple[list[Any], list[Any]]:
        """Those that have ended and the others, after a second at the latest."""
        try:
            return self.ray.wait(tasks, timeout=POLL_SECONDS)  # type: ignore[no-any-return]
        except SystemExit:  # of SIGTERM's handler; Ray makes its exit code 1
            raise SystemExit(128 + signal.SIGTERM) from None

    def _result(self, task: Any) -> Any:
        """What the job returned, or how its worker died."""
        try:
            return self.ray.get(task)
        except self.ray.exceptions.RayError as error:
            return WorkerDied(None, said=f"{type(error).__name__}: {_last_line(error)}")

    def _stop(self, tasks: list[Any]) -> None:
        """Interrupt what runs, so that a run can say so, and kill what does not heed it; what waits never begins."""
        for force, patience in ((False, STOP_SECONDS), (True, POLL_SECONDS)):
            if tasks:
                for task in tasks:
                    self.ray.cancel(task, force=force)
                _, tasks = self.ray.wait(tasks, num_returns=len(tasks), timeout=patience)


def _last_line(error: Exception) -> str:
    """Ray puts the trace of a remote error before what it says."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else "it says nothing"
