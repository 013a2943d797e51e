"""Corpora with labels or tags: tokenise, take vocabularies and labels from train, encode every split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tasks.base import Task
from tasks.encoding.arrays import ClassLabels, EncodedLabels, EncodedSplit, SetLabels, TagLabels
from tasks.encoding.codec import TextCodec
from tasks.encoding.corpus import EncodedCorpus, Encoding
from tasks.encoding.limits import Limit
from tasks.encoding.padding import offsets_of
from tasks.encoding.tokenization import Tokenizer, tokenizer_named
from tasks.encoding.vectors import learn_vectors
from tasks.encoding.vocabulary import EncodingOptions
from tasks.reading.source import Corpus

Tokens = Sequence[str]


@dataclass(frozen=True)
class LabelledEncoding(Encoding):
    """Labels, or tags, are members of a closed set: a prediction is an index, or a list of them."""

    task: Task
    options: EncodingOptions

    @classmethod
    def load(cls, saved: Mapping[str, Any], task: Task, options: EncodingOptions) -> LabelledEncoding:
        """The encoding that was ``saved``, of this task and with these options."""
        codec = TextCodec.load(saved, options)
        return cls(saved["tokenizer"], list(saved["labels"]), codec, saved["external_source"], task, options)

    def encode(self, corpus: Corpus) -> EncodedCorpus:
        """Raises ValueError for unseen labels, texts without a token, and overlong ones where these are refused."""
        return self.number(corpus, read_texts(corpus, self))

    def number(self, corpus: Corpus, texts: ReadTexts) -> EncodedCorpus:
        """The corpus, whose texts these are, as numbers."""
        shared = [self.label_words] if self.external_source == "labels" else []
        splits = {}
        for split, indices in texts.kept.items():
            encoded = {column: self.codec.encode(tokens) for column, tokens in texts.tokens[split].items()}
            splits[split] = EncodedSplit(
                rows_N=np.array(indices, dtype=np.int64),
                texts=tuple(encoded[column] for column in self.task.text_columns),
                external=self.codec.encode(shared) if shared else encoded.get("external"),
                labels=_encode_labels(corpus, split, self.task, indices, self.labels),
            )
        dropped = {split: len(corpus.splits[split]) - len(indices) for split, indices in texts.kept.items()}
        return EncodedCorpus(self, splits, dropped, texts.overlong)

    @property
    def columns(self) -> list[str]:
        """The columns with texts that are read."""
        return [*self.task.text_columns, *(["external"] if self.external_source == "column" else [])]

    @property
    def label_words(self) -> list[str]:
        """The names of all labels in words, one after the other."""
        return [word for name in self.task.label_words(self.labels) for word in name]

    def readable(self, split: EncodedSplit, prediction: Any) -> Any:
        """The label's name, or the list of names."""
        labels = self.labels
        return [labels[i] for i in prediction] if isinstance(prediction, list) else labels[int(prediction)]


@dataclass(frozen=True)
class ReadTexts:
    """The texts of a corpus as tokens.

    ``kept``: split -> indices of the rows that are used. ``tokens``: split -> column -> the tokens of these rows.
    ``overlong``: as in ``EncodedCorpus``.
    """

    kept: Mapping[str, list[int]]
    tokens: Mapping[str, Mapping[str, list[Tokens]]]
    overlong: Mapping[str, int]


def encode_corpus(corpus: Corpus, task: Task, *, options: EncodingOptions, external: bool) -> EncodedCorpus:
    """Encode all splits with the vocabularies and labels of train.

    ``external``: whether the mechanism looks at an external text. It is the column ``external`` if every
    row has one; else none in tasks on pairs, where each text is the other's; else the names of the labels in words.

    Raises ValueError for unseen labels, with file and line, for texts in which the tokenizer finds nothing, and for
    overlong ones where these are refused.
    """
    labels = task.label_set([row[task.label_column] for row in corpus.splits["train"]])
    source = _external_source(corpus, task) if external else "none"
    unfitted = LabelledEncoding(corpus.tokenizer, labels, TextCodec.fit([], options), source, task, options)
    texts = read_texts(corpus, unfitted)
    train = [text for column in texts.tokens["train"].values() for text in column]
    # The names of labels are read with every row, however seldom a text holds them.
    shared = unfitted.label_words if source == "labels" else []
    codec = TextCodec.fit([*train, *([shared] if shared else [])], options, exempt=shared)
    learn_vectors(options, [*train, shared])
    return replace(unfitted, codec=codec).number(corpus, texts)


def read_texts(corpus: Corpus, encoding: LabelledEncoding) -> ReadTexts:
    """The texts of all splits as tokens; the vocabularies of the encoding are not looked at yet."""
    task, known = encoding.task, set(encoding.labels)
    kept = {split: rows_with_known_labels(corpus, split, task, known) for split in corpus.splits}
    limit = Limit.of(task, encoding.options)
    tokenize = tokenizer_named(encoding.tokenizer)
    tokens = {
        split: {
            column: limit.kept(corpus, split, _tokenize(corpus, split, column, rows, tokenize), rows)
            for column in encoding.columns
        }
        for split, rows in kept.items()
    }
    return ReadTexts(kept, tokens, dict(limit.overlong))


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
        if task.label_column not in row:  # a new text, for which it is to be found
            kept.append(index)
            continue
        unknown = task.unseen_label(row, known)
        if unknown is None:
            kept.append(index)
        elif corpus.unseen_labels == "error":
            where, cure = "train", "correct it"
            if unknown in corpus.left_out:
                option = corpus.left_out[unknown]
                where = f"the rows of train that {option} leaves"
                cure = "raise data.max_train" if option == "data.max_train" else f"set {option}=none"
            raise ValueError(
                f"{corpus.place(split, index)}: the label {unknown!r} never occurs in {where}, so it cannot be learnt; "
                f"{cure}, or leave such rows out with data.unseen_labels=drop (the record says how many)"
            )
    if not kept:
        raise ValueError(f"no row of the split {split!r} has a label that occurs in train; check data.columns")
    return kept


def _tokenize(corpus: Corpus, split: str, column: str, indices: Sequence[int], tokenize: Tokenizer) -> list[Tokens]:
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
    corpus: Corpus, split: str, task: Task, indices: Sequence[int], inventory: Sequence[str]
) -> EncodedLabels | None:
    """None for rows that have none."""
    rows = [corpus.splits[split][index] for index in indices]
    if not all(task.label_column in row for row in rows):
        return None
    ids = {label: number for number, label in enumerate(inventory)}
    labels = [row[task.label_column] for row in rows]
    if not any(isinstance(label, list) for label in labels):
        return ClassLabels(np.array([ids[label] for label in labels], dtype=np.int32))
    several_K = np.array([ids[label] for found in labels for label in found], dtype=np.int32)
    offsets = offsets_of([len(found) for found in labels])
    return TagLabels(several_K, offsets) if task.tokenized else SetLabels(several_K, offsets, len(ids))
