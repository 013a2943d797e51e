"""A run that another process is at: it is waited for, as a sweep waits for its cells."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from harness import __main__ as command
from harness.configuration.compose import compose_configuration
from harness.records.files import read_record
from harness.run import folder as folders
from harness.run.execute import execute

Overrides = Callable[..., list[str]]

FLOOR = ("task=pos", "model=majority")


@pytest.fixture
def begun(tiny: Overrides) -> Path:
    """The folder of a run that has a record."""
    return execute(compose_configuration(tiny(*FLOOR))).folder


def test_a_run_that_another_process_is_at_is_found_once_that_has_ended(
    tiny: Overrides, begun: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    held = FileLock(begun / ".lock")
    held.acquire()
    record = (begun / "record.json").read_bytes()
    (begun / "record.json").unlink()

    def ends_meanwhile(_seconds: float) -> None:
        (begun / "record.json").write_bytes(record)
        held.release()

    monkeypatch.setattr(time, "sleep", ends_meanwhile)
    command._run(compose_configuration(tiny(*FLOOR)))
    said = capsys.readouterr()
    assert said.err == (f"waiting for another process, which is at the same run in {begun}; Ctrl-C ends the waiting\n")
    assert "found, not run again" in said.out


def test_a_run_whose_process_died_is_taken_over(tiny: Overrides, begun: Path, monkeypatch: pytest.MonkeyPatch):
    held = FileLock(begun / ".lock")
    held.acquire()
    (begun / "record.json").unlink()
    monkeypatch.setattr(time, "sleep", lambda _seconds: held.release())
    command._run(compose_configuration(tiny(*FLOOR)))
    record = read_record(begun)
    assert record is not None
    assert record["status"] == "done"


def test_waiting_can_be_interrupted(tiny: Overrides, begun: Path, monkeypatch: pytest.MonkeyPatch):
    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(folders.time, "sleep", interrupt)
    before = (begun / "record.json").read_bytes()
    with FileLock(begun / ".lock"), pytest.raises(KeyboardInterrupt):
        command._run(compose_configuration(tiny(*FLOOR)))
    assert (begun / "record.json").read_bytes() == before
