"""The data of a run: read, checked, then numbers; batches for the model, words and scores for what it predicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hydra.utils import instantiate
from omegaconf import DictConfig

from harness.build.factories import uses_external, window_of
from harness.build.pretrained import encoder_part, text_encoder
from tasks.base import Batch, Task
from tasks.encoding.batching import BatchLoader, BatchPlan
from tasks.encoding.collation import collate
from tasks.encoding.corpus import EncodedCorpus
from tasks.encoding.text_encoder import TextEncoder
from tasks.encoding.vectors import FileOfVectors, Vectors
from tasks.encoding.vocabulary import EncodingOptions, VectorLookup
from tasks.reading.source import Corpus

SAMPLED, USUAL = 32, 512
"""How many rows costs are counted on, and the most tokens of one: on the meta device a step of an LSTM is slow."""


def make_task(config: DictConfig) -> Task:
    """The task."""
    task: Task = instantiate(config.task)
    return task


def load_corpus(config: DictConfig, task: Task) -> Corpus:
    """The rows of all splits, checked; the task knows from here on what was left to the data."""
    corpus: Corpus = instantiate(config.data).load(task)
    corpus = replace(corpus, notes=(*corpus.notes, *task.settle(corpus)))
    rows = config.debug.overfit_rows
    if rows is None:
        return corpus
    few, place = corpus.splits["train"][:rows], corpus.places["train"]
    return replace(corpus, splits=dict.fromkeys(corpus.splits, few), places=dict.fromkeys(corpus.places, place))


def encode(config: DictConfig, task: Task, corpus: Corpus) -> Data:
    """Tokenise and number the corpus with vocabularies of its training split.

    Raises ValueError for what the encoding refuses, and for texts longer than learned positions reach.
    """
    cache, encoder = Path(config.results_dir) / "cache", text_encoder(config, symbols=task.generates)
    options = encoding_options(config, _vectors(config, cache), encoder)
    encoded: EncodedCorpus = task.encode(corpus, options=options, external=uses_external(config), cache=cache)
    if encoder is not None:
        encoder.let_go()
    _check_lengths(config, corpus, encoded)
    return Data(config, task, corpus, encoded)


def encoding_options(config: DictConfig, vectors: VectorLookup | None, encoder: TextEncoder | None) -> EncodingOptions:
    """How tokens become ids, as the configuration has it, and what is pretrained: vectors of words, or an encoder."""
    buckets = config.embedding.ngram_buckets
    return EncodingOptions(**config.encoding, ngram_buckets=buckets, vectors=vectors, encoder=encoder)


def file_of_vectors(config: DictConfig) -> FileOfVectors | None:
    """The file of pretrained word vectors that the embedding reads, if it reads any."""
    embedding = config.embedding
    if embedding.get("path") is None or "content" not in embedding or encoder_part(config) is not None:
        return None
    return FileOfVectors(str(embedding.path), str(embedding.content), config.encoding.normalize)


def _vectors(config: DictConfig, cache: Path) -> Vectors | None:
    source = file_of_vectors(config)
    return None if source is None else Vectors(source, source.width, cache)


def _check_lengths(config: DictConfig, corpus: Corpus, encoded: EncodedCorpus) -> None:
    """ValueError for a text that learned positions do not reach, which would end the run when its turn comes."""
    longest, window = config.position.get("max_length"), window_of(config)
    if longest is None or (window is not None and window <= longest):
        return
    for name, split in encoded.splits.items():
        for lengths in encoded.lengths_by_position(name):
            for row in np.flatnonzero(lengths > longest):
                raise ValueError(
                    f"{corpus.place(name, int(split.rows_N[row]))}: a text of {lengths[row]} symbols, but "
                    f"learned positions exist up to position.max_length={longest}; set that to "
                    f"{lengths.max()} or more, shorten the texts, or use position=sinusoidal"
                )


@dataclass(frozen=True)
class Data:
    """The encoded corpus of a run with what is needed to batch and to score it."""

    config: DictConfig
    task: Task
    corpus: Corpus
    encoded: EncodedCorpus

    def size(self, split: str) -> int:
        """The number of examples of a split."""
        return len(self.encoded.splits[split])

    def loader(self, split: str, rank: int = 0, world_size: int = 1) -> BatchLoader:
        """The batches of a split: shuffled for training, in order of length otherwise."""
        plan = self.plan(split, rank, world_size)
        return BatchLoader(self.encoded.splits[split], plan, pin_memory=torch.cuda.is_available())

    def plan(self, split: str, rank: int = 0, world_size: int = 1) -> BatchPlan:
        """Which examples of a split make a batch: from their lengths alone."""
        training = self.config.training
        train = split == "train"
        # Lightning skips validation on a device that gets no batch, so a small split is cut finer.
        evaluation_rows = min(training.evaluation_batch_rows, max(1, self.size(split) // world_size))
        return BatchPlan(
            self.encoded.splits[split].lengths,
            batch_tokens=training.batch_tokens if train else training.evaluation_batch_tokens,
            batch_rows=training.batch_rows if train else evaluation_rows,
            shuffle=train,
            seed=self.config.seed,
            rank=rank,
            world_size=world_size,
            accumulate=training.accumulate_batches if train else 1,
        )

    def batch(self, split: str, examples: list[int]) -> Batch:
        """Some examples of a split (from 0) as a batch."""
        return collate(self.encoded.splits[split], torch.tensor(examples).numpy())

    def sample(self) -> Batch:
        """The first rows of train that are no long texts: a batch whose shape costs are counted on."""
        return self.batch("train", self.sampled())

    def sampled(self) -> list[int]:
        """Which rows of train are in the sample."""
        lengths = self.encoded.splits["train"].lengths
        usual: list[int] = np.flatnonzero(lengths <= USUAL)[:SAMPLED].tolist()
        return usual or [int(lengths.argmin())]

    def readable(self, split: str, prediction: Any) -> Any:
        """A prediction as scores, records and people read it: the label's name, the names of the tags, the text."""
        return self.encoded.readable(split, prediction)

    def score(self, split: str, predictions: Mapping[int, Any]) -> dict[str, float]:
        """Every score of the task; ``predictions`` maps the row of each example to what the model predicts."""
        rows = [self.corpus.splits[split][row] for row in predictions]
        return self.task.score_predictions(rows, predictions, encoded=self.encoded, split=split)
