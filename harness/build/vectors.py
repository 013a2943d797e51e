"""The pretrained word vectors of a run: the file that its configuration names, their start, and what a record says."""

from __future__ import annotations

import warnings

import torch

from harness.build.data import Data
from harness.records.data_notes import coverage_notes
from harness.records.record import WordVectors
from models.vectors import PretrainedVectors
from tasks.encoding.vectors import Vectors, coverage_of
from tasks.model import TaskModel


def start_vectors(model: TaskModel, data: Data) -> None:
    """Let vectors that are learnt on start from those of the file."""
    vectors = data.encoded.encoding.codec.options.vectors
    for part in model.embeddings.modules():
        if isinstance(part, PretrainedVectors) and vectors is not None:
            part.start_from(torch.from_numpy(vectors.rows_VD[: vectors.learnt + 1]))


def bytes_of_vectors(data: Data) -> int:
    """The memory that the pretrained vectors of all words of the corpus take."""
    vectors = data.encoded.encoding.codec.options.vectors
    return 0 if vectors is None else vectors.rows_VD.nbytes


def vector_facts(model: TaskModel, data: Data) -> WordVectors | None:
    """What the record says of pretrained vectors; None where there are none. Warns of a share under half."""
    vectors = data.encoded.encoding.codec.options.vectors
    if not isinstance(vectors, Vectors):
        return None
    parts = [part for part in model.embeddings.modules() if isinstance(part, PretrainedVectors)]
    facts: WordVectors = {
        "path": vectors.source.path,
        "content": vectors.source.content,
        "width": vectors.width,
        "kept": len(vectors.words),
        "trained": any(part.table is not None for part in parts),
        **vectors.said,  # type: ignore[typeddict-item]
        "coverage": {name: coverage_of(split) for name, split in data.encoded.splits.items()},
    }
    for note in coverage_notes([{"vectors": facts}]):
        warnings.warn(note, stacklevel=2)
    return facts
