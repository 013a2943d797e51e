"""What a task is: the contract that every file in this folder fulfils, and the batch that flows through a model.

    rows -> Task.check -> Task.encode -> Batch -> model (embeddings, encoder, head) -> predictions -> Task.score_rows

A kind of task (a label, tags, a text to be written, …) is a ``Task`` whose ``encode`` knows how its labels become
numbers and back, and a ``Head``. Nothing else asks of which kind a task or a head is.

B texts in the batch, T positions, S tokens of a text, D width of the states
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from models.architecture import Architecture
from models.backbones.base import AttentionFactory, Decoder
from models.embeddings import TextTensors, TokenEmbedding
from tasks.labels.names import label_name

Row = Mapping[str, Any]
"""One example as the corpus has it: column name -> value."""


PADDING, UNKNOWN = 0, 1
"""The first two ids of every vocabulary."""

IGNORED = -100
"""The label of padded positions."""


@dataclass(frozen=True)
class Batch:
    """Some examples of one split, as tensors.

    ``rows_B``: the index of each example in its split, so that predictions find their way back.
    ``texts``: one entry a text column; tagging and single-text tasks have one, pair tasks two.
    ``external``: a text per example for mechanisms that use an external memory, or None.
    ``labels``: (B,) class indices, (B, L) which of L classes, or (B, T) tag indices or symbols to be written with
    ``IGNORED`` at padding; None when unknown.
    ``copies_BS``: for tasks that write, the id that each token of the text has when it is copied (0 at padding).
    ``share``: in training, how much the mean loss of this batch counts in its step, where several batches make one.
    """

    rows_B: Tensor
    texts: tuple[TextTensors, ...]
    external: TextTensors | None = None
    labels: Tensor | None = None
    copies_BS: Tensor | None = None
    share: float = 1.0

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> Batch:
        """The same batch on ``device``."""
        moved: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, tuple):
                moved[field.name] = tuple(text.to(device, non_blocking=non_blocking) for text in value)
            elif isinstance(value, TextTensors | Tensor):
                moved[field.name] = value.to(device, non_blocking=non_blocking)
        return replace(self, **moved)

    def __len__(self) -> int:
        return len(self.rows_B)


class Encoded(NamedTuple):
    """A text after the encoder: ``states_BTD`` and its boolean ``mask_BT``, True = a real token.

    ``copies_BT``: in tasks that write, the id that each token has when it is copied; else None.
    """

    states_BTD: Tensor
    mask_BT: Tensor
    copies_BT: Tensor | None = None


class Head(nn.Module, ABC):
    """Turns encoded texts into a loss and into predictions; the training loop knows nothing else.

    ``progress``: the share of the training's steps that are over, for a loss that changes with it. The training loop
    sets it before each step, from the number of steps done, so that a resumed run goes on with the same loss.
    ``stepwise``: whether a prediction is made step by step, each with looks of its own at the text. What single calls
    of the head's mechanisms return then says little; ``align`` says where the prediction as a whole looked.
    """

    progress: float = 0.0
    stepwise: ClassVar[bool] = False

    @abstractmethod
    def forward(self, texts: Sequence[Encoded], labels: Tensor | None = None) -> Tensor:
        """What loss and predictions are computed from: logits of the labels (B, L), emissions (B, T, K) of the tags.

        A head that writes needs the ``labels``, which it reads one by one, and returns logits (B, T, V).
        """

    @abstractmethod
    def loss(self, texts: Sequence[Encoded], labels: Tensor) -> Tensor:
        """The mean training loss of the batch over its labels that are not ``IGNORED``, a scalar."""

    @abstractmethod
    def predict(self, texts: Sequence[Encoded], labels: Tensor | None = None) -> list[Any]:
        """One prediction an example: a class index, several, the tag indices of its real tokens, the symbols written.

        ``labels``, where they are known, decide nothing about what is predicted. They are there for what is measured
        with them beside it, such as the attention with which a reference is read.
        """

    def probabilities(self, texts: Sequence[Encoded]) -> Tensor | None:
        """How probable each label is: (B, L), which sum to one where one label is chosen; (B, T, K) of the tags.

        Those of tags are the marginals of each token, zero at padding. None from a head that has no closed set of
        labels, such as one that writes.
        """
        return None

    def choose(self, probabilities: Tensor, mask_BT: Tensor) -> list[Any]:
        """What is predicted where ``probabilities`` says how probable each label is, such as the mean of several heads.

        ``mask_BT``: the real tokens of the first text. Raises ValueError for a head that gives none.
        """
        raise ValueError(f"{type(self).__name__} gives no probabilities to choose by")

    def vote(self, texts: Sequence[Encoded], others: Sequence[Voter]) -> list[Any]:
        """One prediction an example by this head and ``others``: chosen by the mean of their probabilities."""
        return self.choose(self.mean_probabilities(texts, others), texts[0].mask_BT)

    def mean_probabilities(self, texts: Sequence[Encoded], others: Sequence[Voter] = ()) -> Tensor:
        """The mean of ``probabilities`` over this head and ``others``. Raises ValueError for a head that gives none."""
        tables = [head.probabilities(read) for head, read in ((self, texts), *others)]
        known = [table for table in tables if table is not None]
        if len(known) < len(tables):
            raise ValueError(f"{type(self).__name__} gives no probabilities to choose by")
        return torch.stack(known).mean(dim=0)

    def ranked(
        self, texts: Sequence[Encoded], count: int, others: Sequence[Voter] = ()
    ) -> list[list[tuple[Any, float]]]:
        """The ``count`` best predictions of each example with their log-probabilities, the best first.

        ``others``: as in ``vote``. Raises ValueError for a head that predicts no single thing of several.
        """
        raise ValueError(f"{type(self).__name__} does not choose one prediction of several, so there is no order")

    def confidences(self, texts: Sequence[Encoded], predictions: Sequence[Any]) -> list[Any]:
        """How probable each prediction is by ``probabilities``: a number, or of tags one for each real token.

        None for each where there are no probabilities.
        """
        return [None] * len(predictions)

    def align(self, texts: Sequence[Encoded], predictions: Sequence[Any]) -> list[Tensor | None]:
        """The attention to the first text (steps, S) with which each prediction is made, if it is made in steps."""
        return [None] * len(predictions)


Voter = tuple[Head, Sequence[Encoded]]
"""Another head for the same task, and the same texts after its own encoder."""


@dataclass(frozen=True)
class WrittenSymbols:
    """The ids that a decoder writes, all below ``count``.

    ``begin`` is what is read before the first symbol, ``end`` what ends a text; no text holds either.
    """

    count: int
    begin: int
    end: int


NOTHING_WRITTEN = WrittenSymbols(count=0, begin=0, end=0)


@dataclass(frozen=True)
class Sizes:
    """What is known only once the corpus is encoded: labels, numbers of words, characters and written symbols.

    ``aligned``: whether gold alignments are scored. ``encoder``: the pretrained encoder that reads the texts besides.
    ``vectors``: pretrained vectors of words that train shows; ``vector_width``: of these, 0 where none are used.
    """

    labels: list[str]
    vocabulary: int
    characters: int
    written: WrittenSymbols = NOTHING_WRITTEN
    aligned: bool = False
    encoder: Architecture | None = None
    vectors: int = 0
    vector_width: int = 0


@dataclass(frozen=True)
class Body:
    """What a head is set upon, and what makes the parts of its own.

    ``width``: D of the encoder's states. ``embeddings``: of the tokens; a head may share their table.
    ``attention``: makes the mechanism of a site; None: there is no attention. ``decoder``: makes a decoder that reads
    vectors of a given width.
    """

    width: int
    embeddings: TokenEmbedding
    attention: AttentionFactory | None
    decoder: Callable[[int], Decoder]


class Task(ABC):
    """A task: which columns it reads, how they are encoded, which head it needs, how it is scored.

    ``name``: what the configuration calls it, for messages and records.
    ``text_columns``: one or two columns with text; ``label_column``: what is predicted. ``optional_columns``: what
    rows may have besides; other columns of the data are not looked at, so that no change of them can matter.
    ``tokenized``: True if the text column already holds a list of tokens and the label is one tag a token.
    ``main_score``: the key of one score, higher is better; what a board shows.
    ``needs``: what the task asks of a mechanism at its sites, a subset of ``Attention.supports``.
    ``validate_by``: what chooses the epoch, the main ``score`` or the ``loss``.
    ``generates``: True if the label is a text, or a list of texts any of which would be right.
    ``encoder_reads_external``: whether the token sites of the encoder are where an external memory is looked at.
    ``language``: the tag of what is written, by which it is scored; None where nothing is, or until ``settle``.
    """

    name: str
    text_columns: ClassVar[tuple[str, ...]]
    label_column: ClassVar[str]
    optional_columns: ClassVar[tuple[str, ...]] = ("external",)
    tokenized: ClassVar[bool]
    main_score: ClassVar[str]
    needs: ClassVar[frozenset[str]]
    validate_by: str = "score"
    generates: ClassVar[bool] = False
    encoder_reads_external: ClassVar[bool] = True
    language: str | None = None

    def settle(self, corpus: Any) -> list[str]:
        """Decide, once for all splits of a corpus, what the configuration left to the data.

        Returns what was decided, and what about the data spoils scores, in words, for whoever starts the run.
        """
        return []

    @abstractmethod
    def label_problem(self, row: Row) -> str | None:
        """What is wrong with the type of a row's label, and the remedy; None if nothing.

        ``tasks.reading.checks`` has the usual answers. The texts of the row have been looked at before.
        """

    def check(self, row: Row) -> Row:
        """The row as the task uses it, once ``tasks.reading.checks`` has found its columns and types right.

        Raises ValueError for what only the task knows to be wrong. The message leaves out file and line: the caller
        knows those.
        """
        return row

    def checking(self, rows: Sequence[Row]) -> Callable[[Row], Row]:
        """How the rows of one split are checked: by ``check``, unless only all together say how they are to be read."""
        return self.check

    @abstractmethod
    def label_set(self, labels: Sequence[Any]) -> list[str]:
        """The inventory of labels, in a fixed order, from the training split's label column."""

    def label_words(self, labels: Sequence[str]) -> list[list[str]]:
        """The names of the labels in words, the external memory of mechanisms where a row has none of its own."""
        return [label_name(label) for label in labels]

    def label_weights(self, labels: Sequence[str]) -> list[float] | None:
        """What each of the ``labels`` weighs in the loss, once ``settle`` has seen train; None: all the same."""
        return None

    def labels_of(self, row: Row) -> Sequence[str]:
        """The labels of a row, one or several, each of which train must show; none where any text may be written."""
        return [row[self.label_column]]

    def counted(self, label: Any) -> set[tuple[Any, ...]]:
        """What scores by label count of a label, gold or predicted: names, each with its place, ``(name, …)``.

        Empty where texts are written.
        """
        return set()

    def choices(self, label: Any) -> list[str]:
        """The choices that a label consists of, each of one name among all, by which labels are told to be confused.

        Empty where there are none, such as with sets of labels.
        """
        return []

    def unseen_label(self, row: Row, known: Collection[str]) -> str | None:
        """The first label of a row that is not ``known`` from train and so cannot be learnt, if there is one."""
        return next((label for label in self.labels_of(row) if label not in known), None)

    @abstractmethod
    def encode(self, corpus: Any, *, options: Any, external: bool, cache: Path | None) -> Any:
        """The corpus as numbers, with vocabularies and labels of its training split.

        From a ``tasks.reading.source.Corpus`` and ``tasks.encoding.vocabulary.EncodingOptions`` to a
        ``tasks.encoding.corpus.EncodedCorpus``, all of which stand above this file. ``external``: whether the
        mechanism can look at an external memory. ``cache``: a folder for what takes long to learn from texts.

        Raises ValueError for what cannot be encoded.
        """

    @abstractmethod
    def load_encoding(self, saved: Mapping[str, Any], *, options: Any) -> Any:
        """The ``tasks.encoding.corpus.Encoding`` whose ``saved`` this is, for texts that come after the training."""

    @abstractmethod
    def build_head(self, sizes: Sizes, body: Body) -> Head:
        """The head for a corpus of these sizes, set upon this body. Raises ValueError for parts that do not fit."""

    @abstractmethod
    def score_rows(self, rows: Sequence[Row], predicted: Sequence[Any], *, labels: Sequence[str]) -> dict[str, float]:
        """Every score of the task, as fractions, for predictions of some rows.

        ``predicted``: names of labels, lists of the names of tags, or texts. ``labels``: the inventory.
        """

    def score_predictions(
        self, rows: Sequence[Row], predictions: Mapping[int, Any], *, encoded: Any, split: str
    ) -> dict[str, float]:
        """Every score for what a head predicts of some rows of a split of ``encoded``, which ``encode`` made.

        ``predictions``: number of the row in its split -> prediction, in the order of ``rows``.
        """
        predicted = [encoded.readable(split, prediction) for prediction in predictions.values()]
        return self.score_rows(rows, predicted, labels=encoded.labels)

    @abstractmethod
    def definitions(self, rows: Sequence[Row]) -> dict[str, str]:
        """What each score of ``rows`` is, exactly. A key ``score/part`` has the definition of ``score``."""

    @abstractmethod
    def samples(self) -> list[dict[str, Any]]:
        """Four hand-written rows, for tests and smoke runs without data."""
