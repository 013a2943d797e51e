"""Sweeps: every cell becomes a record, and a second call does what is missing and no more."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock, Timeout
from omegaconf import DictConfig

from harness.configuration.compose import compose_configuration
from harness.engines.base import WorkerDied
from harness.records import files
from harness.run import folder
from harness.run.execute import execute
from harness.run.run import make_run
from harness.run.stopping import TimeLimitError, limited
from harness.sweep.cells import Cell, _plain, make_cells
from harness.sweep.dispatch import make_engine, record_end, run_cells
from harness.sweep.display import show_plan
from harness.sweep.forecast import plan_cells
from harness.sweep.job import Job, write_note
from tests.harness.conftest import command, in_this_process, statuses, stop
from tests.harness.forked import Forked

Overrides = Callable[..., list[str]]
Function = Callable[[Any], Any]


def compose(overrides: Sequence[str]) -> DictConfig:
    """What Hydra hands over: with its own node."""
    config = compose_configuration(overrides)
    choices = dict(config.names, debug="none")
    return DictConfig({**config, "hydra": {"runtime": {"choices": choices}}})


# Cells


def test_a_sweep_without_cells_is_refused():
    with pytest.raises(ValueError, match="has no cells"):
        make_cells([], swept=["seed"], compose=compose)


def test_what_drives_the_whole_sweep_is_not_swept_over():
    for key in ("workers", "engine", "engine.cpus"):
        with pytest.raises(ValueError, match=f"{key} is of the whole sweep"):
            make_cells([[f"{key}=1"], [f"{key}=2"]], swept=[key], compose=compose)


@pytest.mark.slow
def test_cells_that_differ_in_their_seed_are_composed_once_and_are_what_they_would_be(tiny: Overrides):
    calls = []

    def counted(overrides: Sequence[str]) -> DictConfig:
        calls.append(overrides)
        return compose(overrides)

    combinations = [
        [*tiny("task=pos"), f"model={model}", f"seed={seed}"] for model in ("dot", "none") for seed in (1, 7)
    ]
    cells = make_cells(combinations, swept=["model", "seed"], compose=counted)
    assert len(calls) == 2
    for cell, combination in zip(cells, combinations, strict=True):
        assert cell.config == _plain(compose(combination))
    assert [cell.config.seed for cell in cells if cell.config] == [1, 7, 1, 7]


@pytest.mark.slow
@pytest.mark.parametrize(
    "devices",
    ["trainer=ddp", "trainer.devices=[0,1]", "trainer.num_nodes=2"],
)
def test_a_cell_over_several_devices_is_refused(tiny: Overrides, devices: str):
    wide = tiny("task=pos", devices)
    message = "a cell of a sweep or search has one device"
    with pytest.raises(ValueError, match=message):
        make_cells([tiny("task=pos"), wide], swept=["trainer"], compose=compose)
    with pytest.raises(ValueError, match=message):
        make_engine(compose_configuration(wide))
    with pytest.raises(ValueError, match=message):
        plan_cells([Cell("wide", compose_configuration(wide))], in_this_process)
    (cell,) = make_cells([tiny("task=pos", "trainer.devices=[1]")], swept=[], compose=compose)
    assert cell.config is not None


def test_a_cell_that_cannot_be_composed_is_a_hole_and_equal_cells_are_one(tiny: Overrides):
    combinations = [tiny("task=pos", f"model={model}", "model.heads=2") for model in ("self", "majority", "self")]
    good, bad = make_cells(combinations, swept=["model"], compose=compose)
    assert good.label == "model=self"
    assert good.config is not None
    assert not good.config.trainer.enable_progress_bar
    assert bad.config is None
    assert "model.heads" in str(bad.problem)


def test_what_is_wrong_with_every_cell_is_said_once(tiny: Overrides):
    combinations = [tiny("task=pos", "workers=0.5", f"seed={seed}") for seed in (1, 2)]
    with pytest.raises(ValueError, match=r"^workers: expected a whole number from 1, got 0\.5$"):
        make_cells(combinations, swept=["seed"], compose=compose)


# Runs


def test_controls_are_no_part_of_a_run(tiny: Overrides):
    plain = make_run(compose_configuration(tiny()))
    driven = make_run(compose_configuration(tiny("workers=2", "max_minutes=3", "retry=all", "engine=ray")))
    assert plain.identity == driven.identity
    assert not {"workers", "max_minutes", "retry", "plan", "engine"} & set(driven.config)


def test_a_run_over_its_limit_fails_and_says_so(tiny: Overrides, monkeypatch: pytest.MonkeyPatch):
    from harness.run import execute as running

    monkeypatch.setattr(running, "fit_and_test", lambda *_: time.sleep(60))
    record = execute(compose_configuration(tiny("task=pos", "model=majority", "max_minutes=0.002"))).record
    assert record["status"] == "failed"
    assert record["reason"].startswith("took longer than max_minutes=0.002")


def test_a_limit_that_is_kept_leaves_nothing_behind():
    with limited(0.001):
        pass
    time.sleep(0.1)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    with pytest.raises(TimeLimitError), limited(0.0005):
        time.sleep(5)


@pytest.mark.slow
def test_retry_says_which_records_stand(tiny: Overrides, monkeypatch: pytest.MonkeyPatch):
    from harness.run import execute as running

    real, calls = running.fit_and_test, []

    def trial(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) < 3:
            raise RuntimeError("out of luck")
        return real(*arguments)

    monkeypatch.setattr(running, "fit_and_test", trial)

    def attempt(retry: str) -> tuple[str, bool, int]:
        outcome = execute(compose_configuration(tiny("task=pos", "model=majority", f"retry={retry}")))
        return outcome.record["status"], outcome.found, len(calls)

    assert attempt("failed") == ("failed", False, 1)
    assert attempt("none") == ("failed", True, 1)
    assert attempt("failed") == ("failed", False, 2)
    assert attempt("failed") == ("done", False, 3)
    assert attempt("failed") == ("done", True, 3)
    assert attempt("none") == ("done", True, 3)
    assert attempt("all") == ("done", False, 4)


def test_a_run_is_locked_until_its_record_is_written(tiny: Overrides, monkeypatch: pytest.MonkeyPatch):
    from harness.run import execute as running

    real, locked = files.write_record, []

    def write(folder: Path, record: dict[str, Any]) -> Path:
        try:
            FileLock(folder / ".lock").acquire(timeout=0).lock.release()
        except Timeout:
            locked.append(record["status"])
        return real(folder, record)

    monkeypatch.setattr(files, "write_record", write)
    execute(compose_configuration(tiny("task=pos", "model=majority")))
    monkeypatch.setattr(running, "fit_and_test", lambda *_: 1 / 0)
    execute(compose_configuration(tiny("task=pos", "model=majority", "seed=2")))
    assert locked == ["done", "failed"]


def test_what_failed_before_its_data_were_read_is_no_hole_any_more(
    tiny: Overrides, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from harness.build import data as run_data

    options = tiny("task=pos", "model=majority")
    with monkeypatch.context() as patch:
        patch.setattr(run_data, "load_corpus", lambda *_: 1 / 0)
        first = execute(compose_configuration(options))
    second = execute(compose_configuration(options))
    assert (first.record["status"], second.record["status"]) == ("failed", "done")
    assert list((tmp_path / "results" / "runs").iterdir()) == [second.folder]
    (kept,) = (tmp_path / "results" / "superseded").glob("*/record.json")
    assert files.read_record(kept.parent) == first.record


@pytest.mark.slow
def test_all_anew_forgets_the_checkpoint_of_a_failure(tiny: Overrides, monkeypatch: pytest.MonkeyPatch):
    from harness.run import execute as running

    options = tiny("task=pos", "model=majority")
    folder = execute(compose_configuration(options)).folder
    (folder / "last.ckpt").write_text("of the run before")
    (folder / "record.json").unlink()
    monkeypatch.setattr(running, "fit_and_test", lambda *_: pytest.fail("a checkpoint is left") if seen() else 1 / 0)

    def seen() -> bool:
        return (folder / "last.ckpt").exists()

    assert "division" in execute(compose_configuration([*options, "retry=all"])).record["reason"]


# The ends of cells


@pytest.fixture
def cells(tiny: Overrides) -> list[Cell]:
    """Three cells that take no time, and one that could not be composed."""
    floors = [
        Cell(f"seed={seed}", compose_configuration(tiny("task=pos", "model=majority", f"seed={seed}")))
        for seed in (1, 2, 3)
    ]
    return [*floors, Cell("model=other", problem="no such model")]


@pytest.mark.slow
def test_every_cell_is_a_line_and_every_hole_has_its_reason(cells: list[Cell], capsys: pytest.CaptureFixture[str]):
    def engine(function: Function, jobs: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        yield 2, function(jobs[2])
        write_note(jobs[1], make_run(jobs[1].config))
        yield 1, WorkerDied(-9)
        yield 0, WorkerDied(3)  # before it could note anything

    answers = run_cells(cells, engine)
    said = capsys.readouterr().out
    assert [answer.status for answer in answers] == ["failed", "failed", "done", "not composed"]
    assert "cells: 1 not composed, 1 done, 2 failed" in said
    assert "[2/4] seed=3: token_accuracy" in said
    assert "not composed: model=other: no such model" in said
    assert "failed: seed=2: worker died (signal 9)" in said
    for answer, reason in zip(answers, ("exit code 3", "signal 9"), strict=False):
        record = files.read_record(Path(str(answer.folder)))
        assert record is not None
        assert reason in record["reason"]
        assert record["config"]["seed"] == record["seed"]


@pytest.mark.slow
def test_a_stopped_sweep_records_what_was_running_and_only_that(
    cells: list[Cell], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    def engine(function: Function, jobs: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        yield 0, function(jobs[0])
        write_note(jobs[1], make_run(jobs[1].config))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_cells(cells, engine)
    left = [files.read_record(path.parent) for path in (tmp_path / "results" / "runs").glob("*/record.json")]
    assert sorted((record["seed"], record["status"]) for record in left if record) == [(1, "done"), (2, "interrupted")]
    assert "1 not run" in capsys.readouterr().out
    again = run_cells(cells, in_this_process)
    assert [(answer.status, answer.found) for answer in again[:3]] == [("done", True), ("done", False), ("done", False)]


def test_a_record_that_the_worker_still_wrote_stands(cells: list[Cell], tmp_path: Path):
    config = cells[0].config
    assert config is not None
    job = Job(config, tmp_path / "note.json")
    outcome = execute(config, announce=lambda run: write_note(job, run))
    assert record_end(job, "failed", "worker died").status == "done"
    assert files.read_record(outcome.folder) == outcome.record
    with FileLock(outcome.folder / ".lock"):
        assert record_end(job, "failed", "worker died").status == "busy"


@pytest.mark.slow
@pytest.mark.parametrize("ends_well", [True, False])
def test_a_cell_at_which_another_sweep_is_is_waited_for_or_taken_over(
    cells: list[Cell], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ends_well: bool
):
    first = cells[0].config
    assert first is not None
    other = execute(first)
    record = (other.folder / "record.json").read_bytes()
    (other.folder / "record.json").unlink()
    lock = FileLock(other.folder / ".lock")

    def sleep(_seconds: float) -> None:  # the other process ends meanwhile, or dies
        if ends_well:
            (other.folder / "record.json").write_bytes(record)
        lock.release()

    monkeypatch.setattr(folder.time, "sleep", sleep)
    with lock:
        answers = run_cells(cells[:3], in_this_process)
    assert [(answer.status, answer.found) for answer in answers] == [
        ("done", ends_well), ("done", False), ("done", False),
    ]  # fmt: skip
    said = capsys.readouterr().out
    assert "waiting for another process, which is at 1 of these cells" in said
    assert "cells: " + ("1 found, 2 done" if ends_well else "3 done") in said


def test_a_cell_whose_configuration_cannot_be_resolved_costs_only_itself(tiny: Overrides):
    config = compose_configuration(tiny("task=pos", "seed=${nowhere}"))
    (answer,) = run_cells([Cell("seed=?", config)], in_this_process)
    assert answer.status == "failed"
    assert "nowhere" in str(answer.reason)


# The plan


@pytest.mark.slow
def test_a_plan_runs_nothing_and_says_what_would(tiny: Overrides, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    execute(compose_configuration(tiny("task=pos", "model=majority")))
    models = ["majority", "self", "tfidf"]
    cells = [Cell(model, compose_configuration(tiny("task=pos", f"model={model}"))) for model in models]
    cells.append(Cell("other", problem="no such model"))
    forecasts = plan_cells(cells, in_this_process)
    assert [forecast.status for forecast in forecasts] == ["done", "to run", "unsupported", "not composed"]
    assert show_plan(forecasts, workers=2) == 1
    assert show_plan(forecasts[:2], workers=2) == 0
    said = capsys.readouterr().out
    assert "unsupported: tfidf: " in said
    assert "cells: 1 done, 1 to run, 1 unsupported, 1 not composed" in said
    assert statuses(tmp_path / "results") == {"majority": "done"}
    real = execute(compose_configuration(tiny("task=pos", "model=self"))).record
    planned = forecasts[1]
    assert planned.parameters == real["costs"]["parameters"]["total"]
    assert planned.minutes is not None
    assert planned.minutes > 0
    assert planned.memory_bytes is not None
    assert planned.memory_bytes > 2**20


# The whole, from the command line


@pytest.mark.slow
@pytest.mark.parametrize("many", [["-m", "seed=1,2"], ["search=random"], ["search=random", "plan=true"]])
def test_sweeps_and_searches_over_several_devices_end_with_one_before_anything_runs(
    tiny: Overrides, tmp_path: Path, many: list[str]
):
    done = command(*many, *tiny("task=pos", "model=self", "trainer=ddp", "trainer.accelerator=cpu"))
    assert done.returncode == 1
    assert "error: a cell of a sweep or search has one device, got trainer.devices=2" in done.stderr
    assert "workers= or engine=" in done.stderr
    assert not (tmp_path / "results" / "runs").exists()


@pytest.mark.slow
def test_no_cells_and_a_wrong_control_end_with_one(tiny: Overrides):
    for wrong, message in (
        ("seed=range(0)", "the sweep has no cells: a swept value is an empty list"),
        ("retry=none,all", "retry is of the whole sweep"),
    ):
        done = command("-m", *tiny(wrong))
        assert done.returncode == 1
        assert message in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_sweep_gives_what_single_runs_give(tiny: Overrides, tmp_path: Path):
    done = command("-m", *tiny("task=pos", "model=none,self"))
    assert done.returncode == 0, done.stdout + done.stderr
    for path in (tmp_path / "results").glob("runs/*/record.json"):
        swept = files.read_record(path.parent)
        assert swept is not None
        options = tiny("task=pos", f"model={swept['model']}", f"results_dir={tmp_path / 'single'}")
        single = execute(compose_configuration(options)).record
        assert (swept["id"], swept["scores"]) == (single["id"], single["scores"])


@pytest.mark.slow
def test_sigterm_stops_a_sweep_in_order(tiny: Overrides, tmp_path: Path, faulty: Callable[..., str]):
    sweep = ["-m", *tiny("task=pos", "model=custom", faulty("Slow"))]
    code = stop(sweep, tmp_path / "log", after=(tmp_path / "begun").exists, number=signal.SIGTERM)
    said = (tmp_path / "log").read_text()
    assert code == 143, said
    assert "Traceback" not in said
    assert statuses(tmp_path / "results") == {"Slow": "interrupted"}


@pytest.mark.slow
def test_a_sweep_of_24_cells_ends_whatever_befalls_them_and_goes_on(
    tiny: Overrides, tmp_path: Path, faulty: Callable[..., str]
):
    bad = ("Slow", "Raising", "Killed", "NoNumber")
    names, log = (*bad, *(f"Fine{number}" for number in range(20))), tmp_path / "log"
    sweep = ["-m", *tiny("task=pos", "model=custom"), faulty(*names), "workers=2", "retry=none"]
    assert stop(sweep, log, after=lambda: "[12/24]" in log.read_text(), number=signal.SIGINT) == 130, log.read_text()
    assert "Traceback" not in log.read_text()
    first = statuses(tmp_path / "results")
    stopped = {name for name, status in first.items() if status == "interrupted"}
    assert "Slow" in stopped
    assert len(stopped) <= 2
    assert set(bad[1:]) <= set(first)
    finished = record_bytes(tmp_path / "results", first.keys() - stopped)

    second = command(*sweep, "max_minutes=0.25")
    assert second.returncode == 1
    assert statuses(tmp_path / "results") == {name: "failed" if name in bad else "done" for name in names}
    for reason in ("out of luck", "became nan", "worker died (signal 9)", "took longer than max_minutes=0.25"):
        assert reason in second.stdout, second.stdout + second.stderr
    assert record_bytes(tmp_path / "results", finished.keys()) == finished
    begun = Counter((tmp_path / "begun").read_text().split())
    assert {name: begun[name] for name in names if name not in stopped} == dict.fromkeys(set(names) - stopped, 1)
    assert all(1 <= begun[name] <= 2 for name in stopped)  # resumed
    assert len(list((tmp_path / "results").glob("runs/*"))) == 24
    assert list((tmp_path / "results" / "sweeps").iterdir()) == []


def record_bytes(results: Path, names: Collection[str]) -> dict[str, bytes]:
    paths = {path.parent.name.split("-")[2].partition(".")[2]: path for path in results.glob("runs/*/record.json")}
    return {name: paths[name].read_bytes() for name in names}


@pytest.mark.slow
def test_two_sweeps_at_once_share_a_folder_and_compute_each_cell_once(
    tiny: Overrides, tmp_path: Path, faulty: Callable[..., str]
):
    names = [f"Fine{number}" for number in range(4)]
    options = tiny("task=pos", "model=custom")
    sweep, logs = ["-m", *options, faulty(*names)], [tmp_path / "first", tmp_path / "second"]
    both = [Forked(sweep, (log, log)) for log in logs]
    ends = [process.wait(timeout=300) for process in both]
    said = [log.read_text() for log in logs]
    assert ends == [0, 0], said
    assert not any("failed" in text for text in said), said
    assert Counter((tmp_path / "begun").read_text().split()) == Counter(names)
    assert statuses(tmp_path / "results") == dict.fromkeys(names, "done")
    left = [Cell(name, compose_configuration([*options, faulty(name)])) for name in names]
    assert all(answer.found for answer in run_cells(left, in_this_process))
    assert len(list((tmp_path / "results").glob("runs/*"))) == len(names)
