"""Cells as SLURM jobs, by submitit: https://github.com/facebookincubator/submitit

One cell is one job, and all cells of a sweep ask for the same, so that they are submitted as job arrays. With
``cluster="local"`` the same jobs are processes of this machine: the way to try a cluster's sweep without a cluster.

The working directory and the results folder must be shared by the machines.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import repeat
from pathlib import Path
from typing import Any

from harness.engines.base import (
    GRACE_SECONDS,
    STOP_SECONDS,
    EngineError,
    WorkerDied,
    import_engine,
    this_place,
    work_at,
)

CLUSTERS = ("slurm", "local")
POLL_SECONDS = 0.5

STATE_SECONDS = 60.0
"""How often SLURM is asked about jobs without an answer; a job that ended well is noticed by its file at once."""

ARRAY_SIZE = 1000
"""Jobs of one array; SLURM's default ``MaxArraySize`` allows one more."""


class SubmititEngine:
    """``job``: what each job asks for, in the words of submitit's AutoExecutor; None leaves it to the cluster.

    ``folder``: where submitit keeps jobs and logs, in a new folder a sweep, which stays if a worker died; ``workers``:
    how many jobs run at the same time with ``cluster="local"`` (SLURM has ``slurm_array_parallelism``).
    Raises ValueError for settings that cannot work here.
    """

    def __init__(
        self,
        *,
        cluster: str,
        folder: str,
        workers: int,
        job: Mapping[str, Any],
        seconds: float | None = None,
        preload: Sequence[str] = (),
    ) -> None:
        if cluster not in CLUSTERS:
            raise ValueError(f"engine.cluster is {' or '.join(CLUSTERS)}, got {cluster!r}")
        if cluster == "slurm" and shutil.which("sbatch") is None:
            raise ValueError(
                "engine=submitit found no SLURM here (no sbatch): start the sweep where jobs are submitted, "
                "or try it on this machine with engine.cluster=local"
            )
        if seconds is not None and seconds + GRACE_SECONDS >= 60 * job["timeout_min"]:
            raise ValueError(
                f"max_minutes={seconds / 60:g} does not fit into a job of engine.job.timeout_min={job['timeout_min']} "
                f"minutes; give the job at least {GRACE_SECONDS / 60:g} more than max_minutes"
            )
        self.submitit = import_engine("submitit")
        self.cluster = cluster
        self.folder = Path(folder).absolute()
        self.room = workers if cluster == "local" else ARRAY_SIZE
        self.job = {name: value for name, value in job.items() if value is not None}
        self.place = this_place(preload, seconds)

    def __call__(self, function: Callable[[Any], Any], jobs: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """Yield (number, result) of each job as it ends."""
        executor = self._executor()
        waiting, running, died = deque(enumerate(jobs)), dict[int, Any](), False
        asked = time.monotonic()
        try:
            while waiting or running:
                room = self.room if self.cluster == "slurm" else self.room - len(running)
                batch = [waiting.popleft() for _ in range(min(room, len(waiting)))]
                running.update(self._submit(executor, function, batch))
                ask = self.cluster == "slurm" and time.monotonic() - asked > STATE_SECONDS
                asked = time.monotonic() if ask else asked
                for number in _ended(running, ask=ask):
                    result = self._result(running.pop(number))
                    died = died or isinstance(result, WorkerDied)
                    yield number, result
                time.sleep(POLL_SECONDS)
        finally:
            _stop(list(running.values()))
        if not died:
            shutil.rmtree(executor.folder, ignore_errors=True)

    def _executor(self) -> Any:
        """Raises EngineError, with submitit's own words, for parameters that it does not know."""
        self.folder.mkdir(parents=True, exist_ok=True)
        folder = tempfile.mkdtemp(prefix=time.strftime("%Y%m%dT%H%M%S-"), dir=self.folder)
        try:
            executor = self.submitit.AutoExecutor(folder, cluster=self.cluster)
            executor.update_parameters(**self.job)
        except (ValueError, NameError, AssertionError, RuntimeError) as error:
            raise EngineError(f"submitit refuses engine.job ({' '.join(str(error).split())}); correct it") from error
        return executor

    def _submit(
        self, executor: Any, function: Callable[[Any], Any], batch: Sequence[tuple[int, Any]]
    ) -> dict[int, Any]:
        """The submitted jobs by number; several at once are one array."""
        if not batch:
            return {}
        numbers, inputs = zip(*batch, strict=True)
        try:
            handles = executor.map_array(work_at, repeat(self.place), repeat(function), inputs)
        except self.submitit.core.utils.FailedJobError as error:  # what sbatch said
            raise EngineError(f"SLURM refuses the jobs ({' '.join(str(error).split())}); correct engine.job") from error
        return dict(zip(numbers, handles, strict=True))

    def _result(self, job: Any) -> Any:
        """What the job returned, or how its worker died. A shared folder may show the answer some seconds late."""
        log = f"job {job.job_id}, log: {job.paths.stderr}"
        if self.cluster == "local" and not job.paths.result_pickle.exists():
            return WorkerDied(None, said=f"it ended without an answer: killed, crashed, or out of memory; {log}")
        try:
            return job.result()
        except self.submitit.core.utils.FailedJobError as error:
            said = [line for line in str(error).splitlines() if line and not line.startswith(("-", " ", "You", "or"))]
            return WorkerDied(None, said=f"{said[-1]}; {log}")
        except self.submitit.core.utils.UncompletedJobError:
            return WorkerDied(None, said=f"SLURM: {job.state}; {log}")


def _ended(running: Mapping[int, Any], *, ask: bool) -> list[int]:
    """Which jobs are over: they left an answer, or the cluster knows of their end; ``ask``: it is asked anew."""
    if ask:
        next(iter(running.values())).done(force_check=True)  # one question answers for every job
    return [number for number, job in running.items() if job.done()]


def _stop(jobs: Sequence[Any]) -> None:
    """Cancel jobs (``scancel``) and give those that run the time to write their records."""
    for job in jobs:
        job.cancel(check=False)
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline and not all(job.done() for job in jobs):
        time.sleep(POLL_SECONDS)
