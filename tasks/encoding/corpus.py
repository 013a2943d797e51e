"""What a run learns of its training texts, and every corpus in the numbers that follow from it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tasks.base import Sizes
from tasks.encoding.arrays import EncodedSplit
from tasks.encoding.codec import TextCodec
from tasks.encoding.padding import Ints
from tasks.encoding.text_encoder import TextEncoder
from tasks.reading.source import Corpus


@dataclass(frozen=True)
class Encoding(ABC):
    """What is learnt from train and from nothing else: the way from rows to numbers, and back. A kind is a subclass.

    It is all that a network needs beside its weights to read new texts, so a run keeps it (``saved``).

    ``tokenizer``: its name. ``labels``: the inventory that label indices point into; empty where labels are texts.
    ``codec``: the vocabularies of what is read.
    ``external_source``: ``column``, ``labels`` (their names, one text for all rows) or ``none``.
    """

    tokenizer: str
    labels: list[str]
    codec: TextCodec
    external_source: str

    @property
    def sizes(self) -> Sizes:
        """What a network has to know to be built."""
        vectors = self.codec.options.vectors
        return Sizes(
            self.labels,
            vocabulary=self.codec.vocabulary_size,
            characters=self.codec.character_count,
            encoder=None if self.encoder is None else self.encoder.architecture,
            vectors=0 if vectors is None else vectors.learnt,
            vector_width=0 if vectors is None else vectors.width,
        )

    @property
    def encoder(self) -> TextEncoder | None:
        """The pretrained encoder that reads the texts besides; None: there is none."""
        return self.codec.options.encoder

    @abstractmethod
    def encode(self, corpus: Corpus) -> EncodedCorpus:
        """All splits of a corpus, which need not have been there when this was learnt.

        A split whose rows have no label column has no labels. Raises ValueError for what cannot be encoded.
        """

    def tokens(self, split: EncodedSplit, number: int) -> list[list[str]]:
        """What the network reads of each text of an example (from 0), token by token, for people to look at."""
        return [texts.tokens(number) for texts in split.texts]

    @abstractmethod
    def readable(self, split: EncodedSplit, prediction: Any) -> Any:
        """A prediction as scores, records and people read it: the label's name, the names of the tags, the text."""

    def pieces(self, split: EncodedSplit, prediction: Any) -> list[str]:
        """A prediction step by step, as many as ``Head.align`` gives weights for; for people to look at."""
        readable = self.readable(split, prediction)
        return readable if isinstance(readable, list) else [str(readable)]

    def saved(self) -> dict[str, Any]:
        """All of it but the options, as JSON has it; ``Task.load_encoding`` makes it again."""
        return {
            "tokenizer": self.tokenizer,
            "labels": self.labels,
            "external_source": self.external_source,
            **self.codec.saved(),
            **({} if self.encoder is None else {"encoder": self.encoder.saved()}),
        }


@dataclass(frozen=True)
class EncodedCorpus:
    """What a run trains and is tested on.

    ``splits``: train, validation, test and further test sets.
    ``dropped``: split -> number of rows left out because train never shows their label.
    ``overlong``: split -> number of texts longer than ``encoding.max_length``, where there were any.
    ``aligned``: whether every row but those of train has a gold ``alignment``.
    """

    encoding: Encoding
    splits: dict[str, EncodedSplit]
    dropped: dict[str, int]
    overlong: Mapping[str, int] = field(default_factory=dict)
    aligned: bool = False

    @property
    def sizes(self) -> Sizes:
        """What a network has to know of the corpus to be built."""
        return replace(self.encoding.sizes, aligned=self.aligned)

    @property
    def labels(self) -> list[str]:
        """The inventory that label indices point into."""
        return self.encoding.labels

    def lengths_by_position(self, split: str) -> list[Ints]:
        """The lengths of all sequences of a split whose positions a network numbers, each (N,).

        A test split whose texts are searched only, up to the limit of positions, is never read as far as its targets.
        """
        encoded = self.splits[split]
        external = [] if encoded.external is None else [encoded.external]
        lengths = [texts.lengths for texts in (*encoded.texts, *external)]
        written = None if encoded.labels is None else encoded.labels.lengths
        return lengths if written is None or (split == "test" and not self.aligned) else [*lengths, written]

    def tokens(self, split: str, number: int) -> list[list[str]]:
        """``Encoding.tokens`` of an example of a split."""
        return self.encoding.tokens(self.splits[split], number)

    def readable(self, split: str, prediction: Any) -> Any:
        """``Encoding.readable`` of a prediction for an example of a split."""
        return self.encoding.readable(self.splits[split], prediction)

    def pieces(self, split: str, prediction: Any) -> list[str]:
        """``Encoding.pieces`` of the same."""
        return self.encoding.pieces(self.splits[split], prediction)
