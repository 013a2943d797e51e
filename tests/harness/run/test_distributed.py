"""Devices and processes of a run: what is chosen and counted, who writes, and one run in two processes (gloo, CPU)."""

from __future__ import annotations

import math
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from lightning_fabric.accelerators import mps as fabric
from pytorch_lightning.accelerators import mps
from safetensors.torch import load_file

from harness.build.trainer import accelerator_of, epochs_for, make_trainer
from harness.configuration.compose import compose_configuration
from harness.configuration.controls import processes_of
from harness.records import files
from harness.records.processes import writes_here
from harness.run.execute import execute
from harness.sweep.cells import Cell
from harness.sweep.dispatch import run_cells
from tests.harness.conftest import COMMAND, in_this_process
from tests.harness.training.test_accumulation import NO_CHANCE

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("asked", "there", "chosen"),
    [
        ("auto", True, "cuda"),
        ("gpu", True, "cuda"),
        ("cpu", True, "cpu"),
        ("auto", False, "cpu"),
        ("mps", False, "mps"),
    ],
)
def test_auto_is_cuda_or_the_cpu_and_what_is_named_is_taken(
    monkeypatch: pytest.MonkeyPatch, asked: str, there: bool, chosen: str
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    assert accelerator_of(compose_configuration([f"trainer.accelerator={asked}"])) == chosen


@pytest.mark.filterwarnings("ignore:GPU available but not used")
@pytest.mark.parametrize("trainer", ["auto", "bf16"])
def test_on_apple_silicon_a_run_is_on_the_cpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, trainer: str):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for apple in (fabric.MPSAccelerator, mps.MPSAccelerator):
        monkeypatch.setattr(apple, "is_available", staticmethod(lambda: True))
    config = compose_configuration([f"trainer={trainer}", "trainer.enable_progress_bar=false"])
    made = make_trainer(config, batches=1, callbacks=[], logger=False, folder=tmp_path)
    assert made.strategy.root_device == torch.device("cpu")


@pytest.mark.parametrize(
    ("devices", "processes"),
    [
        (["trainer.devices=3"], 3),
        (["trainer.devices=[0,1]"], 2),
        (["trainer.devices=[5]"], 1),
        (["trainer.devices=[0,1]", "trainer.num_nodes=2"], 4),
    ],
)
def test_every_process_counts_for_the_steps_of_a_run(devices: list[str], processes: int):
    config = compose_configuration(["trainer=ddp", *devices])
    assert processes_of(config) == processes
    assert epochs_for(10, config, batches=12) == math.ceil(10 / (12 / processes))


@pytest.mark.parametrize(
    ("steps", "batches", "accumulate", "processes", "epochs"),
    [(20, 5, 4, 1, 10), (20, 5, 1, 1, 4), (21, 5, 1, 1, 5), (4, 3, 3, 1, 4), (10, 5, 1, 2, 4), (10, 5, 2, 2, 5)],
)
def test_steps_are_those_of_the_optimiser_rounded_up_to_whole_epochs(
    steps: int, batches: int, accumulate: int, processes: int, epochs: int
):
    options = [f"trainer.devices={processes}", f"training.accumulate_batches={accumulate}"]
    assert epochs_for(steps, compose_configuration(["trainer=ddp", *options]), batches=batches) == epochs


RANKS = ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_NTASKS", "SLURM_PROCID", "SLURM_JOB_NAME")


def set_environment(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name in RANKS:
        monkeypatch.delenv(name, raising=False)
    for name, value in values.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("environment", "writes"),
    [
        ({}, True),
        # by Lightning
        ({"LOCAL_RANK": "0", "NODE_RANK": "0"}, True),
        ({"LOCAL_RANK": "1", "NODE_RANK": "0"}, False),
        ({"LOCAL_RANK": "0", "NODE_RANK": "1"}, False),
        ({"LOCAL_RANK": "1", "RANK": "0"}, False),
        # by torchrun, the second inside a SLURM job of two tasks whose order is another
        ({"RANK": "2", "LOCAL_RANK": "0"}, False),
        ({"RANK": "0", "LOCAL_RANK": "0", "SLURM_NTASKS": "2", "SLURM_PROCID": "1"}, True),
        # by srun
        ({"SLURM_NTASKS": "4", "SLURM_PROCID": "0", "SLURM_JOB_NAME": "train"}, True),
        ({"SLURM_NTASKS": "4", "SLURM_PROCID": "3", "SLURM_JOB_NAME": "train"}, False),
        # a job of one task, as a sweep submits it; a shell of several, in which nobody counts tasks
        ({"SLURM_NTASKS": "1", "SLURM_PROCID": "0", "SLURM_JOB_NAME": "harness"}, True),
        ({"SLURM_NTASKS": "4", "SLURM_PROCID": "3", "SLURM_JOB_NAME": "bash"}, True),
        ({"SLURM_NTASKS": "4", "SLURM_PROCID": "0", "SLURM_JOB_NAME": "interactive", "LOCAL_RANK": "1"}, False),
    ],
)
def test_the_first_process_of_a_run_writes(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], writes: bool):
    set_environment(monkeypatch, **environment)
    assert writes_here() is writes


def test_a_run_of_one_process_is_not_trained_in_the_others(
    monkeypatch: pytest.MonkeyPatch, tiny: Callable[..., list[str]], tmp_path: Path
):
    set_environment(monkeypatch, SLURM_NTASKS="2", SLURM_PROCID="1")
    record = execute(compose_configuration(tiny("task=pos", "model=self"))).record
    assert record["status"] == "failed"
    assert "the run is of one (trainer.devices=1)" in record["reason"]
    assert not list(tmp_path.glob("results/runs/*/record.json"))


def test_every_process_of_a_job_records_the_cells_of_its_sweep(
    monkeypatch: pytest.MonkeyPatch, tiny: Callable[..., list[str]], tmp_path: Path
):
    set_environment(monkeypatch, SLURM_NTASKS="2", SLURM_PROCID="1")
    run_cells([Cell("one", compose_configuration(tiny("task=pos", "model=majority")))], in_this_process)
    assert len(list(tmp_path.glob("results/runs/*/record.json"))) == 1


@pytest.mark.slow
def test_two_processes_share_a_run_and_score_every_example_once(tiny: Callable[..., list[str]], tmp_path: Path):
    same = ["task=sentiment", "model=none", *NO_CHANCE, "data.max_test=33", "data.max_train=20"]
    overrides = tiny(*same, "trainer=ddp", "trainer.accelerator=cpu")
    done = subprocess.run(
        [*COMMAND, *overrides], cwd=ROOT, capture_output=True, text=True, timeout=400, env=os.environ, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (folder,) = (tmp_path / "results" / "runs").iterdir()
    record = files.read_record(folder)
    assert record["status"] == "done"
    predictions = files.read_predictions(folder)
    assert [row["row"] for row in predictions] == list(range(33))
    right = sum(row["gold"] == row["predicted"] for row in predictions)
    assert record["scores"]["accuracy"] == pytest.approx(right / 33, abs=1e-6)
    assert all(row["confidence"] > 0 for row in predictions)
    assert done.stdout.count("score on test") == 1
    # Batches of 16 and of 4 rows make a step: the one that a large batch makes.
    alone = execute(compose_configuration(tiny(*same, "training.batch_rows=20")))
    assert alone.record["costs"]["train_steps"] == record["costs"]["train_steps"]
    weights, expected = (load_file(run / "model.safetensors") for run in (folder, alone.folder))
    for name, weight in weights.items():
        torch.testing.assert_close(weight, expected[name], rtol=1e-3, atol=1e-5)
