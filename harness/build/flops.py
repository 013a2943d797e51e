"""FLOPs of a configuration's network, counted once and kept: the seed cannot change them.

A count takes up to a second or two: an LSTM is decomposed step by step. The file of a count is named by all that can
change it: the configuration but for what no network is made of, the sizes of vocabularies and labels, the shapes of the
batch it is counted on, the code and torch's version. What a user's own parts are made of nobody can know, so those are
counted each time.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from harness.build import counts
from harness.build.data import Data
from harness.build.model import make_model
from harness.configuration.controls import CONTROLS, SEARCH
from harness.configuration.effect import WITHOUT_EFFECT
from harness.records import code
from harness.records.code import OWN, targets
from harness.records.files import write_atomically
from tasks.base import Batch

_NO_PART = ("seed", "training", "trainer", "data", "debug", *WITHOUT_EFFECT)
"""Keys of a configuration of which no network is made. The data are: by their sizes and by the shapes of the batch."""


def forward_flops(config: DictConfig, data: Data) -> dict[str, float]:
    """What ``counts.forward_flops`` counts of the network on the first rows of train, read if it was counted before.

    Raises RuntimeError or NotImplementedError for a mechanism that fails on the meta device.
    """
    batch = data.sample()
    file = _file(config, data, batch)
    kept = _read(file)
    if kept is None:
        kept = counts.forward_flops(make_model(config, data, device="meta"), batch)
        _write(file, kept)
    return kept


def _file(config: DictConfig, data: Data, batch: Batch) -> Path | None:
    """Where the count is kept; None for a network with parts from outside."""
    settings = OmegaConf.to_container(config, resolve=True)
    assert isinstance(settings, dict)
    parts = {key: value for key, value in settings.items() if key not in (*_NO_PART, *CONTROLS, *SEARCH)}
    if any(target.partition(".")[0] not in OWN for target in targets(parts)):
        return None
    sizes, counted_on = asdict(data.encoded.sizes), [_shapes(batch), counts.real_tokens(batch)]
    content = [parts, sizes, counted_on, code.code_version(), torch.__version__]
    digest = hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:32]
    return Path(config.results_dir) / "cache" / f"flops-{digest}.json"


def _shapes(part: Any) -> Any:
    """All that the meta device knows of a batch: shapes and types, by the names of its fields."""
    if isinstance(part, Tensor):
        return [*part.shape, str(part.dtype)]
    if is_dataclass(part):
        return {field.name: _shapes(getattr(part, field.name)) for field in fields(part)}
    return [_shapes(inner) for inner in part] if isinstance(part, tuple) else part


def _read(file: Path | None) -> dict[str, float] | None:
    if file is not None:
        with suppress(OSError, ValueError):  # a damaged file is worth no more than none
            kept = json.loads(file.read_text(encoding="utf-8"))
            if isinstance(kept, dict) and isinstance(kept.get(""), int | float):
                return kept
    return None


def _write(file: Path | None, counted: dict[str, float]) -> None:
    """Write whole or not at all, for several processes may count the same at once; a folder may be read-only."""
    if file is not None:
        with suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(file, json.dumps(counted).encode())
