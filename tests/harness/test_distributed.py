"""One run in two processes (gloo, CPU): the same record as one process leaves, written once."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import records
from tests.harness.conftest import COMMAND

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_two_processes_share_a_run_and_score_every_example_once(tiny: Callable[..., list[str]], tmp_path: Path):
    overrides = tiny("task=sentiment", "model=none", "trainer=ddp", "trainer.accelerator=cpu", "data.max_test=33")
    done = subprocess.run(
        [*COMMAND, *overrides], cwd=ROOT, capture_output=True, text=True, timeout=400, env=os.environ, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (folder,) = (tmp_path / "results" / "runs").iterdir()
    record = records.read_record(folder)
    assert record["status"] == "done"
    predictions = records.read_predictions(folder)
    assert [row["row"] for row in predictions] == list(range(33))
    right = sum(row["gold"] == row["predicted"] for row in predictions)
    assert record["scores"]["accuracy"] == pytest.approx(right / 33, abs=1e-6)
    assert done.stdout.count("score on test") == 1
