"""``harness.predict``: what a run predicted for its test split, from its folder alone; formats, votes, and refusals."""

from __future__ import annotations

import gzip
import io
import json
import math
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import predict
from harness.build import data as run_data
from harness.build.saved import SavedNetwork
from harness.configuration.compose import compose_configuration
from harness.prediction.predictor import Asked, Predictor
from harness.records.files import ENCODING, WEIGHTS, read_predictions, read_record
from harness.run.execute import execute
from tasks.base import Row
from tests.harness.conftest import TINY, WRITING

Captured = pytest.CaptureFixture[str]

pytestmark = pytest.mark.xdist_group("predicting runs")  # trained once

CASES = {
    "classification": [*TINY, "task=classification", "model=self"],
    "sentiment": [*TINY, "task=sentiment", "model=additive", "backbone=transformer"],
    "matching": [*TINY, "task=matching", "model=cross"],
    "ner": [*TINY, "task=ner", "model=cross"],
    "pos": [*TINY, "task=pos", "model=uniform", "task.scheme=softmax"],
    "events": [*TINY, "task=events", "model=memory"],
    "translation": [*WRITING, "task.search.beam=2", "task=translation", "model=additive"],
    "summarization": [*WRITING, "task=summarization", "model=none"],
    "correction": [*WRITING, "task=correction", "model=self", "task.joint=false", "task.tie=false"],
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, quick_measures: None) -> Callable[..., Path]:
    """A copy of the folder of a tiny finished run of a task, trained once, alone in a folder of its own."""
    folders: dict[tuple[str, int], Path] = {}

    def folder(task: str, seed: int = 1) -> Path:
        if (task, seed) not in folders:
            place = tmp_path_factory.mktemp(task)
            options = [*CASES[task], f"results_dir={place / 'results'}", "logger=none", f"seed={seed}"]
            outcome = execute(compose_configuration(options))
            assert outcome.record["status"] == "done", outcome.record["reason"]
            folders[task, seed] = place / "alone" / "run"
            shutil.copytree(outcome.folder, folders[task, seed])
            shutil.rmtree(place / "results")
        return folders[task, seed]

    return folder


def rows_of(folder: Path, *, labels: bool = False) -> list[dict[str, Any]]:
    """The test examples of a run as rows of a file."""
    record = read_record(folder)
    assert record is not None
    task = run_data.make_task(compose_configuration([f"task={record['task']}"]))
    found = []
    for row in read_predictions(folder):
        texts = {column: row[column] for column in task.text_columns}
        found.append(texts | ({task.label_column: row["gold"]} if labels else {}))
    return found


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def predicted(capsys: Captured, *arguments: str | Path) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert predict.main([*map(str, arguments), "--format", "jsonl"]) == 0, capsys.readouterr().err
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def refused(capsys: Captured, *arguments: str | Path) -> str:
    capsys.readouterr()
    assert predict.main(list(map(str, arguments))) == 2
    *notes, said = capsys.readouterr().err.splitlines(keepends=True)
    assert all(line.startswith("note: ") for line in notes)
    assert said.startswith("error: ")
    return said


@pytest.mark.slow
@pytest.mark.parametrize("task", CASES)
def test_a_run_alone_in_a_folder_predicts_what_its_predictions_say(
    trained: Callable[..., Path], capsys: Captured, tmp_path: Path, task: str, monkeypatch: pytest.MonkeyPatch
):
    folder = trained(task)
    monkeypatch.chdir(tmp_path)
    file = written(tmp_path / "new.jsonl.gz", rows_of(folder))
    found = predicted(capsys, folder, file)
    assert [row["predicted"] for row in found] == [row["predicted"] for row in read_predictions(folder)]


@pytest.mark.slow
@pytest.mark.parametrize("task", ["classification", "pos", "correction"])
def test_a_file_with_labels_is_scored_as_the_record_is(
    trained: Callable[..., Path], capsys: Captured, tmp_path: Path, task: str
):
    folder = trained(task)
    file = written(tmp_path / "new.jsonl", rows_of(folder, labels=True))
    assert predict.main([str(folder), str(file), "--output", str(tmp_path / "deep" / "out")]) == 0
    record = read_record(folder)
    assert record is not None
    said = dict(line.split(": ") for line in capsys.readouterr().err.splitlines())
    assert said == {name: f"{value:.4f}" for name, value in record["scores"].items() if "alignment" not in name}
    assert (tmp_path / "deep" / "out").read_text()


@pytest.mark.slow
def test_chunks_and_batches_do_not_change_the_order(
    trained: Callable[..., Path], capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = trained("ner")
    file = written(tmp_path / "new.jsonl", rows_of(folder))
    whole = predicted(capsys, folder, file)
    monkeypatch.setattr("harness.prediction.reading.CHUNK", 3)
    assert predicted(capsys, folder, file) == whole
    assert [row["tokens"] for row in whole] == [row["tokens"] for row in rows_of(folder)]


@pytest.mark.slow
def test_lines_of_a_stream_are_answered_one_by_one(
    trained: Callable[..., Path], capsys: Captured, monkeypatch: pytest.MonkeyPatch
):
    folder = trained("matching")
    rows = rows_of(folder)[:3]
    seen: list[str] = []

    def lines() -> Iterator[str]:
        for row in rows:
            seen.append(capsys.readouterr().out)
            yield f"{row['text_a']}\t{row['text_b']}\n"

    monkeypatch.setattr(sys, "stdin", lines())
    assert predict.main([str(folder), "-", "--format", "lines"]) == 0
    seen.append(capsys.readouterr().out)
    assert seen == ["", *(row["predicted"] + "\n" for row in read_predictions(folder)[:3])]
    monkeypatch.setattr(sys, "stdin", io.StringIO("a text without a tab\n"))
    assert "line 1: expected text_a and text_b, parted by a tab, got 1 part(s)" in refused(capsys, folder, "-")


@pytest.mark.slow
def test_formats(trained: Callable[..., Path], capsys: Captured, tmp_path: Path):
    ner, first = trained("ner"), read_predictions(trained("ner"))[0]
    (tmp_path / "bare.conll").write_text("".join(token + "\n" for token in first["tokens"]) + "\n")
    assert predict.main([str(ner), str(tmp_path / "bare.conll")]) == 0
    pairs = [f"{token}\t{tag}\n" for token, tag in zip(first["tokens"], first["predicted"], strict=True)]
    assert capsys.readouterr().out == "".join(pairs) + "\n"
    tagged = [f"{token} {tag}\n" for token, tag in zip(first["tokens"], first["gold"], strict=True)]
    (tmp_path / "gold.conll").write_text("".join(tagged) + "\n")
    assert predict.main([str(ner), str(tmp_path / "gold.conll")]) == 0
    columns = zip(first["tokens"], first["gold"], first["predicted"], strict=True)
    said = capsys.readouterr()
    assert said.out == "".join("\t".join(cells) + "\n" for cells in columns) + "\n"
    assert "entity_f1_strict_iob2: " in said.err
    intent, row = trained("classification"), read_predictions(trained("classification"))[0]
    (tmp_path / "plain.txt").write_text(row["text"] + "\n\n" + row["text"] + "\n")
    assert predict.main([str(intent), str(tmp_path / "plain.txt"), "--format", "lines"]) == 0
    assert capsys.readouterr().out == f"{row['predicted']}\n\n{row['predicted']}\n"
    (tmp_path / "table.csv").write_text(f'id;review\n1;"{row["text"]}"\n')
    assert predicted(capsys, intent, tmp_path / "table.csv", "--columns", "text=review") == [
        {"text": row["text"], "predicted": row["predicted"]}
    ]


@pytest.mark.slow
@pytest.mark.parametrize("task", ["classification", "ner", "translation"])
def test_several_runs_vote(trained: Callable[..., Path], capsys: Captured, tmp_path: Path, task: str):
    one, two = trained(task), trained(task, 2)
    rows = rows_of(one)[:6]
    file = written(tmp_path / "new.jsonl", rows)
    alone = predicted(capsys, one, file)
    same = predicted(capsys, one, one, one, file)
    assert same == alone or task == "ner"  # tags are chosen by marginals, which several runs have in common
    together = predicted(capsys, one, two, file)
    assert len(together) == 6
    if task == "translation":
        return
    each = [predicted(capsys, run, file, "--probabilities") for run in (one, two)]
    both = predicted(capsys, one, two, file, "--probabilities")
    for mean, first, second in zip(both, *each, strict=True):
        tables = zip(*(found["probabilities"] for found in (mean, first, second)), strict=True)
        if task == "classification":
            tables = iter([(mean["probabilities"], first["probabilities"], second["probabilities"])])
        for of_mean, of_first, of_second in tables:
            assert sum(of_mean.values()) == pytest.approx(1, abs=1e-4)
            for label, value in of_mean.items():
                assert value == pytest.approx((of_first[label] + of_second[label]) / 2, abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(("task", "count"), [("sentiment", 3), ("events", 4), ("translation", 2)])
def test_the_best_few_begin_with_the_prediction(
    trained: Callable[..., Path], capsys: Captured, tmp_path: Path, task: str, count: int
):
    folder = trained(task)
    file = written(tmp_path / "new.jsonl", rows_of(folder)[:4])
    for row in predicted(capsys, folder, file, "--n-best", str(count)):
        ranks = row["n_best"]
        assert ranks[0]["predicted"] == row["predicted"]
        assert len(ranks) == count
        for rank in ranks:
            assert rank["probability"] == pytest.approx(math.exp(rank["log_probability"]), rel=1e-4)


@pytest.mark.slow
def test_attention_is_that_of_explain(trained: Callable[..., Path], capsys: Captured, tmp_path: Path):
    folder = trained("matching")
    saved = json.loads((folder / "attention.json").read_text())["rows"][0]
    rows = rows_of(folder)
    found = predicted(capsys, folder, written(tmp_path / "a.jsonl", [rows[saved["row"]]]), "--attention")
    assert found[0]["attention"] == saved["maps"]


@pytest.mark.slow
def test_what_cannot_be_predicted_is_refused_in_a_line(trained: Callable[..., Path], capsys: Captured, tmp_path: Path):
    folder = trained("classification")
    good = written(tmp_path / "good.jsonl", [{"text": "Anna drop flight . do Anna ."}])
    assert "neither the folder of a run nor its record.json" in refused(capsys, tmp_path, good)
    assert "expected files with texts after the run" in refused(capsys, folder)
    assert f"expected a file at {tmp_path / 'no.jsonl'}" in refused(capsys, folder, tmp_path / "no.jsonl")
    bad = written(tmp_path / "bad.jsonl", [{"text": "a"}, {"txt": "a"}])
    assert "bad.jsonl, line 2: expected a column 'text', found txt; name it with --columns text=" in refused(
        capsys, folder, bad
    )
    assert "--columns text=nope: there is no such column, found text" in refused(
        capsys, folder, good, "--columns", "text=nope"
    )
    assert "expected --columns of text, external, label, which task=classification knows, got txet=text" in refused(
        capsys, folder, good, "--columns", "txet=text"
    )
    assert "--keep id: there is no such column" in refused(capsys, folder, good, "--keep", "id")
    assert f"{tmp_path} is a folder; give a file" in refused(capsys, folder, tmp_path)
    assert f"--output {tmp_path} is a folder" in refused(capsys, folder, good, "--output", tmp_path)
    assert "expected --device cpu, cuda or cuda:<number>, got 'mps'" in refused(capsys, folder, good, "--device", "mps")
    (tmp_path / "cut.txt.gz").write_bytes(gzip.compress(b"a film\n" * 99)[:-9])
    assert "cut.txt.gz: " in refused(capsys, folder, tmp_path / "cut.txt.gz")
    (tmp_path / "latin.txt").write_bytes("schön".encode("latin-1"))
    assert "latin.txt, line 1: byte 4 of it (0xf6) is no utf-8" in refused(capsys, folder, tmp_path / "latin.txt")
    assert "expected --columns NAME=COLUMN" in refused(capsys, folder, good, "--columns", "text")
    assert "--format conll is for tags" in refused(capsys, folder, good, "--format", "conll")
    assert "--format lines holds predictions alone" in refused(
        capsys, folder, good, "--format", "lines", "--probabilities"
    )
    assert "writes texts, which have no table" in refused(capsys, trained("translation"), good, "--probabilities")
    assert "a beam of 2 finds 1 to 2 texts, not 5" in refused(
        capsys, trained("translation"), written(tmp_path / "t.jsonl", [{"source": "a b"}]), "--n-best", "5"
    )
    assert "expected runs of one kind" in refused(capsys, folder, trained("sentiment"), good)
    assert "vote tag by tag" in refused(
        capsys, trained("ner"), trained("ner", 2), written(tmp_path / "n.jsonl", [{"tokens": ["a"]}]), "--n-best", "2"
    )
    assert "there is no GPU here" in refused(capsys, folder, good, "--device", "cuda:7")


@pytest.mark.slow
@pytest.mark.parametrize("flipped", [False, True])
@pytest.mark.parametrize("name", [WEIGHTS, ENCODING])
def test_files_that_are_cut_off_or_changed_are_named(
    trained: Callable[..., Path], capsys: Captured, tmp_path: Path, name: str, flipped: bool
):
    folder = tmp_path / "run"
    shutil.copytree(trained("classification"), folder)
    content = bytearray((folder / name).read_bytes())
    content[-40] ^= 1
    (folder / name).write_bytes(content if flipped else content[:-40])
    good = written(tmp_path / "good.jsonl", [{"text": "Anna drop flight . do Anna ."}])
    assert str(folder / name) in refused(capsys, folder, good)


@pytest.mark.slow
def test_an_output_that_is_an_input_is_refused_and_an_earlier_one_stays(
    trained: Callable[..., Path], capsys: Captured, tmp_path: Path
):
    folder = trained("classification")
    rows = [{"text": "Anna drop flight . do Anna ."}]
    same, earlier = written(tmp_path / "same.jsonl", rows), tmp_path / "earlier"
    before = same.read_bytes()
    assert "same.jsonl is one of the files that are read; name another" in refused(
        capsys, folder, same, "--output", same
    )
    assert same.read_bytes() == before
    earlier.write_text("precious")
    broken = written(tmp_path / "broken.jsonl", [*rows, {"txt": ""}])
    refused(capsys, folder, broken, "--output", earlier)
    assert earlier.read_text() == "precious"
    assert not (tmp_path / "earlier.part").exists()
    assert predict.main([str(folder), str(same), "--output", str(earlier)]) == 0
    assert json.loads(earlier.read_text())["text"] == rows[0]["text"]


@pytest.mark.slow
def test_rows_and_lines_stay_side_by_side(
    trained: Callable[..., Path], capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder, text = trained("classification"), "Anna drop flight . do Anna ."
    table = tmp_path / "table.csv"
    label = read_predictions(folder)[0]["gold"]
    table.write_text(f"id,text,label\n7,{text},{label}\n8,,{label}\n9,{text},\n10,{text},never\n")
    assert predict.main([str(folder), str(table), "--keep", "id"]) == 0
    said = capsys.readouterr()
    found = [json.loads(line) for line in said.out.splitlines()]
    assert [row["id"] for row in found] == ["7", "8", "9", "10"]
    assert [row["predicted"] is None for row in found] == [False, True, False, False]
    assert ["gold" in row for row in found] == [True, False, False, True]
    assert "note: 1 of 4 rows have no text, so that nothing is predicted for them\n" in said.err
    assert "note: 1 of 4 rows have no label; the scores leave them out\n" in said.err
    assert "note: 1 of 4 rows have a label that the run never saw; the scores leave them out\n" in said.err
    assert "accuracy: " in said.err
    (tmp_path / "lines.txt").write_text(f"{text}\n\n{text}")
    for place in (str(tmp_path / "lines.txt"), "-"):
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{text}\n\n{text}"))
        assert predict.main([str(folder), place, "--format", "lines"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines == [lines[0], "", lines[0]]
    (tmp_path / "empty.csv").write_text("text\n")
    assert predict.main([str(folder), str(tmp_path / "empty.csv")]) == 0
    assert f"note: no rows in {tmp_path / 'empty.csv'}" in capsys.readouterr().err


@pytest.mark.slow
def test_columns_may_swap_their_names(trained: Callable[..., Path], capsys: Captured, tmp_path: Path):
    folder = trained("matching")
    rows = rows_of(folder)[:5]
    straight = predicted(capsys, folder, written(tmp_path / "a.jsonl", rows))
    turned = [{"text_a": row["text_b"], "text_b": row["text_a"]} for row in rows]
    swap = ("--columns", "text_a=text_b", "--columns", "text_b=text_a")
    assert predicted(capsys, folder, written(tmp_path / "b.jsonl", turned), *swap) == straight


@pytest.mark.slow
def test_each_voter_reads_in_its_own_form(tmp_path: Path, trained: Callable[..., Path]):
    folder = trained("classification")
    record: Any = read_record(folder)
    composed, plain = (json.loads(json.dumps(record)) for _ in range(2))
    composed["config"]["encoding"]["normalize"] = "nfkc"
    plain["config"]["encoding"]["normalize"] = "none"
    one, other = SavedNetwork.load(composed, folder), SavedNetwork.load(plain, folder)
    rows: list[Row] = [{"text": "\uff21nna drop \uff46light ."}]  # full-width letters
    read = [network.data(rows, str).encoded.tokens("test", 0)[0] for network in (one, other)]
    assert read == [["Anna", "drop", "flight", "."], ["\uff21nna", "drop", "\uff46light", "."]]
    both = [
        next(Predictor(order).answers(rows, str, Asked(probabilities=True))) for order in ([one, other], [other, one])
    ]
    assert both[0].probabilities == pytest.approx(both[1].probabilities)


def test_a_voter_needs_the_same_labels(trained: Callable[..., Path]):
    folder = trained("classification")
    record = read_record(folder)
    assert record is not None
    one, other = (SavedNetwork.load(record, folder) for _ in range(2))
    other.encoding.labels.pop()
    with pytest.raises(ValueError, match=r"expected runs with the same labels, got 12 of .* and others of"):
        Predictor([one, other])
    rows: list[Row] = [{"text": "Anna drop flight ."}]
    (answer,) = Predictor([one]).answers(rows, str, Asked())
    assert answer.probabilities is None
