"""What tasks with one label an example have in common: texts are pooled by attention, and a label is chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from tasks.base import Body, Head, Row, Sizes, Task
from tasks.encoding.corpus import EncodedCorpus
from tasks.encoding.labelled import LabelledEncoding, encode_corpus
from tasks.encoding.vocabulary import EncodingOptions
from tasks.heads.losses import LabelLoss
from tasks.heads.pooled import PooledHead
from tasks.labels.order import sorted_labels
from tasks.labels.weights import Asked, ClassWeights
from tasks.metrics.classification import DEFINITIONS, classification_scores
from tasks.reading.checks import name_problem
from tasks.reading.source import Corpus


class PoolingTask(Task):
    """One label for the text, or texts, of ``text_columns``, by ``PooledHead``, whose options these are.

    ``head``: the class of the head; ``each``: whether it chooses each label for itself.
    ``label_smoothing``, ``focal_gamma``: see ``tasks.heads.losses``; ``class_weights``: see ``tasks.labels.weights``.
    """

    label_column = "label"
    tokenized = False
    main_score = "accuracy"
    needs = frozenset({"self", "cross"})
    head: ClassVar[type[PooledHead]] = PooledHead
    each: ClassVar[bool] = False

    def __init__(
        self,
        *,
        name: str,
        hidden: int,
        dropout: float,
        label_smoothing: float,
        class_weights: Asked,
        focal_gamma: float,
    ) -> None:
        self.name = name
        self.hidden = hidden
        self.dropout = dropout
        self.label_smoothing = label_smoothing
        self.class_weights = ClassWeights(class_weights, each=self.each)
        self.focal_gamma = focal_gamma

    def settle(self, corpus: Any) -> list[str]:
        """What labels weigh, by their counts in train."""
        return self.class_weights.settle(self.labels_of(row) for row in corpus.splits["train"])

    def counted(self, label: Any) -> set[tuple[Any, ...]]:
        """The label."""
        return {(label,)}

    def choices(self, label: Any) -> list[str]:
        """The label."""
        return [label]

    def label_weights(self, labels: Sequence[str]) -> list[float] | None:
        """By ``task.class_weights``."""
        return self.class_weights.of(labels)

    def label_problem(self, row: Row) -> str | None:
        """A name, or a number."""
        label, column = row[self.label_column], self.label_column
        if isinstance(label, list):
            return (
                f"expected one label in the column {column!r}, got a list of {len(label)} ({str(label)[:60]}); "
                "for rows with several labels use task=classification task.multi_label=true"
            )
        return name_problem(column, label)

    def label_set(self, labels: Sequence[str]) -> list[str]:
        """The labels of the training split, sorted (numbers by value)."""
        return sorted_labels(labels)

    def encode(self, corpus: Corpus, *, options: EncodingOptions, external: bool, cache: Path | None) -> EncodedCorpus:
        """Tokens, and the numbers of labels."""
        return encode_corpus(corpus, self, options=options, external=external)

    def load_encoding(self, saved: Mapping[str, Any], *, options: EncodingOptions) -> LabelledEncoding:
        """Vocabularies and labels."""
        return LabelledEncoding.load(saved, self, options)

    def build_head(self, sizes: Sizes, body: Body) -> Head:
        """Pool each text by the same attention and choose a label."""
        return self.head(
            body.width,
            label_count=len(sizes.labels),
            attention=body.attention,
            texts=len(self.text_columns),
            hidden=self.hidden,
            dropout=self.dropout,
            learning=LabelLoss(
                label_smoothing=self.label_smoothing,
                focal_gamma=self.focal_gamma,
                weights=self.label_weights(sizes.labels),
            ),
        )

    def score_rows(self, rows: Sequence[Row], predicted: Sequence[Any], *, labels: Sequence[str]) -> dict[str, float]:
        """Accuracy and macro F1."""
        return classification_scores([row[self.label_column] for row in rows], predicted, labels=labels)

    def definitions(self, rows: Sequence[Row]) -> dict[str, str]:
        """What each score is."""
        return {key: DEFINITIONS[key] for key in ("accuracy", "macro_f1")}
