"""One cell of a sweep inside a worker: run it, answer in a few words, leave the process as it was."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from omegaconf import DictConfig

from harness.records.data_notes import data_notes
from harness.records.record import Record
from harness.run.run import BusyError, Outcome, Run
from harness.training.memory import give_back_memory


class Start(Protocol):
    """What a worker calls to run a configuration; ``announce`` is told which run it is."""

    def __call__(self, config: DictConfig, *, announce: Callable[[Run], None]) -> Outcome:
        """Run it; errors become records."""


def run_alone(config: DictConfig, *, announce: Callable[[Run], None]) -> Outcome:
    """Run a configuration as ``python -m harness`` does without ``-m``."""
    from harness.run.execute import execute  # torch: the process that hands out the jobs needs none

    return execute(config, announce=announce)


@dataclass(frozen=True)
class Job:
    """A composed cell, and the file in which its worker notes which run it is at, should it die.

    ``start``: what runs it. ``unnamed``: which run it is, only its worker settles.
    """

    config: DictConfig
    note: Path
    start: Start = run_alone
    unnamed: bool = False


@dataclass(frozen=True)
class Answer:
    """What became of a cell. ``found``: an earlier run's record stands; ``folder``: None if nothing was recorded.

    ``notes``: what to know of its data.
    """

    status: str
    reason: str | None = None
    folder: str | None = None
    score: tuple[str, float] | None = None
    seconds: float = 0.0
    found: bool = False
    notes: tuple[str, ...] = ()


def run_cell(job: Job) -> Answer:
    """Run one cell; every error is an answer. SIGTERM too, so that stopping one worker costs one cell."""
    started = time.monotonic()
    try:
        outcome = job.start(job.config, announce=lambda run: write_note(job, run))
        answer = answer_from(outcome.record, outcome.folder if outcome.kept else None, found=outcome.found)
    except BusyError as error:
        answer = Answer("busy", str(error), str(error.folder))
    except (KeyboardInterrupt, SystemExit):
        answer = Answer("interrupted", "its worker was stopped from outside; the same command resumes it")
    except Exception as error:  # a configuration that cannot even be resolved has no record
        answer = Answer("failed", f"{type(error).__name__}: {error}")
    give_back_memory()
    return Answer(**{**vars(answer), "seconds": time.monotonic() - started})


def answer_from(record: Record, folder: Path | None, *, found: bool) -> Answer:
    """A record in a few words; of a trial its validation score. ``folder``: None if nothing was recorded."""
    score = None
    if record["status"] == "done":
        main = record["main_score"]
        scores: Mapping[str, float | None] = record["scores"] or {
            f"validation {main}": record.get("validation_scores", {}).get(main)
        }
        score = next(((key, value) for key, value in scores.items() if key.endswith(main) and value is not None), None)
    notes, place = tuple(data_notes([record])), None if folder is None else str(folder)
    return Answer(record["status"], record["reason"], place, score, found=found, notes=notes)


def write_note(job: Job, run: Run) -> None:
    """Note which run this worker is at, as the record that is written for it if the worker dies."""
    note = {"folder": str(run.folder), "record": run.record("failed", "worker died")}
    fresh = job.note.with_suffix(".new")
    with suppress(OSError):  # on a full disk the run itself says so, better
        fresh.write_text(json.dumps(note, default=str), encoding="utf-8")
        fresh.replace(job.note)
