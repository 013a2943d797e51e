"""The network of a configuration: embeddings, encoder and head, each from weights of its own seed."""

from __future__ import annotations

from itertools import count

import numpy as np
import torch
from omegaconf import DictConfig

from harness.build.data import Data
from harness.build.factories import make_attention, make_factory, uses_external, window_of
from harness.build.vectors import start_vectors
from models.attention.base import Attention, Site
from models.backbones.base import AttentionFactory, Decoder
from tasks.base import Body, Sizes, Task
from tasks.model import TaskModel


def make_model(config: DictConfig, data: Data, *, device: str = "cpu") -> TaskModel:
    """The whole model on ``device``; ``meta`` costs no memory and no time."""
    with torch.device(device):
        model = assemble(config, data.task, data.encoded.sizes)
    if device != "meta":
        start_vectors(model, data)
    return model


def assemble(config: DictConfig, task: Task, sizes: Sizes) -> TaskModel:
    """Embeddings, encoder and head.

    Each part is seeded anew, and mechanisms draw from a stream of their own, so that whatever two models have in common
    starts from the same weights. Where an external memory adds words (label names), the embeddings are others.
    """
    attention, position = make_attention(config), make_factory(config.position)
    if attention is not None:
        attention = _apart(attention, config.seed)
    able = uses_external(config)
    external = able and task.encoder_reads_external
    torch.manual_seed(config.seed)
    pretrained = {} if sizes.encoder is None else {"encoder": sizes.encoder}
    vectors = {"vectors": sizes.vectors, "vector_width": sizes.vector_width} if sizes.vector_width else {}
    embeddings = make_factory(config.embedding)(
        vocabulary_size=sizes.vocabulary, character_count=sizes.characters, **vectors, **pretrained
    )
    torch.manual_seed(config.seed + 1)
    encoder = make_factory(config.backbone)(embeddings.width, attention=attention, position=position, external=external)
    torch.manual_seed(config.seed + 2)

    def decoder(input_width: int) -> Decoder:
        if "_target_" not in config.decoder:
            raise ValueError(f"task={task.name} writes, and decoder=none does not; choose recurrent or transformer")
        made: Decoder = make_factory(config.decoder)(input_width, attention=attention, position=position, external=able)
        torch.manual_seed(config.seed + 3)  # a mechanism may have one more site there, which draws
        return made

    head = task.build_head(sizes, Body(encoder.width, embeddings, attention, decoder))
    return TaskModel(embeddings, encoder, head, external=external, window=window_of(config))


def _apart(attention: AttentionFactory, seed: int) -> AttentionFactory:
    """The factory, whose n-th mechanism starts from weights of its own seed and leaves the random state as it was."""
    numbers = count()

    def make(site: Site) -> Attention:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(np.random.SeedSequence([seed, next(numbers)]).generate_state(1)[0]))
            return attention(site)

    return make
