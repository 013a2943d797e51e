"""Whole runs of tasks that write: what they record beyond what every run does."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.build.data import Data
from harness.configuration.compose import compose_configuration
from harness.records import files
from harness.records.record import written_language
from harness.run.display import show_data
from harness.run.execute import execute
from harness.run.run import Outcome
from harness.training.module import TrainingModule

Overrides = Callable[..., list[str]]


def run(overrides: list[str]) -> Outcome:
    return execute(compose_configuration(overrides))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "model", "main"),
    [
        ("translation", "cross", "sacrebleu"),
        ("summarization", "additive", "rouge_1_f1"),
        ("correction", "memory", "sentence_accuracy"),
    ],
)
def test_a_run_records_scores_and_texts(writing: Overrides, task: str, model: str, main: str):
    outcome = run(writing(f"task={task}", f"model={model}"))
    record = outcome.record
    assert record["status"] == "done", record["reason"]
    assert record["main_score"] == main
    assert record["scores"].keys() == record["validation_scores"].keys() <= record["score_definitions"].keys()
    assert record["chosen_by"] == "validation/loss"
    losses = [point["validation/loss"] for point in record["curves"]]
    assert losses[-1] < losses[0]
    predictions = files.read_predictions(outcome.folder)
    assert len(predictions) == 24
    assert all(isinstance(row["predicted"], str) for row in predictions)
    assert ("alignment_f1" in record["scores"]) == (task == "translation")


@pytest.mark.slow
def test_the_epoch_can_be_chosen_by_score(writing: Overrides):
    record = run(writing("task=correction", "model=dot", "task.validate_by=score", "backbone=transformer")).record
    assert record["status"] == "done", record["reason"]
    assert all("validation/sentence_accuracy" in point for point in record["curves"])
    assert "validation_scores" not in record


@pytest.mark.slow
@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("task.joint=false", "task.tie=true shares one table"),
        ("embedding.parts.words.width=12", "needs vectors of words as wide as the decoder, got 12 and 16"),
        ("decoder.width=32", "backbone.width=16 and decoder.width=32"),
        ("encoding.lowercase=true", "set encoding.lowercase=false"),
        ("task.validate_by=luck", "expected task.validate_by to be loss or score, got 'luck'"),
        ("task.search.beam=0", "expected beam >= 1"),
        ("task.coverage_from=1.5", "task.coverage_from is a share of the training, from 0 to 1, got 1.5"),
        ("training.schedule=linear", "expected training.schedule to be cosine or inverse_sqrt or stable, got 'linear'"),
        ("model=tfidf", "tfidf "),
    ],
)
def test_what_cannot_work_is_refused_with_a_remedy(writing: Overrides, option: str, said: str):
    record = run(writing("task=translation", option)).record
    assert record["status"] in ("failed", "unsupported")
    assert said in record["reason"]


@pytest.mark.parametrize(
    ("embedding", "said"),
    [
        (["words_characters", "embedding.width=16"], "set embedding.parts.words.width=16, or task.tie=false"),
        (["words_ngrams", "embedding.parts.words.width=0"], "the embedding has none, only ngrams; give "),
    ],
)
def test_tables_that_cannot_be_tied_are_refused_in_words(writing: Overrides, embedding: list[str], said: str):
    name, option = embedding
    record = run(writing("task=translation", f"embedding={name}", option)).record
    assert record["status"] == "unsupported"
    assert said in record["reason"]


def test_a_task_that_chooses_labels_refuses_a_floor_that_writes(tiny: Overrides):
    record = run(tiny("task=ner", "model=copy")).record
    assert record["status"] == "unsupported"
    assert "copy" in record["reason"]


@pytest.mark.slow
@pytest.mark.parametrize("model", ["self", "copy"])
def test_further_test_sets_are_scored_beside_test(writing: Overrides, tmp_path: Path, model: str):
    folder = tmp_path / "data" / "toy"
    folder.mkdir(parents=True)
    for split in ("train", "validation", "test", "news"):
        lines = [f'{{"source": "a b {split} {number}", "target": "{number} b a"}}' for number in range(20)]
        (folder / f"{split}.jsonl").write_text("\n".join(lines))
    own = [f"data_dir={folder.parent}", "data=hub", "data.name=toy", "data.hub=null", "data.extra_tests=[news]"]
    record = run(writing("task=translation", f"model={model}", *own)).record
    assert record["status"] == "done", record["reason"]
    assert record["extra_scores"]["news"].keys() == record["scores"].keys()
    assert "news" not in record["scores"]


@pytest.mark.slow
def test_coverage_counts_from_the_share_of_training_asked_for(writing: Overrides):
    def curve(*options: str) -> list[tuple[float, float]]:
        small = ("task=correction", "training.batch_rows=8", "training.steps=24", *options)
        points = run(writing(*small, "training.average_decay=0")).record["curves"]
        return [(point["train_loss"], point["validation/loss"]) for point in points]

    late, never = curve("task.coverage_from=0.5"), curve("task.coverage_weight=0")
    assert len(late) == len(never) == 4
    assert [train for train, _ in late[:2]] == [train for train, _ in never[:2]]  # the same weights up to there
    assert all(train > other for (train, _), (other, _) in zip(late[2:], never[2:], strict=True))
    # The epoch is chosen by the loss of the last phase, in every epoch.
    assert all(loss > other for (_, loss), (_, other) in zip(late, never, strict=True))


@pytest.mark.slow
def test_validation_scores_are_of_the_weights_that_are_tested(writing: Overrides, monkeypatch: pytest.MonkeyPatch):
    seen = {}

    def watched(step: Callable[..., Any]) -> Callable[..., Any]:
        def watching(self: TrainingModule, *given: Any) -> Any:
            seen[str(self.trainer.state.fn.value)] = float(sum(p.double().sum() for p in self.model.parameters()))
            return step(self, *given)

        return watching

    for name in ("validation_step", "test_step"):
        monkeypatch.setattr(TrainingModule, name, watched(getattr(TrainingModule, name)))
    hasty = ("training.steps=36", "training.batch_rows=8", "training.learning_rate=0.3", "training.average_decay=0.9")
    record = run(writing("task=correction", *hasty)).record
    losses = [point["validation/loss"] for point in record["curves"]]
    assert losses.index(min(losses)) < len(losses) - 1  # the last epoch is not the one that is tested
    assert seen["validate"] == seen["test"]


@pytest.mark.slow
def test_texts_are_scored_in_the_order_of_the_file(writing: Overrides, monkeypatch: pytest.MonkeyPatch):
    score, seen = Data.score, []

    def watched(data: Data, split: str, predictions: Mapping[int, Any]) -> dict[str, float]:
        seen.append(list(predictions))
        return score(data, split, predictions)

    monkeypatch.setattr(Data, "score", watched)
    assert run(writing("task=correction", "training.evaluation_batch_rows=4")).record["status"] == "done"
    assert seen == [list(range(24))] * 2  # GLEU draws among several references row by row


def test_chinese_without_a_language_is_scored_as_chinese(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    text = "".join(json.dumps({"source": t, "target": t}) + "\n" for t in ("今天天气很好", "我们去公园散步", "猫坐着"))
    for split in ("train", "validation", "test"):
        (tmp_path / f"{split}.jsonl").write_text(text, encoding="utf-8")
    options = ["task=summarization", "model=lead", "data=files", f"data.path={tmp_path}"]
    config = compose_configuration([*options, f"results_dir={tmp_path / 'results'}"])
    record = execute(config, begun=show_data).record
    assert record["scores"]["rouge_1_f1"] == 1
    assert record["language"] == "und-Hani" == written_language(record)
    assert "grapheme clusters" in record["score_definitions"]["rouge_1_f1"]
    assert record["text_notes"][0] in " ".join(capsys.readouterr().out.split())
    assert "in Chinese script" in record["text_notes"][0]
    assert written_language({"config": {"task": {"language": "de"}}}) == "de"


@pytest.mark.parametrize(("form", "accuracy"), [("nfc", 1.0), ("none", 0.0)])
def test_the_same_text_in_two_unicode_forms_is_one_text(tmp_path: Path, form: str, accuracy: float):
    row = {"source": "Cafe\u0301 de\u0301ja\u0300 vu ici", "target": "Caf\u00e9 d\u00e9j\u00e0 vu ici"}
    for split in ("train", "validation", "test"):
        (tmp_path / f"{split}.jsonl").write_text(json.dumps(row), encoding="utf-8")
    options = ["task=correction", "model=copy", "data=files", f"data.path={tmp_path}", f"encoding.normalize={form}"]
    record = run([*options, f"results_dir={tmp_path / 'results'}"]).record
    assert record["scores"]["sentence_accuracy"] == accuracy
    assert record["config"]["encoding"]["normalize"] == form
