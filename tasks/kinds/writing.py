"""What tasks that write have in common: columns, options, the head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from torch import nn

from models.decoding import SearchOptions
from models.vectors import PretrainedVectors
from tasks.base import Body, Row, Sizes, Task
from tasks.encoding.corpus import EncodedCorpus
from tasks.encoding.symbols import Symbols
from tasks.encoding.vocabulary import EncodingOptions
from tasks.encoding.written import WrittenEncoding, encode_sequences
from tasks.heads.generation import Coverage, GenerationHead, Learning, TextSearch
from tasks.metrics.generation import settled_language, tokens_of
from tasks.metrics.translation import alignment_scores
from tasks.reading.checks import texts_problem
from tasks.reading.columns import references
from tasks.reading.languages import language_named
from tasks.reading.source import Corpus


class GenerationTask(Task):
    """A text in, a text out, by ``GenerationHead``.

    The constructor takes the options of ``conf/task``, flat as they stand there, and sorts them into the parts that
    they belong to: ``vocabulary_size``, ``source_symbols``, ``target_symbols``, ``joint``, ``max_source``,
    ``max_target`` and ``copying`` to ``Symbols``; ``label_smoothing``, ``dropout``, ``coverage_weight`` and
    ``coverage_from`` to ``Learning``; ``search`` to ``TextSearch``, whose own two options stand beside those of
    ``models.decoding.SearchOptions``.
    ``language``: the tag of what is written, which says how texts are scored; None: decided by ``settle``.
    ``tie``: whether all tables of symbols are one.
    ``validate_by``: what chooses the epoch, ``loss`` (cheap: nothing is written) or ``score``.
    """

    text_columns = ("source",)
    label_column = "target"
    optional_columns = ("external", "alignment")
    tokenized = False
    needs = frozenset({"self", "cross", "causal"})
    generates: ClassVar[bool] = True
    least_tokens: ClassVar[int] = 1  # of some reference, or the main score of all texts together is 0
    encoder_reads_external: ClassVar[bool] = False  # the source itself is the external memory, in the decoder

    def __init__(
        self,
        *,
        name: str,
        language: str | None,
        vocabulary_size: int,
        source_symbols: str,
        target_symbols: str,
        joint: bool,
        max_source: int | None,
        max_target: int | None,
        copying: bool,
        coverage_weight: float,
        coverage_from: float,
        label_smoothing: float,
        dropout: float,
        tie: bool,
        search: Mapping[str, Any],
        validate_by: str,
    ) -> None:
        if validate_by not in ("loss", "score"):
            raise ValueError(f"expected task.validate_by to be loss or score, got {validate_by!r}")
        if tie and not joint:
            raise ValueError("task.tie=true shares one table between source and target, so it needs task.joint=true")
        self.name, self.validate_by = name, validate_by
        self.language = None if language is None else language_named(language).tag
        self.symbols = Symbols(
            vocabulary_size=vocabulary_size,
            source=source_symbols,
            target=target_symbols,
            joint=joint,
            max_source=max_source,
            max_target=max_target,
            copying=copying,
        )
        self.tie = tie
        self.learning = Learning(label_smoothing, dropout, Coverage(coverage_weight, coverage_from))
        self.search = dict(search)

    @property
    def written_in(self) -> str:
        """The tag of the language that is scored; undetermined (words by whitespace) until ``settle``."""
        return self.language or "und"

    def settle(self, corpus: Corpus) -> list[str]:
        """The language by the script of train's targets, where none was given; and references that cannot score."""
        targets = [text for row in corpus.splits["train"] for text in references(row)]
        self.language, notes = settled_language(self.language, targets)
        for split in (name for name in corpus.splits if name != "train"):
            lengths = [max(len(self.scored_tokens(t)) for t in references(row)) for row in corpus.splits[split]]
            if 0 in lengths:
                notes.append(
                    f"{lengths.count(0)} of {len(lengths)} rows of {split} have no reference with a token that is "
                    f"scored (language {self.language}), so that whatever is written for them scores 0; the first is "
                    f"{corpus.place(split, lengths.index(0))}; correct them, or set data.language"
                )
            elif max(lengths) < self.least_tokens:
                notes.append(
                    f"no reference of {split} has {self.least_tokens} tokens, so that {self.main_score} is 0 whatever "
                    "is written; look at the other scores"
                )
        return notes

    def scored_tokens(self, text: str) -> list[str]:
        """What of a text the main score counts."""
        return tokens_of(text, language=self.written_in)

    def label_problem(self, row: Row) -> str | None:
        """A text, or several of which any is right."""
        return texts_problem(self.label_column, row[self.label_column])

    def label_set(self, labels: Sequence[Any]) -> list[str]:
        """Empty: any text may be written."""
        return []

    def labels_of(self, row: Row) -> Sequence[str]:
        """None: any text may be written."""
        return []

    def encode(self, corpus: Corpus, *, options: EncodingOptions, external: bool, cache: Path | None) -> EncodedCorpus:
        """Symbols of sources and targets.

        Raises ValueError where words are to be lower-cased, which no decoder undoes, and for a limit of others.
        """
        if options.lowercase:
            raise ValueError(f"task={self.name} writes texts as they are; set encoding.lowercase=false")
        if options.max_length is not None:
            raise ValueError(
                f"encoding.max_length is for tasks that tag or choose; task={self.name} has task.max_source"
            )
        return encode_sequences(corpus, self.symbols, options=options, cache=cache)

    def load_encoding(self, saved: Mapping[str, Any], *, options: EncodingOptions) -> WrittenEncoding:
        """Segmentations and vocabularies."""
        return WrittenEncoding.load(saved, self.symbols, options)

    def build_head(self, sizes: Sizes, body: Body) -> GenerationHead:
        """A decoder over the encoder's states.

        Raises ValueError if encoder and decoder are not equally wide, and if there is no table of words to tie.
        """
        if self.symbols.source != "words" and any(isinstance(p, PretrainedVectors) for p in body.embeddings.modules()):
            raise ValueError(
                f"pretrained vectors are of words, and task={self.name} reads task.source_symbols="
                f"{self.symbols.source}; set task.source_symbols=words, or choose another embedding"
            )
        table = _word_table(body) if self.tie else None
        input_width = body.embeddings.width if table is None else table.embedding_dim
        decoder = body.decoder(input_width)
        if decoder.width != body.width:
            raise ValueError(
                f"the decoder attends to states of its own width, but backbone.width={body.width} and "
                f"decoder.width={decoder.width}; make them equal"
            )
        return GenerationHead(
            decoder,
            symbols=sizes.written,
            input_width=input_width,
            table=table,
            copying=self.symbols.copying,
            learning=self.learning,
            text_search=self._text_search(),
            aligns=sizes.aligned,
        )

    def score_predictions(
        self, rows: Sequence[Row], predictions: Mapping[int, Any], *, encoded: EncodedCorpus, split: str
    ) -> dict[str, float]:
        """Every score, with those of attention where there is any and the rows have gold alignments."""
        scores = super().score_predictions(rows, predictions, encoded=encoded, split=split)
        encoding = encoded.encoding
        if not encoded.aligned or any(generated.weights is None for generated in predictions.values()):
            return scores
        assert isinstance(encoding, WrittenEncoding)
        gold = [{(target, source) for target, source in row["alignment"]} for row in rows]
        return scores | alignment_scores(
            gold, encoding.attention_between_words(encoded.splits[split], rows, predictions)
        )

    def _text_search(self) -> TextSearch:
        """Made with the head, so that what it refuses is refused of the whole network, as what cannot work."""
        options = dict(self.search)
        factor, extra = options.pop("length_factor"), options.pop("length_extra")
        return TextSearch(SearchOptions(**options), factor, extra)


def _word_table(body: Body) -> nn.Embedding:
    parts = body.embeddings.parts
    if "words" not in parts:
        raise ValueError(
            "task.tie=true shares the vectors of words between source and target, but the embedding has none, only "
            f"{', '.join(parts)}; give embedding.parts.words a width above 0, or set task.tie=false"
        )
    words: Any = parts["words"]
    table: nn.Embedding = words.table
    return table
