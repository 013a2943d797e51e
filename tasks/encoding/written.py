"""From a corpus of sources and targets to encoded splits: symbols, vocabularies of train, ids to be copied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tasks.base import UNKNOWN, Row
from tasks.encoding.arrays import EncodedSplit, EncodedTargets, EncodedTexts
from tasks.encoding.codec import TextCodec
from tasks.encoding.labelled import EncodedCorpus
from tasks.encoding.subwords import Segmenter, word_numbers
from tasks.encoding.vocabulary import EncodingOptions, Vocabulary
from tasks.kinds.writing import GenerationTask
from tasks.reading.checks import references, text_of
from tasks.reading.source import Corpus

BEGIN, END = "begin of text", "end of text"
"""Symbols of the target's vocabulary that no text can contain: they hold spaces and begin no word."""


@dataclass(frozen=True)
class Writer:
    """The target's side of a run: its vocabulary, and the way from ids back to text."""

    vocabulary: Vocabulary
    segmenter: Segmenter

    @property
    def begin(self) -> int:
        """The id of what is read before the first symbol."""
        return self.vocabulary.id_of(BEGIN)

    @property
    def end(self) -> int:
        """The id that ends a text."""
        return self.vocabulary.id_of(END)

    def symbols(self, ids: Sequence[int], forms: Sequence[str]) -> list[str]:
        """The symbols of written ids; those beyond the vocabulary are copied ``forms`` of the split."""
        size, known = len(self.vocabulary), self.vocabulary.symbols
        return [forms[i - size] if i >= size else known[i - 2] if i > UNKNOWN else "" for i in ids]

    def text(self, ids: Sequence[int], forms: Sequence[str]) -> str:
        """The text of written ids; unknown symbols, which mean nothing, are left out."""
        return self.segmenter.join(self.symbols(ids, forms))


def encode_sequences(
    corpus: Corpus, task: GenerationTask, *, options: EncodingOptions, cache: Path | None
) -> EncodedCorpus:
    """Encode all splits with segmentation and vocabularies of train.

    With ``task.joint`` source and target share one segmentation and one vocabulary, so that tables can be tied.
    There is no external memory but the source itself, at the decoder's sites. ``cache``: where segmentations are kept.

    Raises ValueError where words are to be lower-cased, which no decoder could undo, and for an alignment with words
    that a row does not have.
    """
    if options.lowercase:
        raise ValueError(f"task={task.name} writes texts as they are; set encoding.lowercase=false")
    sources = {split: [text_of(row["source"]) for row in rows] for split, rows in corpus.splits.items()}
    targets = {split: [references(row)[0] for row in rows] for split, rows in corpus.splits.items()}
    reading, writing = _segmenters(sources["train"], targets["train"], task, cache)
    read = {split: _cut(reading.split(texts), task.max_source) for split, texts in sources.items()}
    written = {split: writing.split(texts) for split, texts in targets.items()}
    learnt = _cut(written["train"], task.max_target)
    if task.joint:
        codec = TextCodec.fit([*read["train"], *learnt], options, first=(BEGIN, END), size=task.vocabulary_size)
        vocabulary = codec.words
    else:
        codec = TextCodec.fit(read["train"], options, size=task.vocabulary_size)
        vocabulary = TextCodec.fit(learnt, options, first=(BEGIN, END), size=task.vocabulary_size).words
    writer = Writer(vocabulary, writing)
    splits = {}
    for split, symbols in read.items():
        texts = codec.encode(symbols)
        splits[split] = EncodedSplit(
            rows_N=np.arange(len(symbols), dtype=np.int64),
            texts=(texts,),
            external=None,
            labels=None,
            per_token=False,
            targets=_encode_targets(
                written[split],
                symbols,
                texts,
                writer,
                copying=task.copying,
                longest=task.max_target if split == "train" else None,
            ),
        )
    aligned = all("alignment" in row for split, rows in corpus.splits.items() if split != "train" for row in rows)
    if aligned:
        _check_alignments(corpus)
    return EncodedCorpus(splits, [], codec, dict.fromkeys(splits, 0), "none", writer, aligned)


def _check_alignments(corpus: Corpus) -> None:
    for split, rows in corpus.splits.items():
        for number, row in enumerate(rows if split != "train" else ()):
            written, read = len(references(row)[0].split()), len(text_of(row["source"]).split())
            wrong = [link for link in row["alignment"] if not _links(link, written, read)]
            if wrong:
                raise ValueError(
                    f"{corpus.place(split, number)}: expected 'alignment' as pairs of a target word (0 to "
                    f"{written - 1}) and a source word (0 to {read - 1}), words being what stands between spaces; "
                    f"got {wrong[0]!r}"
                )


def _links(link: Any, written: int, read: int) -> bool:
    """Whether ``link`` is a pair of a target word and a source word that are there."""
    pair = isinstance(link, Sequence) and len(link) == 2 and all(isinstance(word, int) for word in link)
    return pair and 0 <= link[0] < written and 0 <= link[1] < read


def _segmenters(
    sources: Sequence[str], targets: Sequence[str], task: GenerationTask, cache: Path | None
) -> tuple[Segmenter, Segmenter]:
    def fit(texts: Sequence[str], kind: str) -> Segmenter:
        return Segmenter.fit(texts, kind=kind, size=task.vocabulary_size, cache=cache)

    if task.joint:
        both = fit([*sources, *targets], task.source_symbols)
        return both, both
    return fit(sources, task.source_symbols), fit(targets, task.target_symbols)


def _cut(texts: list[list[str]], longest: int | None) -> list[list[str]]:
    return texts if longest is None else [text[:longest] for text in texts]


def _encode_targets(
    written: Sequence[Sequence[str]],
    read: Sequence[Sequence[str]],
    texts: EncodedTexts,
    writer: Writer,
    *,
    copying: bool,
    longest: int | None,
) -> EncodedTargets:
    """The ids of targets. Where copying is on, a symbol that only the row's own source shows is that form's id.

    A target that is longer than ``longest`` is cut off there and has no end, since it does not end there.
    """
    vocabulary, size = writer.vocabulary, len(writer.vocabulary)
    forms: list[str] = [""] * len(texts.forms.words_U)
    for symbol, form in zip((s for text in read for s in text), texts.forms_K.tolist(), strict=True):
        forms[form] = symbol
    numbers = {symbol: form for form, symbol in enumerate(forms)}
    copies = [vocabulary.id_of(s) if s in vocabulary or not copying else size + u for u, s in enumerate(forms)]
    ids: list[int] = []
    lengths = []
    for target, source in zip(written, read, strict=True):
        before = len(ids)
        shown = set(source) if copying else set()
        for symbol in target[:longest]:
            if symbol in vocabulary or symbol not in shown:
                ids.append(vocabulary.id_of(symbol))
            else:
                ids.append(size + numbers[symbol])
        if longest is None or len(target) <= longest:
            ids.append(writer.end)
        lengths.append(len(ids) - before)
    offsets = np.zeros(len(written) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return EncodedTargets(np.array(ids, dtype=np.int64), offsets, np.array(copies, dtype=np.int64), tuple(forms))


def aligned_words(
    split: EncodedSplit, writer: Writer, rows: Sequence[Row], predictions: Mapping[int, Any]
) -> list[Any]:
    """For each prediction its attention weights between whole words, (words of the target, words of the source).

    Between symbols they are summed over the symbols of a source word and averaged over those of a target word.
    ``rows`` are the rows of the predictions, in their order. Words that ``task.max_source`` cut off weigh nothing.
    """
    targets, source = split.targets, split.texts[0]
    assert targets is not None
    found = []
    written_symbols = writer.segmenter.split([references(row)[0] for row in rows])
    for (row, generated), symbols, given in zip(predictions.items(), written_symbols, rows, strict=True):
        forms = source.forms_K[source.offsets[row] : source.offsets[row + 1]].tolist()
        read = word_numbers([targets.forms_U[form] for form in forms])
        written = word_numbers(symbols)
        rows_WT = np.eye(written[-1] + 1)[:, written]
        columns_SV = np.eye(len(text_of(given["source"]).split()))[read]
        weights_WV = rows_WT @ generated.weights.float().numpy() @ columns_SV
        found.append(weights_WV / rows_WT.sum(axis=1, keepdims=True))
    return found
