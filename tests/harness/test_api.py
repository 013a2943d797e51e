"""The Python face: a run, its predictions, the records as a table, the board; the same as the commands give."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import pandas  # type: ignore[import-untyped]
import pytest

from harness import api, leaderboard, predict
from harness.records.record import Record
from harness.run.run import Outcome
from tests.harness.conftest import TINY
from tests.harness.handmade import record, write_run


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory, quick_measures: None) -> Outcome:
    folder = tmp_path_factory.mktemp("a folder (1)") / "results"  # a path that Hydra's grammar does not like
    return api.run([*TINY, "task=matching", "model=self", "logger=none", f"results_dir={folder}"])


def test_what_is_loaded_predicts_as_the_command_does(
    outcome: Outcome, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert outcome.record["status"] == "done", outcome.record["reason"]
    labeller = api.load(outcome.folder)
    rows = [{"text_a": "a b .", "text_b": "b a ."}, {"text_a": "c .", "text_b": "a ."}]
    found = labeller.predict([("a b .", "b a ."), rows[1]], probabilities=True, n_best=2)
    assert {answer.predicted for answer in found} <= set(labeller.labels)
    file = tmp_path / "new.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert predict.main([str(outcome.folder), str(file), "--format", "jsonl"]) == 0
    assert [json.loads(line)["predicted"] for line in capsys.readouterr().out.splitlines()] == [
        answer.predicted for answer in found
    ]
    assert labeller.explain("a b .", "b a .").predicted == found[0].predicted
    with pytest.raises(ValueError, match=r"expected 2 text\(s\) \(text_a, text_b\), got 1: 'a'"):
        labeller.predict(["a"])
    with pytest.raises(ValueError, match="expected a list of texts, got a str; put a text in brackets"):
        labeller.predict("a b")
    with pytest.raises(ValueError, match=r"expected a list of texts, got a DataFrame; .* \.to_dict\('records'\)"):
        labeller.predict(pandas.DataFrame(rows))
    with pytest.raises(ValueError, match="row 1: expected a text, got an empty one"):
        labeller.predict([("", "a")])
    with pytest.raises(ValueError, match="expected at least one of the best predictions"):
        labeller.predict(rows, n_best=-1)
    assert labeller.predict([]) == []
    assert repr(labeller) == f"Labeller({outcome.folder.name})"
    with pytest.raises(ValueError, match="expected the folder of a run, or several, got none"):
        api.load()


def test_a_run_that_is_recorded_is_found(outcome: Outcome):
    again = api.run(
        [*TINY, "task=matching", "model=self", "logger=none", f"results_dir={outcome.folder.parent.parent}"]
    )
    assert again.found
    with pytest.raises(ValueError, match=r"training\.steps"):
        api.run(["training.steps=none"])


def test_an_outcome_is_printed_in_one_line(tmp_path: Path):
    outcome = Outcome(cast(Record, record(main_score="accuracy", scores={"accuracy": 0.75})), tmp_path, found=True)
    assert repr(outcome) == f"<Outcome: done, found, accuracy 0.7500, in {tmp_path}>"
    failed = Outcome(cast(Record, record(status="failed", reason="no memory\nat all")), tmp_path)
    assert repr(failed) == f"<Outcome: failed, no memory, in {tmp_path}>"


def test_a_text_in_the_place_of_a_list_is_refused_with_the_list():
    with pytest.raises(ValueError, match=r"a list of overrides, got the text .*; write \['task=pos', 'seed=2'\]"):
        api.run("task=pos seed=2")


def test_records_are_a_table_of_one_row_a_run(outcome: Outcome, tmp_path: Path):
    write_run(tmp_path / "other", record(status="failed", reason="no memory"))
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "record.json").write_text("{")
    with pytest.warns(UserWarning, match=r"damaged.record\.json is no readable record"):
        table = api.records(outcome.folder, tmp_path, settings=["training.steps", "nothing.such"])
    assert list(table["status"]) == ["done", "failed"]
    first = table.iloc[0]
    assert first["score"] == first["scores.accuracy"] == outcome.record["scores"]["accuracy"]
    assert first["costs.parameters.total"] == outcome.record["costs"]["parameters"]["total"]
    assert first["training.steps"] == outcome.record["config"]["training"]["steps"]
    assert table["nothing.such"].isna().all()


def test_the_board_is_that_of_the_command(outcome: Outcome, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert leaderboard.main([str(outcome.folder), "--format", "json"]) == 0
    assert json.loads(json.dumps(api.board(outcome.folder).as_dict())) == json.loads(capsys.readouterr().out)
    with pytest.raises(ValueError, match="there are no records of runs to compare"):
        api.board(tmp_path)
