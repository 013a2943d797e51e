from __future__ import annotations

import json
import multiprocessing
from pathlib import Path
from typing import Any

import pytest

from harness.records import code, files
from harness.records.identity import run_id
from harness.records.record import FORMAT


def configuration(**changes: Any) -> dict[str, Any]:
    config = {
        "seed": 1,
        "names": {"task": "ner", "data": "generated", "model": "self"},
        "data": {"data_dir": None, "size": "small"},
        "trainer": {"precision": "32-true", "enable_progress_bar": True, "profiler": None},
        "results_dir": "results",
        "force": False,
        "debug": {"enabled": False},
    }
    return config | changes


def identity(config: dict[str, Any], fingerprint: str | None = "f", code: str = "c") -> str:
    return run_id(config, data_fingerprint=fingerprint, code_version=code)


def test_id_ignores_what_cannot_change_a_result():
    same = configuration(results_dir="elsewhere", force=True)
    same["trainer"] = same["trainer"] | {"enable_progress_bar": False}
    same["data"] = same["data"] | {"data_dir": "/somewhere"}
    assert identity(same) == identity(configuration())


@pytest.mark.parametrize("change", [{"seed": 2}, {"data": {"data_dir": None, "size": "large"}}])
def test_id_changes_with_the_configuration(change):
    assert identity(configuration(**change)) != identity(configuration())


def test_id_changes_with_data_and_code():
    assert len({identity(configuration(), f, c) for f in ("f", "g", None) for c in ("c", "d")}) == 6


def test_code_version_counts_a_users_own_files(tmp_path: Path):
    mechanism = tmp_path / "mine.py"
    mechanism.write_text("a = 1")
    first = code.code_version(extra_files=[mechanism])
    mechanism.write_text("a = 2")
    assert code.code_version(extra_files=[mechanism]) != first != code.code_version()


def test_code_that_is_edited_while_it_runs_keeps_the_version_it_began_with(monkeypatch: pytest.MonkeyPatch):
    began = code.code_version()
    monkeypatch.setattr(code, "COMPUTING", ("models",))  # other source than there was
    assert code.code_version() == began
    monkeypatch.setattr(code, "_own_source", code._own_source.__wrapped__)  # as another process reads it
    assert code.code_version() != began


def test_debug_runs_live_apart():
    config = configuration(debug={"enabled": True})
    assert files.run_folder("r", config, "abc") == Path("r/debug/ner-generated-self-s1-abc")


def test_folder_names_hold_no_separators():
    config = configuration(names={"task": "ner", "data": "files:a/b c", "model": "my.Attention"})
    assert files.run_folder("r", config, "abc").name == "ner-files_a_b_c-my.Attention-s1-abc"


def test_record_and_predictions_come_back(tmp_path: Path):
    record = {"format": FORMAT, "status": "done", "text": "Zürich"}
    files.write_record(tmp_path / "run", record)
    files.write_predictions(tmp_path / "run", [{"row": 0, "gold": "ä"}, {"row": 1, "gold": "b"}])
    assert files.read_record(tmp_path / "run") == record
    assert [row["gold"] for row in files.read_predictions(tmp_path / "run")] == ["ä", "b"]


def test_no_record_is_none(tmp_path: Path):
    assert files.read_record(tmp_path) is None


def _write_many(folder: Path, number: int) -> None:
    for _ in range(50):
        files.write_record(folder, {"format": FORMAT, "writer": number, "filling": "x" * 20_000})


def test_a_reader_never_sees_half_a_record(tmp_path: Path):
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_write_many, args=(tmp_path, number)) for number in (1, 2)]
    files.write_record(tmp_path, {"format": FORMAT, "writer": 0})
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert files.read_record(tmp_path)["writer"] in (0, 1, 2)
    assert [path.name for path in tmp_path.iterdir()] == ["record.json"]


@pytest.mark.parametrize(
    ("content", "message"), [("{", "no readable record"), ("[]", "found 'list'"), ('{"format": 99}', "found 99")]
)
def test_a_damaged_record_is_named(tmp_path: Path, content: str, message: str):
    path = tmp_path / "record.json"
    path.write_text(content)
    (error,) = files.records_in(path)
    assert isinstance(error, ValueError)
    assert str(path) in str(error)
    assert message in str(error)


def test_published_boards_are_read_line_by_line(tmp_path: Path):
    good = json.dumps({"format": FORMAT, "id": "a"})
    (tmp_path / "records.jsonl").write_text(good + "\n{broken\n")
    first, second = files.records_in(tmp_path / "records.jsonl")
    assert first["id"] == "a"
    assert "line 2" in str(second)
