"""Sweeps that finish: every cell of ``python -m harness -m`` becomes a record, whatever happens to the others.

The cells run in workers, never in this process, which therefore survives whatever kills them and needs no torch.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf, open_dict
from rich.console import Console

from harness.cell import Answer, Job, answer_from, is_undrawn, run_cell
from harness.configuration.compose import COMPARISONS, name_choices
from harness.configuration.controls import CONTROLS, check_controls, make_results_dir, processes_of
from harness.configuration.values import check_settings
from harness.mounts import lock_problem
from harness.records import files
from harness.records.files import read_record
from harness.records.record import Status
from harness.run.stopping import terminable
from harness.sweep_display import show_answer, show_summary
from harness.workers import Engine, EngineError, LocalWorkers, WorkerDied

PRELOAD = ("harness.run.execute", "harness.training.fit")

RANKS = ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID")
"""What tells the processes that share a run apart."""


@dataclass(frozen=True)
class Cell:
    """One combination of the swept values: what sets it apart, and its configuration or why there is none.

    ``restarts``: if its worker dies it is not a failure but interrupted, for whoever runs it begins it again.
    """

    label: str
    config: DictConfig | None = None
    problem: str | None = None
    restarts: bool = False

    @property
    def searched(self) -> bool:
        """Whether it stands for a study (``search=``) instead of one run."""
        return self.config is not None and self.config.search.method != "none"


def sweep(
    combinations: Sequence[Sequence[str]], *, swept: Sequence[str], compose: Callable[[Sequence[str]], DictConfig]
) -> int:
    """Run (or plan) the cell of each combination of overrides; returns the exit code: 1 if any cell is not done.

    ``swept``: the keys that differ between cells; ``compose``: the configuration, with Hydra's node, of overrides.
    """
    try:
        cells = make_cells(combinations, swept=swept, compose=compose)
        config = next((cell.config for cell in cells if cell.config is not None), None)
        if config is not None:
            check_controls(config)
        planning = config is not None and config.plan
        if config is not None and not planning:
            make_results_dir(config)
        engine = LocalWorkers(1, preload=PRELOAD) if config is None or planning else make_engine(config)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if config is not None and not planning:
        _warn_of_local_locks(Path(config.results_dir))
    try:
        if config is not None and any(cell.searched for cell in cells):
            from harness.search import search_cells

            return search_cells(cells, config)
        if config is not None and planning:
            from harness.plan import plan_cells, show_plan

            return show_plan(plan_cells(cells, engine), workers=int(config.workers))
        with terminable():
            answers = run_cells(cells, engine)
    except EngineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0 if all(answer.status == "done" for answer in answers) else 1


def _warn_of_local_locks(results: Path) -> None:
    problem = lock_problem(results)
    if problem is not None:
        print(f"warning: {problem}: run no second sweep over {results} from another machine", file=sys.stderr)


def make_engine(config: DictConfig) -> Engine:
    """Where cells run: what ``engine=`` names. Raises ValueError for settings that it refuses, and several devices."""
    check_one_device(config)
    seconds = None if config.max_minutes is None else 60 * config.max_minutes
    try:
        return instantiate(config.engine, seconds=seconds, preload=PRELOAD, _convert_="all")  # type: ignore[no-any-return]
    except InstantiationException as error:
        raise ValueError(str(error.__cause__ or error)) from error


def make_cells(
    combinations: Sequence[Sequence[str]], *, swept: Sequence[str], compose: Callable[[Sequence[str]], DictConfig]
) -> list[Cell]:
    """A cell for each combination, equal ones once; one that cannot be composed says why.

    Raises ValueError if there are none, if what drives the whole sweep is swept over, or for several devices.
    """
    if not combinations:
        raise ValueError("the sweep has no cells: a swept value is an empty list, range or pattern")
    driving = sorted(key for key in swept if key.partition(".")[0] in CONTROLS)
    if driving:
        raise ValueError(f"{', '.join(driving)} is of the whole sweep and takes one value")
    if "experiment" in swept and any(word.startswith(f"experiment={COMPARISONS}") for c in combinations for word in c):
        raise ValueError("a comparison is a sweep by itself: run one at a time, or experiment=compare/all")
    cells = []
    for overrides in dict.fromkeys(map(tuple, combinations)):
        own = [override for override in overrides if override.partition("=")[0].lstrip("+~") in swept]
        label = " ".join(own) or "the only cell"
        try:
            cells.append(Cell(label, _plain(compose(overrides))))
        except Exception as error:  # Hydra and OmegaConf have many, and each is about this cell alone
            cells.append(Cell(label, problem=" ".join(str(error).split())))
    digest = hashlib.sha256(json.dumps(sorted(map(sorted, combinations))).encode()).hexdigest()[:8]
    for cell in cells:
        if cell.config is not None:
            check_one_device(cell.config)
            if "group" in cell.config.logger and cell.config.logger.group is None:
                cell.config.logger.group = f"sweep-{digest}"  # the same when the sweep is resumed
    return cells


def check_one_device(config: DictConfig) -> None:
    """Refuse a cell over several devices: for each of them Lightning would start the command of the sweep again.

    Raises ValueError.
    """
    if processes_of(config) != 1:
        devices, nodes = config.trainer.devices, config.trainer.num_nodes
        raise ValueError(
            f"a cell of a sweep or search has one device, got trainer.devices={devices} and trainer.num_nodes={nodes}; "
            "run several cells at once with workers= or engine=; a single run (no -m, no search=) may use trainer=ddp"
        )


def _plain(config: DictConfig) -> DictConfig:
    """The configuration as a single run has it; bars of several workers would only overwrite each other."""
    choices = OmegaConf.to_container(config.hydra.runtime.choices)
    with open_dict(config):
        del config["hydra"]
    check_settings(config)
    name_choices(config, choices)  # type: ignore[arg-type]
    config.trainer.enable_progress_bar = False
    return config


def run_cells(cells: Sequence[Cell], engine: Engine, *, console: Console | None = None) -> list[Answer]:
    """Run every cell on the engine; returns what became of each, in their order, after a line each and a summary.

    KeyboardInterrupt and SystemExit stop the workers; what was running is recorded as ``interrupted``, and the
    exception goes on.
    """
    console = console or Console()
    _forget_ranks()
    answers = {number: Answer("not composed", cell.problem) for number, cell in enumerate(cells) if cell.problem}
    with _desk(cells) as desk:
        jobs = {n: Job(c.config, Path(desk) / f"{n}.json") for n, c in enumerate(cells) if c.config is not None}
        numbers = list(jobs)
        try:
            with closing(engine(run_cell, list(jobs.values()))) as results:  # type: ignore[type-var]
                for place, result in results:
                    number = numbers[place]
                    if isinstance(result, WorkerDied):
                        restarts = cells[number].restarts and not result.overdue
                        result = record_end(jobs[number], "interrupted" if restarts else "failed", str(result))
                    answers[number] = result
                    show_answer(console, cells[number].label, answers[number], done=len(answers), of=len(cells))
        except (KeyboardInterrupt, SystemExit):
            begun = [n for n, job in jobs.items() if n not in answers and job.note.exists()]
            for number in begun:
                answers[number] = record_end(jobs[number], "interrupted", "the sweep was stopped")
            show_summary(console, [cell.label for cell in cells], answers)
            console.print("stopped; the same command goes on from here", markup=False)
            raise
    show_summary(console, [cell.label for cell in cells], answers)
    return [answers[number] for number in range(len(cells))]


def _forget_ranks() -> None:
    """Let every cell be recorded: it is a run of one process, whichever of srun's or torchrun's runs the sweep."""
    for name in RANKS:
        os.environ.pop(name, None)


def _desk(cells: Sequence[Cell]) -> tempfile.TemporaryDirectory[str]:
    """A folder for the workers' notes beside the records: a worker may be on another machine that shares only these."""
    config = next((cell.config for cell in cells if cell.config is not None), None)
    place = None if config is None else Path(config.results_dir).absolute() / "sweeps"
    if place is not None:
        place.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(prefix="desk-", dir=place, ignore_cleanup_errors=True)


def record_end(job: Job, status: Status, reason: str) -> Answer:
    """Record the end of a run whose worker could not, unless the worker or another process did after all."""
    if is_undrawn(job.config) and not job.note.exists():
        return Answer(status, reason)  # which trial it was to be nobody can say
    folder, record = _noted(job)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            left = read_record(folder)
            if left is not None and (left["status"] == "done" or _is_of(left, record)):
                return answer_from(left, folder, found=False)
            record |= {"status": status, "reason": reason, "finished": datetime.now(UTC).isoformat(timespec="seconds")}
            files.write_record(folder, record)
            return answer_from(record, folder, found=False)
    except Timeout:
        return Answer("busy", f"{folder} is in use by another process with the same run", str(folder))


def _is_of(left: Mapping[str, Any], noted: Mapping[str, Any]) -> bool:
    """Whether a record is of the very attempt that the worker noted, and not of an earlier one at the same run."""
    return bool(left["started"] == noted["started"])


def _noted(job: Job) -> tuple[Path, dict[str, Any]]:
    """Folder and unfinished record of the run that a worker was at: as it noted them, or as the configuration says."""
    if job.note.exists():
        note = json.loads(job.note.read_text(encoding="utf-8"))
        return Path(note["folder"]), note["record"]
    from harness.run.run import make_run  # seconds, but rarely: the worker died before it began

    run = make_run(job.config)
    return run.folder, json.loads(json.dumps(run.record("failed", None), default=str))
