"""FLOPs that are kept: counted once a configuration, and never those of another one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig

from harness.build import counts, flops
from harness.build import data as run_data
from harness.build.data import Data, encode, make_task
from harness.build.model import make_model
from harness.configuration.compose import compose_configuration
from harness.records import code

Overrides = Callable[..., list[str]]
SENTIMENT = ["task=sentiment", "backbone=convolutional"]
FILE = flops._file


def prepared(overrides: list[str]) -> tuple[DictConfig, Data]:
    config = compose_configuration(overrides)
    task = make_task(config)
    return config, encode(config, task, run_data.load_corpus(config, task))


def counted(config: DictConfig, data: Data) -> dict[str, float]:
    return counts.forward_flops(make_model(config, data, device="meta"), data.sample())


def files(folder: Path) -> set[str]:
    return {path.name for path in (folder / "results" / "cache").glob("flops-*")}


@pytest.fixture(autouse=True)
def _beside_the_records(monkeypatch: pytest.MonkeyPatch):
    """As for users; the other tests share their counts."""
    monkeypatch.setattr(flops, "_file", FILE)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows with every count."""
    numbers, count = list[int](), counts.forward_flops

    def counting(*arguments: Any) -> dict[str, float]:
        numbers.append(1)
        return count(*arguments)

    monkeypatch.setattr(counts, "forward_flops", counting)
    return numbers


@pytest.mark.parametrize("options", [[*SENTIMENT, "model=self"], ["task=matching", "model=cross"]], ids=" ".join)
def test_a_count_that_is_read_is_the_very_one(tiny: Overrides, tmp_path: Path, made: list[int], options: list[str]):
    config, data = prepared(tiny(*options))
    fresh = counted(config, data)
    made.clear()
    assert flops.forward_flops(config, data) == fresh
    assert flops.forward_flops(config, data) == fresh
    assert len(made) == len(files(tmp_path)) == 1
    assert fresh[""] > 0


def test_seeds_and_training_share_a_count(tiny: Overrides, tmp_path: Path, made: list[int]):
    for more in ("seed=1", "seed=2", "training.learning_rate=0.5", "max_minutes=3", "data.max_test=5"):
        flops.forward_flops(*prepared(tiny(*SENTIMENT, more)))
    assert len(made) == len(files(tmp_path)) == 1


@pytest.mark.parametrize(
    "more",
    [
        "backbone.width=32",
        "model=additive",
        "model.heads=2",
        "position=sinusoidal",
        "embedding.parts.words.width=13",
        "data.max_train=20",  # another batch
        "data.seed=2",
    ],
)
def test_whatever_can_change_a_count_has_one_of_its_own(tiny: Overrides, tmp_path: Path, more: str):
    flops.forward_flops(*prepared(tiny(*SENTIMENT)))
    config, data = prepared(tiny(*SENTIMENT, more))
    assert flops.forward_flops(config, data) == counted(config, data)
    assert len(files(tmp_path)) == 2


@pytest.mark.parametrize("rows", [[0, 1, 2], [4, 5, 6]])
def test_other_rows_of_the_same_corpus_have_a_count_of_their_own(
    tiny: Overrides, tmp_path: Path, rows: list[int], monkeypatch: pytest.MonkeyPatch
):
    config, data = prepared(tiny(*SENTIMENT))
    first = flops.forward_flops(config, data)
    monkeypatch.setattr(Data, "sample", lambda self: self.batch("train", rows))
    second = flops.forward_flops(config, data)
    assert second == counted(config, data) != first
    assert len(files(tmp_path)) == 2


def test_a_wider_network_is_not_told_the_count_of_another(tiny: Overrides):
    narrow, wide = (flops.forward_flops(*prepared(tiny(*SENTIMENT, f"backbone.width={w}"))) for w in (16, 32))
    assert wide[""] > 1.5 * narrow[""]


def test_another_code_counts_anew(tiny: Overrides, made: list[int], monkeypatch: pytest.MonkeyPatch):
    config, data = prepared(tiny(*SENTIMENT))
    flops.forward_flops(config, data)
    monkeypatch.setattr(code, "code_version", lambda **_: "edited")
    flops.forward_flops(config, data)
    assert len(made) == 2


def test_a_damaged_file_is_counted_anew_and_replaced(tiny: Overrides, tmp_path: Path, made: list[int]):
    config, data = prepared(tiny(*SENTIMENT))
    fresh = flops.forward_flops(config, data)
    (path,) = (tmp_path / "results" / "cache").glob("flops-*")
    path.write_text(path.read_text()[:9])
    assert flops.forward_flops(config, data) == fresh
    assert flops.forward_flops(config, data) == fresh
    assert len(made) == 2


def test_parts_from_outside_are_counted_each_time(tiny: Overrides, faulty: Callable[..., str], made: list[int]):
    config, data = prepared(tiny(*SENTIMENT, "model=custom", faulty("Fine0")))
    assert flops.forward_flops(config, data) == flops.forward_flops(config, data)
    assert len(made) == 2


def test_runs_of_several_seeds_count_once(tiny: Overrides, made: list[int]):
    from harness.run.execute import execute

    found = [execute(compose_configuration(tiny(*SENTIMENT, f"seed={seed}"))).record for seed in (1, 2)]
    assert len(made) == 1
    assert found[0]["costs"]["flops_per_token"] == found[1]["costs"]["flops_per_token"] > 0
