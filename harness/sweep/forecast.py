"""``plan=true``: what a sweep would run and what that would take, from a few training steps of each configuration.

Predicted minutes count every step and validation that ``training.steps`` allows, so they are an upper bound where
training stops early; they leave out what Lightning, loggers, checkpoints and the measuring of costs take.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from harness.engines.base import Engine, WorkerDied
from harness.sweep.cells import check_one_device
from harness.sweep.probe import probe

if TYPE_CHECKING:
    from harness.sweep.cells import Cell


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
    numbers = [number for number in range(len(cells)) if number not in forecasts]
    jobs = [(cells[number].label, cells[number].config) for number in numbers]
    with closing(engine(plan_cell, jobs)) as results:  # type: ignore[type-var]
        for place, result in results:
            number = numbers[place]
            died = isinstance(result, WorkerDied)
            forecasts[number] = Forecast(cells[number].label, "would fail", str(result)) if died else result
    return [forecasts[number] for number in range(len(cells))]


def plan_cell(labelled: tuple[str, DictConfig]) -> Forecast:
    """The forecast of one cell, made inside a worker. Every error is a forecast too."""
    label, config = labelled
    try:
        return _forecast(label, config)
    except Exception as error:
        return Forecast(label, "would fail", f"{type(error).__name__}: {error}")


def _forecast(label: str, config: DictConfig) -> Forecast:
    from harness.build import checks
    from harness.build import data as run_data
    from harness.build.checks import UnsupportedError
    from harness.build.data import make_task
    from harness.build.factories import is_floor
    from harness.build.matching import check_match
    from harness.records.files import read_record
    from harness.run.run import make_run, stands

    run = make_run(config)
    task = make_task(config)
    try:
        checks.check_combination(config, task)
        check_match(config)
    except UnsupportedError as error:
        return Forecast(label, "unsupported", str(error))
    corpus = run_data.load_corpus(config, task)
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
        probed = probe(config, task, corpus)
    except UnsupportedError as error:  # no width matches the reference
        return Forecast(label, "unsupported", str(error))
    return Forecast(label, status, None, probed.parameters, probed.minutes, probed.memory_bytes)
