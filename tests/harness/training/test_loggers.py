"""Weights & Biases, offline: what a run writes is read back from its own file."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import hydra
import pytest
from hydra import initialize_config_dir
from omegaconf import DictConfig

from harness import leaderboard
from harness.configuration.compose import CONF, compose_configuration
from harness.run.execute import execute
from harness.sweep.cells import make_cells
from tests.harness.handmade import record, write_run

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::ResourceWarning")


def offline_records(folder: Path) -> Iterator[Any]:
    """The records of the one offline run below ``folder``.

    The file has seven bytes of its own, then a LevelDB log: blocks of 32 KiB, chunks with a header of checksum (4),
    length (2) and type (1: whole, 2: first, 3: middle, 4: last), zeros at the end of a block.
    """
    from wandb.proto import wandb_internal_pb2

    (path,) = folder.rglob("run-*.wandb")
    content = path.read_bytes()
    position, parts = 7, b""
    while position + 7 <= len(content):
        if 32768 - position % 32768 < 7:
            position += 32768 - position % 32768
            continue
        length, kind = struct.unpack_from("<HB", content, position + 4)
        parts += content[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (1, 4):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(parts)
            parts = b""
            yield record


def read_back(folder: Path) -> list[Any]:
    """The records of the offline run, once the service of Weights & Biases has written its end."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = list(offline_records(folder))
        if any(record.WhichOneof("record_type") == "exit" for record in found):
            return found
        time.sleep(0.1)
    raise AssertionError("the run's end was not written in 30 s")


def summary_of(found: list[Any]) -> dict[str, Any]:
    items = (item for record in found for item in record.summary.update)
    return {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in items}


@pytest.mark.slow
def test_name_group_tags_config_scores_and_the_end_are_written_offline(tiny: Callable[..., list[str]]):
    config = compose_configuration(tiny("task=ner", "logger=wandb", "logger.mode=offline", "logger.tags=[trial]"))
    outcome = execute(config)
    assert outcome.record["status"] == "done", outcome.record["reason"]
    found = read_back(outcome.folder)
    (run,) = [record.run for record in found if record.WhichOneof("record_type") == "run"][:1]
    assert run.display_name == outcome.folder.name
    assert run.run_group == "ner/generated"
    assert set(run.tags) == {"trial", "ner", "generated", "self"}
    assert any(item.key == "seed" and item.value_json == "1" for item in run.config.update)
    summary = summary_of(found)
    assert summary["test/entity_f1_strict_iob2"] == pytest.approx(outcome.record["scores"]["entity_f1_strict_iob2"])
    assert [record.exit.exit_code for record in found if record.WhichOneof("record_type") == "exit"] == [0]


@pytest.mark.slow
def test_the_cells_of_a_sweep_share_a_group_that_another_sweep_does_not():
    def groups(*combinations: list[str]) -> set[str]:
        def compose(overrides: Sequence[str]) -> DictConfig:
            with initialize_config_dir(str(CONF), version_base="1.3"):
                return hydra.compose("config", [*overrides], return_hydra_config=True)

        cells = make_cells(combinations, swept=["model", "task"], compose=compose)
        return {cell.config.logger.group for cell in cells if cell.config is not None}

    two = [["logger=wandb", "task=pos", "model=dot"], ["logger=wandb", "task=ner", "model=dot"]]
    (shared,) = groups(*two)
    assert shared.startswith("sweep-")
    assert groups(*reversed(two)) == {shared}
    assert groups(two[0]).isdisjoint({shared})
    assert groups([*two[0], "logger.group=mine"]) == {"mine"}


@pytest.mark.slow
def test_a_failed_run_is_finished_as_failed(tiny: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch):
    from tasks.model import TaskModel

    def broken(*_: object) -> None:
        raise RuntimeError("out of luck")

    monkeypatch.setattr(TaskModel, "loss", broken)
    outcome = execute(compose_configuration(tiny("task=ner", "logger=wandb", "logger.mode=offline")))
    assert outcome.record["status"] == "failed"
    found = read_back(outcome.folder)
    assert [record.exit.exit_code for record in found if record.WhichOneof("record_type") == "exit"] == [1]


def test_an_unknown_mode_is_refused(tiny: Callable[..., list[str]]):
    record = execute(compose_configuration(tiny("task=ner", "logger=wandb", "logger.mode=sometimes"))).record
    assert "online, offline or disabled" in record["reason"]


@pytest.mark.slow
def test_a_board_is_uploaded_as_a_table_and_an_artifact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for seed in (1, 2):
        write_run(tmp_path / "a" / str(seed), record(model="dot", seed=seed, scores={"f1": 0.25}))
    write_run(tmp_path / "b", record(model="self", status="failed", reason="no memory"))
    output = str(tmp_path / "board.md")
    assert leaderboard.main([str(tmp_path / "a"), str(tmp_path / "b"), "--wandb", "boards", "--output", output]) == 0
    found = read_back(tmp_path)
    (run,) = [record.run for record in found if record.WhichOneof("record_type") == "run"][:1]
    assert (run.project, run.job_type) == ("boards", "leaderboard")
    sent = [record.request.log_artifact.artifact for record in found if record.request.HasField("log_artifact")]
    sent += [record.artifact for record in found if record.WhichOneof("record_type") == "artifact"]
    names = {entry.path for artifact in sent for entry in artifact.manifest.contents if artifact.name == "leaderboard"}
    assert names == {"board.csv", "board.json"}
    (path,) = tmp_path.rglob("media/table/leaderboard*.table.json")
    table = json.loads(path.read_text())
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]
    assert [(row["model"], row["mean"], row["holes"]) for row in rows] == [
        ("dot", 0.25, None),
        ("self", None, "failed: no memory"),
    ]


@pytest.mark.slow
def test_a_board_that_cannot_be_sent_is_shown_nevertheless(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    import wandb

    def refuse(**_options: object) -> None:
        raise wandb.errors.UsageError("nobody is logged in")

    monkeypatch.setattr(wandb, "init", refuse)
    write_run(tmp_path, record())
    assert leaderboard.main([str(tmp_path), "--wandb", "boards"]) == 2
    printed = capsys.readouterr()
    assert "0.5000" in printed.out
    assert "cannot be sent to Weights & Biases (nobody is logged in)" in printed.err
