"""Training one neural model and measuring it: fit, choose by validation, test once."""

from __future__ import annotations

import signal
import time
import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from omegaconf import DictConfig
from pytorch_lightning.callbacks import Callback

from harness.build.data import Data
from harness.build.room import remedy
from harness.build.saved import save_network
from harness.build.trainer import MakeCallback, make_trainer
from harness.explanation.example import explain_example, short_examples
from harness.explanation.saved_maps import save_maps
from harness.records.environment import environment
from harness.records.processes import writes_here
from harness.records.record import Answers, Costs, Facts, Learning
from harness.training.callbacks import Averaging, Patience, RandomStates, Verdict, bars
from harness.training.checkpoints import Owner, WholeFiles, checkpoints, last_checkpoint, load
from harness.training.costs import latency_seconds, peak_memory_bytes
from harness.training.loggers import finish_tracking
from harness.training.memory import OutOfMemory, is_shortage
from harness.training.session import Session, begin
from tasks.base import Task
from tasks.reading.source import Corpus
from tasks.reading.splits import SPLITS

LATENCY_EXAMPLES = 50
"""How many test examples are predicted one by one to measure latency."""

EXPLAINED = 3
"""Of how many test examples a run keeps the attention maps."""

INFERENCE_SECONDS = 5.0
"""About how long batches of the test split are predicted to measure throughput."""


def train_and_test(
    config: DictConfig, folder: Path, task: Task, corpus: Corpus, callbacks: Sequence[MakeCallback] = ()
) -> Generator[Facts, None, Answers]:
    """Train, choose the best epoch by validation, test it once; returns what is said of each row of test.

    Yields each part of the run's facts as soon as it is known, so that a failed run keeps it; the test scores too.
    """
    session = yield from begin(config, folder, task, corpus)
    scores: dict[str, float] | None = None
    try:
        trainer, best = yield from fit(session, callbacks)
        load_best(session, best)
        if session.module.validate_by == "loss":
            yield {"validation_scores": validation_scores(trainer, session)}
        extra = _further_tests(trainer, session)
        if extra:
            yield {"extra_scores": extra}
        scores = _test(trainer, session, "test")  # last, since the module keeps the predictions of what it scored last
    finally:
        finish_tracking(session.logger, scores=scores, failed=scores is None)
    yield {"costs": {**session.costs, **_measured(trainer, session)}}
    yield {"environment": environment(device=str(trainer.strategy.root_device), threads=torch.get_num_threads())}
    yield {"kept_files": _keep_network(session)}
    _keep_maps(session)
    yield {"scores": scores}
    data, module = session.data, session.module
    predictions = {row: data.readable("test", found) for row, found in sorted(module.predictions.items())}
    return Answers(predictions, module.confidences)


def fit(session: Session, callbacks: Sequence[MakeCallback] = ()) -> Generator[Facts, None, tuple[pl.Trainer, Path]]:
    """Train to the end of the budget or of patience; returns the trainer and the checkpoint of the best epoch.

    ``callbacks``: besides those that every run has.
    """
    config, module, data = session.config, session.module, session.data
    monitored, mode = module.monitor
    yield {"chosen_by": monitored}
    best, last = checkpoints(session.folder, monitored, mode)
    batches = len(data.loader("train"))
    patience = Patience(config.training.patience, monitor=monitored, mode=mode)
    further = [make(monitored, mode) for make in callbacks]
    used: list[Callback] = [session.history, RandomStates(), Verdict(), Owner(session.folder), patience]
    used += [best, last, *further, *bars(asked=config.trainer.enable_progress_bar)]
    if config.training.average_decay > 0:
        used.insert(0, Averaging(config.training.average_decay))
    trainer = make_trainer(config, batches=batches, callbacks=used, logger=session.logger, folder=session.folder)
    trainer.strategy.checkpoint_io = WholeFiles()
    found = None if config.trainer.fast_dev_run else last_checkpoint(session.folder)
    yield {"resumed": found is not None}
    pl.seed_everything(config.seed, workers=True, verbose=False)
    loaders = [data.loader(split, trainer.global_rank, trainer.world_size) for split in ("train", "validation")]
    _interruptible(_within_memory(trainer.fit, session))(module, *loaders, ckpt_path=found, weights_only=True)
    yield {"learning": learning_of(session.history.curve, monitored, mode, rising=not patience.ran_out)}
    return trainer, Path(best.best_model_path)


def learning_of(curve: Sequence[Mapping[str, float]], monitored: str, mode: str, *, rising: bool) -> Learning:
    """When the score that chose the epoch was best, and when it took off, from the points of the validations.

    The take-off is the first validation with half of the gain from the first validation to the best one.
    """
    sign = 1.0 if mode == "max" else -1.0
    values = [sign * point[monitored] for point in curve]
    best = max(values)
    half = values[0] + (best - values[0]) / 2
    steps = [int(point["step"]) for point in curve]
    taken_off = next(step for step, value in zip(steps, values, strict=True) if value >= half)
    return {"best_step": steps[values.index(best)], "take_off_step": taken_off, "rising": rising}


def load_best(session: Session, best: Path) -> None:
    """Give the module the weights of the best epoch."""
    if not session.config.trainer.fast_dev_run:
        try:
            weights = load(best)["state_dict"]
        except ValueError as error:
            raise ValueError(f"{error}; the same command begins anew") from error
        session.module.load_state_dict(weights)


def validation_scores(trainer: pl.Trainer, session: Session) -> dict[str, float]:
    """Score the validation split, for tasks that choose the epoch by loss, so that its score is known too."""
    session.module.validate_by = "score"
    validation = session.data.loader("validation", trainer.global_rank, trainer.world_size)
    _interruptible(_within_memory(trainer.validate, session))(session.module, validation, verbose=False)
    return _scores(trainer, "validation/")


def _further_tests(trainer: pl.Trainer, session: Session) -> dict[str, dict[str, float]]:
    """The scores on the further test sets that the corpus may have."""
    further = [split for split in session.data.encoded.splits if split not in SPLITS]
    return {split: _test(trainer, session, split) for split in further}


def _test(trainer: pl.Trainer, session: Session, split: str) -> dict[str, float]:
    """Score the module on a test set: the one time that it is scored (its costs are measured later)."""
    session.module.test_split = split
    loader = session.data.loader(split, trainer.global_rank, trainer.world_size)
    _interruptible(_within_memory(trainer.test, session))(session.module, loader, verbose=False)
    return _scores(trainer, f"{split}/")


def _scores(trainer: pl.Trainer, prefix: str) -> dict[str, float]:
    metrics = trainer.callback_metrics.items()
    return {key.removeprefix(prefix): float(value) for key, value in metrics if key.startswith(prefix)}


def _interruptible(step: Any) -> Any:
    """``step``, with Ctrl-C as KeyboardInterrupt: Lightning turns it into exit code 1 and ignores further ones."""
    before = signal.getsignal(signal.SIGINT)

    def call(*args: Any, **kwargs: Any) -> None:
        try:
            step(*args, **kwargs)
        except SystemExit as stop:
            if isinstance(stop.__context__, KeyboardInterrupt):
                signal.signal(signal.SIGINT, before)
                raise KeyboardInterrupt from None
            raise

    return call


def _within_memory(step: Any, session: Session) -> Any:
    """``step``; raises OutOfMemory, naming the longest text of the batch, where memory runs out."""

    def call(*args: Any, **kwargs: Any) -> None:
        try:
            step(*args, **kwargs)
        except (MemoryError, RuntimeError) as error:
            if is_shortage(error):
                raise OutOfMemory(_shortage(session)) from error
            raise

    return call


def _shortage(session: Session) -> str:
    module, data, batch = session.module, session.data, session.module.at_hand
    advice = remedy(session.config, data.task)
    if batch is None:
        return f"memory ran out; {advice}"
    training = module.trainer.state.fn == "fit"
    split = module.test_split if module.trainer.state.fn == "test" else "validation"
    split = "train" if training and module.training else split
    lengths = torch.stack([text.mask_BT.sum(dim=1) for text in batch.texts]).amax(dim=0)
    place = data.corpus.place(split, int(batch.rows_B[lengths.argmax()]))
    return f"memory ran out at {place}: a text of {int(lengths.max())} tokens, in a batch of {len(batch)}; {advice}"


def _measured(trainer: pl.Trainer, session: Session) -> Costs:
    """The measured costs: seconds and tokens per second of training and testing, latency, peak memory."""
    device, data, history = trainer.strategy.root_device, session.data, session.history
    model = session.module.model.to(device).eval()

    def predict(batch: Any) -> Any:
        with torch.no_grad():
            return model.predict(batch.to(device))

    single = [data.batch("test", [row]) for row in range(min(LATENCY_EXAMPLES, data.size("test")))]
    return {
        "train_seconds": history.train_seconds,
        "train_steps": history.steps,
        "train_tokens_per_second": history.tokens / history.train_seconds if history.train_seconds else None,
        "inference_tokens_per_second": _inference_speed(predict, data),
        "latency_seconds": latency_seconds(predict, single),
        "peak_memory_bytes": peak_memory_bytes(),
    }


def _inference_speed(predict: Callable[[Any], Any], data: Data) -> float:
    """Tokens a second while batches of the test split are predicted."""
    tokens, seconds = 0, 0.0
    for batch in data.loader("test"):
        started = time.perf_counter()
        predict(batch)
        seconds += time.perf_counter() - started
        tokens += sum(int(text.mask_BT.sum()) for text in batch.texts)
        if seconds > INFERENCE_SECONDS:
            break
    return tokens / seconds


def _keep_network(session: Session) -> dict[str, str]:
    """Keep the tested weights, and all that is needed to use them; which files, with the hash of each."""
    return save_network(session.folder, session.data, session.module.model) if writes_here() else {}


def _keep_maps(session: Session) -> None:
    """Keep the attention maps of a few test examples, the same ones for every run of the data.

    A result is not lost for want of a picture: what goes wrong here is a warning.
    """
    if not (session.config.attention_maps and writes_here()):
        return
    data, model = session.data, session.module.model.cpu().eval()
    try:
        kept = data.encoded.splits["test"].rows_N.tolist()
        rows = [data.corpus.splits["test"][row] for row in kept]
        numbers = short_examples(data.task, rows, data.corpus.tokenizer, EXPLAINED)
        save_maps([explain_example(data, model, number, row=kept[number]) for number in numbers], session.folder)
    except Exception as error:
        warnings.warn(f"no attention maps are kept of this run: {type(error).__name__}: {error}", stacklevel=2)
