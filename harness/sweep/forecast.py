"""``plan=true``: what a sweep would run and what that would take, from a few training steps of each configuration.

Predicted minutes count every step and validation that ``training.steps`` allows, so they are an upper bound where
training stops early; they leave out what Lightning, loggers, checkpoints and the measuring of costs take.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from harness.engines.base import Engine, WorkerDied
from harness.sweep.cells import check_one_device
from harness.sweep.probe import but_for_seed, probe, reading_of
from harness.sweep.progress import Progress

if TYPE_CHECKING:
    from harness.sweep.cells import Cell
    from tasks.base import Task
    from tasks.reading.source import Corpus


@dataclass(frozen=True)
class Forecast:
    """What one cell would come to. ``minutes`` and ``memory_bytes`` (of the whole worker) only if it would run."""

    label: str
    status: str
    reason: str | None = None
    parameters: int | None = None
    minutes: float | None = None
    memory_bytes: int | None = None


def plan_cells(cells: Sequence[Cell], engine: Engine) -> list[Forecast]:
    """A forecast for each cell, in their order; nothing is trained to its end and nothing recorded.

    Raises ValueError for a cell over several devices, which would not be run either.
    """
    for cell in cells:
        if cell.config is not None:
            check_one_device(cell.config)
    forecasts = {n: Forecast(c.label, "not composed", c.problem) for n, c in enumerate(cells) if c.config is None}
    left = [number for number in range(len(cells)) if number not in forecasts]
    numbers = sorted(left, key=lambda number: reading_of(cells[number].config))  # type: ignore[arg-type]
    progress = Progress("planned", len(cells))
    progress.done = len(forecasts)
    jobs = [(cells[number].label, cells[number].config) for number in numbers]
    with closing(engine(plan_cell, jobs)) as results:  # type: ignore[type-var]
        for place, result in results:
            number = numbers[place]
            died = isinstance(result, WorkerDied)
            forecasts[number] = Forecast(cells[number].label, "would fail", str(result)) if died else result
            progress.one()
    return [forecasts[number] for number in range(len(cells))]


def plan_cell(labelled: tuple[str, DictConfig]) -> Forecast:
    """The forecast of one cell, made inside a worker. Every error is a forecast too."""
    label, config = labelled
    try:
        return _forecast(label, config)
    except Exception as error:
        return Forecast(label, "would fail", f"{type(error).__name__}: {error}")


def _forecast(label: str, config: DictConfig) -> Forecast:
    from harness.build.checks import UnsupportedError
    from harness.build.data import make_task
    from harness.build.factories import is_floor
    from harness.records.files import read_record
    from harness.run.run import make_run, stands

    run = make_run(config)
    task = make_task(config)
    refused = _refusal(config, task, run.config)
    if refused is not None:
        return Forecast(label, "unsupported", refused)
    corpus = _corpus(config, task, run.config)
    run.fingerprint = corpus.fingerprint
    run.place()
    try:
        record = read_record(run.folder)
    except ValueError:  # damaged: who runs it sets it aside
        record = None
    if record is not None and stands(record, config):
        return Forecast(label, record["status"], record["reason"])
    resumes = (run.folder / "last.ckpt").exists() and not config.force and config.retry != "all"
    status = "to resume" if resumes else "to run"
    if is_floor(config):
        return Forecast(label, status, minutes=0.0)
    try:
        probed = probe(config, task, corpus, run.config)
    except UnsupportedError as error:  # no width matches the reference
        return Forecast(label, "unsupported", str(error))
    return Forecast(label, status, None, probed.parameters, probed.minutes, probed.memory_bytes)


_refusals: dict[str, str | None] = {}
_corpora: dict[str, Any] = {}


def _refusal(config: DictConfig, task: Task, settings: Mapping[str, Any]) -> str | None:
    """Why a combination cannot be, or None; asked once for all seeds."""
    from harness.build import checks
    from harness.build.matching import check_match

    key = but_for_seed(settings)
    if key not in _refusals:
        try:
            checks.check_combination(config, task)
            check_match(config)
            _refusals[key] = None
        except checks.UnsupportedError as error:
            _refusals[key] = str(error)
    return _refusals[key]


def _corpus(config: DictConfig, task: Task, settings: Mapping[str, Any]) -> Corpus:
    """The corpus of a cell; the last one is kept, for the next cell mostly reads the same."""
    from harness.build import data as run_data

    key = reading_of(settings)
    if key not in _corpora:
        _corpora.clear()
        _corpora[key] = run_data.load_corpus(config, task)
    corpus: Corpus = _corpora[key]
    return corpus
