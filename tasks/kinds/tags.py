"""What tasks with a tag a token have in common: columns, encoding, a head that tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from tasks.base import Body, Head, Row, Sizes, Task
from tasks.encoding.corpus import EncodedCorpus
from tasks.encoding.labelled import LabelledEncoding, encode_corpus
from tasks.encoding.vocabulary import EncodingOptions
from tasks.heads.losses import LabelLoss
from tasks.heads.tagging import Scheme, TaggingHead
from tasks.labels.weights import Asked, ClassWeights
from tasks.reading.checks import tags_problem
from tasks.reading.source import Corpus


class TaggingTask(Task):
    """A tag a token, by ``TaggingHead``, whose options ``scheme`` and ``dropout`` are.

    ``label_smoothing``, ``focal_gamma``: see ``tasks.heads.losses``; ``class_weights``: see ``tasks.labels.weights``.
    Raises ValueError for any of these with a CRF.
    ``bio``: whether the tags are BIO tags, so that some may not follow others.
    """

    text_columns = ("tokens",)
    label_column = "tags"
    tokenized = True
    needs = frozenset({"self"})
    bio: ClassVar[bool]

    def __init__(
        self,
        *,
        name: str,
        scheme: Scheme,
        dropout: float,
        label_smoothing: float,
        class_weights: Asked,
        focal_gamma: float,
    ) -> None:
        self.name = name
        self.scheme = scheme
        self.dropout = dropout
        self.label_smoothing = label_smoothing
        self.class_weights = ClassWeights(class_weights, each=False)
        self.focal_gamma = focal_gamma
        if scheme == "crf":
            self._refuse_with_crf()

    def _refuse_with_crf(self) -> None:
        options = {"label_smoothing": 0, "class_weights": "none", "focal_gamma": 0}
        asked = self.label_smoothing, self.class_weights.asked, self.focal_gamma
        for (option, usual), given in zip(options.items(), asked, strict=True):
            if given != usual:
                schemes = "constrained (only valid BIO is predicted) or softmax" if self.bio else "softmax"
                raise ValueError(
                    f"task.{option}={given} is of the loss of single tags, but task.scheme=crf learns whole sequences; "
                    f"give task.scheme={schemes}, or task.{option}={usual}"
                )

    def settle(self, corpus: Any) -> list[str]:
        """What tags weigh, by their counts in train."""
        return self.class_weights.settle(self.labels_of(row) for row in corpus.splits["train"])

    def counted(self, label: Any) -> set[tuple[Any, ...]]:
        """The tags."""
        return {(tag, place) for place, tag in enumerate(label)}

    def choices(self, label: Any) -> list[str]:
        """The tags."""
        return list(label)

    def label_weights(self, labels: Sequence[str]) -> list[float] | None:
        """By ``task.class_weights``."""
        return self.class_weights.of(labels)

    def label_problem(self, row: Row) -> str | None:
        """As many tags as tokens."""
        return tags_problem(self.label_column, row[self.label_column], self.text_columns[0], row[self.text_columns[0]])

    def labels_of(self, row: Row) -> Sequence[str]:
        """The tags of all tokens."""
        tags: Sequence[str] = row[self.label_column]
        return tags

    def encode(self, corpus: Corpus, *, options: EncodingOptions, external: bool, cache: Path | None) -> EncodedCorpus:
        """Tokens, and the numbers of tags."""
        return encode_corpus(corpus, self, options=options, external=external)

    def load_encoding(self, saved: Mapping[str, Any], *, options: EncodingOptions) -> LabelledEncoding:
        """Vocabularies and labels."""
        return LabelledEncoding.load(saved, self, options)

    def build_head(self, sizes: Sizes, body: Body) -> Head:
        """Tags over the states of the encoder; there is no pooling site."""
        learning = LabelLoss(
            label_smoothing=self.label_smoothing,
            focal_gamma=self.focal_gamma,
            weights=self.label_weights(sizes.labels),
        )
        return TaggingHead(
            body.width,
            labels=sizes.labels,
            bio=self.bio,
            scheme=self.scheme,
            learning=learning,
            dropout=self.dropout,
        )
