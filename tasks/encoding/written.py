"""Corpora of sources and targets: symbols, vocabularies of train, ids to be copied, and the way back to text.

N texts, K symbols of all texts, U distinct forms of the sources
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from tasks.base import IGNORED, Row, Sizes
from tasks.encoding.alignment import check_alignments, gold_is_aligned, weights_between_words
from tasks.encoding.arrays import EncodedLabels, EncodedSplit, EncodedTexts
from tasks.encoding.corpus import EncodedCorpus
from tasks.encoding.padding import Ints, offsets_of, padded
from tasks.encoding.subwords import shown
from tasks.encoding.symbols import Cut, Symbols, Writer
from tasks.encoding.vocabulary import EncodingOptions
from tasks.reading.columns import references, text_of
from tasks.reading.source import Corpus


@dataclass(frozen=True)
class WrittenLabels(EncodedLabels):
    """Texts to be written, one after the other: text n is ``ids_K[offsets[n] : offsets[n + 1]]``, its end included.

    Ids below the vocabulary's size are symbols of the vocabulary; id ``size + u`` is form u of the split's sources
    (See et al. 2017, section 2.2: the extended vocabulary).
    """

    ids_K: Ints
    offsets: Ints

    def collate(self, indices: Ints) -> Tensor:
        """Ids of symbols (B, T)."""
        return padded(self.ids_K, self.offsets, indices, filler=IGNORED)

    @property
    def lengths(self) -> Ints:
        """The number of symbols of each text, its end included."""
        lengths: Ints = np.diff(self.offsets)
        return lengths


@dataclass(frozen=True)
class WrittenCorpus(EncodedCorpus):
    """A corpus whose labels are texts: a prediction is a ``Generated`` text, in ids of symbols.

    ``writer``: the target's vocabulary and segmentation.
    ``aligned``: whether every row but those of train has a gold ``alignment``.
    """

    writer: Writer
    aligned: bool

    @property
    def sizes(self) -> Sizes:
        """With the symbols that are written."""
        return replace(super().sizes, written=self.writer.written, aligned=self.aligned)

    def lengths_by_position(self, split: str) -> list[Ints]:
        """Also those of the targets, but for a test split that is searched only, up to the limit of positions."""
        labels = self.splits[split].labels
        written = labels.lengths if labels is not None and (split != "test" or self.aligned) else None
        return [*super().lengths_by_position(split), *([] if written is None else [written])]

    def tokens(self, split: str, number: int) -> list[list[str]]:
        """The symbols, without the marks of where words begin."""
        return [[shown(symbol) for symbol in symbols] for symbols in super().tokens(split, number)]

    def readable(self, split: str, prediction: Any) -> str:
        """The text."""
        return self.writer.text(prediction.ids, self._forms(split))

    def pieces(self, split: str, prediction: Any) -> list[str]:
        """The symbols that were written, without the marks of where words begin."""
        return [shown(symbol) for symbol in self.writer.symbols(prediction.ids, self._forms(split))]

    def attention_between_words(self, split: str, rows: Sequence[Row], predictions: Mapping[int, Any]) -> list[Any]:
        """For each prediction the weights (words of the target, words of the source) with which its row was read.

        ``predictions`` are those of ``rows``, in their order, by their numbers in the split.
        """
        symbols = self.writer.segmenter.split([references(row)[0] for row in rows])
        source = self.splits[split].texts[0]
        return [
            weights_between_words(
                prediction.weights.float().numpy(), written=written, read=source.tokens(number), source=row["source"]
            )
            for (number, prediction), written, row in zip(predictions.items(), symbols, rows, strict=True)
        ]

    def _forms(self, split: str) -> Sequence[str]:
        return self.splits[split].texts[0].forms.spelt_U


def encode_sequences(
    corpus: Corpus, symbols: Symbols, *, options: EncodingOptions, cache: Path | None
) -> WrittenCorpus:
    """Encode all splits with segmentation and vocabularies of train.

    With ``symbols.joint`` source and target share one segmentation and one vocabulary, so that tables can be tied.
    There is no external memory but the source itself, at the decoder's sites. ``cache``: where segmentations are kept.

    Raises ValueError for an alignment with words that a row does not have.
    """
    sources = {split: [text_of(row["source"]) for row in rows] for split, rows in corpus.splits.items()}
    targets = {split: [references(row)[0] for row in rows] for split, rows in corpus.splits.items()}
    reading, writing = symbols.segmenters(sources["train"], targets["train"], cache=cache)
    read = {split: _cut(reading.split(texts), symbols.max_source) for split, texts in sources.items()}
    written = {split: writing.split(texts) for split, texts in targets.items()}
    codec, vocabulary = symbols.vocabularies(read["train"], _cut(written["train"], symbols.max_target), options)
    writer = Writer(vocabulary, writing, options.normalize)
    splits = {
        split: _encode_split(
            codec.encode(texts),
            texts,
            written[split],
            writer,
            copying=symbols.copying,
            longest=symbols.max_target if split == "train" else None,
        )
        for split, texts in read.items()
    }
    aligned = gold_is_aligned(corpus)
    if aligned:
        check_alignments(corpus)
    return WrittenCorpus(splits, [], codec, dict.fromkeys(splits, 0), "none", writer, aligned)


def _cut(texts: list[list[str]], longest: int | None) -> list[list[str]]:
    return texts if longest is None else [text[:longest] for text in texts]


def _encode_split(
    texts: EncodedTexts, read: Cut, written: Cut, writer: Writer, *, copying: bool, longest: int | None
) -> EncodedSplit:
    """``texts``: what is ``read`` as arrays. ``longest``: as in ``_encode_targets``."""
    vocabulary, size = writer.vocabulary, len(writer.vocabulary)
    copies = [
        vocabulary.id_of(form) if form in vocabulary or not copying else size + number
        for number, form in enumerate(texts.forms.spelt_U)
    ]
    return EncodedSplit(
        rows_N=np.arange(len(texts), dtype=np.int64),
        texts=(texts,),
        external=None,
        labels=_encode_targets(texts, read, written, writer, copying=copying, longest=longest),
        copies_U=np.array(copies, dtype=np.int64),
    )


def _encode_targets(
    texts: EncodedTexts, read: Cut, written: Cut, writer: Writer, *, copying: bool, longest: int | None
) -> WrittenLabels:
    """The ids of targets. Where copying is on, a symbol that only the row's own source shows is that form's id.

    A target that is longer than ``longest`` is cut off there and has no end, since it does not end there.
    """
    vocabulary, size = writer.vocabulary, len(writer.vocabulary)
    numbers = {form: number for number, form in enumerate(texts.forms.spelt_U)}
    ids: list[int] = []
    lengths = []
    for target, source in zip(written, read, strict=True):
        before = len(ids)
        given = set(source) if copying else set()
        for symbol in target[:longest]:
            if symbol in vocabulary or symbol not in given:
                ids.append(vocabulary.id_of(symbol))
            else:
                ids.append(size + numbers[symbol])
        if longest is None or len(target) <= longest:
            ids.append(writer.end)
        lengths.append(len(ids) - before)
    return WrittenLabels(np.array(ids, dtype=np.int64), offsets_of(lengths))
