from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness import leaderboard, records


def record(**changes: Any) -> dict[str, Any]:
    base = {
        "format": records.FORMAT, "id": "x", "status": "done", "reason": None, "debug": False, "task": "ner",
        "data": "generated", "model": "self", "backbone": "recurrent", "position": "none", "seed": 1,
        "data_fingerprint": "f", "finished": "2026-01-01T00:00:00+00:00", "main_score": "f1", "scores": {"f1": 0.5},
        "costs": {"parameters": {"total": 1000}, "train_seconds": 2.0, "latency_seconds": 0.001}, "config": {},
    }  # fmt: skip
    changed = base | changes
    return changed | {"config": {"model": {"name": changed["model"]}, "seed": changed["seed"]} | changed["config"]}


def lines(*entries: dict[str, Any]) -> list[dict[str, str]]:
    ((_, table),) = leaderboard.group_records(entries).items()
    return leaderboard.table_lines(table, None)[1]


def test_seeds_share_a_row_and_give_mean_and_interval():
    (line,) = lines(*(record(seed=s, scores={"f1": f}) for s, f in enumerate([0.4, 0.5, 0.6])))
    assert line["score"] == "0.5000"
    assert line["seeds"] == "3"
    # t(2, 0.975) = 4.3027, s = 0.1: 4.3027 * 0.1 / sqrt(3)
    assert line["interval"] == "± 0.2484"


def test_one_seed_has_no_interval():
    assert lines(record())[0]["interval"] == ""


def test_the_best_mean_stands_first_and_a_failed_cell_is_a_hole_with_its_reason():
    holes = record(model="dot", status="failed", reason="loss became nan\nmore", scores={})
    shown = lines(holes, record(model="none", scores={"f1": 0.2}), record(scores={"f1": 0.9}))
    assert [line["model"] for line in shown] == ["self", "none", "dot"]
    assert shown[-1]["score"] == "failed: loss became nan"


def test_a_later_success_fills_the_hole():
    failed = record(status="failed", reason="x", finished="2026-01-02")
    assert [line["score"] for line in lines(failed, record(finished="2026-01-01"))] == ["0.5000"]


def test_debug_runs_never_count():
    assert leaderboard.group_records([record(debug=True)]) == {}


def test_rows_with_other_settings_are_kept_apart_and_say_which():
    shown = lines(record(config={"training": {"lr": 1}}), record(config={"training": {"lr": 2}}))
    assert sorted(line["settings"] for line in shown) == ["training.lr=1", "training.lr=2"]


def test_other_data_stay_out_with_a_message():
    ((_, table),) = leaderboard.group_records(
        [record(seed=1), record(seed=2), record(seed=3, id="odd", data_fingerprint="g")]
    ).items()
    (message,) = leaderboard.keep_one_fingerprint(table)
    assert "odd" in message
    assert leaderboard.table_lines(table, None)[1][0]["seeds"] == "2"


@pytest.mark.parametrize("style", ["terminal", "markdown", "csv", "json"])
def test_every_format_shows_the_score(tmp_path: Path, capsys: pytest.CaptureFixture[str], style: str):
    records.write_record(tmp_path / "run", record(scores={"f1": 0.1234}))
    assert leaderboard.main([str(tmp_path), "--format", style]) == 0
    assert "0.1234" in capsys.readouterr().out


def test_a_damaged_record_is_named_and_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    records.write_record(tmp_path / "good", record())
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "record.json").write_text("{")
    assert leaderboard.main([str(tmp_path), "--format", "json"]) == 0
    captured = capsys.readouterr()
    assert "bad/record.json" in captured.err
    assert len(json.loads(captured.out)) == 1


def test_nothing_to_compare_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert leaderboard.main([str(tmp_path)]) == 1
    assert "no records" in capsys.readouterr().err


def test_the_seed_that_draws_missing_splits_does_not_part_the_seeds_of_a_row():
    drawn = [record(seed=s, config={"data": {"seed": s, "validation_fraction": 0.1}}) for s in (1, 2)]
    assert [line["seeds"] for line in lines(*drawn)] == ["2"]
    generated = [record(config={"data": {"seed": s, "size": "small"}}) for s in (1, 2)]
    assert len(lines(*generated)) == 2


def test_training_settings_do_not_part_the_rows_of_a_floor():
    floors = [
        record(seed=s, config={"model": {"floor": {}}, "task": {}, "data": {}, "training": {"steps": s}})
        for s in (1, 2)
    ]
    assert [line["seeds"] for line in lines(*floors)] == ["2"]
