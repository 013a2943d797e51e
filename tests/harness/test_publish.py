from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from harness.leaderboard import main as leaderboard
from harness.publish import main
from harness.records import files
from harness.records.reading import read_records
from tests.harness.handmade import record


def test_a_board_holds_compact_records_and_the_table_made_from_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    private = {"command": ["/home/me/python"], "data_source": "files (/home/me/data/x)"}
    lists = {"_target_": "tasks.corpora.FileData", "path": "/home/me/reviews", "train": "/home/me/more/train.csv"}
    data = {"data_dir": "/home/me/data", "size": "small", "train_from": {"data_dir": "/home/me/data", **lists}}
    config = {"results_dir": "/home/me/results", "data": data}
    for seed, score in enumerate((0.4, 0.6)):
        files.write_record(
            tmp_path / "runs" / str(seed), record(seed=seed, scores={"f1": score}, config=config) | private
        )
    files.write_record(tmp_path / "runs" / "debug", record(debug=True))
    made = ["--title", "A board", "--command", "python -m harness", "--boards", str(tmp_path / "boards")]
    assert main(["first", str(tmp_path / "runs"), *made]) == 0
    text = (tmp_path / "boards" / "first" / "records.jsonl").read_text()
    assert text.count("\n") == 2
    assert "/home/me" not in text
    assert "| self | 2 | 0.5000 |" in (tmp_path / "boards" / "first" / "README.md").read_text()
    capsys.readouterr()
    assert leaderboard([str(tmp_path / "boards"), "--format", "markdown"]) == 0
    assert "0.5000" in capsys.readouterr().out


def test_a_board_has_its_answer_as_a_picture_on_light_and_on_dark(tmp_path: Path):
    scores = {"none": (0.4, 0.41, 0.4), "self": (0.9, 0.91, 0.9)}
    for model, values in scores.items():
        for seed, score in enumerate(values):
            made = record(model=model, seed=seed, scores={"f1": score})
            files.write_record(tmp_path / "runs" / f"{model}{seed}", made)
    hole = record(model="<dot>", status="failed", reason="no memory")
    files.write_record(tmp_path / "runs" / "hole", hole)
    command = ["--title", "A board", "--command", "python -m harness", "--boards", str(tmp_path / "boards")]
    assert main(["own", str(tmp_path / "runs"), *command]) == 0
    readme = (tmp_path / "boards" / "own" / "README.md").read_text()
    for theme, paper in {"light": "#fcfcfb", "dark": "#141517"}.items():
        assert f"overview-{theme}.svg" in readme
        root = ElementTree.parse(tmp_path / "boards" / "own" / f"overview-{theme}.svg").getroot()
        told = {"".join(element.itertext()) for element in root.iter("{http://www.w3.org/2000/svg}text")}
        assert {"self", "none", "<dot>", "0.90331", "0.40332", "+0.5000 better", "failed"} <= told
        squares = list(root.iter("{http://www.w3.org/2000/svg}rect"))
        fills = [square.get("fill") for square in squares]
        assert (fills.count(paper), fills.count("url(#hole)")) == (1, 1)
        assert sum(square.get("stroke") is not None for square in squares) == 1


def test_a_board_that_is_published_again_keeps_title_and_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    files.write_record(tmp_path / "runs" / "1", record())
    where = [str(tmp_path / "runs"), "--boards", str(tmp_path / "boards")]
    assert main(["own", *where, "--command", "one\ntwo  # lines"]) == 2
    assert "there is no board own yet: give it --title and --command" in capsys.readouterr().err
    assert main(["own", *where, "--title", "A board", "--command", "one\ntwo  # lines"]) == 0
    readme = tmp_path / "boards" / "own" / "README.md"
    first = readme.read_text()
    assert "```\none\ntwo  # lines\npython -m harness.publish own\n```" in first
    assert main(["own", *where]) == 0
    assert readme.read_text() == first
    assert main(["own", *where, "--title", "Another"]) == 0
    assert readme.read_text() == first.replace("# A board", "# Another", 1)


def test_a_reason_with_any_kind_of_line_end_comes_back(tmp_path: Path):
    reason = "the label 'x\u2028y\x85z' is unknown"
    files.write_record(tmp_path / "runs" / "1", record(status="failed", reason=reason))
    made = ["--title", "A board", "--command", "python -m harness", "--boards", str(tmp_path / "boards")]
    assert main(["first", str(tmp_path / "runs"), *made]) == 0
    ((_path, found),), _left_out = read_records([tmp_path / "boards"])
    assert isinstance(found, dict)
    assert found["reason"] == reason


def test_nothing_to_publish_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    files.write_record(tmp_path / "runs" / "debug", record(debug=True))
    nowhere = ["--boards", str(tmp_path / "boards")]
    assert main(["none", str(tmp_path / "runs"), "--title", "x", "--command", "y", *nowhere]) == 1
    assert "no records" in capsys.readouterr().err


def excerpt_into(tmp_path: Path, asked: str) -> tuple[int, str]:
    for task in ("ner", "pos"):
        files.write_record(tmp_path / "runs" / task, record(task=task))
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n<!-- board own: {asked} -->\nstale\n<!-- end of board own -->\nafter\n")
    made = ["--title", "x", "--command", "y", "--boards", str(tmp_path / "boards"), "--excerpt", str(readme)]
    return main(["own", str(tmp_path / "runs"), *made]), readme.read_text()


def test_the_tables_that_a_file_asks_for_are_written_into_it(tmp_path: Path):
    data = record()["data"]
    code, text = excerpt_into(tmp_path, f"ner/{data}")
    assert code == 0
    assert text.startswith(f"before\n<!-- board own: ner/{data} -->\n")
    assert text.endswith("<!-- end of board own -->\nafter\n")
    assert f"### ner / {data}" in text
    assert "### pos" not in text
    assert "stale" not in text
    assert excerpt_into(tmp_path, f"ner/{data}")[1] == text


def test_a_table_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    code, text = excerpt_into(tmp_path, "ner/nowhere")
    assert code == 2
    assert "stale" in text
    assert "asks for ner/nowhere; the board has ner/" in capsys.readouterr().err


def test_a_file_without_a_place_for_the_excerpt_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    files.write_record(tmp_path / "runs" / "one", record())
    (tmp_path / "README.md").write_text("nothing here")
    made = ["--title", "x", "--command", "y", "--boards", str(tmp_path / "boards")]
    assert main(["own", str(tmp_path / "runs"), *made, "--excerpt", str(tmp_path / "README.md")]) == 2
    assert "has no '<!-- board own: task/data, … -->'" in capsys.readouterr().err
