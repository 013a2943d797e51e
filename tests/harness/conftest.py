"""Runs small enough for a test: a corner of a bundled corpus and a narrow network."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.records import files
from tests.harness.forked import Forked

TINY = [
    "backbone.width=16",
    "data.size=few",
    "data.max_train=48",
    "data.unseen_labels=drop",
    "data.max_validation=24",
    "data.max_test=24",
    "training.steps=9",
    "training.batch_rows=16",
    "trainer.enable_progress_bar=false",
    "embedding=words",
    "embedding.parts.words.width=12",
]

WRITING = [option for option in TINY if not option.startswith(("embedding", "data.unseen"))]
"""The same for tasks that write, whose embedding is as wide as the backbone."""

COMMAND = [sys.executable, "-m", "harness"]
ROOT = Path(__file__).resolve().parents[2]

FAULTY = """
import os, signal, time
from torch import nn
from models.attention.base import Attended, Attention

class Fine(Attention):
    supports = frozenset({"self", "cross", "causal"})

    def __init__(self, site):
        super().__init__()
        self.value = nn.Linear(site.width, site.width)
        self.begun = False

    def forward(self, queries_BTD, memory_BSD, mask=None, *, causal=False, external=None, need_weights=False):
        context_BTD = self.value(memory_BSD[:, :1]).expand_as(queries_BTD)
        if not context_BTD.is_meta:
            if not self.begun:
                with open(os.environ["BEGUN"], "a") as file:
                    print(type(self).__name__, file=file)
            self.begun = True
            context_BTD = self.spoil(context_BTD)
        return Attended(context_BTD)

    def spoil(self, context_BTD):
        return context_BTD

class Raising(Fine):
    def spoil(self, context_BTD):
        raise RuntimeError("out of luck")

class NoNumber(Fine):
    def spoil(self, context_BTD):
        return context_BTD * float("nan")

class Killed(Fine):
    def spoil(self, context_BTD):
        os.kill(os.getpid(), signal.SIGKILL)

class Slow(Fine):
    def spoil(self, context_BTD):
        for _ in range(36000):  # a sleep in one piece is deaf to some ways of being stopped
            time.sleep(0.1)

for number in range(20):
    globals()[f"Fine{number}"] = type(f"Fine{number}", (Fine,), {})
"""
"""Mechanisms that fail in every way, and twenty that do not; each notes in the file BEGUN that it is run."""


@pytest.fixture(scope="session")
def quick_measures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Runs inside the tests' process measure latency on few examples, and share what they count of equal networks."""
    from harness.build import flops  # seconds, and many tests here need neither
    from harness.training import fit

    kept, name = tmp_path_factory.mktemp("flops"), flops._file

    def shared(*arguments: Any) -> Path | None:
        file = name(*arguments)
        return None if file is None else kept / file.name

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(fit, "LATENCY_EXAMPLES", 6)
        patched.setattr(flops, "_file", shared)
        yield


@pytest.fixture
def tiny(tmp_path: Path, quick_measures: None) -> Callable[..., list[str]]:
    """The overrides of a tiny run whose records go below the test's own folder."""

    def overrides(*more: str) -> list[str]:
        return [*_fitting(TINY, more), f"results_dir={tmp_path / 'results'}", *more]

    return overrides


@pytest.fixture
def writing(tmp_path: Path, quick_measures: None) -> Callable[..., list[str]]:
    """The overrides of a tiny run of a task that writes."""

    def overrides(*more: str) -> list[str]:
        return [*_fitting(WRITING, more), "task.search.beam=2", f"results_dir={tmp_path / 'results'}", *more]

    return overrides


def _fitting(options: Sequence[str], more: Sequence[str]) -> list[str]:
    """Without the size, which only the bundled corpora have, where the data are others."""
    others = any(option.startswith("data=") for option in more)
    return [option for option in options if not (others and option.startswith("data.size="))]


@pytest.fixture
def faulty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Mechanisms that fail in every way, and a file in which each says when it begins; a sweep over some of them."""
    (tmp_path / "faulty.py").write_text(FAULTY)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("BEGUN", str(tmp_path / "begun"))
    monkeypatch.setenv("RAY_worker_niceness", "0")  # Ray's 15 starves a worker on a machine with other work
    yield lambda *names: "model.attention._target_=" + ",".join(f"faulty.{name}" for name in names)
    sys.modules.pop("faulty", None)


def in_this_process(function: Callable[[Any], Any], jobs: Sequence[Any]) -> Iterator[tuple[int, Any]]:
    """The simplest engine."""
    for number, job in enumerate(jobs):
        yield number, function(job)


def command(*overrides: str) -> subprocess.CompletedProcess[str]:
    """``python -m harness`` to its end, forked from a process that has imported torch."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = said = Path(folder, "out"), Path(folder, "err")
        code = Forked(overrides, said).wait(timeout=400)
        return subprocess.CompletedProcess(["harness", *overrides], code, out.read_text(), err.read_text())


def stop(
    sweep: Sequence[str], log: Path, *, after: Callable[[], bool], number: signal.Signals, group: bool = True
) -> int:
    """Start a sweep, signal it once ``after()`` holds, with its whole group as a terminal does; the exit code."""
    log.touch()
    process = Forked(sweep, (log, log), session=True)
    deadline = time.monotonic() + 300
    while not after() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    (os.killpg if group else os.kill)(process.pid, number)
    return process.wait(timeout=120)


def statuses(results: Path) -> dict[str, str]:
    found = (files.read_record(path.parent) for path in results.glob("runs/*/record.json"))
    return {record["model"].rpartition(".")[2]: record["status"] for record in found if record is not None}
