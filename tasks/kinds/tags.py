"""What tasks with a tag a token have in common: columns, encoding, a head that tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from tasks.base import Body, Head, Row, Sizes, Task
from tasks.encoding.corpus import EncodedCorpus
from tasks.encoding.labelled import LabelledEncoding, encode_corpus
from tasks.encoding.vocabulary import EncodingOptions
from tasks.heads.tagging import Scheme, TaggingHead
from tasks.reading.checks import tags_problem
from tasks.reading.source import Corpus


class TaggingTask(Task):
    """A tag a token, by ``TaggingHead``, whose options ``scheme`` and ``dropout`` are.

    ``bio``: whether the tags are BIO tags, so that some may not follow others.
    """

    text_columns = ("tokens",)
    label_column = "tags"
    tokenized = True
    needs = frozenset({"self"})
    bio: ClassVar[bool]

    def __init__(self, *, name: str, scheme: Scheme, dropout: float) -> None:
        self.name = name
        self.scheme = scheme
        self.dropout = dropout

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
        return TaggingHead(body.width, labels=sizes.labels, bio=self.bio, scheme=self.scheme, dropout=self.dropout)
