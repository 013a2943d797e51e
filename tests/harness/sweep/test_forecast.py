"""What a plan adds up: the steps, every pass over validation, the test sets; on a clock that only these move."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.configuration.compose import compose_configuration
from harness.sweep import probe
from harness.sweep.cells import Cell
from harness.sweep.forecast import Forecast, plan_cell, plan_cells
from tasks.model import TaskModel
from tests.harness.conftest import in_this_process

Overrides = Callable[..., list[str]]

LOSS, PREDICTION = 1.0, 100.0
"""Seconds of a row."""

ROWS, BATCH = 24, 8
"""Rows of every split and of every batch of train, of which 9 steps see each three times."""


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time that passes by the rows whose loss is taken, and those that are predicted."""
    now = [0.0]

    def timed(method: Callable[..., Any], seconds: float) -> Callable[..., Any]:
        def call(model: TaskModel, batch: Any) -> Any:
            now[0] += seconds * len(batch.rows_B)
            return method(model, batch)

        return call

    monkeypatch.setattr(TaskModel, "loss", timed(TaskModel.loss, LOSS))
    monkeypatch.setattr(TaskModel, "predict", timed(TaskModel.predict, PREDICTION))
    monkeypatch.setattr(probe, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    monkeypatch.setattr(probe, "_probes", {})


@pytest.fixture
def toy(writing: Overrides, tmp_path: Path) -> Overrides:
    """A tiny run of correction with a further test set."""
    folder = tmp_path / "data" / "toy"
    folder.mkdir(parents=True)
    for split in ("train", "validation", "test", "news"):
        lines = [f'{{"source": "a b {split} {row:02}", "target": "{row:02} b a"}}' for row in range(ROWS)]
        (folder / f"{split}.jsonl").write_text("\n".join(lines))
    own = [f"data_dir={folder.parent}", "data=hub", "data.name=toy", "data.hub=null", "data.extra_tests=[news]"]
    return lambda *more: writing("task=correction", "model=dot", f"training.batch_rows={BATCH}", *own, *more)


def forecast(overrides: list[str]) -> Forecast:
    (made,) = plan_cells([Cell("one", compose_configuration(overrides))], in_this_process)
    assert made.status == "to run", made.reason
    return made


def seconds(overrides: list[str]) -> float:
    minutes = forecast(overrides).minutes
    assert minutes is not None
    return 60 * minutes


def test_the_search_over_validation_and_every_test_set_is_counted_where_the_loss_chooses(toy: Overrides):
    steps, epochs = 9 * BATCH * LOSS, 3
    chosen_by_loss = steps + epochs * ROWS * LOSS + 3 * ROWS * PREDICTION
    assert seconds(toy()) == pytest.approx(chosen_by_loss)
    chosen_by_score = steps + epochs * ROWS * PREDICTION + 2 * ROWS * PREDICTION
    assert seconds(toy("task.validate_by=score")) == pytest.approx(chosen_by_score)


def test_processes_share_the_batches_of_their_further_epochs(toy: Overrides):
    config = compose_configuration(toy("trainer=ddp", "trainer.accelerator=cpu"))
    made = plan_cell(("one", config))
    epochs, steps_each = 5, 2  # of three batches, one is given out again; nine steps are rounded up
    steps = epochs * steps_each * BATCH * LOSS
    assert made.minutes == pytest.approx((steps + (epochs * ROWS * LOSS + 3 * ROWS * PREDICTION) / 2) / 60)


def test_gradients_that_are_not_clipped_are_no_failure(tiny: Overrides):
    assert forecast(tiny("task=pos", "training.gradient_clip=null")).parameters
