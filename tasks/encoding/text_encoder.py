"""What a pretrained encoder makes of the texts of a run: states that are computed once, or pieces for a network.

K tokens of all texts
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from models.architecture import Architecture
from models.pretrained import Layers, Pooling
from tasks.encoding.padding import Ints, offsets_of
from tasks.encoding.pieces import Reading, Tokenizer, windows_of
from tasks.encoding.pretrained import Description
from tasks.encoding.spelling import Spelt, spell_symbols, spell_words
from tasks.encoding.states import FrozenStates, States, Work, compute, digest_of

Texts = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Setting:
    """How the encoder is used: see ``models.pretrained.PretrainedEncoder``."""

    layers: Layers
    pieces: Pooling
    fine_tune: bool
    half: bool


@dataclass(frozen=True)
class TextEncoder:
    """Reads tokens with a pretrained encoder.

    ``weights``: the folder of its weights; None: they are among those of the run. ``cache``: where states are kept;
    None: nowhere. ``device``: what they are computed on. ``symbols``: whether tokens are symbols of a task that writes.
    ``shown``: whether a bar shows how far the computing is. ``work``: what each list of texts took, that was read.
    """

    description: Description
    setting: Setting
    weights: Path | None
    cache: Path | None = None
    device: str = "cpu"
    symbols: bool = False
    shown: bool = False
    work: list[Work] = field(default_factory=list, compare=False)

    @property
    def architecture(self) -> Architecture:
        """What a network is built from."""
        return self.description.architecture(self.weights)

    def saved(self) -> dict[str, Any]:
        """What a run keeps of it: of a frozen one its hash alone, of one that learns all but its weights."""
        fine_tuned = {"description": self.description.saved()} if self.setting.fine_tune else {}
        return {"content": self.description.content, **fine_tuned}

    def read(self, texts: Texts) -> FrozenStates | Reading:
        """What batches of the texts bring of the encoder."""
        if not self.setting.fine_tune:
            return self._states(texts)
        reading = self.reading(texts)
        self.work.append(Work(windowed=reading.windows.texts_in_several))
        return reading

    def reading(self, texts: Texts) -> Reading:
        """The pieces of texts."""
        spelt: Spelt = spell_symbols(texts) if self.symbols else spell_words(texts)
        lengths_N: Ints = np.array([len(tokens) for tokens in texts], dtype=np.int64)
        offsets = offsets_of(lengths_N)
        cut = self._tokenizer.cut(spelt, lengths_N)
        return Reading(
            cut=cut,
            windows=windows_of(cut, offsets, limit=self.description.limit),
            token_offsets=offsets,
            prefix=self._tokenizer.prefix,
            suffix=self._tokenizer.suffix,
            padding=self.description.padding,
            first=self.setting.pieces == "first",
        )

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        return Tokenizer(self.description.tokenizer)

    @cached_property
    def _network(self) -> nn.Module:
        return self.architecture.build().eval().to(self.device)

    def let_go(self) -> None:
        """Forget the network, whose memory is wanted for another; it is built again when it is needed."""
        self.__dict__.pop("_network", None)

    @property
    def _last(self) -> bool:
        return self.setting.layers == "last"

    def _states(self, texts: Texts) -> FrozenStates:
        offsets = offsets_of([len(tokens) for tokens in texts])
        layers = 1 if self._last else self.description.depth + 1
        shape = int(offsets[-1]), layers, self.description.width
        kind = "float16" if self.setting.half else "float32"
        if self.cache is None:
            filled = np.empty(shape, dtype=kind)
            self.work.append(self._fill(texts, filled))
            return FrozenStates(filled, offsets)
        settings = (self.description.content, self.setting.layers, self.setting.pieces, kind, self.symbols)
        states = States(self.cache / f"states-{digest_of(texts, settings)}.npy", shape, kind)
        found, work = states.kept() or self._computed(states, texts)
        self.work.append(work)
        return FrozenStates(found, offsets)

    def _computed(self, states: States, texts: Texts) -> tuple[NDArray[Any], Work]:
        with states.held():
            kept = states.kept()  # another process may have been first
            if kept is not None:
                return kept
            filled = states.empty()
            work = self._fill(texts, filled)
            states.settle(filled, work)
            return filled, work

    def _fill(self, texts: Texts, filled: NDArray[Any]) -> Work:
        started, reading = time.perf_counter(), self.reading(texts)
        total = int(reading.lengths_W.sum())
        for _ in self._showing(compute(reading, self._network, last=self._last, into=filled), total):
            pass
        return Work(total, time.perf_counter() - started, reading.windows.texts_in_several)

    def _showing(self, parts: Iterator[int], total: int) -> Iterator[int]:
        if not self.shown:
            yield from parts
            return
        from rich.console import Console
        from rich.progress import Progress

        with Progress(console=Console(stderr=True), transient=True) as progress:
            bar = progress.add_task("encoding texts, once", total=total)
            for pieces in parts:
                progress.advance(bar, pieces)
                yield pieces
