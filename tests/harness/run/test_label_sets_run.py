"""Rows with several labels, from the file to the record, the prediction of a text and the comparison of runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.board.board import make_board
from harness.board.rows import group_records
from harness.build.saved import SavedNetwork
from harness.comparison.scoring import scorer_for
from harness.configuration.compose import compose_configuration
from harness.explanation.finished import explain_texts
from harness.records.files import read_predictions
from harness.report.runs import _sample
from harness.run.execute import execute

Overrides = Callable[..., list[str]]

TOPICS = {"goal": "sport", "tax": "money", "vote": "politics"}


def write(folder: Path) -> Path:
    """Texts of filler with up to three words, each of which is the sign of a label."""
    random = np.random.default_rng(0)
    for split, count in (("train", 160), ("validation", 40), ("test", 40)):
        lines = []
        for _ in range(count):
            signs = [sign for sign in TOPICS if random.random() < 0.4]
            words = [*signs, *random.choice(["the", "a", "of", "rain", "sun"], size=4)]
            random.shuffle(words)
            lines.append(json.dumps({"text": " ".join(words), "label": "|".join(TOPICS[sign] for sign in signs)}))
        (folder / f"{split}.jsonl").write_text("\n".join(lines))
    return folder


SETS = ("task=classification", "task.multi_label=true", "task.label_separator='|'", "data=files")
LEARNING = ("training.steps=80", "training.learning_rate=0.02", "data.max_train=null", "task.label_smoothing=0")


@pytest.mark.slow
@pytest.mark.parametrize("model", ["dot", "tfidf", "majority"])
def test_sets_are_learnt_scored_explained_and_shown(tiny: Overrides, tmp_path: Path, model: str):
    config = compose_configuration(
        tiny(*SETS, *LEARNING, f"model={model}", f"data.path={write(tmp_path)}", "data.max_test=null")
    )
    outcome = execute(config)
    record: Any = outcome.record
    assert record["status"] == "done", record["reason"]
    assert record["main_score"] == "micro_f1"
    assert record["scores"].keys() == record["score_definitions"].keys() == {"micro_f1", "macro_f1", "exact_match"}
    predictions = read_predictions(outcome.folder)
    for metric, value in record["scores"].items():
        scorer = scorer_for(metric, predictions, language="en")
        assert float(scorer.score(scorer.statistics(predictions).sum(0))) == pytest.approx(value)
    (table,) = make_board(group_records([record])).tables
    assert table.metric == "micro_f1"
    if model == "majority":
        return
    assert record["scores"]["micro_f1"] > 0.9
    view = _sample(next(row for row in predictions if len(row["gold"]) == 2))
    assert ", " in view["gold"][0]
    if model == "dot":
        network = SavedNetwork.load(record, outcome.folder)
        for number in (2, 0):
            row = next(row for row in predictions if len(row["gold"]) == number and row["predicted"] == row["gold"])
            assert explain_texts(network, [row["text"]]).words == (", ".join(row["gold"]) or "no label")
