"""The training loop's view of a model: a loss to descend and predictions to score. It knows no task."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from harness.training.schedule import Schedule
from models.pretrained import PretrainedEncoder
from tasks.base import IGNORED, Batch
from tasks.model import TaskModel

Scorer = Callable[[str, Mapping[int, Any]], dict[str, float]]
"""(split, prediction of each row) -> scores."""

LOSS_EVERY = 50
"""Steps between two looks at the loss: a GPU is waited for, and every logged value costs about a millisecond."""


class TrainingModule(pl.LightningModule):
    """Trains a ``TaskModel`` with AdamW, warm-up and a falling learning rate; scores whole splits, never mean batches.

    ``schedule``, ``final_learning_rate_fraction``, ``decay_share``: see ``schedule.Schedule``.
    ``validate_by``: ``score``, or ``loss`` for tasks whose scores cost much more than a loss.

    ``scorer`` turns the predictions of a whole split into scores, so that no score depends on how a split was cut
    into batches or spread over devices. ``predictions`` holds those of the split scored last, ``confidences`` how
    probable each is held to be, where a test set was scored by a head that knows.
    """

    def __init__(
        self,
        model: TaskModel,
        *,
        scorer: Scorer,
        main_score: str,
        validate_by: str,
        learning_rate: float,
        embedding_learning_rate: float,
        encoder_learning_rate: float,
        weight_decay: float,
        schedule: str,
        warmup_steps: int,
        final_learning_rate_fraction: float,
        decay_share: float,
    ) -> None:
        super().__init__()
        self.model = model
        self.scorer = scorer
        self.main_score = main_score
        self.validate_by = validate_by
        self.schedule = Schedule(
            schedule, warmup=1, total=1, final=final_learning_rate_fraction, decay_share=decay_share
        )  # its lengths are known when training begins
        self.learning_rate = learning_rate
        self.embedding_learning_rate = embedding_learning_rate
        self.encoder_learning_rate = encoder_learning_rate
        self.weight_decay = weight_decay
        self.warmup_steps = warmup_steps
        self.predictions: dict[int, Any] = {}
        self.confidences: dict[int, Any] = {}
        self.test_split = "test"
        self.at_hand: Batch | None = None  # the batch that is computed, for what went wrong with it
        self._unseen: Tensor | float = 0.0  # sum of the training losses since the last look at them
        self._losses = [0.0, 0]  # sum and number, of a validation by loss

    @property
    def monitor(self) -> tuple[str, str]:
        """What chooses the epoch, and whether its ``max`` or ``min`` is best."""
        by_loss = self.validate_by == "loss"
        return ("validation/loss", "min") if by_loss else (f"validation/{self.main_score}", "max")

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """Move a batch; pinned memory crosses without waiting."""
        self.at_hand = batch
        return batch.to(device, non_blocking=True)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss of one batch, by its share of the step; refused when one since the last look is no number."""
        self.model.head.progress = self.global_step / self.schedule.total
        loss = self.model.loss(batch)
        self._unseen = self._unseen + loss.detach().float()
        if batch_idx % LOSS_EVERY == 0:
            self._look_at_losses()
            self.log("train/loss", loss, prog_bar=True, batch_size=len(batch))
        return loss * batch.share

    def _look_at_losses(self) -> None:
        """Raises DivergedError, in every process, if a training loss since the last look was no number in any."""
        total = float(self.trainer.strategy.reduce(self._unseen, reduce_op="sum"))
        self._unseen = 0.0
        self._check_finite("training", total)

    def _check_finite(self, which: str, loss: float) -> None:
        if not math.isfinite(loss):
            raise DivergedError(
                f"the {which} loss became {loss} at step {self.global_step}; "
                f"try a smaller training.learning_rate (now {self.learning_rate}) or training.gradient_clip"
            )

    def on_validation_epoch_start(self) -> None:
        """Look at the last losses of the epoch, and forget the predictions of the pass before."""
        if self.trainer.state.fn == "fit":
            self._look_at_losses()
        self.predictions, self._losses = {}, [0.0, 0]

    def on_test_epoch_start(self) -> None:
        """Forget the predictions of the pass before."""
        self.predictions, self.confidences = {}, {}

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Predict, or measure the loss where that is what chooses."""
        if self.validate_by == "score":
            self._predict(batch)
            return
        count = int((batch.labels != IGNORED).sum()) if batch.labels is not None else len(batch)
        self._losses = [self._losses[0] + float(self.model.loss(batch)) * count, self._losses[1] + count]

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Predict, and keep how probable each prediction is held to be."""
        predictions, confidences = self.model.answer(batch)
        rows = batch.rows_B.tolist()
        self.predictions.update(zip(rows, predictions, strict=True))
        known = zip(rows, confidences, strict=True)
        self.confidences.update((row, confidence) for row, confidence in known if confidence is not None)

    def _predict(self, batch: Batch) -> None:
        self.predictions.update(zip(batch.rows_B.tolist(), self.model.predict(batch), strict=True))

    def on_validation_epoch_end(self) -> None:
        """Score the validation split; the score that chooses is shown in the progress bar.

        Raises DivergedError for a loss that is no number, at which early stopping would end the run without a word.
        """
        if self.validate_by == "score":
            self._score("validation")
            return
        total, count = self._summed(self._losses)
        self._check_finite("validation", total / count)
        self.log("validation/loss", total / count, prog_bar=True, rank_zero_only=False)

    def on_test_epoch_end(self) -> None:
        """Score the test split, or the further test set that ``test_split`` names."""
        self._score(self.test_split)

    def _score(self, split: str) -> None:
        self._gather_predictions()
        self.predictions = dict(sorted(self.predictions.items()))  # GLEU draws among references row by row
        scores = self.scorer(split, self.predictions)
        # Every device holds the same scores after gathering; sync_dist would only average equal numbers.
        main = {f"{split}/{self.main_score}": scores[self.main_score]}
        rest = {f"{split}/{key}": value for key, value in scores.items() if key != self.main_score}
        self.log_dict(main, prog_bar=True, rank_zero_only=False)
        self.log_dict(rest, rank_zero_only=False)

    def _summed(self, values: list[float]) -> list[float]:
        if self.trainer.world_size == 1:
            return values
        parts: list[Any] = [None] * self.trainer.world_size
        torch.distributed.all_gather_object(parts, values)
        return [sum(column) for column in zip(*parts, strict=True)]

    def _gather_predictions(self) -> None:
        if self.trainer.world_size > 1:
            self.predictions, self.confidences = map(self._gathered, (self.predictions, self.confidences))

    def _gathered(self, found: dict[int, Any]) -> dict[int, Any]:
        parts: list[Any] = [None] * self.trainer.world_size
        torch.distributed.all_gather_object(parts, found)
        return {row: value for part in parts for row, value in part.items()}

    def configure_optimizers(self) -> Any:
        """AdamW (Loshchilov & Hutter 2019) without decay on biases, gains, embeddings; warm-up and schedule."""
        # A fused optimizer unscales gradients itself, so Lightning refuses to clip them under mixed precision.
        fused = self.trainer.precision == "32-true"
        optimizer = torch.optim.AdamW(self._parameter_groups(), lr=self.learning_rate, betas=(0.9, 0.99), fused=fused)
        self.schedule.total = max(1, int(self.trainer.estimated_stepping_batches))
        self.schedule.warmup = max(1, min(self.warmup_steps, round(self.schedule.total / 10)))
        falling = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: self.schedule.factor(step))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": falling, "interval": "step"}}

    def _parameter_groups(self) -> list[dict[str, Any]]:
        """Tables learn at a rate of their own: most of their rows see a gradient only now and then.

        So does a pretrained encoder, tables and all, which would else forget what it knows.
        """
        encoders = [
            m.network for m in self.model.modules() if isinstance(m, PretrainedEncoder) and m.network is not None
        ]
        pretrained = {id(p) for network in encoders for p in network.parameters()}
        tables = [m for m in self.model.modules() if isinstance(m, nn.Embedding | nn.EmbeddingBag)]
        embedded = {id(p) for table in tables for p in table.parameters()} - pretrained
        parameters = [p for p in self.model.parameters() if p.requires_grad]
        rest = [p for p in parameters if id(p) not in embedded | pretrained]
        learnt_on = [p for p in parameters if id(p) in pretrained]
        own_rate = {"lr": self.encoder_learning_rate}
        further = [
            {"params": [p for p in learnt_on if p.dim() > 1], "weight_decay": self.weight_decay, **own_rate},
            {"params": [p for p in learnt_on if p.dim() <= 1], "weight_decay": 0.0, **own_rate},
        ]
        return [
            {"params": [p for p in rest if p.dim() > 1], "weight_decay": self.weight_decay},
            {"params": [p for p in rest if p.dim() <= 1], "weight_decay": 0.0},
            {
                "params": [p for p in parameters if id(p) in embedded],
                "weight_decay": 0.0,
                "lr": self.embedding_learning_rate,
            },
            *(further if learnt_on else ()),
        ]


class DivergedError(ValueError):
    """The loss of training or validation is no number any more: these settings lead nowhere."""
