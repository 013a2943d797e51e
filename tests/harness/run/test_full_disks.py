"""Disks that are full and folders that cannot be written to: a line says so, and what can be written is.

The system refuses, as a full disk does, what goes beyond the size that a file of this process may have.
"""

from __future__ import annotations

import errno
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness.configuration import controls
from harness.configuration.compose import compose_configuration
from harness.records import files
from harness.run.display import show_outcome
from harness.run.execute import execute
from harness.run.run import Outcome
from harness.sweep import dispatch
from harness.sweep.cells import Cell
from harness.training import fit
from tests.harness.conftest import in_this_process

Overrides = Callable[..., list[str]]


@contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def run(overrides: list[str]) -> Outcome:
    return execute(compose_configuration(overrides))


NETWORK = ("task=sentiment", "model=none", "training.steps=3", "logger=none")


@pytest.mark.slow
def test_a_checkpoint_that_finds_the_disk_full_fails_the_run_in_a_line_and_does_not_stay(tiny: Overrides):
    with no_file_beyond(60_000):
        outcome = run(tiny(*NETWORK))
    record = files.read_record(outcome.folder)
    assert record is not None
    assert record["status"] == "failed"
    assert record["reason"] == (
        f"{outcome.folder} could not be written (File too large); "
        "free some space, the same command goes on from the last epoch that is kept"
    )
    assert outcome.kept
    assert not list(outcome.folder.glob("*.ckpt*"))
    assert run(tiny(*NETWORK)).record["status"] == "done"


@pytest.mark.slow
def test_weights_that_find_the_disk_full_do_not_stay_and_nothing_is_trained_again(
    tiny: Overrides, monkeypatch: pytest.MonkeyPatch
):
    keep = fit._keep_network

    def keep_on_a_full_disk(session: Any) -> Any:
        with no_file_beyond(20_000):
            return keep(session)

    with monkeypatch.context() as patched:
        patched.setattr(fit, "_keep_network", keep_on_a_full_disk)
        first = run(tiny(*NETWORK))
    assert first.record["status"] == "failed"
    assert not list(first.folder.glob("model.safetensors*"))
    again = run(tiny(*NETWORK))
    assert again.record["status"] == "done", again.record["reason"]
    assert again.record["resumed"]


def test_a_disk_on_which_nothing_fits_costs_the_record_but_no_trace(
    tiny: Overrides, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    train = fit.fit

    def fit_on_a_full_disk(*arguments: Any) -> Any:
        with no_file_beyond(0):
            return (yield from train(*arguments))

    def leave(folder: Path, record: Any) -> Path:
        with no_file_beyond(0):
            return write(folder, record)

    write = files.write_record
    monkeypatch.setattr(fit, "fit", fit_on_a_full_disk)
    monkeypatch.setattr(files, "write_record", leave)
    outcome = run(tiny(*NETWORK))
    assert not outcome.kept
    assert "could not be written (File too large); free some space" in outcome.record["reason"]
    assert {path.name for path in outcome.folder.iterdir()} == {".lock", "error.txt", "logs"}
    show_outcome(outcome)
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert "warning: there is no record of this: " in said.err
    assert "the whole trace" not in said.out


@pytest.mark.slow
def test_a_sweep_on_a_full_disk_says_so_of_each_cell(tiny: Overrides, monkeypatch: pytest.MonkeyPatch):
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    floors = [compose_configuration(tiny("task=pos", "model=majority", f"seed={seed}")) for seed in (1, 2)]
    monkeypatch.setattr(dispatch.files, "write_record", full)
    monkeypatch.setattr("harness.run.execute.fit_and_test", full)
    answers = dispatch.run_cells([Cell("one", config) for config in floors], in_this_process)
    assert [(answer.status, answer.folder) for answer in answers] == [("failed", None)] * 2
    assert all("could not be written (No space left on device)" in str(answer.reason) for answer in answers)


def test_a_results_folder_that_cannot_be_written_to_is_refused_before_anything_is_read(
    tiny: Overrides, monkeypatch: pytest.MonkeyPatch
):
    def read_only(**_: Any) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(controls, "TemporaryFile", read_only)
    config = compose_configuration(tiny("task=pos"))
    with pytest.raises(ValueError, match=r"^results_dir=.* cannot be written to \(Read-only file system\); choose"):
        controls.make_results_dir(config)
