"""The one place that turns configuration into objects. Beyond it, classes take plain arguments."""

from __future__ import annotations

import importlib.util
import math
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from hydra.utils import get_class, instantiate
from omegaconf import DictConfig, OmegaConf

from harness.configuration import CONF, processes_of, targets
from harness.records import writes_here
from models.attention.base import Attention, Site
from tasks.base import AttentionFactory, Batch, Head, Task
from tasks.batching import BatchLoader, BatchPlan
from tasks.collation import collate
from tasks.corpora import Corpus
from tasks.encoded import EncodedCorpus, encode_corpus
from tasks.encoding import EncodingOptions
from tasks.generation import GenerationTask
from tasks.heads.generation import Generated
from tasks.metrics.translation import alignment_scores
from tasks.model import TaskModel
from tasks.sequences import aligned_words, encode_sequences

if TYPE_CHECKING:
    import pytorch_lightning as pl


class UnsupportedError(ValueError):
    """A combination that cannot work whatever the data; found before any data is read."""


def is_floor(config: DictConfig) -> bool:
    """Whether ``model=`` names a floor (majority, tfidf, copy, lead) instead of an attention mechanism."""
    return "floor" in config.model


def foreign_files(config: Mapping[str, Any]) -> list[Path]:
    """The source files of the parts that come from outside the repository: they belong to the version of the code.

    Of a package all files, since what a class does may stand in any of them; of an installed one that of the class's
    module alone, since versions of packages are on the record.
    """
    plain = OmegaConf.to_container(config, resolve=True) if isinstance(config, DictConfig) else config
    assert isinstance(plain, Mapping)
    groups = ("task", "data", "model", "embedding", "backbone", "decoder", "position")
    modules = {target.rpartition(".")[0] for group in groups for target in targets(plain.get(group))}
    foreign = [module for module in modules if module and module.split(".")[0] not in ("models", "tasks", "harness")]
    return sorted({path for module in foreign for path in _sources(module)})


def _sources(module: str) -> list[Path]:
    try:
        whole, itself = (importlib.util.find_spec(name) for name in (module.split(".")[0], module))
    except (ImportError, ValueError):
        return []
    if whole is None or itself is None:
        return []
    installed = [Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib")]
    folders = [Path(folder) for folder in whole.submodule_search_locations or ()]
    if folders and not any(folder.is_relative_to(place) for folder in folders for place in installed):
        return [path for folder in folders for path in folder.rglob("*.py")]
    return [Path(itself.origin)] if itself.origin is not None else []


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
        training = self.config.training
        train = split == "train"
        # Lightning skips validation on a device that gets no batch, so a small split is cut finer.
        evaluation_rows = min(training.evaluation_batch_rows, max(1, self.size(split) // world_size))
        plan = BatchPlan(
            self.encoded.splits[split].lengths,
            batch_tokens=training.batch_tokens if train else training.evaluation_batch_tokens,
            batch_rows=training.batch_rows if train else evaluation_rows,
            shuffle=train,
            seed=self.config.seed,
            rank=rank,
            world_size=world_size,
        )
        return BatchLoader(self.encoded.splits[split], plan, pin_memory=torch.cuda.is_available())

    def batch(self, split: str, examples: list[int]) -> Batch:
        """Some examples of a split (from 0) as a batch."""
        return collate(self.encoded.splits[split], torch.tensor(examples).numpy())

    def sample(self) -> Batch:
        """The first rows of train: a batch whose shape costs are counted on."""
        return self.batch("train", list(range(min(32, self.size("train")))))

    def readable(self, split: str, prediction: Any) -> Any:
        """A predicted index, or list of indices, as the label's name or the list of names; what was written as text."""
        if isinstance(prediction, Generated):
            return self.encoded.writer.text(prediction.ids, self.encoded.splits[split].targets.forms_U)  # type: ignore[union-attr]
        labels = self.encoded.labels
        return [labels[i] for i in prediction] if isinstance(prediction, list) else labels[int(prediction)]

    def score(self, split: str, predictions: Mapping[int, Any]) -> dict[str, float]:
        """Every score of the task; ``predictions`` maps the row of each example to what the model predicts."""
        rows = [self.corpus.splits[split][row] for row in predictions]
        predicted = [self.readable(split, prediction) for prediction in predictions.values()]
        scores = self.task.score_rows(rows, predicted, labels=self.encoded.labels)
        if self.encoded.aligned:
            weights = aligned_words(self.encoded.splits[split], self.encoded.writer, rows, predictions)
            scores |= alignment_scores([{(t, s) for t, s in row["alignment"]} for row in rows], weights)
        return scores


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
        return _assemble(config, data.task, sizes)


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
