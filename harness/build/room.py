"""The memory that training will take, estimated before its first step: what cannot fit is refused, with a remedy.

Counted are the weights with their gradients and Adam's two moments, and the tensors that a forward pass keeps for the
backward one. Both are what is needed at the least, so what is refused could not have been trained. Bytes are a
quadratic function of the length of a text (attention compares all its tokens), found from three short lengths.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.polynomial import Polynomial
from omegaconf import DictConfig, OmegaConf, open_dict

from harness.build.data import Data
from harness.build.factories import window_of
from harness.build.model import assemble
from harness.build.trainer import accelerator_of
from harness.build.vectors import bytes_of_vectors
from harness.configuration.effect import flatten
from models.embeddings import TextTensors
from tasks.base import Batch, Sizes, Task
from tasks.model import TaskModel

BYTES_A_PARAMETER = 16
"""Weight, gradient and two moments, of four bytes each."""

LENGTHS = (128, 192, 256)
"""The lengths from which the need of any other is told."""

FAR = 1 << 24
"""Tokens of a batch times those that each is compared with: fewer take no memory to speak of, and are not measured."""

IN_SERIES = ("backbone.layers", "decoder.layers", "model.hops")
"""Options that say how often a part is repeated: so many are not built to be counted."""

FEW = 64

GIB = 1 << 30


def device_memory(config: DictConfig) -> int:
    """The bytes of memory of what the run is trained on."""
    if accelerator_of(config) == "cuda":
        return int(torch.cuda.get_device_properties(0).total_memory)
    found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):  # the limit of a container, if there is one
        found = min(found, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return found


def weights_of(config: DictConfig, task: Task, sizes: Sizes) -> int:
    """How many weights the network has, of parts in a long series told from one and two of them; on the meta device.

    Raises ValueError for parts that do not fit together, and for more weights than can be counted.
    """
    many = {key: OmegaConf.select(config, key) or 0 for key in IN_SERIES}
    many = {key: count for key, count in many.items() if count > FEW}
    one = _resized(config, dict.fromkeys(many, 1))
    try:
        first = _weights(one, task, sizes)
        further = ((_weights(_resized(one, {key: 2}), task, sizes) - first) * (many[key] - 1) for key in many)
        return first + sum(further)
    except RuntimeError as error:
        if "overflow" not in str(error).lower():
            raise
        raise ValueError(f"more weights than can be counted; reduce {_largest(config)}") from error


def check_size(config: DictConfig, weights: int) -> None:
    """Refuse so many weights if they do not fit. Raises ValueError."""
    needed, there = weights * BYTES_A_PARAMETER, device_memory(config)
    if needed > there:
        raise ValueError(
            f"the network has {weights:,} weights or more, which take {needed / GIB:,.0f} GiB to train, and there are "
            f"{there / GIB:,.0f}; reduce {_largest(config)}"
        )


def _weights(config: DictConfig, task: Task, sizes: Sizes) -> int:
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in assemble(config, task, sizes).parameters())


def _largest(config: DictConfig) -> str:
    """The options of the network with the largest numbers."""
    settings = OmegaConf.to_container(config, resolve=True)
    assert isinstance(settings, dict)
    parts = {key: settings[key] for key in ("backbone", "decoder", "embedding", "model", "position", "task")}
    numbers = {key: value for key, value in flatten(parts).items() if type(value) is int and ".attention." not in key}
    named = sorted(numbers, key=lambda key: -numbers[key])[:2]
    return " or ".join(f"{key}={numbers[key]}" for key in named)


def _resized(config: DictConfig, changes: dict[str, int]) -> DictConfig:
    changed = config.copy()
    with open_dict(changed):
        for key, value in changes.items():
            OmegaConf.update(changed, key, value)
    return changed


def check_room(config: DictConfig, data: Data, model: TaskModel) -> int:
    """The bytes that the run takes at the least: its weights and its largest batch, which short texts do not count for.

    Raises ValueError for a batch that does not fit beside the weights, naming its longest text.
    """
    window, there = window_of(config), device_memory(config)
    batches = [found for split in data.encoded.splits for found in _batches(data, split)]
    weights = BYTES_A_PARAMETER * sum(parameter.numel() for parameter in model.parameters())
    if accelerator_of(config) == "cpu":  # elsewhere each batch brings its own
        weights += bytes_of_vectors(data)
    if max(batch.rows * batch.length * min(batch.length, window or batch.length) for batch in batches) < FAR:
        return weights
    need = measured_need(model, data.batch("train", [0]), window)
    most = weights
    for batch in batches:
        taken = int(weights + batch.rows * need.of(batch.length, training=batch.split == "train"))
        if taken > there:
            raise ValueError(
                f"{place_of(data, batch.split, batch.longest)}: a text of {batch.length} tokens, in a batch of "
                f"{batch.rows}, takes about {taken / GIB:,.1f} GiB, and there are {there / GIB:,.1f}; "
                f"{remedy(config, data.task)}"
            )
        most = max(most, taken)
    return most


class Shape(NamedTuple):
    """A batch: its split, how many rows it has, and the longest of them (from 0 in the split) with its length."""

    split: str
    rows: int
    longest: int
    length: int


def _batches(data: Data, split: str) -> Iterator[Shape]:
    lengths = data.encoded.splits[split].lengths
    for batch in data.plan(split).epoch(0):
        longest = int(batch[np.argmax(lengths[batch])])
        yield Shape(split, len(batch), longest, int(lengths[longest]))


def place_of(data: Data, split: str, example: int) -> str:
    """File and line of an example of a split."""
    return data.corpus.place(split, int(data.encoded.splits[split].rows_N[example]))


def remedy(config: DictConfig, task: Task) -> str:
    """What to do where memory is short."""
    limit = "task.max_source" if task.generates else "encoding.max_length"
    value, training = OmegaConf.select(config, limit), config.training
    return (
        f"lower {limit} (now {'null' if value is None else value}), training.batch_tokens (now "
        f"{training.batch_tokens}), training.evaluation_batch_tokens (now {training.evaluation_batch_tokens}) or "
        "backbone.width, or shorten the text"
    )


@dataclass(frozen=True)
class Need:
    """Bytes that a text takes, by its length: all that is ``kept`` for the backward pass, and each tensor of it."""

    kept: Polynomial
    tensors: Sequence[Polynomial]
    window: int | None

    def of(self, length: int, *, training: bool) -> float:
        """The bytes of a text. While nothing is learnt no more stays than the largest tensor and what it is made of."""
        read = length if self.window is None else min(length, self.window)
        largest = max((float(tensor(read)) for tensor in self.tensors), default=0.0)
        return (float(self.kept(read)) if training else 2 * largest) * length / read


def measured_need(model: TaskModel, sample: Batch, window: int | None) -> Need:
    """What texts of any length take, from a batch of one text that is stretched to a few lengths."""
    lengths = [length for length in LENGTHS if window is None or length <= window] or [window or 1]
    with torch.random.fork_rng(devices=[]):
        saved = [_saved(model, _stretched(sample, length)) for length in lengths]
    alike = len({len(sizes) for sizes in saved}) == 1  # some mechanisms work in pieces, more of them in longer texts
    tensors = [_fitted(lengths, sizes) for sizes in zip(*saved, strict=True)] if alike else []
    return Need(_fitted(lengths, [sum(sizes) for sizes in saved]), tensors, window)


def _fitted(lengths: Sequence[int], sizes: Sequence[int]) -> Polynomial:
    """The polynomial through all points, at most of the second degree."""
    return Polynomial.fit(lengths, sizes, deg=len(lengths) - 1)


def _saved(model: TaskModel, batch: Batch) -> list[int]:
    """The bytes of every tensor that a forward pass keeps, weights left out."""
    seen = {parameter.untyped_storage()._cdata for parameter in model.parameters()}
    alive: list[torch.UntypedStorage] = []  # else the address of one would be given to another

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in seen:
            seen.add(storage._cdata)
            alive.append(storage)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        model.loss(batch)
    return [storage.nbytes() for storage in alive]


def _stretched(batch: Batch, length: int) -> Batch:
    """The batch of one text as if the text had so many tokens, and its label so many symbols, if it has any."""

    def stretch(values: Any) -> Any:
        if values is None or values.dim() < 2:
            return values
        return values[:, torch.arange(length) % values.shape[1]]

    def text(values: TextTensors) -> TextTensors:
        given = values.pretrained
        return replace(values.rearranged(stretch), pretrained=given and given.stretched(length))

    texts = tuple(map(text, batch.texts))
    return replace(batch, texts=texts, labels=stretch(batch.labels), copies_BS=stretch(batch.copies_BS))
