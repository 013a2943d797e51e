"""A few training steps of a configuration, timed: what a whole run of it would take."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from harness.configuration.controls import processes_of

if TYPE_CHECKING:
    from harness.build.data import Data
    from tasks.base import Task
    from tasks.reading.source import Corpus


STEPS, WARM_UP = 6, 2
"""Training steps that are timed, after as many uncounted ones as WARM_UP."""

ROWS = 16
"""Validation rows whose evaluation is timed, in one batch."""


@dataclass(frozen=True)
class Probe:
    """What a few steps of one configuration showed; the same for all its seeds."""

    parameters: int
    minutes: float
    memory_bytes: int


_probes: dict[str, Probe] = {}


def probe(config: DictConfig, task: Task, corpus: Corpus) -> Probe:
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
