"""The states that a frozen encoder gives tokens: computed once, kept in a file, and cut out of it batch by batch.

A state depends on its own text alone, to the last bit where the machine allows it: windows of one length are read
together, none of them padded.

K tokens of all texts, J layers, D width
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from filelock import FileLock
from numpy.typing import NDArray
from torch import nn

from models.architecture import layer_states
from models.pieces import TokenStates
from tasks.encoding.padding import Ints
from tasks.encoding.pieces import Reading

FORMAT = 1
"""Version of how states are computed; part of the names of the files that keep them."""

TOGETHER = 4096
"""About so many pieces are read together."""

LEAST = 16
"""So few pieces that libraries multiply fewer in another way, with other last bits."""

SPARE = 1 << 28
"""Bytes of a disk that states leave free."""


@dataclass(frozen=True)
class FrozenStates:
    """The states of all tokens, the layers one after the other. ``token_offsets``: where those of each text begin."""

    states_KJD: NDArray[Any]
    token_offsets: Ints

    def collate(self, indices: Ints, mask_BT: Any) -> TokenStates:
        """The texts ``indices`` as a batch, whose tokens stand at ``mask_BT``."""
        places_BT = np.zeros(mask_BT.shape, dtype=np.int64)
        places_BT[mask_BT] = np.arange(int(mask_BT.sum()))
        texts = [self.states_KJD[self.token_offsets[index] : self.token_offsets[index + 1]] for index in indices]
        return TokenStates(torch.from_numpy(places_BT), torch.from_numpy(np.concatenate(texts)))


def digest_of(texts: Sequence[Sequence[str]], settings: Sequence[Any]) -> str:
    """What the file of the states of these texts is named by."""
    digest = hashlib.sha256(repr([FORMAT, *settings]).encode())
    for tokens in texts:
        digest.update("\x1f".join(tokens).encode("utf-8", "surrogatepass") + b"\x1e")
    return digest.hexdigest()[:24]


def compute(reading: Reading, network: nn.Module, *, last: bool, into: NDArray[Any]) -> Iterator[int]:
    """Fill ``into`` (K, J, D) with the states; gives the number of pieces read, batch by batch."""
    device = next(network.parameters()).device
    by_window = np.argsort(reading.windows.of_K, kind="stable")
    token_offsets = np.searchsorted(reading.windows.of_K[by_window], np.arange(len(reading.windows.texts_W) + 1))
    for windows in _batches(reading.lengths_W):
        tokens_K = np.concatenate([by_window[token_offsets[w] : token_offsets[w + 1]] for w in windows])
        pieces = reading.pieces(_filled(windows, reading.lengths_W), tokens_K, np.zeros((1, 1), dtype=np.int64))
        with torch.inference_mode():
            layers = layer_states(network, pieces.ids_WP.to(device), None, last=last)
            states_KJD = torch.stack([pieces.pooled(layer.cpu()) for layer in layers], dim=1)
        into[tokens_K] = states_KJD.numpy()
        yield int(reading.lengths_W[windows].sum())


def _batches(lengths_W: Ints) -> Iterator[Ints]:
    """Windows of one length, some at a time."""
    order = np.argsort(lengths_W, kind="stable")
    for same in np.split(order, np.flatnonzero(np.diff(lengths_W[order])) + 1):
        step = max(1, TOGETHER // max(1, int(lengths_W[same[0]])) if len(same) else 1)
        yield from (same[start : start + step] for start in range(0, len(same), step))


class Work(NamedTuple):
    """What states took: ``pieces`` that were read, in so many ``seconds``. ``windowed``: texts read in windows."""

    pieces: int = 0
    seconds: float = 0.0
    windowed: int = 0


def _filled(windows: Ints, lengths_W: Ints) -> Ints:
    """With some of them repeated, so that there are at least ``LEAST`` pieces."""
    filled: Ints = np.resize(windows, max(len(windows), -(-LEAST // int(lengths_W[windows[0]]))))
    return filled


@dataclass(frozen=True)
class States:
    """Where the states of some texts are kept. ``shape``: (K, J, D); ``kind``: of their numbers."""

    file: Path
    shape: tuple[int, int, int]
    kind: str

    def kept(self) -> tuple[NDArray[Any], Work] | None:
        """What was computed before, mapped from the disk; None where nothing was, or it is damaged."""
        with suppress(OSError, EOFError, ValueError, TypeError):
            found: NDArray[Any] = np.load(self.file, mmap_mode="r", allow_pickle=False)
            work = Work(**json.loads(self._note.read_text(encoding="utf-8")))
            if found.shape == self.shape and found.dtype == np.dtype(self.kind):
                return found, work
        return None

    @contextmanager
    def held(self) -> Iterator[None]:
        """By whoever computes them: others wait, and find them then. Raises ValueError where nothing can be written."""
        lock = FileLock(self.file.with_suffix(".lock"))
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except OSError as error:
            raise self._unwritten(error) from error
        try:
            yield
        finally:
            lock.release()

    def empty(self) -> NDArray[Any]:
        """A file to be filled, beside its place. Raises ValueError where there is no room for it."""
        needed, free = self.size, shutil.disk_usage(self.file.parent).free - SPARE
        if needed > free:
            raise ValueError(
                f"the states of the encoder take {needed / 2**30:,.1f} GiB in {self.file.parent}, where "
                f"{max(0, free) / 2**30:,.1f} are free; free some, choose another results_dir, or keep less of them: "
                "embedding.parts.encoder.layers=last, embedding.parts.encoder.half=true"
            )
        try:
            return np.lib.format.open_memmap(self._part, mode="w+", dtype=np.dtype(self.kind), shape=self.shape)
        except OSError as error:
            raise self._unwritten(error) from error

    @property
    def size(self) -> int:
        """The bytes that they take."""
        return int(np.prod(self.shape)) * np.dtype(self.kind).itemsize

    def settle(self, filled: NDArray[Any], work: Work) -> None:
        """Put the filled file in its place. Raises ValueError where it cannot be written."""
        try:
            filled.flush()  # type: ignore[attr-defined]
            self._note.write_text(json.dumps(work._asdict()), encoding="utf-8")
            self._part.replace(self.file)
        except OSError as error:
            raise self._unwritten(error) from error

    @property
    def _note(self) -> Path:
        return self.file.with_suffix(".json")

    @property
    def _part(self) -> Path:
        return self.file.with_suffix(".part")  # one name for all, so that kills leave one at most

    def _unwritten(self, error: OSError) -> ValueError:
        return ValueError(
            f"the states of the encoder cannot be kept in {self.file.parent} ({error.strerror}); choose another "
            "results_dir"
        )
