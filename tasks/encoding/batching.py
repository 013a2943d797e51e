"""Which examples form which batch: a pure function of (lengths, seed, epoch), and a loader that remembers its place.

Training: rows of similar length share a batch, the batches come in random order. Rows are sorted by their length,
rounded up by at most an eighth, in random order among equals; the sorted row of rounded lengths is the same in every
epoch, so the number of batches is too. A batch is as large as ``rows x longest <= batch_tokens`` and ``batch_rows``
allow, in a multiple of 8 rows from 8 rows on; a text longer than the budget makes a batch of its own.

Several batches may make one step of the optimiser: those of several processes, and those whose gradients are
accumulated. Each batch then says what its mean loss counts, so that the step is that of one large batch of them all.

Evaluation: sorted by length, not shuffled, every row exactly once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.embeddings import TextTensors
from tasks.base import Batch
from tasks.encoding.arrays import EncodedSplit
from tasks.encoding.collation import collate
from tasks.encoding.padding import Ints


class BatchPlan:
    """The batches of every epoch, as arrays of example indices.

    ``batch_tokens``: the most ``rows x longest row`` of a batch; ``batch_rows``: the most rows.
    ``shuffle``: True for training. ``rank``, ``world_size``: which share of the batches this process gets. In
    training every process gets equally many: the first batches of the epoch are given out again where the last round
    is not full. In evaluation every batch is given out once.
    ``accumulate``: the batches of each process that make a step; the last step of an epoch may have fewer.
    """

    def __init__(
        self,
        lengths: Ints,
        *,
        batch_tokens: int,
        batch_rows: int,
        shuffle: bool,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
        accumulate: int = 1,
    ) -> None:
        if batch_tokens < 1 or batch_rows < 1:
            raise ValueError(
                f"expected batch_tokens and batch_rows of at least 1, got {batch_tokens} and {batch_rows}; raise them"
            )
        if not 0 <= rank < world_size:
            raise ValueError(f"expected 0 <= rank < world_size, got rank {rank} of {world_size}")
        self.shuffle, self.seed, self.rank, self.world_size = shuffle, seed, rank, world_size
        self.step_batches = accumulate * world_size
        self._keys = rounded_up(lengths) if shuffle else np.asarray(lengths)
        self._cuts = cut(np.sort(self._keys), batch_tokens=batch_tokens, batch_rows=batch_rows)

    def __len__(self) -> int:
        """The number of batches that this process sees in an epoch; the same in every epoch."""
        count = len(self._cuts) - 1
        if self.shuffle:
            return -(-count // self.world_size)
        return len(range(self.rank, count, self.world_size))

    def epoch(self, epoch: int) -> list[Ints]:
        """The batches of an epoch (from 0), in order, each an array of example indices."""
        return self._given_out(epoch)[self.rank :: self.world_size]

    def shares(self, epoch: int, count: Callable[[Ints], int]) -> list[float]:
        """What the mean loss of each batch of ``epoch`` counts: its labels over the mean of the batches of its step.

        ``count``: the number of labels of a batch. Who accumulates divides by ``accumulate`` and averages over the
        processes, in a step with fewer batches too; the sum is then the mean over all labels of the step.
        """
        if self.step_batches == 1:
            return [1.0] * len(self)
        counts = np.array([count(batch) for batch in self._given_out(epoch)])
        steps = np.arange(len(counts)) // self.step_batches
        shares = self.step_batches * counts / np.bincount(steps, weights=counts)[steps]
        return [float(share) for share in shares[self.rank :: self.world_size]]

    def _given_out(self, epoch: int) -> list[Ints]:
        """The batches of all processes, in the order in which they are dealt out."""
        if not self.shuffle:
            return self._batches(np.argsort(self._keys, kind="stable"))
        generator = np.random.default_rng([self.seed, epoch])
        ties = generator.permutation(len(self._keys))
        batches = self._batches(ties[np.argsort(self._keys[ties], kind="stable")])
        order = np.resize(generator.permutation(len(batches)), len(self) * self.world_size)
        return [batches[number] for number in order]

    def _batches(self, order: NDArray[Any]) -> list[Ints]:
        return [order[start:end] for start, end in zip(self._cuts[:-1], self._cuts[1:], strict=True)]


class BatchLoader:
    """The batches of a split, ready for the training loop.

    Iterable, with a length; Lightning takes it as it is. ``sampler`` is the loader itself, because Lightning tells the
    epoch to ``loader.sampler.set_epoch``. ``state_dict`` holds epoch and position, so that a run that is resumed in
    the middle of an epoch goes on with exactly the batches that remain.
    """

    def __init__(self, split: EncodedSplit, plan: BatchPlan, *, pin_memory: bool = False) -> None:
        self.split = split
        self.plan = plan
        self.pin_memory = pin_memory
        self._epoch = 0
        self._start = 0  # where the next iteration begins; 0 but for a loaded state
        self._position = 0  # batches given out by the iteration in progress

    def __len__(self) -> int:
        """The number of batches of a whole epoch, wherever in it the loader stands."""
        return len(self.plan)

    def __iter__(self) -> Iterator[Batch]:
        """The batches of the epoch; after ``load_state_dict``, once, those that remain of it."""
        start, self._start = self._start, 0
        batches, shares = self.plan.epoch(self._epoch), self.plan.shares(self._epoch, self._labels)
        self._position = start
        for indices, share in zip(batches[start:], shares[start:], strict=True):
            self._position += 1  # before the batch leaves: who saves while using it has used it
            batch = replace(collate(self.split, indices), share=share)
            yield _pinned(batch) if self.pin_memory else batch

    def _labels(self, indices: Ints) -> int:
        labels = self.split.labels
        return len(indices) if labels is None else int(labels.counts(indices).sum())

    @property
    def sampler(self) -> BatchLoader:
        """What Lightning tells the epoch to."""
        return self

    @property
    def batch_sampler(self) -> None:
        """None: Lightning looks here wherever it finds a ``sampler``."""
        return None

    @property
    def tokens_per_epoch(self) -> int:
        """The number of real tokens in the split, padding and external texts left out."""
        return self.split.tokens

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, from 0. The position is forgotten if this is another epoch."""
        if epoch != self._epoch:
            self._epoch, self._start, self._position = epoch, 0, 0

    def state_dict(self) -> dict[str, int]:
        """The epoch, and how many of its batches were given out."""
        return {"epoch": self._epoch, "position": self._position, "batches": len(self)}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on where ``state`` was taken.

        Raises ValueError if the state belongs to another number of batches: then data or sizes have changed.
        """
        if state["batches"] != len(self):
            raise ValueError(
                f"the saved run had {state['batches']} batches an epoch, this one has {len(self)}; resume with the "
                "same data, batch sizes and number of processes, or start afresh"
            )
        self._epoch, self._start, self._position = state["epoch"], state["position"], state["position"]


def rounded_up(lengths: Ints) -> Ints:
    """Each length, rounded up to a multiple of the largest power of two that is at most an eighth of it."""
    lengths = np.asarray(lengths, dtype=np.int64)
    steps = np.int64(1) << np.maximum(np.frexp(np.maximum(lengths, 1))[1] - 4, 0).astype(np.int64)
    rounded: Ints = -(-lengths // steps) * steps
    return rounded


def cut(lengths: Ints, *, batch_tokens: int, batch_rows: int) -> Ints:
    """Where the batches of rows with these lengths, sorted upwards, begin; the last entry is the number of rows."""
    cuts = [0]
    while cuts[-1] < len(lengths):
        start = cuts[-1]
        longest = lengths[start : start + batch_rows]
        rows = int((longest * np.arange(1, len(longest) + 1) <= batch_tokens).sum())
        if start + rows < len(lengths) and rows > 8:
            rows -= rows % 8
        cuts.append(start + max(rows, 1))
    return np.array(cuts)


def _pinned(batch: Batch) -> Batch:
    def pin(text: TextTensors) -> TextTensors:
        return text.each(lambda tensor: tensor.pin_memory())

    return replace(
        batch,
        rows_B=batch.rows_B.pin_memory(),
        texts=tuple(pin(text) for text in batch.texts),
        external=pin(batch.external) if batch.external is not None else None,
        labels=batch.labels.pin_memory() if batch.labels is not None else None,
        copies_BS=batch.copies_BS.pin_memory() if batch.copies_BS is not None else None,
    )
