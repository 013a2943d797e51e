"""The one place that turns configuration into objects. Beyond it, classes take plain arguments."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from hydra.utils import get_class, instantiate
from omegaconf import DictConfig, OmegaConf

from harness.configuration import CONF, processes_of
from harness.data import Data
from harness.records import writes_here
from models.attention.base import Attention, Site
from tasks.base import AttentionFactory, Head, Task
from tasks.corpora import Corpus
from tasks.encoded import EncodedCorpus, encode_corpus
from tasks.encoding import EncodingOptions
from tasks.generation import GenerationTask
from tasks.model import TaskModel
from tasks.sequences import encode_sequences

if TYPE_CHECKING:
    import pytorch_lightning as pl


class UnsupportedError(ValueError):
    """A combination that cannot work whatever the data; found before any data is read."""


def is_floor(config: DictConfig) -> bool:
    """Whether ``model=`` names a floor (majority, tfidf, copy, lead) instead of an attention mechanism."""
    return "floor" in config.model


def make_task(config: DictConfig) -> Task:
    """The task."""
    task: Task = instantiate(config.task)
    return task


def load_corpus(config: DictConfig, task: Task) -> Corpus:
    """The rows of all splits, checked."""
    corpus: Corpus = instantiate(config.data).load(task)
    rows = config.debug.overfit_rows
    if rows is None:
        return corpus
    few, place = corpus.splits["train"][:rows], corpus.places["train"]
    return replace(corpus, splits=dict.fromkeys(corpus.splits, few), places=dict.fromkeys(corpus.places, place))


def check_combination(config: DictConfig, task: Task) -> None:
    """Refuse what cannot work: abilities that the mechanism lacks, options that do not fit, on the meta device.

    Raises UnsupportedError with the message of the part that refuses, ValueError for devices that cannot be had here.
    """
    if is_floor(config):
        floor = instantiate(config.model.floor)
        try:
            floor.check(task)
        except ValueError as error:
            raise UnsupportedError(str(error)) from error
        return
    _check_devices(config)
    mechanism = _mechanism(config)
    missing = task.needs - mechanism.supports
    if missing:
        raise UnsupportedError(
            f"model={config.names.model} supports {', '.join(sorted(mechanism.supports))}, but task={task.name} also "
            f"needs {', '.join(sorted(missing))}; mechanisms that can: {', '.join(_able(task))}"
        )
    try:
        with torch.device("meta"):
            _assemble(config, task, Sizes(labels=["O", "B-X"], vocabulary=8, characters=8, written=8, begin=2, end=3))
    except ValueError as error:
        raise UnsupportedError(str(error)) from error


def _check_devices(config: DictConfig) -> None:
    """Refuse devices that are not here or cannot be counted, and to train one run alone in each of several processes.

    Raises ValueError.
    """
    accelerator_of(config)
    if processes_of(config) == 1 and not writes_here():
        raise ValueError(
            "srun or torchrun started several processes, but the run is of one (trainer.devices=1), which the first of "
            "them trains and records; for several give trainer=ddp and trainer.devices=<processes on a machine>"
        )


def _mechanism(config: DictConfig) -> Any:
    """The mechanism's class, from its factory."""
    factory = _factory(config.model.attention)
    return getattr(factory, "func", factory)


def _able(task: Task) -> list[str]:
    """The mechanisms of ``conf/model`` that support what the task needs."""
    able = []
    for path in sorted((CONF / "model").glob("*.yaml")):
        model = OmegaConf.to_container(OmegaConf.load(path))
        target = model.get("attention", {}).get("_target_", "???") if isinstance(model, dict) else "???"
        if target != "???" and task.needs <= get_class(target).supports:  # type: ignore[attr-defined]
            able.append(path.stem)
    return able


def uses_external(config: DictConfig) -> bool:
    """Whether the mechanism can look at an external memory."""
    return "external" in _mechanism(config).supports


def _factory(node: DictConfig) -> Any:
    return instantiate(node, _convert_="all")


def encode(config: DictConfig, task: Task, corpus: Corpus) -> Data:
    """Tokenise and number the corpus with vocabularies of its training split.

    Raises ValueError for what the encoding refuses, and for texts longer than learned positions reach.
    """
    options = EncodingOptions(**config.encoding, ngram_buckets=config.embedding.ngram_buckets)
    if isinstance(task, GenerationTask):
        encoded = encode_sequences(corpus, task, options=options, cache=Path(config.results_dir) / "cache")
    else:
        encoded = encode_corpus(corpus, task, options=options, external=uses_external(config))
    _check_lengths(config, corpus, encoded)
    return Data(config, task, corpus, encoded)


def _check_lengths(config: DictConfig, corpus: Corpus, encoded: EncodedCorpus) -> None:
    """ValueError for a text that learned positions do not reach, which would end the run when its turn comes."""
    longest = config.position.get("max_length")
    if longest is None:
        return
    for name, split in encoded.splits.items():
        read_or_written: list[Any] = [*split.texts, split.external]
        if name != "test" or encoded.aligned:  # else what is written there is searched, up to the limit
            read_or_written.append(split.targets)
        for texts in (texts for texts in read_or_written if texts is not None):
            for row in np.flatnonzero(texts.lengths > longest):
                raise ValueError(
                    f"{corpus.place(name, int(split.rows_N[row]))}: a text of {texts.lengths[row]} symbols, but "
                    f"learned positions exist up to position.max_length={longest}; set that to "
                    f"{texts.lengths.max()} or more, shorten the texts, or use position=sinusoidal"
                )


def make_model(config: DictConfig, data: Data, *, device: str = "cpu") -> TaskModel:
    """The whole model on ``device``; ``meta`` costs no memory and no time."""
    with torch.device(device):
        return _assemble(config, data.task, sizes_of(data.encoded))


def sizes_of(encoded: EncodedCorpus) -> Sizes:
    """What a model must know of the encoded corpus."""
    writer = encoded.writer
    return Sizes(
        labels=encoded.labels,
        vocabulary=encoded.codec.vocabulary_size,
        characters=encoded.codec.character_count,
        written=len(writer.vocabulary) if writer is not None else 0,
        begin=writer.begin if writer is not None else 0,
        end=writer.end if writer is not None else 0,
        aligned=encoded.aligned,
    )


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


def _assemble(config: DictConfig, task: Task, sizes: Sizes) -> TaskModel:
    """Embeddings, encoder and head.

    Each part is seeded anew, and mechanisms draw from a stream of their own, so that whatever two models have in common
    starts from the same weights. Where an external memory adds words (label names), the embeddings are others.
    """
    attention, position = _apart(_factory(config.model.attention), config.seed), _factory(config.position)
    able = uses_external(config)
    external = able and not task.generates  # a text that is written has its source as external memory, in the decoder
    torch.manual_seed(config.seed)
    embeddings = _factory(config.embedding)(vocabulary_size=sizes.vocabulary, character_count=sizes.characters)
    torch.manual_seed(config.seed + 1)
    encoder = _factory(config.backbone)(embeddings.width, attention=attention, position=position, external=external)
    torch.manual_seed(config.seed + 2)
    if isinstance(task, GenerationTask):
        head: Head = task.build_writing_head(
            decoder=partial(_factory(config.decoder), attention=attention, position=position, external=able),
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


def optimisation(config: DictConfig) -> dict[str, Any]:
    """The keyword arguments of ``TrainingModule`` that say how weights are learnt."""
    names = (
        "learning_rate",
        "embedding_learning_rate",
        "weight_decay",
        "schedule",
        "warmup_fraction",
        "final_learning_rate_fraction",
    )
    return {name: config.training[name] for name in names}


def epochs_for(steps: int, config: DictConfig, *, batches: int) -> int:
    """The whole epochs that ``steps`` of the optimiser take, where all processes together see ``batches`` in one."""
    return math.ceil(steps * int(config.training.accumulate_batches) * processes_of(config) / batches)


def accelerator_of(config: DictConfig) -> str:
    """What a run computes on, in Lightning's words: ``auto`` is CUDA where there is a GPU of it, else the CPU.

    Lightning's own ``auto`` and ``gpu`` prefer Apple's MPS, which lacks the double precision of the CRF.
    Raises ValueError for a GPU where there is none.
    """
    named = str(config.trainer.accelerator)
    if named == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if named == "gpu" and not torch.cuda.is_available():
        raise ValueError(
            "trainer.accelerator=gpu needs a CUDA GPU, and torch finds none here; trainer=auto does without"
        )
    return "cuda" if named == "gpu" else named


def make_trainer(config: DictConfig, *, batches: int, callbacks: list[Any], logger: Any, folder: Path) -> pl.Trainer:
    """Lightning's trainer: the options of ``trainer=`` and those of ``training`` that belong to it."""
    import pytorch_lightning as pl

    options = OmegaConf.to_container(config.trainer, resolve=True)
    assert isinstance(options, dict)
    options.pop("threads")
    options["accelerator"] = accelerator_of(config)
    return pl.Trainer(
        **{str(key): value for key, value in options.items()},
        max_epochs=epochs_for(config.training.steps, config, batches=batches),
        accumulate_grad_batches=config.training.accumulate_batches,
        gradient_clip_val=config.training.gradient_clip,
        callbacks=callbacks,
        logger=logger,
        default_root_dir=folder,
        log_every_n_steps=50,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        enable_model_summary=False,
    )
