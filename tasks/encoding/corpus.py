"""What every encoded corpus has and can say: the contract that the kinds of labels fulfil."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tasks.base import Sizes
from tasks.encoding.arrays import EncodedSplit
from tasks.encoding.codec import TextCodec
from tasks.encoding.padding import Ints


@dataclass(frozen=True)
class EncodedCorpus(ABC):
    """What a run trains and is tested on.

    ``splits``: train, validation, test and further test sets. ``labels``: the inventory that label indices point into;
    empty where labels are texts. ``codec``: the vocabularies of what is read.
    ``dropped``: split -> number of rows left out because train never shows their label.
    ``external_source``: ``column``, ``labels`` (their names, one text for all rows) or ``none``.
    ``overlong``: split -> number of texts longer than ``encoding.max_length``, where there were any.
    """

    splits: dict[str, EncodedSplit]
    labels: list[str]
    codec: TextCodec
    dropped: dict[str, int]
    external_source: str
    overlong: Mapping[str, int] = field(default_factory=dict, kw_only=True)

    @property
    def sizes(self) -> Sizes:
        """What a network has to know of the corpus to be built."""
        return Sizes(self.labels, vocabulary=self.codec.vocabulary_size, characters=self.codec.character_count)

    def lengths_by_position(self, split: str) -> list[Ints]:
        """The lengths of all sequences of a split whose positions a network numbers, each (N,)."""
        encoded = self.splits[split]
        external = [] if encoded.external is None else [encoded.external]
        return [texts.lengths for texts in (*encoded.texts, *external)]

    def tokens(self, split: str, number: int) -> list[list[str]]:
        """What the network reads of each text of an example (from 0), token by token, for people to look at."""
        return [texts.tokens(number) for texts in self.splits[split].texts]

    @abstractmethod
    def readable(self, split: str, prediction: Any) -> Any:
        """A prediction as scores, records and people read it: the label's name, the names of the tags, the text."""

    def pieces(self, split: str, prediction: Any) -> list[str]:
        """A prediction step by step, as many as ``Head.align`` gives weights for; for people to look at."""
        readable = self.readable(split, prediction)
        return readable if isinstance(readable, list) else [str(readable)]
