"""``plan=true``: what a sweep would run and what that would take, from a few training steps of each configuration.

Predicted minutes count every step and validation that ``training.steps`` allows, so they are an upper bound where
training stops early; they leave out what Lightning, loggers, checkpoints and the measuring of costs take.
"""

from __future__ import annotations

import json
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.table import Column, Table

from harness.cell import Job
from harness.configuration.controls import processes_of
from harness.sweep import check_one_device
from harness.workers import Engine, WorkerDied

if TYPE_CHECKING:
    from harness.build.data import Data
    from harness.sweep import Cell
    from tasks.base import Task
    from tasks.corpora import Corpus

STEPS, WARM_UP = 6, 2
"""Training steps that are timed, after as many uncounted ones as WARM_UP."""

ROWS = 16
"""Validation rows whose evaluation is timed, in one batch."""


@dataclass(frozen=True)
class Forecast:
    """What one cell would come to. ``minutes`` and ``memory_bytes`` (of the whole worker) only if it would run."""

    label: str
    status: str
    reason: str | None = None
    parameters: int | None = None
    minutes: float | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True)
class Probe:
    """What a few steps of one configuration showed; the same for all its seeds."""

    parameters: int
    minutes: float
    memory_bytes: int


_probes: dict[str, Probe] = {}


def plan_cells(cells: Sequence[Cell], engine: Engine) -> list[Forecast]:
    """A forecast for each cell, in their order; nothing is trained to its end and nothing recorded.

    Raises ValueError for a cell over several devices, which would not be run either.
    """
    for cell in cells:
        if cell.config is not None:
            check_one_device(cell.config)
    forecasts = {n: Forecast(c.label, "not composed", c.problem) for n, c in enumerate(cells) if c.config is None}
    numbers = [number for number in range(len(cells)) if number not in forecasts]
    jobs = [(cells[number].label, Job(cells[number].config, Path())) for number in numbers]  # type: ignore[arg-type]
    with closing(engine(plan_cell, jobs)) as results:  # type: ignore[type-var]
        for place, result in results:
            number = numbers[place]
            died = isinstance(result, WorkerDied)
            forecasts[number] = Forecast(cells[number].label, "would fail", str(result)) if died else result
    return [forecasts[number] for number in range(len(cells))]


def plan_cell(labelled: tuple[str, Job]) -> Forecast:
    """The forecast of one cell, made inside a worker. Every error is a forecast too."""
    label, job = labelled
    try:
        return _forecast(label, job.config)
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
    record = read_record(run.folder)
    if record is not None and stands(record, config):
        return Forecast(label, record["status"], record["reason"])
    resumes = (run.folder / "last.ckpt").exists() and not config.force and config.retry != "all"
    status = "to resume" if resumes else "to run"
    if is_floor(config):
        return Forecast(label, status, minutes=0.0)
    try:
        probe = _probe(config, task, corpus)
    except UnsupportedError as error:  # no width matches the reference
        return Forecast(label, "unsupported", str(error))
    return Forecast(label, status, None, probe.parameters, probe.minutes, probe.memory_bytes)


def _probe(config: DictConfig, task: Task, corpus: Corpus) -> Probe:
    """Probe a configuration once, whatever its seeds."""
    settings = OmegaConf.to_container(config, resolve=True)
    assert isinstance(settings, dict)
    settings.pop("seed")
    key = json.dumps(settings, sort_keys=True, default=str)
    if key not in _probes:
        _probes[key] = _measure(config, task, corpus)
    return _probes[key]


def _measure(config: DictConfig, task: Task, corpus: Corpus) -> Probe:
    import torch

    from harness.build.counts import count_parameters
    from harness.build.data import encode
    from harness.build.matching import match_model
    from harness.build.model import make_model
    from harness.build.trainer import accelerator_of
    from harness.training.costs import peak_memory_bytes, reset_peak_memory

    torch.set_num_threads(config.trainer.threads)
    reset_peak_memory()
    data = encode(config, task, corpus)
    config, _ = match_model(config, data)
    parameters = count_parameters(make_model(config, data, device="meta"))["total"]
    gpu = accelerator_of(config) == "cuda"
    device = torch.device("cuda" if gpu else "cpu")
    model = make_model(config, data).to(device)
    with torch.autocast(device.type, torch.bfloat16, enabled=str(config.trainer.precision).startswith("bf16")):
        seconds = _training_seconds(config, model, data, device) + _scoring_seconds(config, model, data, device)
    peak = peak_memory_bytes()
    return Probe(parameters, seconds / 60, int((peak["gpu"] if gpu else peak["process"]) or 0))


def _epochs(config: DictConfig, data: Data) -> int:
    from harness.build.trainer import epochs_for

    batches = len(data.loader("train"))
    return 1 if config.trainer.fast_dev_run else epochs_for(config.training.steps, config, batches=batches)


def _training_seconds(config: DictConfig, model: Any, data: Data, device: Any) -> float:
    """The steps of one process, which sees its share of the batches of every epoch."""

    share = data.loader("train", world_size=processes_of(config))
    return _epochs(config, data) * len(share) * _step_seconds(config, model, data, device)


def _scoring_seconds(config: DictConfig, model: Any, data: Data, device: Any) -> float:
    """Validation after every epoch, then the test sets; the processes share the rows.

    Where the loss chooses the epoch, validation is predicted once more, when the epoch is chosen.
    """

    model.eval()
    predict = _row_seconds(model.predict, data, device)
    by_loss = data.task.validate_by == "loss"
    validate = _row_seconds(model.loss, data, device) if by_loss else predict
    rows = sum(data.size(s) for s in data.encoded.splits if s != "train" and (s != "validation" or by_loss))
    seconds = _epochs(config, data) * data.size("validation") * validate + rows * predict
    return seconds / processes_of(config)


def _step_seconds(config: DictConfig, model: Any, data: Data, device: Any) -> float:
    """The median time of a training step: loss, gradients, clipping, update."""
    import torch

    optimizer = torch.optim.AdamW(model.parameters(), lr=config.training.learning_rate)
    model.train()
    times = []
    for batch in islice(data.loader("train"), WARM_UP + STEPS):

        def step(batch: Any = batch) -> None:
            optimizer.zero_grad()
            model.loss(batch.to(device)).backward()
            if config.training.gradient_clip is not None:
                torch.nn.utils.clip_grad_norm_(model.parameters(), config.training.gradient_clip)
            optimizer.step()

        times.append(_seconds(step))
    return statistics.median(times[WARM_UP:] or times)


def _row_seconds(measure: Callable[[Any], Any], data: Data, device: Any) -> float:
    """The time that a validation row takes, of a few in one batch."""
    import torch

    rows = min(ROWS, data.size("validation"))
    batch = data.batch("validation", list(range(rows))).to(device)

    def evaluate() -> None:
        with torch.no_grad():
            measure(batch)

    return _seconds(evaluate) / rows


def _seconds(action: Callable[[], None]) -> float:
    import torch

    started = time.perf_counter()
    action()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started


def show_plan(forecasts: Sequence[Forecast], *, workers: int, console: Console | None = None) -> int:
    """Print the plan: each cell, why it would not run, the total. Returns the exit code: 1 if there would be holes."""
    console = console or Console()
    table = Table(Column("cell", overflow="fold"), "status", "parameters", "minutes", "MiB")
    for forecast in forecasts:
        parameters = "" if forecast.parameters is None else f"{forecast.parameters:,}"
        minutes = "" if forecast.minutes is None else f"{forecast.minutes:.2f}"
        memory = "" if forecast.memory_bytes is None else f"{forecast.memory_bytes / 2**20:,.0f}"
        table.add_row(forecast.label, forecast.status, parameters, minutes, memory)
    console.print(table)
    for forecast in forecasts:
        if forecast.reason is not None:
            line = f"{forecast.status}: {forecast.label}: {forecast.reason}"
            console.print(line, markup=False, highlight=False, soft_wrap=True)
    told = ", ".join(f"{n} {status}" for status, n in Counter(forecast.status for forecast in forecasts).items())
    ahead = [forecast for forecast in forecasts if forecast.minutes is not None]
    total = sum(forecast.minutes or 0.0 for forecast in ahead)
    longest = max((forecast.minutes or 0.0 for forecast in ahead), default=0.0)
    memory_each = max((forecast.memory_bytes or 0 for forecast in ahead), default=0)
    console.print(f"cells: {told}", markup=False, highlight=False)
    console.print(
        f"to run: at most {total:.1f} minutes of training and scoring, {max(total / workers, longest):.1f} with "
        f"workers={workers}; up to {memory_each / 2**20:,.0f} MiB in each worker",
        markup=False, highlight=False, soft_wrap=True,
    )  # fmt: skip
    return 1 if any(forecast.status in ("unsupported", "not composed", "would fail") for forecast in forecasts) else 0
