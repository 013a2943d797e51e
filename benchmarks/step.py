"""The harness's training step against a bare PyTorch loop over the same model and the same batches.

    python benchmarks/step.py [--repeats 5] [--output]

Both sides run forward, backward, clipping, AdamW and the schedule in one thread; the harness adds Lightning, its
callbacks (history, random states, checkpointing, early stopping) and the logger. Weight averaging is off on both. The
two take turns, and the ratio is the median of the turns' ratios, so that whatever else the machine does hits both.
Loading is the share of the bare loop's time spent in cutting and padding batches.
"""

from __future__ import annotations

import statistics
import tempfile
import time
import warnings
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytorch_lightning as pl
import torch
from drivers.reporting import RESULTS, compare_turns, make_parser, publish

from harness.build import data as run_data
from harness.build.data import encode, make_task
from harness.build.model import make_model
from harness.build.trainer import make_trainer, optimisation
from harness.configuration.compose import compose_configuration
from harness.training.callbacks import History, RandomStates
from harness.training.loggers import make_logger
from harness.training.memory import keep_freed_memory
from harness.training.module import TrainingModule
from harness.training.session import quiet_libraries

COMMON = ["task=ner", "training.average_decay=0", "trainer.enable_progress_bar=false", "trainer.accelerator=cpu"]
SIZES = {
    "small": [*COMMON, "model=none", "backbone.width=32", "training.batch_rows=2", "task.scheme=softmax"],
    "medium": [*COMMON, "model=self", "backbone.width=128", "training.batch_rows=32"],
    "large": [*COMMON, "model=self", "backbone.width=256", "training.batch_rows=64"],
}
SMALLEST = {"smallest": [*SIZES["small"], "data.size=few"]}
WARM_UP = 5
RESULT = RESULTS / "step.md"


class Clock(pl.Callback):
    """Reads the time after the warm-up and after ``steps`` more."""

    def __init__(self, steps: int) -> None:
        self.steps, self.seconds = steps, 0.0

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """The first counted step begins after the last step of the warm-up."""
        if batch_idx == WARM_UP - 1:
            self.seconds = -time.perf_counter()
        elif batch_idx == WARM_UP + self.steps - 1:
            self.seconds += time.perf_counter()


def bare_seconds(module: TrainingModule, batches: list[Any], clip: float) -> float:
    """Seconds for the counted steps of a loop one would write by hand."""
    module.trainer = SimpleNamespace(estimated_stepping_batches=len(batches), precision="32-true")
    configured = module.configure_optimizers()
    optimizer, schedule = configured["optimizer"], configured["lr_scheduler"]["scheduler"]
    parameters = list(module.model.parameters())
    module.model.train()
    start = 0.0
    for number, batch in enumerate(batches):
        if number == WARM_UP:
            start = time.perf_counter()
        optimizer.zero_grad()
        module.model.loss(batch).backward()
        torch.nn.utils.clip_grad_norm_(parameters, clip)
        optimizer.step()
        schedule.step()
    return time.perf_counter() - start


def harness_seconds(config: Any, module: TrainingModule, batches: list[Any], folder: Path) -> float:
    """Seconds for the counted steps inside the harness's trainer."""
    clock = Clock(len(batches) - WARM_UP)
    checkpoint = pl.callbacks.ModelCheckpoint(folder, save_last=True, save_on_train_epoch_end=True)
    stopping = pl.callbacks.EarlyStopping("train/loss", mode="min", check_on_train_epoch_end=True)
    callbacks = [History(), RandomStates(), stopping, checkpoint, clock]
    trainer = make_trainer(
        config, batches=len(batches), callbacks=callbacks, logger=make_logger(config, folder), folder=folder
    )
    trainer.fit(module, Batches(batches))
    return clock.seconds


class Batches(list):  # type: ignore[type-arg]
    """Batches that are ready; the history asks a loader for its tokens."""

    tokens_per_epoch = 0


def epoch_seconds(loader: Any) -> float:
    """Seconds to cut and pad every batch of an epoch."""
    started = time.perf_counter()
    for _ in loader:
        pass
    return time.perf_counter() - started


def measure(name: str, overrides: list[str], *, repeats: int, steps: int) -> str:
    """One row of the table, over so many steps after the warm-up."""
    config = compose_configuration([*overrides, f"training.steps={steps + WARM_UP}"])
    task = make_task(config)
    data = encode(config, task, run_data.load_corpus(config, task))
    loader = data.loader("train")
    batches = list(islice(iter(loader), steps + WARM_UP))
    loading = statistics.median(epoch_seconds(loader) for _ in range(repeats)) / len(loader)
    batches = (batches * (steps + WARM_UP))[: steps + WARM_UP]

    def module() -> TrainingModule:
        return TrainingModule(
            make_model(config, data),
            scorer=data.score,
            main_score=task.main_score,
            validate_by=task.validate_by,
            **optimisation(config),
        )

    pairs = []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            ours = harness_seconds(config, module(), batches, Path(folder))
        pairs.append((bare_seconds(module(), batches, config.training.gradient_clip), ours))
    ratio = compare_turns(pairs)
    bare, ours = 1e3 * ratio.first / steps, 1e3 * ratio.second / steps
    share = 1e3 * loading / bare
    return (
        f"| {name} | {bare:.1f} | {ours:.1f} | {ratio.median:.2f} | {ratio.low:.2f} to {ratio.high:.2f} "
        f"| {1e3 * loading:.2f} ms, {share:.1%} |"
    )


def main() -> None:
    """Measure all sizes."""
    parser = make_parser(__doc__, RESULT)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    quiet_libraries()
    warnings.filterwarnings("ignore", ".*no `val_dataloader`.*")
    keep_freed_memory()
    torch.set_num_threads(1)
    rows = []
    if options.smallest:
        options.repeats = 2
    for name, overrides in (SMALLEST if options.smallest else SIZES).items():
        rows.append(measure(name, overrides, repeats=options.repeats, steps=2 if options.smallest else 100))
        print(rows[-1], flush=True)
    head = "| step | bare loop, ms | harness, ms | harness / bare | quartiles | loading of a batch |\n"
    head += "|---|--:|--:|--:|--:|--:|"
    text = f"# The harness's training step against a bare loop\n\n{__doc__}\n{head}\n" + "\n".join(rows) + "\n"
    publish(text, RESULT, write=options.output)


if __name__ == "__main__":
    main()
