"""What a plan adds up: the steps, every pass over validation, the test sets; on a clock that only these move."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.build import checks
from harness.build import data as run_data
from harness.configuration.compose import compose_configuration
from harness.run.run import make_run
from harness.sweep import forecast as forecasts
from harness.sweep import probe, progress
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
    for module, cache in (
        (probe, "_probes"),
        (probe, "_rates"),
        (probe, "_encoded"),
        (forecasts, "_corpora"),
        (forecasts, "_refusals"),
    ):
        monkeypatch.setattr(module, cache, {})


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


@pytest.mark.slow
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


@pytest.mark.slow
def test_each_shape_is_probed_once_and_each_corpus_read_once(
    tiny: Overrides, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """Twelve cells of two shapes over two corpora, which come in turn."""
    counts: Counter[str] = Counter()

    def counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            counts[name] += 1
            return function(*arguments)

        return call

    monkeypatch.setattr(probe, "_measure", counted("probed", probe._measure))
    monkeypatch.setattr(run_data, "load_corpus", counted("read", run_data.load_corpus))
    monkeypatch.setattr(checks, "check_combination", counted("checked", checks.check_combination))
    monkeypatch.setattr(progress, "SECONDS", 0.0)
    same = ("model=none", "training.batch_tokens=9999")
    cells = [
        Cell(f"{task} {seed} {rate}", compose_configuration(tiny(f"task={task}", *same, f"seed={seed}", *rate)))
        for seed in (1, 2)
        for rate in ([], ["training.steps=18", "training.weight_decay=0.4"], ["training.steps=27"])
        for task in ("pos", "sentiment")
    ]
    plan = plan_cells(cells, in_this_process)
    assert counts == {"probed": 2, "read": 2, "checked": 6}
    assert [made.label for made in plan] == [cell.label for cell in cells]
    assert {made.status for made in plan} == {"to run"}
    short, middle, long = (made.minutes or 0.0 for made in plan if made.label.startswith("pos 2"))
    assert long - middle == pytest.approx(middle - short)
    assert middle > short > 0
    assert capsys.readouterr().err.splitlines()[-1] == "planned 12 of 12 cells"


@pytest.mark.slow
@pytest.mark.parametrize(
    "option", ["backbone.width=32", "training.batch_rows=8", "backbone.dropout=0.1", "data.max_train=40", "model=dot"]
)
def test_what_makes_steps_longer_is_another_shape(tiny: Overrides, option: str):
    one, other = (compose_configuration(tiny("task=pos", "model=none", *more)) for more in ([], [option]))
    assert probe._shape_of(make_run(one).config) != probe._shape_of(make_run(other).config)


def test_how_much_is_dropped_is_no_other_shape(tiny: Overrides):
    shapes = (compose_configuration(tiny("task=pos", f"backbone.dropout={share}")) for share in (0.1, 0.4))
    assert len({probe._shape_of(make_run(config).config) for config in shapes}) == 1


def test_a_beam_is_part_of_the_shape(writing: Overrides):
    one, other = (compose_configuration(writing("task=correction", *more)) for more in ([], ["task.search.beam=7"]))
    assert probe._shape_of(make_run(one).config) != probe._shape_of(make_run(other).config)
