"""Lightning's trainer and the optimiser's settings, as the configuration wants them."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from omegaconf import DictConfig, OmegaConf

from harness.configuration.controls import processes_of

if TYPE_CHECKING:
    import pytorch_lightning as pl
    from pytorch_lightning.callbacks import Callback


MakeCallback = Callable[[str, str], "Callback"]
"""Makes a callback of what is monitored, the score or loss that chooses the epoch, and of its mode, min or max."""


def optimisation(config: DictConfig) -> dict[str, Any]:
    """The keyword arguments of ``TrainingModule`` that say how weights are learnt."""
    names = (
        "learning_rate",
        "embedding_learning_rate",
        "encoder_learning_rate",
        "weight_decay",
        "schedule",
        "warmup_steps",
        "final_learning_rate_fraction",
        "decay_share",
    )
    return {name: config.training[name] for name in names}


def epochs_for(steps: int, config: DictConfig, *, batches: int) -> int:
    """The whole epochs that ``steps`` of the optimiser take, where all processes together see ``batches`` in one.

    Every epoch ends with a step, of fewer batches where the last ones make no whole step.
    """
    of_each = math.ceil(batches / processes_of(config))
    return math.ceil(steps / math.ceil(of_each / int(config.training.accumulate_batches)))


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
    """Lightning's trainer: the options of ``trainer=`` and those of ``training`` that belong to it.

    It has a progress bar if that is among the callbacks, and none of its own.
    """
    import pytorch_lightning as pl

    options = OmegaConf.to_container(config.trainer, resolve=True)
    assert isinstance(options, dict)
    options.pop("threads")
    options["accelerator"] = accelerator_of(config)
    options["enable_progress_bar"] = any(isinstance(callback, pl.callbacks.ProgressBar) for callback in callbacks)
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
