"""How the learning rate goes, and when training ends."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from harness.configuration.compose import compose_configuration
from harness.run.execute import execute
from harness.training.callbacks import Patience
from harness.training.fit import learning_of
from harness.training.schedule import Schedule

Overrides = Callable[..., list[str]]


def schedule(name: str, **changes: Any) -> Schedule:
    return Schedule(name, **{"warmup": 10, "total": 100, "final": 0.1, "decay_share": 0.2} | changes)


@pytest.mark.parametrize("name", ["cosine", "inverse_sqrt", "stable"])
def test_the_rate_rises_to_its_highest_in_the_warm_up(name: str):
    factors = [schedule(name).factor(step) for step in range(10)]
    assert factors == [pytest.approx((step + 1) / 10) for step in range(10)]


def test_cosine_falls_to_the_final_share_at_the_last_step():
    falling = schedule("cosine")
    assert falling.factor(55) == pytest.approx(0.1 + 0.9 * 0.5)
    assert falling.factor(100) == falling.factor(500) == pytest.approx(0.1)


def test_the_inverse_square_root_of_the_step():
    assert schedule("inverse_sqrt").factor(39) == pytest.approx((10 / 40) ** 0.5)


def test_a_stable_rate_stays_until_its_decay_begins_and_falls_along_a_line():
    stable = schedule("stable", total=10_000)
    assert {stable.factor(step) for step in range(10, 5000, 7)} == {1.0}
    stable.begin_decay(50)
    stable.begin_decay(70)  # once begun, it goes on
    assert stable.decay_steps == 10
    assert [stable.factor(step) for step in (50, 55, 60, 90)] == [pytest.approx(f) for f in (1.0, 0.55, 0.1, 0.1)]
    assert [stable.is_over(step) for step in (50, 59, 60)] == [False, False, True]


def test_a_decay_must_begin_in_time_to_end_within_the_budget():
    assert [schedule("stable").must_decay(step) for step in (82, 83, 84)] == [False, True, True]


def test_an_unknown_schedule_is_refused():
    with pytest.raises(ValueError, match=r"cosine or inverse_sqrt or stable, got 'linear'"):
        schedule("linear")


def trained(scores: list[float], *, patience: int, name: str, total: int = 1000) -> tuple[int, Schedule, Patience]:
    """Epochs of ten steps until training is told to stop: how many, and what came of it."""
    used, callback = schedule(name, total=total), Patience(patience, monitor="f1", mode="max")
    trainer = SimpleNamespace(should_stop=False, global_step=0, callback_metrics={})
    for epoch, score in enumerate(scores, start=1):
        trainer.global_step, trainer.callback_metrics = 10 * epoch, {"f1": score}
        callback.on_train_epoch_end(trainer, SimpleNamespace(schedule=used))  # type: ignore[arg-type]
        if trainer.should_stop:
            break
    return epoch, used, callback


@pytest.mark.parametrize("name", ["cosine", "inverse_sqrt"])
def test_training_stops_when_patience_runs_out(name: str):
    epochs, _used, patience = trained([0.1, 0.5, 0.5, 0.4, 0.3, 0.6], patience=25, name=name)
    assert (epochs, patience.best_step, patience.ran_out) == (5, 20, True)


def test_a_stable_rate_decays_when_patience_runs_out_and_then_training_stops():
    epochs, used, patience = trained([0.1, 0.5, *[0.4] * 98], patience=100, name="stable")
    assert used.decay_from == 120  # ten epochs after the best
    assert epochs == 15  # 24 steps of decay, rounded up to whole epochs
    assert patience.ran_out


def test_a_score_that_never_stops_rising_uses_the_whole_budget_and_is_told():
    epochs, used, patience = trained([n / 100 for n in range(100)], patience=100, name="stable")
    assert used.decay_from == 840
    assert epochs == 100 or used.is_over(10 * epochs)
    assert not patience.ran_out


def test_take_off_and_best_step_are_read_off_the_curve():
    curve = [{"step": 10 * n, "loss": loss} for n, loss in enumerate([2.0, 1.9, 1.8, 0.9, 0.5, 0.4, 0.45], start=1)]
    assert learning_of(curve, "loss", "min", rising=False) == {
        "best_step": 60,
        "take_off_step": 40,
        "rising": False,
    }
    flat = [{"step": 5, "f1": 0.3}, {"step": 10, "f1": 0.3}]
    assert learning_of(flat, "f1", "max", rising=True) == {"best_step": 5, "take_off_step": 5, "rising": True}


@pytest.mark.slow
def test_a_run_with_a_stable_rate_tells_how_it_learnt(tiny: Overrides):
    options = ("task=sentiment", "model=none", "training.schedule=stable", "training.steps=60", "training.patience=6")
    record = execute(compose_configuration(tiny(*options))).record
    assert record["status"] == "done", record["reason"]
    steps = [point["step"] for point in record["curves"]]
    assert record["learning"]["best_step"] in steps
    assert steps[-1] <= 72  # the budget, rounded up to whole epochs
    assert record["learning"]["take_off_step"] <= record["learning"]["best_step"]
