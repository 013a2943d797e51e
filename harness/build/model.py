"""The network of a configuration: embeddings, encoder and head, each from weights of its own seed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import count

import numpy as np
import torch
from omegaconf import DictConfig

from harness.build.data import Data
from harness.build.factories import make_attention, make_factory, uses_external
from models.attention.base import Attention, Site
from tasks.base import AttentionFactory, Head, Task
from tasks.kinds.writing import GenerationTask
from tasks.model import TaskModel


def make_model(config: DictConfig, data: Data, *, device: str = "cpu") -> TaskModel:
    """The whole model on ``device``; ``meta`` costs no memory and no time."""
    encoded = data.encoded
    writer = encoded.writer
    sizes = Sizes(
        labels=encoded.labels,
        vocabulary=encoded.codec.vocabulary_size,
        characters=encoded.codec.character_count,
        written=len(writer.vocabulary) if writer is not None else 0,
        begin=writer.begin if writer is not None else 0,
        end=writer.end if writer is not None else 0,
        aligned=encoded.aligned,
    )
    with torch.device(device):
        return assemble(config, data.task, sizes)


@dataclass(frozen=True)
class Sizes:
    """What is known only once the corpus is encoded: labels, numbers of words, characters and written symbols.

    ``begin``, ``end``: ids of the two symbols that no text holds. ``aligned``: whether gold alignments are scored.
    """

    labels: list[str]
    vocabulary: int
    characters: int
    written: int = 0
    begin: int = 0
    end: int = 0
    aligned: bool = False


def assemble(config: DictConfig, task: Task, sizes: Sizes) -> TaskModel:
    """Embeddings, encoder and head.

    Each part is seeded anew, and mechanisms draw from a stream of their own, so that whatever two models have in common
    starts from the same weights. Where an external memory adds words (label names), the embeddings are others.
    """
    attention, position = make_attention(config), make_factory(config.position)
    if attention is not None:
        attention = _apart(attention, config.seed)
    able = uses_external(config)
    external = able and not task.generates  # a text that is written has its source as external memory, in the decoder
    torch.manual_seed(config.seed)
    embeddings = make_factory(config.embedding)(vocabulary_size=sizes.vocabulary, character_count=sizes.characters)
    torch.manual_seed(config.seed + 1)
    encoder = make_factory(config.backbone)(embeddings.width, attention=attention, position=position, external=external)
    torch.manual_seed(config.seed + 2)
    if isinstance(task, GenerationTask):
        head: Head = task.build_writing_head(
            decoder=partial(make_factory(config.decoder), attention=attention, position=position, external=able),
            input_width=embeddings.width,
            memory_width=encoder.width,
            vocabulary_size=sizes.written,
            begin=sizes.begin,
            end=sizes.end,
            table=embeddings.parts["words"].table if task.tie else None,
            aligns=sizes.aligned,
        )
    else:
        head = task.build_head(encoder.width, labels=sizes.labels, attention=attention)
    return TaskModel(embeddings, encoder, head, external=external)


def _apart(attention: AttentionFactory, seed: int) -> AttentionFactory:
    """The factory, whose n-th mechanism starts from weights of its own seed and leaves the random state as it was."""
    numbers = count()

    def make(site: Site) -> Attention:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(np.random.SeedSequence([seed, next(numbers)]).generate_state(1)[0]))
            return attention(site)

    return make
