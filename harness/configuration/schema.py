"""The schema: of every option in ``conf/`` its type and range. An option's default stands in its YAML alone.

A new option is one line: here, or in ``parts`` if it is one of data, task, embedding, backbone or mechanism. What comes
from elsewhere (a ``_target_`` that no table names) is ``Foreign``: any options, since its class says which there are.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict

from harness.configuration import kinds as k
from harness.configuration import parts as p


class Encoding(k.Group):
    """How a text becomes tensors."""

    normalize: k.UnicodeForm
    lowercase: k.Switch
    min_count: k.Count
    max_characters: k.Count
    ngram_min: k.Count
    ngram_max: k.Count
    max_length: k.OptionalCount
    overlong: Literal["windows", "cut", "error"]


class Training(k.Group):
    """The optimisation."""

    steps: k.Count
    patience: k.Count
    batch_tokens: k.Count
    batch_rows: k.Count
    learning_rate: k.Positive
    embedding_learning_rate: k.Positive
    encoder_learning_rate: k.Positive
    weight_decay: k.FromZero
    schedule: Literal["cosine", "inverse_sqrt", "stable"]
    warmup_steps: k.Count
    final_learning_rate_fraction: k.Share
    decay_share: k.Share
    gradient_clip: k.OptionalPositive
    accumulate_batches: k.Count
    average_decay: k.Rate
    evaluation_batch_tokens: k.Count
    evaluation_batch_rows: k.Count


class Trainer(k.Group):
    """Keyword arguments of Lightning's trainer; those from ``deterministic`` on are in no YAML."""

    accelerator: k.Text
    devices: k.Devices
    num_nodes: k.Count
    strategy: k.Text
    precision: Literal["32-true", "bf16-mixed", "16-mixed"]  # true 16 and 64 bits do not go with frozen batches
    threads: k.UpToThousand
    fast_dev_run: k.Switch
    profiler: k.OptionalText
    enable_progress_bar: k.Switch
    deterministic: k.Switch = False
    benchmark: k.Switch = False
    detect_anomaly: k.Switch = False
    sync_batchnorm: k.Switch = False
    limit_train_batches: k.Amount = 1.0
    limit_val_batches: k.Amount = 1.0
    limit_test_batches: k.Amount = 1.0


class FileLogger(k.Factory):
    """CSV."""

    name: k.OptionalText
    version: k.AnyText


class TensorBoard(FileLogger):
    """TensorBoard."""

    default_hp_metric: k.Switch


class WeightsAndBiases(k.Factory):
    """Weights & Biases."""

    project: k.Text
    group: k.OptionalText
    tags: k.Texts
    mode: Literal["online", "offline", "disabled"]


LOGGERS = {
    "pytorch_lightning.loggers.CSVLogger": FileLogger,
    "pytorch_lightning.loggers.TensorBoardLogger": TensorBoard,
    "harness.training.loggers.no_logger": k.Factory,
    "harness.training.loggers.wandb_logger": WeightsAndBiases,
}


class LocalWorkers(k.Part):
    """Processes of this machine."""

    count: k.Count


class Ray(k.Part):
    """A Ray cluster."""

    address: k.Text
    workers: k.Count
    cpus: k.FromZero
    gpus: k.FromZero


class Job(k.Group):
    """What a job asks a cluster for; further options are submitit's."""

    model_config = ConfigDict(extra="allow")

    name: k.Text
    timeout_min: k.Count
    cpus_per_task: k.OptionalCount
    gpus_per_node: k.Unchecked
    mem_gb: k.OptionalPositive
    slurm_partition: k.OptionalText
    slurm_array_parallelism: k.OptionalCount
    slurm_setup: k.OptionalTexts
    slurm_additional_parameters: k.OptionalOptions


class Submitit(k.Part):
    """SLURM."""

    cluster: Literal["slurm", "local"]
    folder: k.PathText
    workers: k.Count
    job: Job


ENGINES = {
    "harness.engines.local.LocalWorkers": LocalWorkers,
    "harness.engines.ray.RayEngine": Ray,
    "harness.engines.submitit.SubmititEngine": Submitit,
}


class NoMatch(k.Group):
    """Every mechanism as large as it comes."""

    by: Literal["none", "parameters", "flops"]


class Match(NoMatch):
    """Equal sizes."""

    reference: k.Text
    expansion: k.Positive
    tolerance: k.Share


class Debug(k.Group):
    """Runs that reach no board."""

    enabled: k.Switch
    overfit_rows: k.OptionalCount


class NoSearch(k.Group):
    """The configuration as it is."""

    method: Literal["none", "random", "sobol", "halton", "optuna"]


class Search(NoSearch):
    """Trials."""

    trials: k.Trials
    seeds: k.OptionalSeeds
    trial_seed: k.Seed
    seed: k.Seed
    space: k.Unchecked  # read_space knows it


class Optuna(Search):
    """Trials that depend on each other."""

    startup_trials: k.Count
    prune: k.Switch
    prune_after: k.Share
    pruner: k.Unchecked = None


SEARCHES = {"random": Search, "sobol": Search, "halton": Search, "optuna": Optuna}


class Configuration(k.Group):
    """All options."""

    seed: k.Seed
    results_dir: k.PathText
    data_dir: k.OptionalPath
    force: k.Switch
    trace: k.Switch
    retry: Literal["failed", "none", "all"]
    attention_maps: k.Switch
    max_minutes: k.OptionalPositive
    plan: k.Switch
    workers: k.Count
    encoding: Encoding
    training: Training
    data: Annotated[Any, k.OneOf(p.SOURCES, k.Foreign)]
    backbone: Annotated[Any, k.OneOf(p.BACKBONES, k.ForeignFactory)]
    model: p.Model
    decoder: Annotated[Any, k.OneOf(p.DECODERS, k.ForeignFactory)] = None
    position: Annotated[Any, k.OneOf(p.POSITIONS, k.ForeignFactory)]
    embedding: Annotated[Any, k.OneOf(p.EMBEDDINGS, k.ForeignFactory)]
    task: Annotated[Any, k.OneOf(p.TASKS, k.Foreign)]
    trainer: Trainer
    match: Annotated[Any, k.OneOf({"parameters": Match, "flops": Match}, NoMatch, by="by")]
    debug: Debug
    search: Annotated[Any, k.OneOf(SEARCHES, NoSearch, by="method")]
    search_space: k.Unchecked = None
    logger: Annotated[Any, k.OneOf(LOGGERS, k.ForeignFactory)]
    engine: Annotated[Any, k.OneOf(ENGINES, k.Foreign)]
    names: k.Unchecked = None
