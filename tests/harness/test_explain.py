"""``harness.explain``: the same prediction as the run made, its maps, what is saved, and its complaints."""

from __future__ import annotations

import json
import pickle
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import explain, leaderboard
from harness.build.data import make_task
from harness.build.saved import SavedNetwork
from harness.configuration.compose import compose_configuration
from harness.explanation import choice
from harness.explanation.example import Explained, short_examples
from harness.explanation.finished import explain_texts
from harness.explanation.maps import AttentionMap, terminal_lines
from harness.explanation.saved_maps import LARGEST, read_maps, save_maps
from harness.records.files import ENCODING, WEIGHTS, read_predictions, read_record
from harness.report.map_page import html_page
from harness.run.execute import execute
from harness.training import fit
from tests.harness.conftest import TINY, WRITING
from tests.harness.handmade import floor, record, write_run

Captured = pytest.CaptureFixture[str]

pytestmark = pytest.mark.xdist_group("explained runs")  # trained once

CASES = {
    "ner": [*TINY, "+data.knobs.length=1", "task=ner", "model=cross"],  # else too few of its texts are short
    "sentiment": [*TINY, "task=sentiment", "model=self", "backbone=transformer"],
    "matching": [*TINY, "task=matching", "model=cross"],
    "translation": [*WRITING, "task.search.beam=2", "task=translation", "model=additive"],
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, quick_measures: None) -> Callable[[str], Path]:
    """The folder of a tiny finished run of a task, trained once."""
    folders: dict[str, Path] = {}

    def folder(task: str) -> Path:
        if task not in folders:
            place = tmp_path_factory.mktemp(task) / "results"
            outcome = execute(compose_configuration([*CASES[task], f"results_dir={place}", "logger=none"]))
            assert outcome.record["status"] == "done", outcome.record["reason"]
            folders[task] = outcome.folder
            shutil.copy(outcome.folder / "attention.json", outcome.folder / "by-itself.json")  # tests write it anew
        return folders[task]

    return folder


def refused(capsys: Captured, *arguments: str) -> str:
    assert explain.main(list(arguments)) == 2
    return capsys.readouterr().err


def texts_of(folder: Path, row: dict[str, Any]) -> list[str]:
    config = read_record(folder)["config"]  # type: ignore[index]
    columns = {"ner": ["tokens"], "matching": ["text_a", "text_b"], "translation": ["source"]}
    found = [row[column] for column in columns.get(config["names"]["task"], ["text"])]
    return [text if isinstance(text, str) else " ".join(text) for text in found]


@pytest.mark.slow
@pytest.mark.parametrize("task", CASES)
def test_a_run_keeps_by_itself_what_explain_saves(trained: Callable[[str], Path], capsys: Captured, task: str):
    folder = trained(task)
    kept = json.loads((folder / "by-itself.json").read_text())
    assert len(kept["rows"]) == 3
    assert explain.main([str(folder), "--save"]) == 0
    assert json.loads((folder / "attention.json").read_text()) == kept


@pytest.mark.slow
def test_maps_are_switched_off_by_an_option_that_is_no_part_of_a_run(trained: Callable[[str], Path], tmp_path: Path):
    options = [*CASES["sentiment"], f"results_dir={tmp_path}", "logger=none", "attention_maps=false"]
    outcome = execute(compose_configuration(options))
    assert outcome.record["id"] == trained("sentiment").name.rpartition("-")[2]
    assert not (outcome.folder / "attention.json").exists()


@pytest.mark.slow
def test_a_run_is_not_lost_for_want_of_a_map(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(fit, "explain_example", lambda *_args, **_more: 1 / 0)
    with pytest.warns(UserWarning, match="no attention maps are kept of this run: ZeroDivisionError"):
        outcome = execute(compose_configuration([*CASES["sentiment"], f"results_dir={tmp_path}", "logger=none"]))
    assert outcome.record["status"] == "done"


@pytest.mark.slow
def test_a_limit_that_ends_while_maps_are_made_is_no_want_of_a_map(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(fit, "explain_example", lambda *_args, **_more: signal.raise_signal(signal.SIGALRM))
    options = [*CASES["sentiment"], f"results_dir={tmp_path}", "logger=none", "max_minutes=9"]
    record = execute(compose_configuration(options)).record
    assert (record["status"], "took longer than max_minutes=9" in str(record["reason"])) == ("failed", True)


def test_maps_that_would_make_the_file_large_are_left_out(tmp_path: Path):
    def example(tokens: int) -> Explained:
        names, weights = ["w"] * tokens, np.full((1, tokens, tokens), 1 / tokens)
        maps = [AttentionMap(site, "token", names, names, weights) for site in ("first", "last")]
        return Explained(tokens, [names], "a", "a", maps)

    save_maps([example(20), example(300), example(30)], tmp_path)
    assert (tmp_path / "attention.json").stat().st_size < LARGEST
    rows = read_maps(tmp_path)["rows"]  # type: ignore[index]
    assert [row["row"] for row in rows] == [20, 30]
    assert [made["site"] for made in rows[0]["maps"]] == ["last"]


@pytest.mark.parametrize(
    ("lengths", "rows"),
    [([30, 5, 5, 30, 30, 2, 9, 9], [1, 2, 5]), ([30, 26, 0, 27], [1, 3]), ([5], [0]), ([30, 0, 3], [0, 2])],
    ids=["the first short one of each stretch", "the shortest, none short", "one row", "an empty one"],
)
def test_the_examples_depend_on_the_data_alone(lengths: list[int], rows: list[int]):
    task = make_task(compose_configuration(["task=sentiment"]))
    examples = [{"text": " ".join(["w"] * length), "label": "a"} for length in lengths]
    assert short_examples(task, examples, "words", 2 if len(lengths) == 4 else 3) == rows


@pytest.mark.slow
@pytest.mark.parametrize("task", CASES)
def test_saved_examples_have_the_predictions_of_the_run_and_weights_that_sum_to_one(
    trained: Callable[[str], Path], capsys: Captured, task: str
):
    folder = trained(task)
    assert explain.main([str(folder), "--save", "--rows", "2"]) == 0
    assert capsys.readouterr().out.strip() == str(folder / "attention.json")
    stored = {row["row"]: row for row in read_predictions(folder)}
    rows = json.loads((folder / "attention.json").read_text())["rows"]
    assert len(rows) == 2
    for row in rows:
        assert row["predicted"] == stored[row["row"]]["predicted"]
        assert row["maps"] or task == "translation"
        for made in row["maps"]:
            weights = np.array(made["weights"])
            assert weights.shape == (len(made["rows"]), len(made["columns"]))
            assert weights.sum(axis=1) == pytest.approx(1, abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("task", CASES)
def test_a_text_of_the_test_split_is_predicted_as_the_run_did(
    trained: Callable[[str], Path], capsys: Captured, tmp_path: Path, task: str
):
    folder = trained(task)
    row = read_predictions(folder)[0]
    texts = texts_of(folder, row)
    pages = tmp_path / "out"
    assert explain.main([str(folder), *texts, "--html", str(pages / "m.html"), "--png", str(pages / "m.png")]) == 0
    printed = capsys.readouterr().out
    expected = row["predicted"]
    if isinstance(expected, list):
        expected = " ".join(f"{token}/{tag}" for token, tag in zip(row["tokens"], expected, strict=True))
    assert f"prediction: {expected}\n" in printed
    kinds = {"ner": ["token", "external"], "sentiment": ["token", "pooling"], "translation": ["token"]}
    pair = ["token, text 1", "token, text 2", "external, text 1", "pooling, text 2"]
    for kind in kinds.get(task, pair):
        assert f"({kind})" in printed
    assert (pages / "m.png").read_bytes().startswith(b"\x89PNG")
    page = (pages / "m.html").read_text()
    assert "heat-map" in page
    assert """content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\"""" in page


def test_a_text_is_brought_into_the_form_of_the_data(trained: Callable[[str], Path]):
    folder = trained("sentiment")
    found = read_record(folder)
    assert found is not None
    network = SavedNetwork.load(found, folder)
    known = network.encoding.codec.words.symbols[0]
    assert explain_texts(network, [f"{known} e\u0301"]).texts == [[known, "\u00e9"]]


def test_the_report_shows_what_was_saved(trained: Callable[[str], Path], tmp_path: Path):
    folder = trained("sentiment")
    assert explain.main([str(folder / "record.json"), "--save"]) == 0
    output = tmp_path / "report.html"
    assert leaderboard.main([str(folder), "--format", "html", "--output", str(output)]) == 0
    assert "attention of self" in output.read_text()


def test_a_head_and_a_site_can_be_chosen(trained: Callable[[str], Path], capsys: Captured):
    folder = trained("sentiment")
    (text,) = texts_of(folder, read_predictions(folder)[0])
    assert explain.main([str(folder), text, "--site", "head", "--head", "1"]) == 0
    printed = capsys.readouterr().out
    assert "head.attention (pooling, head 1)" in printed
    assert "(token" not in printed
    assert "there are: encoder." in refused(capsys, str(folder), text, "--site", "nowhere")
    assert "has heads 1 to" in refused(capsys, str(folder), text, "--head", "99")


@pytest.mark.slow
def test_what_cannot_be_explained_is_refused_with_the_reason(
    trained: Callable[[str], Path], capsys: Captured, tmp_path: Path
):
    folder = str(trained("matching"))
    assert "reads 2 text(s) (text_a, text_b), got 1" in refused(capsys, folder, "one text")
    assert "no token of 'xqzt wvvk' occurs in the training texts" in refused(capsys, folder, "the", "xqzt wvvk")
    assert "expected a text, or --save" in refused(capsys, folder)
    assert "expected at least one of --rows, got 0" in refused(capsys, folder, "--save", "--rows", "0")
    assert "neither the folder of a run nor its record.json" in refused(capsys, str(tmp_path), "a")
    failed = write_run(tmp_path / "failed", record(status="failed", reason="no memory"))
    assert "no tested weights: failed: no memory" in refused(capsys, str(failed), "a")
    assert "floor 'majority', which keeps no network" in refused(
        capsys, str(write_run(tmp_path / "floor", floor())), "a"
    )
    bare = write_run(tmp_path / "bare", record())
    assert "holds no model.safetensors and no encoding.json, which" in refused(capsys, str(bare), "a")


def test_another_network_is_refused(trained: Callable[[str], Path], capsys: Captured, tmp_path: Path):
    folder = tmp_path / "runs" / "changed"
    shutil.copytree(trained("sentiment"), folder)
    made = json.loads((folder / "record.json").read_text())
    made["config"]["backbone"]["feedforward_width"] = 24
    (folder / "record.json").write_text(json.dumps(made))
    assert "does not fit the network" in refused(capsys, str(folder), "--save")


class Foreign:
    """Something that a pickle would make."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("executed",)


@pytest.mark.slow
@pytest.mark.parametrize(
    "content",
    [pickle.dumps(Foreign()), pickle.dumps({"a": 1}), b"", b"no weights", b"PK\x03\x04" + bytes(99)],
    ids=["pickle", "foreign", "empty", "text", "archive"],
)
@pytest.mark.parametrize("name", [WEIGHTS, ENCODING, "predictions.jsonl.gz"])
def test_what_is_no_file_of_a_run_is_refused_in_a_line(
    trained: Callable[[str], Path], capsys: Captured, tmp_path: Path, content: bytes, name: str
):
    folder = tmp_path / "runs" / "changed"
    shutil.copytree(trained("sentiment"), folder)
    (folder / name).write_bytes(content)
    assert explain.main([str(folder), "--save"]) == 2
    said = capsys.readouterr()
    assert str(folder / name) in said.err
    assert said.err.endswith("; run again with force=true to have it\n")
    assert said.err.count("\n") == 1
    assert "executed" not in said.out


@pytest.mark.slow
def test_code_of_others_is_run_only_if_trusted(
    trained: Callable[[str], Path], tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
):
    folder = tmp_path / "theirs"
    shutil.copytree(trained("ner"), folder)
    (tmp_path / "received.py").write_text("from models.attention.cross import CrossAttention as Theirs\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    made = json.loads((folder / "record.json").read_text())
    made["config"]["model"]["attention"]["_target_"] = "received.Theirs"
    (folder / "record.json").write_text(json.dumps(made))
    said = refused(capsys, str(folder), "Ada left .")
    assert "the run's own code would be executed: received.Theirs is not of this repository" in said
    assert "received" not in sys.modules
    assert explain.main([str(folder), "the of .", "--trust"]) == 0
    assert "prediction: " in capsys.readouterr().out


def test_what_lies_inside_a_known_module_is_not_known():
    assert choice.foreign_targets({"config": {"model": [{"_target_": "models.decoding.torch.os.getcwd"}]}}) == [
        "models.decoding.torch.os.getcwd"
    ]


def some_map(rows: Sequence[str], columns: Sequence[str], weights: Sequence[Sequence[float]]) -> AttentionMap:
    return AttentionMap("site", "token", list(rows), list(columns), np.array([weights]))


def test_the_terminal_shows_shades_and_the_largest_weights():
    lines = list(terminal_lines(some_map(["a"], ["x", "y", "z"], [[0.75, 0.25, 0.0]]), None))
    assert lines == ["site (token), █ is 0.75", "  a │█░ │ x 0.75, y 0.25, z 0.00"]


def test_a_page_of_maps_escapes_its_texts():
    page = html_page("<b>", "<i>", [some_map(["<u>"], ["<s>"], [[1.0]])], None)
    assert not any(mark in page for mark in ("<b>", "<i>", "<u>", "<s>"))
    assert page.count("&lt;s&gt;") == 2
