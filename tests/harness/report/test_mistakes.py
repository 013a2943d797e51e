"""What the report says of single answers: scores by label, confusions, calibration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.report.mistakes import _curve, calibration, label_scores
from harness.statistics import answers
from tests.harness.handmade import write_run
from tests.harness.report.test_report import EVIL, Tags, accuracy, report


def facts(right: int, *, other: str = "no") -> dict[str, Any]:
    """Of 40 answers, 20 of each label, the first ``right`` "yes" are right, and all "no"."""
    gold = ["yes"] * 20 + [other] * 20
    predicted = ["yes"] * right + [other] * (40 - right)
    confidence = [0.9] * 20 + [0.55] * 20
    return {
        "label_scores": answers.label_scores([{(x,)} for x in gold], [{(x,)} for x in predicted]),
        "confusions": answers.confusions(zip(gold, predicted, strict=True)),
        "calibration": {
            "of": "answers",
            **answers.calibration(confidence, [g == p for g, p in zip(gold, predicted, strict=True)]),
        },
    }


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    place = tmp_path_factory.mktemp("board")
    for seed, right in ((1, 10), (2, 20)):
        write_run(place / f"self{seed}", accuracy("self", 0.8, seed, **facts(right)))
        write_run(place / f"dot{seed}", accuracy("dot", 0.6, seed, **facts(5)))
    write_run(place / "old", accuracy("gated", 0.5))
    return report(place)


def test_f1_of_each_label_is_the_mean_over_seeds(page: str):
    assert '<th scope="col">no<small>20 in test</small></th>' in page
    # yes: F1 2*10/30 and 1; no: 2*20/50 and 1
    assert '<span>self</span></th><td class="top">0.9000</td><td class="top">0.8333</td></tr>' in page
    assert "<dt>yes</dt><dd>precision 1.0000, recall 0.5000, F1 0.6667 of 20</dd>" in page


def test_confusions_are_drawn_and_named_over_the_answers_of_all_seeds(page: str):
    assert "<title>yes → no: 0.250</title>" in page
    assert "Most often: yes → no 10 of 40." in page
    assert "Most often: yes → no 30 of 40." in page


def test_calibration_is_drawn_with_its_error(page: str):
    assert "share of right answers by confidence" in page
    assert "right as often as confident" in page
    error = (20 * abs(0.5 - 0.9) + 20 * 0.45) / 40, (20 * 0.1 + 20 * 0.45) / 40
    assert f"<span>self</span></th><td>{sum(error) / 2:.4f}</td></tr>" in page
    assert "Not drawn: gated (no calibration in the records)." in page


def test_a_curve_joins_seeds_by_how_many_answers_each_has():
    both = [{"counts": [1, 0], "confidence": [0.2, None], "accuracy": [1.0, None]},
            {"counts": [3, 2], "confidence": [0.4, 0.9], "accuracy": [0.0, 0.5]}]  # fmt: skip
    assert _curve(both) == [pytest.approx((0.35, 0.25)), (0.9, 0.5)]


def test_without_such_facts_there_is_no_such_part_and_odd_ones_are_passed_over(tmp_path: Path):
    odd = {
        "label_scores": {"a": {"f1": 1.0}, "b": facts(3)["label_scores"]["yes"] | {"f1": float("nan")}},
        "confusions": {"a": {"b": -3, "a": 10**400}},
        "calibration": facts(3)["calibration"] | {"counts": [1]},
    }
    write_run(tmp_path / "odd", accuracy("self", 0.5, **odd))
    assert "Which labels are taken" not in report(tmp_path)
    assert label_scores(odd) == {}
    assert calibration({"calibration": {**facts(3)["calibration"], "accuracy": [1e308] * 15}}) is None


def test_names_of_labels_are_escaped(tmp_path: Path):
    write_run(tmp_path / "evil", accuracy("self", 0.5, **facts(10, other=EVIL)))
    page = report(tmp_path)
    assert "<script>alert" not in page
    assert sum(tag == "script" for tag, _attributes in Tags(page).found) == 2


def test_of_many_labels_the_most_mistaken_are_drawn(tmp_path: Path):
    names = [f"label {n}" for n in range(30)]
    gold, predicted = names * 2, [*names[5:], *names[:5], *names[:3], *names[4:], names[3]]
    made = answers.confusions(zip(gold, predicted, strict=True))
    write_run(tmp_path / "many", accuracy("self", 0.5, confusions=made))
    assert "Not shown: 18 labels with fewer mistakes." in report(tmp_path)
