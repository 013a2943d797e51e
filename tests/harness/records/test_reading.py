from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.records.reading import read_records
from tests.harness.handmade import record, write_run


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "no readable record"),
        ("[]", "is no record of format 1 (found 'list')"),
        ('{"name": "somebody else\'s"}', "is no record of format 1 (found None)"),
        (json.dumps(record(format=0)), "found 0"),
        (json.dumps(record(scores=None)), "is no record of a run: scores is null, expected an object"),
        (json.dumps(record(status="fine")), "status is 'fine', expected done or failed or unsupported or interrupted"),
        (json.dumps(record(seed="one")), "is no record of a run: seed is 'one', expected a whole number"),
        (json.dumps(record(learning=[])), "is no record of a run: learning is a list, expected an object"),
        (json.dumps(record(dropped_rows={"test": "3"})), "dropped_rows.test is '3', expected a whole number"),
        (json.dumps(record(costs={"parameters": {"total": None}})), "costs.parameters.total is null, expected a whole"),
        (json.dumps(record(config={"a": json.loads("[" * 99 + "]" * 99)})), "no more than 50 brackets inside each"),
        (json.dumps(record(text_notes=["\ud800"])), "is no readable record ('utf-8' codec can't encode"),
        (json.dumps({"format": 1, "id": "x"}), "is no record of a run: status, debug, task, data, model, "),
        (json.dumps(record(config={"model": None})), "config.model is null, expected an object"),
    ],
)
def test_a_damaged_or_foreign_record_is_named_and_left_out(tmp_path: Path, text: str, problem: str):
    write_run(tmp_path / "good", record())
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "record.json").write_text(text)
    found, (message,) = read_records([tmp_path])
    assert [path.parent.name for path, _ in found] == ["good"]
    assert str(tmp_path / "bad" / "record.json") in message
    assert problem in message


def test_lines_of_a_published_board_are_checked_one_by_one(tmp_path: Path):
    (tmp_path / "records.jsonl").write_text(f'{json.dumps(record())}\n{{"a": 1}}\nnot json\n')
    found, messages = read_records([tmp_path])
    assert len(found) == 1
    assert len(messages) == 2
    (tmp_path / "records.jsonl").write_bytes(b"\xff\xfe\n")
    found, (message,) = read_records([tmp_path])
    assert "records.jsonl is no readable record" in message


def test_what_a_writer_has_not_finished_is_not_read(tmp_path: Path):
    write_run(tmp_path / "done", record())
    (tmp_path / "going on").mkdir()
    (tmp_path / "going on" / ".record.json-abc").write_text('{"format": 1, "sta')
    (tmp_path / "going on" / ".record.json-def").touch()
    found, messages = read_records([tmp_path])
    assert len(found) == 1
    assert messages == []


def test_a_place_that_is_not_there_is_named(tmp_path: Path):
    assert "nowhere" in read_records([tmp_path / "nowhere"])[1][0]
