"""One network about to be trained, with all that training needs: its settings, its data, and where it is noted."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig

from harness.build.counts import count_parameters
from harness.build.data import Data, encode
from harness.build.flops import forward_flops
from harness.build.matching import match_model
from harness.build.model import make_model
from harness.build.pretrained import encoder_facts, encoder_flops, with_encoder
from harness.build.room import check_room
from harness.build.trainer import optimisation
from harness.build.vectors import vector_facts
from harness.records.processes import writes_here
from harness.records.record import Costs, Facts
from harness.training.callbacks import History
from harness.training.costs import reset_peak_memory
from harness.training.loggers import make_logger
from harness.training.memory import keep_freed_memory
from harness.training.module import TrainingModule
from tasks.base import Task
from tasks.model import attention_notes
from tasks.reading.source import Corpus


@dataclass
class Session:
    """What is trained, on what, and where that is noted. ``costs``: what is known before the first step."""

    config: DictConfig
    folder: Path
    data: Data
    module: TrainingModule
    costs: Costs
    history: History
    logger: Any


def begin(config: DictConfig, folder: Path, task: Task, corpus: Corpus) -> Generator[Facts, None, Session]:
    """Encode the data and build the network, up to its first step; yields each part of the facts once it is known."""
    quiet_libraries()
    keep_freed_memory()
    torch.set_num_threads(config.trainer.threads)
    reset_peak_memory()
    data = encode(config, task, corpus)
    yield {"dropped_rows": data.encoded.dropped, "external_memory": data.encoded.encoding.external_source}
    yield {"overlong_texts": dict(data.encoded.overlong)}
    yield from encoder_facts(config, data.encoded)
    config, match = match_model(config, data)
    yield {"match": match}
    model = make_model(config, data)
    estimated = check_room(config, data, model)
    vectors = vector_facts(model, data)
    if vectors is not None:
        yield {"vectors": vectors}
    yield {"attention_notes": attention_notes(model)}
    flops, why_not = _flops(config, data)
    costs: Costs = {
        "parameters": with_encoder(count_parameters(model), data.encoded),
        "flops_per_token": flops,
        "estimated_memory_bytes": estimated,
    }
    for apart in encoder_flops(data.encoded, data.sampled()):
        costs["encoder_flops_per_token"] = apart
    yield {"costs": costs}
    if why_not is not None:
        yield {"flops_note": why_not}
    module = TrainingModule(
        model,
        scorer=data.score,
        main_score=task.main_score,
        validate_by=task.validate_by,
        **optimisation(config),
    )
    history = History()
    yield {"curves": history.curve}  # the very list, so that a run that fails keeps the points until then
    logger = make_logger(config, folder) if writes_here() else False
    return Session(config, folder, data, module, costs, history, logger)


def _flops(config: DictConfig, data: Data) -> tuple[float | None, str | None]:
    """FLOPs per token, or None and why: a mechanism that only lacks a count still runs."""
    try:
        return forward_flops(config, data)[""], None
    except (RuntimeError, NotImplementedError) as error:
        return None, f"not counted: on the meta device the model fails with {type(error).__name__}: {error}"


def quiet_libraries() -> None:
    """Leave out what Lightning says of itself and warns of without need; its errors still come."""
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    logging.getLogger("lightning_fabric").setLevel(logging.ERROR)
    for message in (
        ".*does not have many workers.*",
        ".*smaller than the logging interval.*",
        ".*Checkpoint directory .* exists and is not empty.*",
        ".*The dataloader, .*",
        ".*is_leaf.*",
        ".*sync_dist=True.*",
        ".*GPU available but not used.*",
        ".*using `weights_only=.*",
    ):
        warnings.filterwarnings("ignore", message)
