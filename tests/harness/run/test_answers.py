"""What a record says of single answers, and that it is found again from the predictions beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.configuration.compose import compose_configuration
from harness.records.files import read_predictions
from harness.records.record import Record
from harness.run.answers import calibration_of
from harness.run.execute import execute

Overrides = Callable[..., list[str]]


def ran(overrides: list[str]) -> tuple[Record, Path]:
    outcome = execute(compose_configuration(overrides))
    assert outcome.record["status"] == "done", outcome.record["reason"]
    return outcome.record, outcome.folder


@pytest.mark.parametrize("task", ["sentiment", "ner", "pos"])
def test_scores_by_label_confusions_and_calibration(tiny: Overrides, task: str):
    record, folder = ran(tiny(f"task={task}", "model=none", "training.steps=3"))
    rows = read_predictions(folder)
    assert record["calibration"] == calibration_of(rows)
    assert record["calibration"]["of"] == ("answers" if task == "sentiment" else "tags")
    tags = [len(row["gold"]) for row in rows] if task != "sentiment" else [1] * len(rows)
    assert sum(record["calibration"]["counts"]) == sum(tags)
    assert sum(count for found in record["confusions"].values() for count in found.values()) == sum(tags)
    for label, found in record["label_scores"].items():
        if task == "ner":
            key = f"entity_recall_strict_iob2/{label}"
            assert found["recall"] == pytest.approx(record["scores"][key], abs=1e-6)
        elif task == "pos":
            assert found["support"] == sum(row["gold"].count(label) for row in rows)
    if task == "sentiment":
        assert sum(found["support"] for found in record["label_scores"].values()) == len(rows)
        mean = sum(found["f1"] for found in record["label_scores"].values()) / len(record["label_scores"])
        assert mean == pytest.approx(record["scores"]["macro_f1"], abs=1e-6)


def test_a_floor_may_have_no_confidence_and_what_is_written_has_no_labels(tiny: Overrides, writing: Overrides):
    record, folder = ran(tiny("task=sentiment", "model=tfidf"))
    assert record["calibration"] == calibration_of(read_predictions(folder))
    record, folder = ran(tiny("task=sentiment", "model=majority"))
    assert "calibration" not in record
    assert "confidence" not in read_predictions(folder)[0]
    assert len(record["confusions"]) > 1
    record, _folder = ran(writing("task=correction", "model=copy"))
    assert not {"label_scores", "confusions", "calibration"} & record.keys()
