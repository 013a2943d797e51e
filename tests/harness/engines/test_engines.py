"""Engines: the same cells by any of them leave the same records, and what dies or is stopped is recorded."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.configuration.compose import compose_configuration
from harness.engines import submitit
from harness.engines.base import EngineError, WorkerDied
from harness.records import files
from harness.run.execute import execute
from harness.sweep.dispatch import make_engine
from tests.harness.conftest import ROOT, command, statuses, stop

Overrides = Callable[..., list[str]]
ENGINES = {
    "submitit": ["engine=submitit", "engine.cluster=local"],
    "ray": ["engine=ray"],
}


def work(job: Any) -> Any:
    """What the workers of these tests do."""
    match job:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "raise":
            raise RuntimeError("out of luck")
        case "place":
            return os.getcwd(), os.environ["OMP_NUM_THREADS"], [entry for entry in sys.path if "mine" in entry]
        case Path():
            signal.signal(signal.SIGTERM, lambda *_: (job.with_suffix(".asked").touch(), os._exit(0)))
            job.touch()
            time.sleep(600)
    return job


# Settings


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["engine=submitit", "engine.cluster=pbs"], "engine.cluster is slurm or local, got 'pbs'"),
        (["engine=submitit"], "found no SLURM here"),
        (["engine=submitit", "engine.cluster=local", "max_minutes=1440"], "does not fit into a job of"),
        (["engine=ray", "engine.cpus=0"], "together more than 0"),
        (["engine=ray", "engine.gpus=0.5"], "there is none here"),
        (["engine=ray", "+engine.cups=1"], "cups"),
    ],
)
def test_settings_that_cannot_work_are_refused(
    overrides: list[str], message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("PATH", str(tmp_path))  # no SLURM, no GPU
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    with pytest.raises(ValueError, match=message):
        make_engine(compose_configuration(overrides))


@pytest.mark.parametrize("name", ["submitit", "ray"])
def test_a_missing_package_is_named_with_its_remedy(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ValueError, match=rf"engine={name} needs the package {name} .*\.\[cluster\]"):
        make_engine(compose_configuration(ENGINES[name]))


@pytest.mark.slow
def test_a_single_run_takes_no_engine(tiny: Overrides):
    done = command(*tiny("task=pos", "model=majority", "engine=ray"))
    assert done.returncode == 1
    assert "add -m" in done.stderr


# SLURM, as far as its commands go: they run jobs as processes of this machine

SLURM = {
    "sbatch": """
import os, re, subprocess, sys
file = open(sys.argv[1]).read()
print(file, file=open("submitted", "a"))
quiet = subprocess.DEVNULL
last = re.search(r"--array=0-(\\d+)%", file)
for index in range(int(last[1]) + 1) if last else [None]:
    own = {"SLURM_JOB_ID": "42"} if index is None else {"SLURM_ARRAY_JOB_ID": "42", "SLURM_ARRAY_TASK_ID": str(index)}
    process = subprocess.Popen(["setsid", "bash", sys.argv[1]], env=os.environ | own, stdout=quiet, stderr=quiet)
    name = "42" if index is None else f"42_{index}"
    print(process.pid, file=open(f"{name}.job", "w"))
print("Submitted batch job 42")
""",
    "srun": """
import os, sys
_, log, *command = sys.argv[sys.argv.index("--error"):]
for pattern, name in (("%A", "SLURM_ARRAY_JOB_ID"), ("%a", "SLURM_ARRAY_TASK_ID"), ("%j", "SLURM_JOB_ID"), ("%t", "")):
    log = log.replace(pattern, os.environ.get(name, "0"))
os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT), 2)
os.execvp(command[0], command)
""",
    "sacct": """
import pathlib
print("JobID|State|NodeList")
for job in pathlib.Path().glob("*.job"):
    state = pathlib.Path(f"/proc/{job.read_text().strip()}/stat")
    alive = state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"
    print(f"{job.stem}|{'RUNNING' if alive else 'OUT_OF_MEMORY'}|here")
""",
    "scancel": """
import os, signal, sys
os.killpg(int(open(f"{sys.argv[1]}.job").read()), signal.SIGTERM)
""",
}


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """An engine on a SLURM of this machine whose working directory is ``cluster``."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "cluster").mkdir()
    for name, code in SLURM.items():
        tool = tmp_path / "bin" / name
        tool.write_text(f"#!{sys.executable}\n{code}")
        tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(tmp_path / "cluster")
    monkeypatch.setattr(submitit, "STATE_SECONDS", 1.0)

    def engine(*overrides: str) -> Any:
        made = make_engine(compose_configuration(["engine=submitit", f"results_dir={tmp_path}", *overrides]))
        made.place = replace(made.place, preload=())  # torch takes seconds
        return made

    return engine


@pytest.mark.slow
def test_cells_of_a_sweep_are_one_array_whose_dead_jobs_are_noticed(
    slurm: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.syspath_prepend("/mine")
    asked = ("partition=gpu", "array_parallelism=3", "additional_parameters={account:x}")
    engine = slurm("max_minutes=5", "engine.job.gpus_per_node=1", *(f"engine.job.slurm_{option}" for option in asked))
    monkeypatch.setattr(engine.submitit.SlurmJob, "_results_timeout_s", 0)
    with closing(engine(work, ["place", "kill", "raise", 4])) as ended:
        found = dict(ended)
    assert found[0] == (str(tmp_path / "cluster"), "1", ["/mine"])
    assert found[3] == 4
    assert isinstance(found[1], WorkerDied)
    assert "SLURM: OUT_OF_MEMORY; job 42_1, log: " in str(found[1])
    assert "worker died (RuntimeError: out of luck; job 42_2" in str(found[2])
    submitted = Path("submitted").read_text()
    for line in ("array=0-3%3", "partition=gpu", "gpus-per-node=1", "account=x", "time=1440"):
        assert submitted.count(f"#SBATCH --{line}\n") == 1
    assert list((tmp_path / "sweeps" / "submitit").glob("*/*_log.err"))  # logs stay where a worker died


@pytest.mark.slow
def test_closing_cancels_jobs(slurm: Callable[..., Any], tmp_path: Path):
    ended = slurm()(work, [tmp_path / "running", 1])
    assert next(ended) == (1, 1)
    deadline = time.monotonic() + 60
    while not (tmp_path / "running").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    ended.close()
    assert (tmp_path / "running.asked").exists()


def test_what_the_cluster_refuses_is_said_in_its_words(slurm: Callable[..., Any], tmp_path: Path):
    (tmp_path / "bin" / "sbatch").write_text("#!/bin/sh\necho 'sbatch: error: invalid partition' >&2\nexit 1\n")
    with pytest.raises(EngineError, match=r"SLURM refuses the jobs .*invalid partition"):
        list(slurm()(work, [1, 2]))
    with pytest.raises(EngineError, match=r"submitit refuses engine.job .*gpus_per_knot"):
        list(slurm("+engine.job.gpus_per_knot=1")(work, [1]))


# Real sweeps


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_engines_leave_what_a_single_run_leaves_to_the_last_bit_and_record_the_dead(
    engine: str, tiny: Overrides, tmp_path: Path, faulty: Callable[..., str]
):
    sweep = tiny("task=pos", "model=custom", "workers=2")
    done = command("-m", *sweep, faulty("Fine0", "Fine1", "Killed"), *ENGINES[engine])
    assert done.returncode == 1, done.stdout + done.stderr
    assert statuses(tmp_path / "results") == {"Fine0": "done", "Fine1": "done", "Killed": "failed"}
    assert "worker died (" in done.stdout
    for name in ("Fine0", "Fine1"):
        single = execute(compose_configuration([*sweep, f"results_dir={tmp_path / 'here'}", faulty(name)]))
        theirs = tmp_path / "results" / "runs" / single.folder.name  # the same id
        assert files.read_record(theirs)["scores"] == single.record["scores"]
        assert files.read_predictions(theirs) == files.read_predictions(single.folder)
    assert (tmp_path / "begun").read_text().split().count("Killed") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "number"),
    [("submitit", signal.SIGINT), ("ray", signal.SIGINT), ("ray", signal.SIGTERM)],
)
def test_a_stopped_engine_leaves_interrupted_runs_and_nothing_running(
    engine: str, number: signal.Signals, tiny: Overrides, tmp_path: Path, faulty: Callable[..., str]
):
    sweep = ["-m", *tiny("task=pos", "model=custom", faulty("Slow")), *ENGINES[engine]]
    group = number is signal.SIGINT  # a SIGTERM that ends Ray's own servers too takes this process with them
    code = stop(sweep, tmp_path / "log", after=(tmp_path / "begun").exists, number=number, group=group)
    said = (tmp_path / "log").read_text()
    assert code == (130 if number is signal.SIGINT else 143), said
    if engine != "submitit":  # whose local controller prints its own, for Ctrl-C reaches the whole process group
        assert "Traceback" not in said
    assert statuses(tmp_path / "results") == {"Slow": "interrupted"}
    left = ["pgrep", "-f", shlex.quote(str(tmp_path))]
    deadline = time.monotonic() + 30  # of a worker that has answered only its interpreter's own end is left
    while time.monotonic() < deadline and subprocess.run(left, capture_output=True, check=False).stdout:
        time.sleep(0.2)
    assert subprocess.run(left, capture_output=True, text=True, check=False).stdout == ""
