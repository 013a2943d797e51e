"""What tasks that write have in common: columns, options, the head."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from torch import nn

from models.backbones.base import Decoder
from models.decoding import SearchOptions
from tasks.base import AttentionFactory, Head, Task
from tasks.heads.generation import GenerationHead


class GenerationTask(Task):
    """A text in, a text out, by ``GenerationHead``.

    ``language``: ISO 639-1 code of what is written; it says how texts are scored.
    ``vocabulary_size``: the most symbols of a vocabulary; the rarest words or characters beyond it are unknown.
    ``source_symbols``, ``target_symbols``: ``bpe``, ``characters`` or ``words``; ``joint``: whether both share
    segmentation and vocabulary.
    ``max_source``, ``max_target``: symbols beyond these are cut off; targets only in training (null: nothing is).
    ``copying``, ``coverage_weight``, ``coverage_from``, ``label_smoothing``, ``dropout``, ``tie``: see
    ``GenerationHead``.
    ``search``: how texts are written; see ``models.decoding.SearchOptions``, with ``length_factor`` and
    ``length_extra``: a text may have ``length_factor`` times the source's symbols and ``length_extra`` more.
    ``validate_by``: what chooses the epoch, ``loss`` (cheap: nothing is written) or ``score``.
    """

    text_columns = ("source",)
    label_column = "target"
    tokenized = False
    needs = frozenset({"self", "cross", "causal"})
    generates: ClassVar[bool] = True

    def __init__(
        self,
        *,
        name: str,
        language: str,
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
        if joint and source_symbols != target_symbols:
            raise ValueError(
                "task.joint=true shares the symbols of source and target, but task.source_symbols is "
                f"{source_symbols!r} and task.target_symbols {target_symbols!r}; make them equal, or set "
                "task.joint=false"
            )
        if not 0 <= coverage_from <= 1:
            raise ValueError(f"task.coverage_from is a share of the training, from 0 to 1, got {coverage_from}")
        self.name = name
        self.language = language
        self.vocabulary_size = vocabulary_size
        self.source_symbols, self.target_symbols, self.joint = source_symbols, target_symbols, joint
        self.max_source, self.max_target = max_source, max_target
        self.copying, self.tie = copying, tie
        self.coverage_weight, self.coverage_from = coverage_weight, coverage_from
        self.label_smoothing, self.dropout = label_smoothing, dropout
        self.search = dict(search)
        self.validate_by = validate_by

    def label_set(self, labels: Sequence[Any]) -> list[str]:
        """Empty: any text may be written."""
        return []

    def build_head(self, width: int, *, labels: list[str], attention: AttentionFactory | None) -> Head:
        """Refused: a head that writes needs a decoder; see ``build_writing_head``."""
        raise TypeError(f"the task {self.name!r} writes: build its head with build_writing_head")

    def build_writing_head(
        self,
        *,
        decoder: Callable[[int], Decoder],
        input_width: int,
        memory_width: int,
        vocabulary_size: int,
        begin: int,
        end: int,
        table: nn.Embedding | None,
        aligns: bool,
    ) -> GenerationHead:
        """The head; ``table`` is the source's table of vectors where tables are tied, else None.

        Raises ValueError if encoder (``memory_width``) and decoder are not equally wide.
        """
        made = decoder(input_width)
        if made.width != memory_width:
            raise ValueError(
                f"the decoder attends to states of its own width, but backbone.width={memory_width} and "
                f"decoder.width={made.width}; make them equal"
            )
        search = dict(self.search)
        length_factor, length_extra = search.pop("length_factor"), search.pop("length_extra")
        return GenerationHead(
            made,
            input_width=input_width,
            vocabulary_size=vocabulary_size,
            begin=begin,
            end=end,
            table=table,
            copying=self.copying,
            coverage_weight=self.coverage_weight,
            coverage_from=self.coverage_from,
            label_smoothing=self.label_smoothing,
            dropout=self.dropout,
            search=SearchOptions(**search),
            length_factor=length_factor,
            length_extra=length_extra,
            aligns=aligns,
        )

    def score(self, gold: Sequence[Any], predicted: Sequence[Any], *, labels: Sequence[str]) -> dict[str, float]:
        """Scores of written texts that need no source."""
        raise TypeError(f"the task {self.name!r} is scored by rows: use score_rows")
