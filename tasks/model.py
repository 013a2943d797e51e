"""The whole network of a run: embeddings, an encoder with its attention, and the task's head.

    TextTensors -> embeddings -> contextualize -> attend (+ external memory) -> head -> loss, predictions

B texts, T positions, E external positions, D width of the states
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from models.attention.base import Attention, External
from models.backbones.base import Encoder
from models.embeddings import TextTensors
from models.windows import Windows
from tasks.base import Batch, Encoded, Head


class TaskModel(nn.Module):
    """Encodes each text of a batch and hands the states to the head.

    ``embeddings``: a module ``TextTensors -> x_BTD``. ``external``: whether the mechanism looks at an external memory.
    It is the batch's external text where there is one (a column of the data, or the names of the labels, which all
    examples share), and in tasks on pairs the other text. External texts pass through the same embeddings and encoder
    as any text; a shared one only once a batch. ``window``: texts of more tokens are encoded in windows of so many,
    each for itself, and the head has the states of all; None: no text is.
    """

    def __init__(
        self, embeddings: nn.Module, encoder: Encoder, head: Head, *, external: bool, window: int | None = None
    ) -> None:
        super().__init__()
        self.embeddings = embeddings
        self.encoder = encoder
        self.head = head
        self.external = external
        self.window = window

    def forward(self, batch: Batch) -> Tensor:
        """The head's logits (B, L) or (B, T, V), or emissions (B, T, K)."""
        scores: Tensor = self.head(self.encode(batch), batch.labels)
        return scores

    def encode(self, batch: Batch) -> list[Encoded]:
        """The encoded texts of the batch: one entry a text column."""
        mixed = [self._contextualize(text) for text in batch.texts]
        memories = self._memories(batch, mixed)
        return [
            Encoded(self._attend(text, memory), text.mask_BT, batch.copies_BS)
            for text, memory in zip(mixed, memories, strict=True)
        ]

    def loss(self, batch: Batch) -> Tensor:
        """The mean training loss a label, a scalar. Raises ValueError for a batch without labels."""
        if batch.labels is None:
            raise ValueError("a loss needs labels, got a batch without; predict instead")
        return self.head.loss(self.encode(batch), batch.labels)

    def predict(self, batch: Batch) -> list[Any]:
        """One prediction an example: a class index, the tag indices of its tokens, or a ``Generated`` text."""
        return self.head.predict(self.encode(batch), batch.labels)

    def answer(self, batch: Batch) -> tuple[list[Any], list[Any]]:
        """What ``predict`` gives, and how probable the head holds each prediction to be (``Head.confidences``)."""
        texts = self.encode(batch)
        predictions = self.head.predict(texts, batch.labels)
        return predictions, self.head.confidences(texts, predictions)

    def probabilities(self, batch: Batch) -> Tensor | None:
        """How probable each label, or tag of each token, is; None where there is no closed set of them."""
        return self.head.probabilities(self.encode(batch))

    def _windows(self, mask_BT: Tensor) -> Windows | None:
        """The windows that texts of this length are read in; None if they are read as a whole."""
        length = mask_BT.shape[1]
        return None if self.window is None or length <= self.window else Windows(self.window, length)

    def _contextualize(self, text: TextTensors) -> Encoded:
        windows = self._windows(text.mask_BT)
        parts = text if windows is None else windows.cut(text)
        states = self.encoder.contextualize(self.embeddings(parts), parts.mask_BT)
        return Encoded(states if windows is None else windows.join(states), text.mask_BT)

    def _attend(self, text: Encoded, memory: External | None) -> Tensor:
        windows = self._windows(text.mask_BT)
        if windows is None:
            return self.encoder.attend(text.states_BTD, text.mask_BT, memory)
        states_NWD, mask_NW = windows.parts(text.states_BTD, text.mask_BT)
        return windows.join(self.encoder.attend(states_NWD, mask_NW, windows.shared(memory)))

    def _memories(self, batch: Batch, mixed: Sequence[Encoded]) -> list[External | None]:
        """The external memory of each text."""
        if not self.external:
            return [None] * len(mixed)
        if batch.external is not None:
            return [self._memory(self._contextualize(batch.external))] * len(mixed)
        if len(mixed) == 2:
            first, second = (self._memory(encoded) for encoded in mixed)
            return [second, first]
        raise ValueError(
            "the mechanism looks at an external memory, but the batch brings none; give the rows a column 'external', "
            "or encode the names of the labels"
        )

    def _memory(self, encoded: Encoded) -> External:
        return External(self.encoder.memory(encoded.states_BTD, encoded.mask_BT), encoded.mask_BT)


def attention_notes(model: nn.Module) -> list[str]:
    """Where a mechanism became another one at its site, or a part does without any, once each, for the run's record."""
    notes = (getattr(module, "note", None) for module in model.modules())
    return list(dict.fromkeys(note for note in notes if isinstance(note, str)))


def attention_parameters(model: nn.Module) -> int:
    """The number of parameters inside mechanisms, each counted once."""
    inside = {
        id(parameter): parameter.numel()
        for module in model.modules()
        if isinstance(module, Attention)
        for parameter in module.parameters()
    }
    return sum(inside.values())
