"""Whole runs: what they record, how they end, how they resume."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from harness.configuration.compose import compose_configuration
from harness.records import files
from harness.run.execute import execute
from harness.run.run import Outcome
from tests.harness.conftest import COMMAND, TINY
from tests.harness.forked import Forked

ROOT = Path(__file__).resolve().parents[3]
Overrides = Callable[..., list[str]]


def run(overrides: list[str]) -> Outcome:
    return execute(compose_configuration(overrides))


@pytest.mark.slow
def test_a_run_leaves_a_whole_record(tiny: Overrides):
    outcome = run(tiny("task=ner", "model=cross"))
    record = files.read_record(outcome.folder)
    assert record == json.loads(json.dumps(outcome.record))
    assert record["status"] == "done"
    assert record["reason"] is None
    assert (record["task"], record["data"], record["model"], record["backbone"]) == (
        "ner", "generated", "cross", "recurrent",
    )  # fmt: skip
    assert set(record["scores"]) <= {
        key for name in record["score_definitions"] for key in record["scores"] if key.split("/")[0] == name
    }
    costs = record["costs"]
    assert costs["parameters"]["total"] > costs["parameters"]["attention"] > 0
    assert costs["estimated_memory_bytes"] == 16 * costs["parameters"]["total"]
    for key in ("flops_per_token", "train_seconds", "train_tokens_per_second", "latency_seconds"):
        assert costs[key] > 0, key
    assert costs["peak_memory_bytes"]["process"] > 2**20
    assert [point["epoch"] for point in record["curves"]] == [1, 2, 3]
    assert record["data_sizes"] == {"train": 48, "validation": 24, "test": 24}
    assert record["environment"]["packages"]["torch"] == torch.__version__
    predictions = files.read_predictions(outcome.folder)
    assert [row["row"] for row in predictions] == list(range(24))
    assert all(len(row["gold"]) == len(row["predicted"]) == row["length"] for row in predictions)


@pytest.mark.slow
def test_the_tested_weights_are_those_of_the_best_validation_epoch(tiny: Overrides):
    from harness.build import data as run_data
    from harness.build.data import encode, make_task
    from harness.build.model import make_model
    from harness.training.module import TrainingModule  # noqa: F401  (Lightning quiet before the model is built)

    config = compose_configuration(tiny("task=classification", "training.learning_rate=0.01"))
    outcome = execute(config)
    task = make_task(config)
    corpus = run_data.load_corpus(config, task)
    data = encode(config, task, corpus)
    model = make_model(config, data)
    model.load_state_dict(load_file(outcome.folder / "model.safetensors"))
    model.eval()

    def score(split: str) -> dict[str, float]:
        predictions = {}
        for batch in data.loader(split):
            predictions.update(zip(batch.rows_B.tolist(), model.predict(batch), strict=True))
        return data.score(split, predictions)

    best = max(point["validation/accuracy"] for point in outcome.record["curves"])
    assert score("validation")["accuracy"] == pytest.approx(best, abs=1e-6)
    assert score("test") == pytest.approx(outcome.record["scores"], abs=1e-6)


@pytest.mark.slow
def test_the_same_run_is_found_and_force_runs_it_again(tiny: Overrides):
    first = run(tiny("task=pos"))
    again = run(tiny("task=pos"))
    assert again.found
    assert again.record == first.record
    forced = run(tiny("task=pos", "force=true"))
    assert not forced.found
    assert forced.record["scores"] == first.record["scores"]
    (aside,) = (first.folder.parent.parent / "superseded").iterdir()
    assert files.read_record(aside) == first.record


def test_a_failed_record_is_kept_when_the_run_is_tried_again(tiny: Overrides, monkeypatch: pytest.MonkeyPatch):
    from harness.run import execute as module

    with monkeypatch.context() as patch:
        patch.setattr(module, "fit_and_test", lambda *_: 1 / 0)
        first = run(tiny("task=pos", "model=majority"))
    second = run(tiny("task=pos", "model=majority"))
    assert (first.record["status"], second.record["status"]) == ("failed", "done")
    assert first.folder == second.folder
    (aside,) = (first.folder.parent.parent / "superseded").iterdir()
    assert files.read_record(aside) == first.record
    assert "ZeroDivisionError" in (aside / "error.txt").read_text()


@pytest.mark.slow
def test_attempts_that_follow_each_other_within_a_second_are_all_kept(tiny: Overrides):
    options = tiny("task=pos", "model=majority", "force=true")
    assert [run(options).record["status"] for _ in range(4)] == ["done"] * 4
    folder = run(options).folder
    assert len(list((folder.parent.parent / "superseded").iterdir())) == 4


def test_every_record_tells_versions_and_hardware(tiny: Overrides, monkeypatch: pytest.MonkeyPatch):
    floor = run(tiny("task=pos", "model=majority")).record
    refused = run(tiny("task=pos", "model=self", "model.heads=3")).record
    assert (floor["status"], refused["status"]) == ("done", "unsupported")
    for record in (floor, refused):
        assert {"torch", "tokenizers", "sacrebleu"} <= record["environment"]["packages"].keys()
        assert record["environment"]["processor"]


@pytest.mark.slow
def test_same_seed_same_numbers_other_seed_other_numbers(tiny: Overrides, tmp_path: Path):
    one = run(tiny("task=sentiment")).record
    two = run(tiny("task=sentiment", f"results_dir={tmp_path / 'other'}")).record
    other = run(tiny("task=sentiment", "seed=2")).record
    losses = [[point["train_loss"] for point in record["curves"]] for record in (one, two, other)]
    assert one["scores"] == two["scores"]
    assert losses[0] == losses[1] != losses[2]
    assert one["id"] == two["id"] != other["id"]


def test_mechanisms_start_from_the_same_weights_where_they_have_the_same_parts(tiny: Overrides):
    from harness.build import data as run_data
    from harness.build.data import encode, make_task
    from harness.build.model import make_model

    states = []
    for model in ("none", "bidirectional"):
        config = compose_configuration(tiny("task=ner", f"model={model}"))
        task = make_task(config)
        data = encode(config, task, run_data.load_corpus(config, task))
        states.append(make_model(config, data).state_dict())
    shared = [key for key in states[0] if key in states[1]]
    assert any("emissions" in key for key in shared)
    assert any("embeddings" in key for key in shared)
    assert all(torch.equal(states[0][key], states[1][key]) for key in shared)


def interrupt(
    overrides: list[str], log: Path, *, after: Callable[[], bool], number: signal.Signals, start: bool
) -> tuple[int, str]:
    """Start a run, or fork it, and send it a signal once ``after()`` holds; its exit code and what it said."""
    process: Any
    with log.open("w") as said:
        if start:
            process = subprocess.Popen([*COMMAND, *overrides], cwd=ROOT, stdout=said, stderr=subprocess.STDOUT)
        else:
            process = Forked(overrides, (log, log))
        deadline = time.monotonic() + 300
        while not after() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        process.send_signal(number)
        return process.wait(timeout=120), log.read_text()


def some_checkpoint(folder: Path) -> Callable[[], bool]:
    return lambda: any(folder.glob("runs/*/last.ckpt"))


KILLED = ["task=ner", "model=gated", "training.steps=120", "training.patience=120", "data.max_train=300"]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory, quick_measures: None) -> Outcome:
    """The run of ``KILLED`` that nothing ends."""
    return run([*TINY, *KILLED, f"results_dir={tmp_path_factory.mktemp('whole')}"])


@pytest.mark.slow
@pytest.mark.xdist_group("killed runs")
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGKILL, -9), (signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=lambda x: str(x)
)
def test_a_killed_run_resumes_to_the_numbers_of_an_uninterrupted_one(
    tmp_path: Path, uninterrupted: Outcome, number: signal.Signals, code: int
):
    check_resumption([*TINY, *KILLED, f"results_dir={tmp_path / 'results'}"], tmp_path, number, code, uninterrupted)


@pytest.mark.slow
def test_a_killed_translation_resumes_to_the_same_texts(writing: Overrides, tmp_path: Path):
    phases = ("task.copying=true", "task.coverage_weight=1", "task.coverage_from=0.5")
    steps = ("training.steps=120", "training.patience=120", "data.max_train=200")
    overrides = writing("task=translation", *steps, *phases)
    whole = run([*overrides, f"results_dir={tmp_path / 'whole'}"])
    check_resumption(overrides, tmp_path, signal.SIGKILL, -9, whole)


def check_resumption(overrides: list[str], tmp_path: Path, number: signal.Signals, code: int, whole: Outcome) -> None:
    """End a run by a signal (Ctrl-C one that is started as a user does, the others a forked one) and resume it."""
    begun, start = some_checkpoint(tmp_path / "results"), number == signal.SIGINT
    ended, said = interrupt(overrides, tmp_path / "log", after=begun, number=number, start=start)
    assert ended == code, said
    (folder,) = (tmp_path / "results" / "runs").iterdir()
    left = files.read_record(folder)
    assert left is None if number == signal.SIGKILL else left["status"] == "interrupted"
    resumed = run(overrides)
    assert resumed.record["resumed"]
    assert not whole.record["resumed"]
    assert resumed.record["scores"] == whole.record["scores"]
    drop_times = [{k: v for k, v in p.items() if k != "train_seconds"} for p in whole.record["curves"]]
    assert [{k: v for k, v in p.items() if k != "train_seconds"} for p in resumed.record["curves"]] == drop_times
    assert files.read_predictions(resumed.folder) == files.read_predictions(whole.folder)


def test_a_failure_leaves_a_record_with_the_error(tiny: Overrides, monkeypatch: pytest.MonkeyPatch):
    from tasks.model import TaskModel

    def broken(*_: object) -> None:
        raise RuntimeError("out of luck")

    monkeypatch.setattr(TaskModel, "loss", broken)
    outcome = run(tiny("task=ner"))
    record = files.read_record(outcome.folder)
    assert record["status"] == "failed"
    assert record["reason"] == "RuntimeError: out of luck"
    assert record["costs"]["parameters"]["total"] > 0
    assert "in broken" in (outcome.folder / "error.txt").read_text()


@pytest.mark.slow
def test_a_loss_that_is_no_number_fails_with_a_remedy(tiny: Overrides, monkeypatch: pytest.MonkeyPatch):
    from tasks.model import TaskModel

    monkeypatch.setattr(TaskModel, "loss", lambda self, batch: self.head.emissions.weight.sum() * float("nan"))
    record = run(tiny("task=ner")).record
    assert record["status"] == "failed"
    assert "became nan" in record["reason"]
    assert "training.learning_rate" in record["reason"]


@pytest.mark.slow
def test_a_run_that_is_going_on_elsewhere_is_left_alone(tiny: Overrides):
    from filelock import FileLock

    from harness.run.run import BusyError

    outcome = run(tiny("task=pos", "model=majority"))
    with FileLock(outcome.folder / ".lock"), pytest.raises(BusyError, match="in use by another process"):
        run(tiny("task=pos", "model=majority"))


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["fast_dev_run", "overfit", "profiler"])
def test_debug_runs_are_marked_and_kept_from_boards(tiny: Overrides, preset: str):
    from harness.leaderboard import group_records

    outcome = run(tiny("task=ner", f"debug={preset}", "training.steps=6"))
    assert outcome.record["status"] == "done", outcome.record["reason"]
    assert outcome.record["debug"]
    assert outcome.folder.parent.name == "debug"
    assert group_records([outcome.record]) == {}


@pytest.mark.parametrize(("task", "model"), [("ner", "majority"), ("sentiment", "majority"), ("matching", "tfidf")])
def test_floors_are_ordinary_rows(tiny: Overrides, task: str, model: str):
    outcome = run(tiny(f"task={task}", f"model={model}"))
    assert outcome.record["status"] == "done", outcome.record["reason"]
    assert outcome.record["scores"][outcome.record["main_score"]] >= 0
    assert outcome.record["deterministic"] is True
    assert len(files.read_predictions(outcome.folder)) == 24


@pytest.mark.slow
def test_tensorboard_and_csv_loggers_write_beside_the_record(tiny: Overrides):
    assert any(run(tiny("task=pos")).folder.rglob("metrics.csv"))
    assert any(run(tiny("task=pos", "seed=5", "logger=tensorboard")).folder.rglob("events.out.tfevents.*"))


@pytest.mark.slow
def test_bfloat16_runs_on_the_cpu_too(tiny: Overrides):
    outcome = run(tiny("task=ner", "trainer=bf16", "trainer.enable_progress_bar=false"))
    assert outcome.record["status"] == "done", outcome.record["reason"]


# Refusals


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("+data.columns.text=nowhere", "nowhere"),
        ("data.path=/not/there", "/not/there"),
        ("encoding.max_characters=0", "max_characters"),
        ("training.schedule=linear", "expected training.schedule to be"),
    ],
)
def test_what_is_refused_before_training_is_told_and_leaves_no_record(
    tiny: Overrides, tmp_path: Path, option: str, said: str
):
    (tmp_path / "rows").mkdir()
    for split in ("train", "validation", "test"):
        rows = [{"text": f"a {split} {n}", "label": "ab"[n % 2]} for n in range(8)]
        (tmp_path / "rows" / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    own = [f"data.path={tmp_path / 'rows'}"] if "data.path" not in option else []
    outcome = run(tiny("task=classification", "model=none", "data=files", *own, option))
    assert outcome.record["status"] == "failed"
    assert said in outcome.record["reason"]
    assert not outcome.kept
    assert not [path for path in (tmp_path / "results").rglob("*") if path.parent.name == "runs"]


@pytest.mark.slow
def test_a_refusal_leaves_what_an_earlier_attempt_left(tiny: Overrides, monkeypatch: pytest.MonkeyPatch):
    from harness.training import session

    def refuse(*_: object) -> None:
        raise ValueError("no")

    options = tiny("task=pos", "model=none", "training.steps=3")
    folder = run(options).folder
    (folder / "record.json").unlink()
    (folder / "last.ckpt").write_bytes(b"of an attempt")
    monkeypatch.setattr(session, "encode", refuse)
    assert not run(options).kept
    assert (folder / "last.ckpt").exists()
