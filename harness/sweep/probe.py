"""A few training steps of a configuration, timed: what a whole run of it would take."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from harness.configuration.controls import CONTROLS, SEARCH, processes_of
from harness.configuration.effect import WITHOUT_EFFECT

if TYPE_CHECKING:
    from harness.build.data import Data
    from tasks.base import Task
    from tasks.reading.source import Corpus


STEPS, WARM_UP = 3, 1
"""Training steps that are timed, after as many uncounted ones as WARM_UP."""

ENOUGH_SECONDS = 0.5
"""After so long no further step is timed."""

ROWS = 16
"""Validation rows whose evaluation is timed, in one batch."""

SHAPELESS = (*WITHOUT_EFFECT, *CONTROLS, *SEARCH, "seed", "names")
"""Groups and settings that make a step neither longer nor larger."""

SHAPELESS_TRAINING = (
    *("steps", "patience", "schedule", "warmup_steps", "final_learning_rate_fraction", "decay_share"),
    *("learning_rate", "embedding_learning_rate", "weight_decay", "average_decay", "accumulate_batches"),
)
"""The same among those of ``training``."""

SWITCHES = ("dropout", "smoothing", "gradient_clip")
"""Ends of names of which only counts whether they are on."""


@dataclass(frozen=True)
class Probe:
    """What a few steps of one configuration showed; the same for all its seeds."""

    parameters: int
    minutes: float
    memory_bytes: int


@dataclass(frozen=True)
class Rates:
    """What is measured of a shape: seconds of a training step, and of validating and of predicting a row."""

    parameters: int
    step: float
    validate: float
    predict: float
    memory_bytes: int


_rates: dict[str, Rates] = {}
_probes: dict[str, Probe] = {}
_encoded: dict[str, Data] = {}


def probe(config: DictConfig, task: Task, corpus: Corpus, settings: Mapping[str, Any]) -> Probe:
    """What a configuration would take: its shape is probed once, whatever its seeds, steps and learning rates.

    ``settings``: the configuration, resolved.
    """
    key = f"{corpus.fingerprint} {but_for_seed(settings)}"
    if key not in _probes:
        data = _data(config, task, corpus)
        shape = _shape_of(settings)
        if shape not in _rates:
            _rates[shape] = _measure(config, data)
        rates = _rates[shape]
        seconds = _training_seconds(config, rates, data) + _scoring_seconds(config, rates, data)
        _probes[key] = Probe(rates.parameters, seconds / 60, rates.memory_bytes)
    return _probes[key]


def but_for_seed(settings: Mapping[str, Any]) -> str:
    """A resolved configuration without its seed, as text."""
    return json.dumps({key: value for key, value in settings.items() if key != "seed"}, default=str)


def _shape_of(settings: Mapping[str, Any]) -> str:
    """What of a resolved configuration makes steps longer or larger, as text."""
    kept = {key: value for key, value in settings.items() if key not in SHAPELESS}
    kept["training"] = {k: v for k, v in kept["training"].items() if k not in SHAPELESS_TRAINING}
    return json.dumps(_switched(kept), sort_keys=True, default=str)


def reading_of(config: DictConfig | Mapping[str, Any]) -> str:
    """What says which corpus a configuration reads, as text: cells that read the same can stand beside each other."""
    try:
        read = {key: _resolved(config.get(key)) for key in ("task", "data", "data_dir", "debug", "encoding")}
    except Exception:  # what cannot be resolved is said when its turn comes
        return ""
    return json.dumps(_switched(read), default=str)


def _resolved(value: Any) -> Any:
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value


def _switched(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: bool(v) if str(k).endswith(SWITCHES) else _switched(v) for k, v in value.items()}
    return value


def _data(config: DictConfig, task: Task, corpus: Corpus) -> Data:
    """The encoded corpus as ``config`` cuts it into batches; encoded once for all cells that read it alike."""
    from harness.build.data import encode
    from harness.build.factories import uses_external

    sizes = [len(rows) for rows in corpus.splits.values()]
    own = (config.embedding.ngram_buckets, config.embedding.get("content"))
    read = (sizes, config.encoding, own, config.position.get("max_length"), config.task)
    key = f"{corpus.fingerprint} {uses_external(config)} {read}"
    if key not in _encoded:
        for known, old in list(_encoded.items()):
            if old.corpus.fingerprint != corpus.fingerprint:  # cells come corpus by corpus
                del _encoded[known]
        _encoded[key] = encode(config, task, corpus)
    return replace(_encoded[key], config=config)


def _measure(config: DictConfig, data: Data) -> Rates:
    import torch

    from harness.build.counts import count_parameters
    from harness.build.matching import match_model
    from harness.build.model import make_model
    from harness.build.trainer import accelerator_of
    from harness.training.costs import peak_memory_bytes, reset_peak_memory

    torch.set_num_threads(config.trainer.threads)
    reset_peak_memory()
    config, _ = match_model(config, data)
    gpu = accelerator_of(config) == "cuda"
    device = torch.device("cuda" if gpu else "cpu")
    model = make_model(config, data).to(device)
    with torch.autocast(device.type, torch.bfloat16, enabled=str(config.trainer.precision).startswith("bf16")):
        step = _step_seconds(config, model, data, device)
        model.eval()
        predict = _row_seconds(model.predict, data, device)
        validate = _row_seconds(model.loss, data, device) if data.task.validate_by == "loss" else predict
    peak = peak_memory_bytes()
    memory = int((peak["gpu"] if gpu else peak["process"]) or 0)
    return Rates(count_parameters(model)["total"], step, validate, predict, memory)


def _epochs(config: DictConfig, data: Data) -> int:
    from harness.build.trainer import epochs_for

    batches = len(data.loader("train"))
    return 1 if config.trainer.fast_dev_run else epochs_for(config.training.steps, config, batches=batches)


def _training_seconds(config: DictConfig, rates: Rates, data: Data) -> float:
    """The batches of one process, which sees its share of those of every epoch."""
    share = data.loader("train", world_size=processes_of(config))
    return _epochs(config, data) * len(share) * rates.step


def _scoring_seconds(config: DictConfig, rates: Rates, data: Data) -> float:
    """Validation after every epoch, then the test sets; the processes share the rows.

    Where the loss chooses the epoch, validation is predicted once more, when the epoch is chosen.
    """
    by_loss = data.task.validate_by == "loss"
    rows = sum(data.size(s) for s in data.encoded.splits if s != "train" and (s != "validation" or by_loss))
    seconds = _epochs(config, data) * data.size("validation") * rates.validate + rows * rates.predict
    return seconds / processes_of(config)


def _step_seconds(config: DictConfig, model: Any, data: Data, device: Any) -> float:
    """The median time of a training step: loss, gradients, clipping, update."""
    import torch

    optimizer = torch.optim.AdamW(model.parameters(), lr=config.training.learning_rate)
    model.train()
    times: list[float] = []
    for batch in islice(data.loader("train"), WARM_UP + STEPS):

        def step(batch: Any = batch) -> None:
            optimizer.zero_grad()
            model.loss(batch.to(device)).backward()
            if config.training.gradient_clip is not None:
                torch.nn.utils.clip_grad_norm_(model.parameters(), config.training.gradient_clip)
            optimizer.step()

        times.append(_seconds(step))
        if len(times) > WARM_UP and sum(times) > ENOUGH_SECONDS:
            break
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
