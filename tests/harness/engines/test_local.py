"""Workers: a dying one costs its own job, limits hold, nothing is left behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from harness.engines import local
from harness.engines.base import WorkerDied, visible_gpus
from harness.engines.local import LocalWorkers

ROOT = Path(__file__).resolve().parents[3]


def work(job: Any) -> Any:
    """What the workers of these tests do."""
    match job:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "exit":
            os._exit(7)
        case "hang":
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
            time.sleep(600)
        case "process":
            return os.getpid()
        case "where":
            time.sleep(0.5)  # so that the other worker takes the other job
            return os.environ["CUDA_VISIBLE_DEVICES"], os.environ["OMP_NUM_THREADS"]
        case Path():
            signal.signal(signal.SIGTERM, lambda *_: job.with_suffix(".asked").touch() or os._exit(0))
            job.touch()
            time.sleep(600)
    return job


def results(engine: LocalWorkers, jobs: list[Any]) -> dict[int, Any]:
    with closing(engine(work, jobs)) as ended:  # type: ignore[type-var]
        return dict(ended)


@pytest.mark.parametrize("count", [1, 2])
def test_a_dead_worker_costs_only_its_job(count: int):
    found = results(LocalWorkers(count), [1, "kill", 2, "exit", 3])
    assert found == {0: 1, 1: WorkerDied(-9), 2: 2, 3: WorkerDied(7), 4: 3}
    assert "worker died (signal 9)" in str(found[1])
    assert "exit code 7" in str(found[3])
    assert multiprocessing.active_children() == []


def test_a_worker_does_many_jobs():
    assert len(set(results(LocalWorkers(1), ["process"] * 4).values())) == 1


@pytest.mark.slow
def test_a_job_that_ignores_its_limit_is_killed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(local, "GRACE_SECONDS", 0.5)
    monkeypatch.setattr(local, "POLL_SECONDS", 0.1)
    found = results(LocalWorkers(1, seconds=4.0), ["hang", 1])
    assert found == {0: WorkerDied(-9, overdue=True), 1: 1}
    assert "max_minutes" in str(found[0])


def test_closing_asks_what_runs_to_end_and_kills_what_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(local, "STOP_SECONDS", 0.5)
    ended = LocalWorkers(2)(work, [tmp_path / "running", 1, "hang"])
    assert next(ended) == (1, 1)
    wait_for(tmp_path / "running")
    ended.close()  # type: ignore[attr-defined]
    assert (tmp_path / "running.asked").exists()
    assert multiprocessing.active_children() == []


def test_workers_do_not_outlive_a_killed_parent(tmp_path: Path):
    code = (
        "from pathlib import Path\nfrom harness.engines.local import LocalWorkers\n"
        "from tests.harness.engines.test_local import work\n"
        f"if __name__ == '__main__': list(LocalWorkers(1)(work, [Path({str(tmp_path / 'running')!r})]))"
    )
    (tmp_path / "parent.py").write_text(code)
    parent = subprocess.Popen([sys.executable, tmp_path / "parent.py"], env=os.environ | {"PYTHONPATH": str(ROOT)})
    wait_for(tmp_path / "running", parent)
    parent.kill()
    parent.wait()
    wait_for(tmp_path / "running.asked")


def wait_for(path: Path, process: subprocess.Popen[bytes] | None = None) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, f"{path.name} did not appear"
        assert process is None or process.poll() is None, "the process ended early"
        time.sleep(0.01)


@pytest.mark.slow
def test_workers_take_gpus_in_turn_and_one_thread_each(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert Counter(results(LocalWorkers(4), ["where"] * 4).values()) == {("3", "1"): 2, ("5", "1"): 2}


def test_gpus_are_counted_without_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert visible_gpus() == []
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'GPU 0: H100 (UUID: a)'\necho 'GPU 1: H100 (UUID: b)'\n")
    tool.chmod(0o755)
    assert visible_gpus() == ["0", "1"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert visible_gpus() == []
