"""What a task is: the contract that every file in this folder fulfils, and the batch that flows through a model.

    rows of a corpus -> Task.check -> Batch -> model (embeddings, encoder, head) -> loss, predictions -> Task.score

B texts in the batch, T positions, U distinct word forms in the batch
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from models.attention.base import Attention, Site
from models.embeddings import TextTensors
from tasks.labels.names import label_name

Row = Mapping[str, Any]
"""One example as the corpus has it: column name -> value."""


AttentionFactory = Callable[[Site], Attention]

PADDING, UNKNOWN = 0, 1
"""The first two ids of every vocabulary."""

IGNORED = -100
"""The label of padded positions."""


@dataclass(frozen=True)
class Batch:
    """Some examples of one split, as tensors.

    ``rows_B``: the index of each example in its split, so that predictions find their way back.
    ``texts``: one entry a text column; tagging and single-text tasks have one, pair tasks two.
    ``external``: a text per example for mechanisms that use an external memory, or None.
    ``labels``: (B,) class indices, or (B, T) tag indices or symbols to be written with ``IGNORED`` at padding; None
    when unknown.
    ``copies_BS``: for tasks that write, the id that each token of the text has when it is copied (0 at padding).
    """

    rows_B: Tensor
    texts: tuple[TextTensors, ...]
    external: TextTensors | None = None
    labels: Tensor | None = None
    copies_BS: Tensor | None = None

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> Batch:
        """The same batch on ``device``."""
        moved: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, tuple):
                moved[field.name] = tuple(text.to(device, non_blocking=non_blocking) for text in value)
            elif value is not None:
                moved[field.name] = value.to(device, non_blocking=non_blocking)
        return replace(self, **moved)

    def __len__(self) -> int:
        return len(self.rows_B)


class Encoded(NamedTuple):
    """A text after the encoder: ``states_BTD`` and its boolean ``mask_BT``, True = a real token.

    ``copies_BT``: in tasks that write, the id that each token has when it is copied; else None.
    """

    states_BTD: Tensor
    mask_BT: Tensor
    copies_BT: Tensor | None = None


class Head(nn.Module, ABC):
    """Turns encoded texts into a loss and into predictions; the training loop knows nothing else.

    ``progress``: the share of the training's steps that are over, for a loss that changes with it. The training loop
    sets it before each step, from the number of steps done, so that a resumed run goes on with the same loss.
    """

    progress: float = 0.0

    @abstractmethod
    def forward(self, texts: Sequence[Encoded], labels: Tensor | None = None) -> Tensor:
        """What loss and predictions are computed from: logits of the labels (B, L), emissions (B, T, K) of the tags.

        A head that writes needs the ``labels``, which it reads one by one, and returns logits (B, T, V).
        """

    @abstractmethod
    def loss(self, texts: Sequence[Encoded], labels: Tensor) -> Tensor:
        """The mean training loss of the batch, a scalar."""

    @abstractmethod
    def predict(self, texts: Sequence[Encoded]) -> list[Any]:
        """One prediction an example: a class index, the tag indices of its real tokens, or the symbols written."""


class Task(ABC):
    """A task: which columns it reads, which head it needs, how it is scored.

    ``name``: what the configuration calls it, for messages and records.
    ``text_columns``: one or two columns with text; ``label_column``: what is predicted.
    ``tokenized``: True if the text column already holds a list of tokens and the label is one tag a token.
    ``main_score``: the key of one score, higher is better; what a board shows.
    ``needs``: what the task asks of a mechanism at its sites, a subset of ``Attention.supports``.
    ``validate_by``: what chooses the epoch, the main ``score`` or the ``loss``.
    ``generates``: True if the label is a text, or a list of texts any of which would be right.
    """

    name: str
    text_columns: ClassVar[tuple[str, ...]]
    label_column: ClassVar[str]
    tokenized: ClassVar[bool]
    main_score: ClassVar[str]
    needs: ClassVar[frozenset[str]]
    validate_by: str = "score"
    generates: ClassVar[bool] = False

    def check(self, row: Row) -> Row:
        """The row as the task uses it, once ``tasks.reading.checks`` has found its columns and types right.

        Raises ValueError for what only the task knows to be wrong. The message leaves out file and line: the caller
        knows those.
        """
        return row

    @abstractmethod
    def label_set(self, labels: Sequence[Any]) -> list[str]:
        """The inventory of labels, in a fixed order, from the training split's label column."""

    def label_words(self, labels: Sequence[str]) -> list[list[str]]:
        """The names of the labels in words, the external memory of mechanisms where a row has none of its own."""
        return [label_name(label) for label in labels]

    @abstractmethod
    def build_head(self, width: int, *, labels: list[str], attention: AttentionFactory | None) -> Head:
        """The head for encoder states of ``width``; ``attention`` is the factory for its pooling site, or None."""

    @abstractmethod
    def score(self, gold: Sequence[Any], predicted: Sequence[Any], *, labels: Sequence[str]) -> dict[str, float]:
        """Every score of the task, as fractions, from gold and predicted labels (names, or lists of tag names)."""

    def score_rows(self, rows: Sequence[Row], predicted: Sequence[Any], *, labels: Sequence[str]) -> dict[str, float]:
        """Every score of the task for predictions of some rows."""
        return self.score([row[self.label_column] for row in rows], predicted, labels=labels)

    @abstractmethod
    def definitions(self, rows: Sequence[Row]) -> dict[str, str]:
        """What each score of ``rows`` is, exactly. A key ``score/part`` has the definition of ``score``."""

    @abstractmethod
    def samples(self) -> list[dict[str, Any]]:
        """Four hand-written rows, for tests and smoke runs without data."""
