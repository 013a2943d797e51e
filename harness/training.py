"""Training one neural model and measuring it: fit, choose by validation, test once."""

from __future__ import annotations

import io
import logging
import pickle
import signal
import sys
import time
import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from omegaconf import DictConfig
from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint

from harness import build, costs
from harness.callbacks import Averaging, History, ProgressBar, RandomStates, Verdict, WholeFiles
from harness.data import Data
from harness.flops import forward_flops
from harness.matching import match_model
from harness.memory import keep_freed_memory
from harness.module import TrainingModule
from harness.records import writes_here
from harness.tracking import finish_tracking, make_logger
from tasks.base import Task
from tasks.corpora import Corpus
from tasks.model import attention_notes
from tasks.splits import SPLITS

LATENCY_EXAMPLES = 50
"""How many test examples are predicted one by one to measure latency."""

INFERENCE_SECONDS = 5.0
"""About how long batches of the test split are predicted to measure throughput."""

Facts = dict[str, Any]


def neural_trial(
    config: DictConfig, folder: Path, facts: Facts, task: Task, corpus: Corpus
) -> tuple[dict[str, float], dict[int, Any]]:
    """Train, choose the best epoch by validation, test it once; returns the scores and each test row's prediction.

    Costs, curves and notes go into ``facts`` as soon as they are known, so that a failed run keeps them.
    """
    data, module = prepare(config, facts, task, corpus)
    logger = make_logger(config, folder) if writes_here() else False
    history = History()
    facts["curves"] = history.curve
    scores: dict[str, float] | None = None
    try:
        trainer, best = fit(config, folder, facts, module, data, logger, history)
        load_best(config, module, best)
        if module.validate_by == "loss":
            facts["validation_scores"] = validation_scores(trainer, module, data)
        scores = _test(trainer, module, data, facts)
    finally:
        finish_tracking(logger, scores=scores, failed=scores is None)
    facts["curves"] = history.curve
    facts["costs"] |= _measure(history, trainer, module, data)
    facts["environment"] = costs.environment(device=str(trainer.strategy.root_device), threads=torch.get_num_threads())
    _keep_weights(folder, module)
    return scores, {row: data.readable("test", found) for row, found in sorted(module.predictions.items())}


def prepare(config: DictConfig, facts: Facts, task: Task, corpus: Corpus) -> tuple[Data, TrainingModule]:
    """The encoded data and the module that is trained, before its first step."""
    quiet_libraries()
    keep_freed_memory()
    torch.set_num_threads(config.trainer.threads)
    costs.reset_peak_memory()
    data = build.encode(config, task, corpus)
    facts["dropped_rows"] = data.encoded.dropped
    facts["external_memory"] = data.encoded.external_source
    config, facts["match"] = match_model(config, data)
    model = build.make_model(config, data)
    facts["attention_notes"] = attention_notes(model)
    facts["costs"] = {
        "parameters": costs.count_parameters(model),
        "flops_per_token": _flops(config, facts, data),
    }
    module = TrainingModule(
        model,
        scorer=data.score,
        main_score=task.main_score,
        validate_by=task.validate_by,
        **build.optimisation(config),
    )
    return data, module


def _flops(config: DictConfig, facts: Facts, data: Data) -> float | None:
    """FLOPs per token, or None with the reason in the record: a mechanism that only lacks a count still runs."""
    try:
        return forward_flops(config, data)[""]
    except (RuntimeError, NotImplementedError) as error:
        facts["flops_note"] = f"not counted: on the meta device the model fails with {type(error).__name__}: {error}"
        return None


def fit(
    config: DictConfig,
    folder: Path,
    facts: Facts,
    module: TrainingModule,
    data: Data,
    logger: Any,
    history: History,
    *,
    further: Sequence[Callback] = (),
) -> tuple[pl.Trainer, Path]:
    """Train to the end of the budget or of patience; returns the trainer and the checkpoint of the best epoch.

    ``further``: callbacks besides those that every run has.
    """
    monitored, mode = module.monitor
    facts["chosen_by"] = monitored
    best, last = _checkpoints(folder, monitored, mode)
    batches = len(data.loader("train"))
    patience = build.epochs_for(config.training.patience, config, batches=batches)
    stopping = EarlyStopping(monitored, mode=mode, patience=patience, check_on_train_epoch_end=True, verbose=False)
    callbacks: list[Callback] = [history, RandomStates(), Verdict(facts), stopping, best, last, *further]
    if config.training.average_decay > 0:
        callbacks.insert(0, Averaging(config.training.average_decay))
    if config.trainer.enable_progress_bar:
        callbacks.append(ProgressBar())
    trainer = build.make_trainer(config, batches=batches, callbacks=callbacks, logger=logger, folder=folder)
    trainer.strategy.checkpoint_io = WholeFiles()
    found = None if config.trainer.fast_dev_run else _last_checkpoint(folder)
    facts["resumed"] = found is not None
    pl.seed_everything(config.seed, workers=True, verbose=False)
    loaders = [data.loader(split, trainer.global_rank, trainer.world_size) for split in ("train", "validation")]
    _interruptible(trainer.fit)(module, *loaders, ckpt_path=found, weights_only=True)
    return trainer, Path(best.best_model_path)


def _checkpoints(folder: Path, monitored: str, mode: str) -> tuple[ModelCheckpoint, ModelCheckpoint]:
    """What keeps the best epoch and the last one; ``save_last`` of the former would keep the last best one.

    Saved between two epochs: what an interrupted run resumes from is then exactly a state of the uninterrupted one.
    """
    make = partial(ModelCheckpoint, folder, enable_version_counter=False, save_on_train_epoch_end=True)
    return make(filename="best", monitor=monitored, mode=mode), make(filename="last")


def _last_checkpoint(folder: Path) -> Path | None:
    """What an earlier attempt left to resume from; a damaged file is set aside with a warning, and counts as none."""
    last = folder / "last.ckpt"
    try:
        damage = _damage(last)
    except FileNotFoundError:  # there is none, or another process of the same run was first to set it aside
        return None
    if damage is None:
        return last
    if writes_here():
        aside = last.replace(last.with_name("last.ckpt.damaged"))
        print(f"warning: {last} is damaged ({damage}); it is now {aside.name}, the run begins anew", file=sys.stderr)
    return None


def _damage(checkpoint: Path) -> str | None:
    """Why a checkpoint cannot be loaded, None if it can."""
    content = io.BytesIO(checkpoint.read_bytes())  # torch reports most cuts of a file as OSError, like a broken disk
    try:
        torch.load(content, map_location="cpu", weights_only=True)
    except (RuntimeError, ValueError, LookupError, EOFError, pickle.UnpicklingError) as error:
        return f"{type(error).__name__}: {error}".splitlines()[0]
    return None


def load_best(config: DictConfig, module: TrainingModule, best: Path) -> None:
    """Give the module the weights of the best epoch."""
    if not config.trainer.fast_dev_run:
        checkpoint = torch.load(best, map_location="cpu", weights_only=True)
        module.load_state_dict(checkpoint["state_dict"])


def validation_scores(trainer: pl.Trainer, module: TrainingModule, data: Data) -> dict[str, float]:
    """Score the validation split, for tasks that choose the epoch by loss, so that its score is known too."""
    module.validate_by = "score"
    validation = data.loader("validation", trainer.global_rank, trainer.world_size)
    _interruptible(trainer.validate)(module, validation, verbose=False)
    return _scores(trainer, "validation/")


def _test(trainer: pl.Trainer, module: TrainingModule, data: Data, facts: Facts) -> dict[str, float]:
    """Score the module on the test split: the one time that it is scored (its costs are measured later).

    Further test sets of the corpus are scored beside ``test``.
    """

    def test(split: str) -> dict[str, float]:
        module.test_split = split
        loader = data.loader(split, trainer.global_rank, trainer.world_size)
        _interruptible(trainer.test)(module, loader, verbose=False)
        return _scores(trainer, f"{split}/")

    extra = {split: test(split) for split in data.encoded.splits if split not in SPLITS}
    if extra:
        facts["extra_scores"] = extra
    return test("test")  # last, since the module keeps the predictions of the split it scored last


def _scores(trainer: pl.Trainer, prefix: str) -> dict[str, float]:
    metrics = trainer.callback_metrics.items()
    return {key.removeprefix(prefix): float(value) for key, value in metrics if key.startswith(prefix)}


def _interruptible(step: Any) -> Any:
    """``step``, with Ctrl-C as KeyboardInterrupt: Lightning turns it into exit code 1 and ignores further ones."""

    def call(*args: Any, **kwargs: Any) -> None:
        try:
            step(*args, **kwargs)
        except SystemExit as stop:
            if isinstance(stop.__context__, KeyboardInterrupt):
                signal.signal(signal.SIGINT, signal.default_int_handler)
                raise KeyboardInterrupt from None
            raise

    return call


def _measure(history: History, trainer: pl.Trainer, module: TrainingModule, data: Data) -> Facts:
    """The measured costs: seconds and tokens per second of training and testing, latency, peak memory."""
    device = trainer.strategy.root_device
    model = module.model.to(device).eval()

    def predict(batch: Any) -> Any:
        with torch.no_grad():
            return model.predict(batch.to(device))

    single = [data.batch("test", [row]) for row in range(min(LATENCY_EXAMPLES, data.size("test")))]
    tokens, seconds = 0, 0.0
    for batch in data.loader("test"):
        started = time.perf_counter()
        predict(batch)
        seconds += time.perf_counter() - started
        tokens += sum(int(text.mask_BT.sum()) for text in batch.texts)
        if seconds > INFERENCE_SECONDS:
            break
    return {
        "train_seconds": history.train_seconds,
        "train_steps": history.steps,
        "train_tokens_per_second": history.tokens / history.train_seconds if history.train_seconds else None,
        "inference_tokens_per_second": tokens / seconds,
        "latency_seconds": costs.latency_seconds(predict, single),
        "peak_memory_bytes": costs.peak_memory_bytes(),
    }


def _keep_weights(folder: Path, module: TrainingModule) -> None:
    """Keep the tested weights."""
    if writes_here():
        torch.save(module.model.state_dict(), folder / "model.pt")


def quiet_libraries() -> None:
    """Leave out what Lightning says of itself and warns of without need; its errors still come."""
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    logging.getLogger("lightning_fabric").setLevel(logging.ERROR)
    for message in (
        ".*does not have many workers.*",
        ".*smaller than the logging interval.*",
        ".*Checkpoint directory .* exists and is not empty.*",
        ".*The dataloader, .*",
        ".*is_leaf.*",
        ".*sync_dist=True.*",
        ".*GPU available but not used.*",
        ".*using `weights_only=.*",
    ):
        warnings.filterwarnings("ignore", message)
