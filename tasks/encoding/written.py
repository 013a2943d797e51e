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
from tasks.encoding.codec import TextCodec
from tasks.encoding.corpus import EncodedCorpus, Encoding
from tasks.encoding.padding import Ints, offsets_of, padded
from tasks.encoding.subwords import Segmenter, shown
from tasks.encoding.symbols import Cut, Symbols, Writer
from tasks.encoding.vectors import learn_vectors
from tasks.encoding.vocabulary import EncodingOptions, Vocabulary
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
class WrittenEncoding(Encoding):
    """Labels are texts: a prediction is a ``Generated`` text, in ids of symbols.

    ``reader``: what cuts the texts that are read. ``writer``: vocabulary and segmentation of those that are written.
    With ``symbols.joint`` they share both.
    """

    symbols: Symbols
    reader: Segmenter
    writer: Writer

    @classmethod
    def load(cls, saved: Mapping[str, Any], symbols: Symbols, options: EncodingOptions) -> WrittenEncoding:
        """The encoding that was ``saved``, of a task with these symbols and with these options."""
        codec, reader = TextCodec.load(saved, options), Segmenter.load(saved["reader"])
        vocabulary, segmenter = codec.words, reader
        if not symbols.joint:
            vocabulary = Vocabulary.of(saved["writer"]["symbols"])
            segmenter = Segmenter.load(saved["writer"]["segmenter"])
        writer = Writer(vocabulary, segmenter, options.normalize)
        return cls(saved["tokenizer"], [], codec, "none", symbols, reader, writer)

    def saved(self) -> dict[str, Any]:
        """With the segmentations, and the vocabulary of what is written."""
        written = {} if self.symbols.joint else {"writer": self.writer.saved()}
        return super().saved() | {"reader": self.reader.saved()} | written

    @property
    def sizes(self) -> Sizes:
        """With the symbols that are written."""
        return replace(super().sizes, written=self.writer.written)

    def encode(self, corpus: Corpus) -> EncodedCorpus:
        """Raises ValueError for an alignment with words that a row does not have."""
        return self.number(corpus, cut_texts(corpus, self.symbols, self.reader, self.writer.segmenter))

    def number(self, corpus: Corpus, texts: CutTexts) -> EncodedCorpus:
        """The corpus, whose texts these are, as numbers."""
        splits = {
            split: _encode_split(
                self.codec.encode(read),
                read,
                texts.written.get(split),
                self.writer,
                copying=self.symbols.copying,
                longest=self.symbols.max_target if split == "train" else None,
            )
            for split, read in texts.read.items()
        }
        aligned = gold_is_aligned(corpus)
        if aligned:
            check_alignments(corpus)
        return EncodedCorpus(self, splits, dict.fromkeys(splits, 0), aligned=aligned)

    def tokens(self, split: EncodedSplit, number: int) -> list[list[str]]:
        """The symbols, without the marks of where words begin."""
        return [[shown(symbol) for symbol in symbols] for symbols in super().tokens(split, number)]

    def readable(self, split: EncodedSplit, prediction: Any) -> str:
        """The text."""
        return self.writer.text(prediction.ids, split.texts[0].forms.spelt_U)

    def pieces(self, split: EncodedSplit, prediction: Any) -> list[str]:
        """The symbols that were written, without the marks of where words begin."""
        return [shown(symbol) for symbol in self.writer.symbols(prediction.ids, split.texts[0].forms.spelt_U)]

    def attention_between_words(
        self, split: EncodedSplit, rows: Sequence[Row], predictions: Mapping[int, Any]
    ) -> list[Any]:
        """For each prediction the weights (words of the target, words of the source) with which its row was read.

        ``predictions`` are those of ``rows``, in their order, by their numbers in the split.
        """
        symbols = self.writer.segmenter.split([references(row)[0] for row in rows])
        source = split.texts[0]
        return [
            weights_between_words(
                prediction.weights.float().numpy(), written=written, read=source.tokens(number), source=row["source"]
            )
            for (number, prediction), written, row in zip(predictions.items(), symbols, rows, strict=True)
        ]


@dataclass(frozen=True)
class CutTexts:
    """The texts of a corpus as symbols: split -> those of its sources, and of its targets where it has any."""

    read: dict[str, list[list[str]]]
    written: dict[str, list[list[str]]]


def encode_sequences(
    corpus: Corpus, symbols: Symbols, *, options: EncodingOptions, cache: Path | None
) -> EncodedCorpus:
    """Encode all splits with segmentation and vocabularies of train.

    With ``symbols.joint`` source and target share one segmentation and one vocabulary, so that tables can be tied.
    There is no external memory but the source itself, at the decoder's sites. ``cache``: where segmentations are kept.

    Raises ValueError for an alignment with words that a row does not have.
    """
    train = corpus.splits["train"]
    sources, targets = [text_of(row["source"]) for row in train], [references(row)[0] for row in train]
    reading, writing = symbols.segmenters(sources, targets, cache=cache)
    texts = cut_texts(corpus, symbols, reading, writing)
    codec, vocabulary = symbols.vocabularies(
        texts.read["train"], _cut(texts.written["train"], symbols.max_target), options
    )
    learn_vectors(options, texts.read["train"])
    writer = Writer(vocabulary, writing, options.normalize)
    return WrittenEncoding(corpus.tokenizer, [], codec, "none", symbols, reading, writer).number(corpus, texts)


def cut_texts(corpus: Corpus, symbols: Symbols, reading: Segmenter, writing: Segmenter) -> CutTexts:
    """The texts of all splits as symbols."""
    return CutTexts(
        {
            split: _cut(reading.split([text_of(row["source"]) for row in rows]), symbols.max_source)
            for split, rows in corpus.splits.items()
        },
        {
            split: writing.split([references(row)[0] for row in rows])
            for split, rows in corpus.splits.items()
            if all("target" in row for row in rows)
        },
    )


def _cut(texts: list[list[str]], longest: int | None) -> list[list[str]]:
    return texts if longest is None else [text[:longest] for text in texts]


def _encode_split(
    texts: EncodedTexts, read: Cut, written: Cut | None, writer: Writer, *, copying: bool, longest: int | None
) -> EncodedSplit:
    """``texts``: what is ``read`` as arrays. ``longest``: as in ``_encode_targets``."""
    vocabulary, size = writer.vocabulary, len(writer.vocabulary)
    copies = [
        vocabulary.id_of(form) if form in vocabulary or not copying else size + number
        for number, form in enumerate(texts.forms.spelt_U)
    ]
    labels = None
    if written is not None:
        labels = _encode_targets(texts, read, written, writer, copying=copying, longest=longest)
    return EncodedSplit(
        rows_N=np.arange(len(texts), dtype=np.int64),
        texts=(texts,),
        external=None,
        labels=labels,
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
