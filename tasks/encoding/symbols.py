"""The symbols of texts that are read and of texts that are written, and the vocabularies of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.base import UNKNOWN, WrittenSymbols
from tasks.encoding.codec import TextCodec
from tasks.encoding.subwords import Segmenter
from tasks.encoding.vocabulary import EncodingOptions, Vocabulary
from tasks.reading.normalization import Form, normalized

BEGIN, END = "begin of text", "end of text"
"""Symbols of the target's vocabulary that no text can contain: they hold spaces and begin no word."""

Cut = Sequence[Sequence[str]]
"""Texts, each cut into symbols."""


@dataclass(frozen=True, kw_only=True)
class Symbols:
    """What a task that writes makes of its texts.

    ``vocabulary_size``: the most symbols of a vocabulary; the rarest words or characters beyond it are unknown.
    ``source``, ``target``: ``bpe``, ``characters`` or ``words``; ``joint``: whether both share segmentation and
    vocabulary. ``max_source``, ``max_target``: symbols beyond these are cut off; targets only in training (None:
    nothing is). ``copying``: whether a symbol that only a row's own source shows can be written.

    Raises ValueError for symbols that differ and are to be shared.
    """

    vocabulary_size: int
    source: str
    target: str
    joint: bool
    max_source: int | None
    max_target: int | None
    copying: bool

    def __post_init__(self) -> None:
        if self.joint and self.source != self.target:
            raise ValueError(
                "task.joint=true shares the symbols of source and target, but task.source_symbols is "
                f"{self.source!r} and task.target_symbols {self.target!r}; make them equal, or set task.joint=false"
            )

    def segmenters(
        self, sources: Sequence[str], targets: Sequence[str], *, cache: Path | None
    ) -> tuple[Segmenter, Segmenter]:
        """What cuts sources and what cuts targets, learnt from training texts; one and the same if ``joint``."""

        def fit(texts: Sequence[str], kind: str) -> Segmenter:
            return Segmenter.fit(texts, kind=kind, size=self.vocabulary_size, cache=cache)

        if self.joint:
            both = fit([*sources, *targets], self.source)
            return both, both
        return fit(sources, self.source), fit(targets, self.target)

    def vocabularies(self, read: Cut, written: Cut, options: EncodingOptions) -> tuple[TextCodec, Vocabulary]:
        """The codec of sources and the vocabulary of targets, from training texts; one and the same if ``joint``."""
        size = self.vocabulary_size
        if self.joint:
            codec = TextCodec.fit([*read, *written], options, first=(BEGIN, END), size=size)
            return codec, codec.words
        codec = TextCodec.fit(read, options, size=size)
        return codec, TextCodec.fit(written, options, first=(BEGIN, END), size=size).words


@dataclass(frozen=True)
class Writer:
    """The target's side of a run: its vocabulary, and the way from ids back to text in the ``form`` of the data."""

    vocabulary: Vocabulary
    segmenter: Segmenter
    form: Form

    @property
    def begin(self) -> int:
        """The id of what is read before the first symbol."""
        return self.vocabulary.id_of(BEGIN)

    @property
    def end(self) -> int:
        """The id that ends a text."""
        return self.vocabulary.id_of(END)

    @property
    def written(self) -> WrittenSymbols:
        """The ids that a decoder writes."""
        return WrittenSymbols(count=len(self.vocabulary), begin=self.begin, end=self.end)

    def saved(self) -> dict[str, Any]:
        """It as JSON has it, but for the form."""
        return {"symbols": list(self.vocabulary.symbols), "segmenter": self.segmenter.saved()}

    def symbols(self, ids: Sequence[int], forms: Sequence[str]) -> list[str]:
        """The symbols of written ids; those beyond the vocabulary are copied ``forms`` of the split."""
        size, known = len(self.vocabulary), self.vocabulary.symbols
        return [forms[i - size] if i >= size else known[i - 2] if i > UNKNOWN else "" for i in ids]

    def text(self, ids: Sequence[int], forms: Sequence[str]) -> str:
        """The text of written ids; unknown symbols, which mean nothing, are left out."""
        text: str = normalized(self.segmenter.join(self.symbols(ids, forms)), self.form)
        return text
