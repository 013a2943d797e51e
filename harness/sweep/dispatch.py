"""Sweeps that finish: every cell of ``python -m harness -m`` becomes a record, whatever happens to the others.

The cells run in workers, never in this process, which therefore survives whatever kills them and needs no torch.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from filelock import FileLock, Timeout
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig
from rich.console import Console

from harness.engines.base import Engine, WorkerDied
from harness.records import files
from harness.records.processes import forget_ranks
from harness.records.record import Record, Status
from harness.run.folder import first_free, record_there
from harness.run.run import make_run, now
from harness.sweep.cells import Cell, check_one_device
from harness.sweep.display import show_answer, show_summary
from harness.sweep.job import Answer, Job, answer_from, run_cell

PRELOAD = ("harness.run.execute", "harness.training.fit")


def make_engine(config: DictConfig) -> Engine:
    """Where cells run: what ``engine=`` names. Raises ValueError for settings that it refuses, and several devices."""
    check_one_device(config)
    seconds = None if config.max_minutes is None else 60 * config.max_minutes
    try:
        return instantiate(config.engine, seconds=seconds, preload=PRELOAD, _convert_="all")  # type: ignore[no-any-return]
    except InstantiationException as error:
        raise ValueError(str(error.__cause__ or error)) from error


def run_cells(cells: Sequence[Cell], engine: Engine, *, console: Console | None = None) -> list[Answer]:
    """Run every cell on the engine; returns what became of each, in their order, after a line each and a summary.

    A cell that another process is at is waited for when the others have ended, or taken over if that process dies.
    KeyboardInterrupt and SystemExit stop the workers; what was running is recorded as ``interrupted``, and the
    exception goes on.
    """
    console = console or Console()
    forget_ranks()
    answers = {number: Answer("not composed", cell.problem) for number, cell in enumerate(cells) if cell.problem}
    with _desk(cells) as desk:
        jobs = {
            n: Job(cell.config, Path(desk) / f"{n}.json", cell.start, cell.unnamed)
            for n, cell in enumerate(cells)
            if cell.config is not None
        }
        numbers = list(jobs)
        try:
            while numbers:
                _run_some(numbers, cells, jobs, engine, answers, console)
                numbers = _no_longer_busy(answers, console)
        except (KeyboardInterrupt, SystemExit):
            begun = [n for n, job in jobs.items() if n not in answers and job.note.exists()]
            for number in begun:
                answers[number] = record_end(jobs[number], "interrupted", "the sweep was stopped")
            show_summary(console, [cell.label for cell in cells], answers)
            console.print("stopped; the same command goes on from here", markup=False)
            raise
    show_summary(console, [cell.label for cell in cells], answers)
    return [answers[number] for number in range(len(cells))]


def _run_some(
    numbers: Sequence[int],
    cells: Sequence[Cell],
    jobs: Mapping[int, Job],
    engine: Engine,
    answers: dict[int, Answer],
    console: Console,
) -> None:
    """Run the cells of these ``numbers``, noting the answers as they come, and a line each."""
    with closing(engine(run_cell, [jobs[number] for number in numbers])) as results:  # type: ignore[type-var]
        for place, result in results:
            number = numbers[place]
            if isinstance(result, WorkerDied):
                restarts = cells[number].restarts and not result.overdue
                result = record_end(jobs[number], "interrupted" if restarts else "failed", str(result))
            answers[number] = result
            busy = sum(answer.status == "busy" for answer in answers.values())
            show_answer(console, cells[number].label, result, done=len(answers) - busy, of=len(cells))


def _no_longer_busy(answers: dict[int, Answer], console: Console) -> list[int]:
    """Cells that another process was at, once it has let go of one: its record is found, or what it left resumed."""
    busy = {number: Path(str(answer.folder)) for number, answer in answers.items() if answer.status == "busy"}
    if not busy:
        return []
    console.print(f"waiting for another process, which is at {len(busy)} of these cells", markup=False)
    free = first_free(busy.values())
    return [number for number, folder in busy.items() if folder in free]


def _desk(cells: Sequence[Cell]) -> tempfile.TemporaryDirectory[str]:
    """A folder for the workers' notes beside the records: a worker may be on another machine that shares only these."""
    config = next((cell.config for cell in cells if cell.config is not None), None)
    place = None if config is None else Path(config.results_dir).absolute() / "sweeps"
    if place is not None:
        place.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(prefix="desk-", dir=place, ignore_cleanup_errors=True)


def record_end(job: Job, status: Status, reason: str) -> Answer:
    """Record the end of a run whose worker could not, unless the worker or another process did after all."""
    if job.unnamed and not job.note.exists():
        return Answer(status, reason)  # which trial it was to be nobody can say
    folder, record = _noted(job)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock", timeout=0):
            left = record_there(folder)
            if left is not None and (left["status"] == "done" or _is_of(left, record)):
                return answer_from(left, folder, found=False)
            record |= {"status": status, "reason": reason, "finished": now()}
            files.write_record(folder, record)
            return answer_from(record, folder, found=False)
    except Timeout:
        return Answer("busy", f"{folder} is in use by another process with the same run", str(folder))
    except OSError as error:
        return Answer(status, f"{reason}; there is no record of this: {error}")


def _is_of(left: Record, noted: Record) -> bool:
    """Whether a record is of the very attempt that the worker noted, and not of an earlier one at the same run."""
    return bool(left["started"] == noted["started"])


def _noted(job: Job) -> tuple[Path, Record]:
    """Folder and unfinished record of the run that a worker was at: as it noted them.

    If it died before it noted anything: as the configuration says.
    """
    if job.note.exists():
        note = json.loads(job.note.read_text(encoding="utf-8"))
        return Path(note["folder"]), note["record"]
    run = make_run(job.config)
    return run.folder, json.loads(json.dumps(run.record("failed", None), default=str))
