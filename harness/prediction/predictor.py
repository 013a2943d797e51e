"""What finished runs predict for new rows: one, or several that vote.

Several runs, such as the seeds of a row, predict by the mean of their probabilities: of labels, of each token's tags
(the marginals of a CRF), of the next symbol of a text that is written.

B texts in the batch, L labels, T tokens, K tags
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from harness.build.data import Data
from harness.build.saved import SavedNetwork
from tasks.base import Batch


@dataclass(frozen=True)
class Answer:
    """What is predicted for a row.

    ``predicted``: the label, several of them, the tags of its tokens, or the text.
    ``probabilities``: label -> probability, or one such for each token; None if not asked for, or where texts are
    written. ``ranked``: the most probable predictions with the logarithm of their probability, the best first.
    """

    predicted: Any
    probabilities: Any = None
    ranked: tuple[tuple[Any, float], ...] = ()


@dataclass(frozen=True)
class Asked:
    """What is to be known besides the prediction. ``ranked``: so many of the best ones."""

    probabilities: bool = False
    ranked: int = 0


class Predictor:
    """Runs of one task with the same labels. Raises ValueError for runs that cannot vote together."""

    def __init__(self, networks: Sequence[SavedNetwork], *, device: str = "cpu") -> None:
        self.networks = list(networks)
        self.first = self.networks[0]
        self.device = torch.device(device)
        for other in self.networks[1:]:
            _check_together(self.first, other)
        for network in self.networks:
            network.model.to(self.device)

    def check(self, asked: Asked) -> None:
        """Raises ValueError for what the task has not."""
        task = self.first.task
        if asked.ranked < 0:
            raise ValueError(f"expected at least one of the best predictions (--n-best), got {asked.ranked}")
        if asked.probabilities and task.generates:
            raise ValueError(f"task={task.name} writes texts, which have no table of probabilities; use --n-best")

    @torch.inference_mode()
    def answers(self, rows: Sequence[Any], place: Any, asked: Asked) -> Iterator[Answer]:
        """One for each row, in their order. Raises ValueError, with the place, for a text that cannot be read."""
        several = [network.data(list(rows), place) for network in self.networks]
        found: dict[int, Answer] = {}
        for batch in several[0].loader("test"):
            numbers = batch.rows_B.tolist()
            batches = [batch, *(data.batch("test", numbers) for data in several[1:])]
            with self._autocast():
                answers = self._of_batch(several[0], [one.to(self.device) for one in batches], asked)
            found.update(zip(numbers, answers, strict=True))
        yield from (found[number] for number in range(len(rows)))

    def _autocast(self) -> torch.autocast:
        """In bfloat16 where the run was tested in it, so that the answers are those of its test."""
        half = str(self.first.config.trainer.precision).startswith("bf16")
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=half)

    def _of_batch(self, data: Data, batches: Sequence[Batch], asked: Asked) -> list[Answer]:
        models = [network.model for network in self.networks]
        (head, texts), *others = [
            (model.head, model.encode(batch)) for model, batch in zip(models, batches, strict=True)
        ]
        predictions = head.vote(texts, others) if others else head.predict(texts)
        ranked = head.ranked(texts, asked.ranked, others) if asked.ranked else [[]] * len(predictions)
        tables: Sequence[Tensor | None] = [None] * len(predictions)
        if asked.probabilities:
            tables = list(head.mean_probabilities(texts, others).cpu())
        lengths = texts[0].mask_BT.sum(dim=1).tolist()
        return [
            Answer(
                data.readable("test", prediction),
                None if table is None else _named(table, data.encoded.labels, length),
                tuple((data.readable("test", one), value) for one, value in best),
            )
            for prediction, table, best, length in zip(predictions, tables, ranked, lengths, strict=True)
        ]


def _check_together(one: SavedNetwork, other: SavedNetwork) -> None:
    if type(one.task) is not type(other.task):
        raise ValueError(
            f"expected runs of one kind, got {type(one.task).__name__} ({one.weights.parent}) and "
            f"{type(other.task).__name__} ({other.weights.parent}); give runs of the same task and options"
        )
    if one.task.tokenized and one.encoding.tokenizer != other.encoding.tokenizer:
        raise ValueError(
            f"expected runs that cut texts alike, got the tokenizers {one.encoding.tokenizer!r} and "
            f"{other.encoding.tokenizer!r}; give runs of the same data set"
        )
    if one.task.name != other.task.name:
        raise ValueError(f"expected runs of one task, got {one.task.name} ({one.weights.parent}) and {other.task.name}")
    if one.encoding.labels != other.encoding.labels:
        raise ValueError(
            f"expected runs with the same labels, got {len(one.encoding.labels)} of {one.weights.parent} and others of "
            f"{other.weights.parent}; give runs of the same data set"
        )
    if one.task.generates and one.encoding.saved() != other.encoding.saved():
        raise ValueError(
            f"expected runs that write the same symbols, but those of {one.weights.parent} and {other.weights.parent} "
            "differ; give runs of the same data set and the same options of task and encoding"
        )


def _named(table: Tensor, labels: Sequence[str], length: int) -> Any:
    """label -> probability, of a text or of each of its ``length`` tokens."""
    if table.dim() == 1:
        return dict(zip(labels, table.tolist(), strict=True))
    return [dict(zip(labels, of_token, strict=True)) for of_token in table[:length].tolist()]
