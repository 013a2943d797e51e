"""Corpora with labels or tags: tokenise, take vocabularies and labels from train, encode every split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tasks.base import Task
from tasks.encoding.arrays import ClassLabels, EncodedLabels, EncodedSplit, SetLabels, TagLabels
from tasks.encoding.codec import TextCodec
from tasks.encoding.corpus import EncodedCorpus
from tasks.encoding.limits import Limit
from tasks.encoding.padding import offsets_of
from tasks.encoding.tokenization import Tokenizer, tokenizer_named
from tasks.encoding.vocabulary import EncodingOptions
from tasks.reading.source import Corpus

Tokens = Sequence[str]


class LabelledCorpus(EncodedCorpus):
    """A corpus whose labels, or tags, are members of a closed set: a prediction is an index, or a list of them."""

    def readable(self, split: str, prediction: Any) -> Any:
        """The label's name, or the list of names."""
        labels = self.labels
        return [labels[i] for i in prediction] if isinstance(prediction, list) else labels[int(prediction)]


def encode_corpus(corpus: Corpus, task: Task, *, options: EncodingOptions, external: bool) -> LabelledCorpus:
    """Encode all splits with the vocabularies and labels of train.

    ``external``: whether the mechanism looks at an external text. It is the column ``external`` if every
    row has one; else none in tasks on pairs, where each text is the other's; else the names of the labels in words.

    Raises ValueError for unseen labels, with file and line, for texts in which the tokenizer finds nothing, and for
    overlong ones where these are refused.
    """
    labels = task.label_set([row[task.label_column] for row in corpus.splits["train"]])
    kept = {split: rows_with_known_labels(corpus, split, task, set(labels)) for split in corpus.splits}
    source = _external_source(corpus, task) if external else "none"
    columns = [*task.text_columns, *(["external"] if source == "column" else [])]
    limit = Limit.of(task, options)
    tokens = {
        split: {column: limit.kept(corpus, split, _tokenize(corpus, split, column, rows), rows) for column in columns}
        for split, rows in kept.items()
    }
    shared = [[word for name in task.label_words(labels) for word in name]] if source == "labels" else []
    train = [text for texts in tokens["train"].values() for text in texts]
    # The names of labels are read with every row, however seldom a text holds them.
    codec = TextCodec.fit([*train, *shared], options, exempt=[word for name in shared for word in name])
    ids = {label: number for number, label in enumerate(labels)}
    splits = {}
    for split, indices in kept.items():
        encoded = {column: codec.encode(texts) for column, texts in tokens[split].items()}
        splits[split] = EncodedSplit(
            rows_N=np.array(indices, dtype=np.int64),
            texts=tuple(encoded[column] for column in task.text_columns),
            external=codec.encode(shared) if shared else encoded.get("external"),
            labels=_encode_labels(corpus, split, task, indices, ids),
        )
    dropped = {split: len(corpus.splits[split]) - len(indices) for split, indices in kept.items()}
    return LabelledCorpus(splits, labels, codec, dropped, source, overlong=dict(limit.overlong))


def _external_source(corpus: Corpus, task: Task) -> str:
    given = [row.get("external") is not None for rows in corpus.splits.values() for row in rows]
    if all(given):
        return "column"
    if any(given):
        places = (corpus.place(split, row) for split, rows in corpus.splits.items() for row in range(len(rows)))
        lacking = next(place for place, there in zip(places, given, strict=True) if not there)
        raise ValueError(
            f"{lacking}: expected a text in the column 'external', which other rows have; add it, or remove the column"
        )
    return "labels" if len(task.text_columns) == 1 else "none"


def rows_with_known_labels(corpus: Corpus, split: str, task: Task, known: set[str]) -> list[int]:
    """The indices of the rows whose labels are ``known`` from train.

    Raises ValueError with file and line for a row with another label, unless ``corpus.unseen_labels`` is ``drop``.
    """
    kept = []
    for index, row in enumerate(corpus.splits[split]):
        unknown = task.unseen_label(row, known)
        if unknown is None:
            kept.append(index)
        elif corpus.unseen_labels == "error":
            where, cure = "train", "correct it"
            if unknown in corpus.left_out:
                where, cure = "the rows of train that data.max_train leaves", "raise data.max_train"
            raise ValueError(
                f"{corpus.place(split, index)}: the label {unknown!r} never occurs in {where}, so it cannot be learnt; "
                f"{cure}, or leave such rows out with data.unseen_labels=drop (the record says how many)"
            )
    if not kept:
        raise ValueError(f"no row of the split {split!r} has a label that occurs in train; check data.columns")
    return kept


def _tokenize(corpus: Corpus, split: str, column: str, indices: Sequence[int]) -> list[Tokens]:
    tokenize: Tokenizer = tokenizer_named(corpus.tokenizer)
    rows = corpus.splits[split]
    texts: list[Tokens] = []
    for index in indices:
        value = rows[index][column]
        tokens = value if isinstance(value, list) else tokenize(value)
        if not tokens:
            raise ValueError(
                f"{corpus.place(split, index)}: the tokenizer {corpus.tokenizer!r} finds no token in {column!r} "
                f"({value[:40]!r}); correct the text, or choose another data.tokenizer"
            )
        texts.append(tokens)
    return texts


def _encode_labels(
    corpus: Corpus, split: str, task: Task, indices: Sequence[int], ids: Mapping[str, int]
) -> EncodedLabels:
    labels = [corpus.splits[split][index][task.label_column] for index in indices]
    if not any(isinstance(label, list) for label in labels):
        return ClassLabels(np.array([ids[label] for label in labels], dtype=np.int32))
    several_K = np.array([ids[label] for found in labels for label in found], dtype=np.int32)
    offsets = offsets_of([len(found) for found in labels])
    return TagLabels(several_K, offsets) if task.tokenized else SetLabels(several_K, offsets, len(ids))
