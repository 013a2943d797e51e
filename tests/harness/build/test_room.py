"""The memory that a run takes, estimated before its first step."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from omegaconf import DictConfig

from harness.build import room
from harness.build.checks import SOME_SIZES, check_combination
from harness.build.data import Data, encode, load_corpus, make_task
from harness.build.model import make_model
from harness.configuration.compose import compose_configuration
from harness.run.execute import execute
from harness.training.memory import is_shortage
from harness.training.module import TrainingModule

Overrides = Callable[..., list[str]]
SMALL = ["task=ner", "data.size=few", "data.max_train=48", "data.unseen_labels=drop", "embedding=words"]


@pytest.fixture(scope="module")
def small() -> tuple[DictConfig, Data]:
    config = compose_configuration(SMALL)
    task = make_task(config)
    return config, encode(config, task, load_corpus(config, task))


@pytest.mark.parametrize("length", [512, 700])
def test_what_a_text_keeps_is_told_from_short_ones(small: tuple[DictConfig, Data], length: int):
    config, data = small
    model, sample = make_model(config, data), data.batch("train", [0])
    saved = room._saved(model, room._stretched(sample, length))
    need = room.measured_need(model, sample, None)
    assert need.of(length, training=True) == pytest.approx(sum(saved), rel=0.01)
    assert need.of(length, training=False) == pytest.approx(2 * max(saved), rel=0.01)


def test_the_estimate_is_of_the_weights_and_the_largest_batch(
    small: tuple[DictConfig, Data], monkeypatch: pytest.MonkeyPatch
):
    config, data = small
    model = make_model(config, data)
    weights = 16 * sum(parameter.numel() for parameter in model.parameters())
    assert room.check_room(config, data, model) == weights
    monkeypatch.setattr(room, "FAR", 0)
    need = room.measured_need(model, data.batch("train", [0]), 1024)
    taken = [
        batch.rows * need.of(batch.length, training=split == "train")
        for split in data.encoded.splits
        for batch in room._batches(data, split)
    ]
    assert room.check_room(config, data, model) == pytest.approx(weights + max(taken), rel=0.01)


def test_measuring_draws_nothing(small: tuple[DictConfig, Data]):
    config, data = small
    torch.manual_seed(3)
    before = torch.get_rng_state()
    room.measured_need(make_model(config, data), data.batch("train", [0]), None)
    torch.manual_seed(3)
    assert torch.equal(before, torch.get_rng_state())


def test_windows_make_the_need_grow_with_the_length_alone(small: tuple[DictConfig, Data]):
    config, data = small
    need = room.measured_need(make_model(config, data), data.batch("train", [0]), 256)
    assert need.of(12800, training=True) == pytest.approx(10 * need.of(1280, training=True))


def test_layers_in_series_are_counted_from_one_and_two(small: tuple[DictConfig, Data], monkeypatch: pytest.MonkeyPatch):
    config, data = small
    wanted = config.copy()
    wanted.backbone.layers = 5
    built = room.weights_of(wanted, data.task, SOME_SIZES)
    monkeypatch.setattr(room, "FEW", 2)
    assert room.weights_of(wanted, data.task, SOME_SIZES) == built


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("backbone.layers", 10**6, "which take .* GiB to train, and there are .*; reduce backbone.layers=10"),
        ("backbone.width", 10**12, "more weights than can be counted; reduce backbone.width=1000000000000"),
        ("embedding.parts.words.width", 10**11, "reduce embedding.parts.words.width=100000000000"),
    ],
)  # fmt: skip
def test_hopeless_sizes_are_refused_before_they_are_built(
    small: tuple[DictConfig, Data], key: str, value: int, said: str
):
    config, data = small
    hopeless = room._resized(config, {key: value})
    with pytest.raises(ValueError, match=said):
        check_combination(hopeless, data.task)


@pytest.fixture
def long_text(tmp_path: Path) -> list[str]:
    """Files of which one test row has 300 tokens."""
    rows = [{"text": "good film", "label": "positive"}, {"text": "bad film", "label": "negative"}]
    for split in ("train", "validation", "test"):
        more = [{"text": "word " * 300, "label": "positive"}] if split == "test" else []
        (tmp_path / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in [*rows, *more]))
    return ["task=sentiment", "data=files", f"data.path={tmp_path}"]


def test_a_text_that_does_not_fit_is_named_before_the_first_step(
    tiny: Overrides, long_text: list[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(room, "FAR", 0)
    monkeypatch.setattr(room, "device_memory", lambda config: 2 << 20)
    record = execute(compose_configuration(tiny(*long_text))).record
    assert record["status"] == "failed"
    for part in ("test.jsonl, line 3: a text of 300 tokens, in a batch of", "lower encoding.max_length (now 1024)"):
        assert part in str(record["reason"]), record["reason"]
    assert "curves" not in record


def test_where_memory_runs_out_the_text_is_named(
    tiny: Overrides, long_text: list[str], monkeypatch: pytest.MonkeyPatch
):
    def short(module: TrainingModule, batch: object, number: int) -> None:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: you tried")

    monkeypatch.setattr(TrainingModule, "test_step", short)
    reason = str(execute(compose_configuration(tiny(*long_text))).record["reason"])
    assert reason.startswith("memory ran out at ")
    assert "test.jsonl, line 3: a text of 300 tokens, in a batch of" in reason
    assert "lower encoding.max_length" in reason
    assert "\n" not in reason


def test_what_is_no_shortage_is_left_alone():
    assert is_shortage(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"))
    assert is_shortage(MemoryError())
    assert not is_shortage(RuntimeError("shapes do not match"))
