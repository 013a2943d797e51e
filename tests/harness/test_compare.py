from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from harness import compare
from harness.comparison.examples import slice_masks
from tests.harness.handmade import floor, record, write_run

Captured = pytest.CaptureFixture[str]
GOLD = ["yes", "no", "yes", "no"]


def example(row: int, gold: Any, predicted: Any, *, length: int = 5, unseen: int = 0, **texts: Any) -> dict[str, Any]:
    texts = texts or {"text": f"text number {row}"}
    return {"row": row, "gold": gold, "predicted": predicted, "length": length, "unseen": unseen, **texts}


def predictions(right: list[bool], gold: list[str]) -> list[dict[str, Any]]:
    """Right where said, on examples of growing length, every second one with an unseen word."""
    return [
        example(n, label, label if ok else "wrong", length=n + 1, unseen=n % 2)
        for n, (ok, label) in enumerate(zip(right, gold, strict=True))
    ]


def write(folder: Path, name: str, rights: list[list[bool]], gold: list[str] = GOLD, **changes: Any) -> str:
    """A run for each list, its accuracy as recorded that of its predictions; returns the folder of them all."""
    for seed, right in enumerate(rights, start=1):
        made = record(
            model=name, seed=seed, id=f"{name}{seed}", main_score="accuracy",
            scores={"accuracy": sum(right) / len(right)}, **changes,
        )  # fmt: skip
        write_run(folder / name / str(seed), made, predictions(right, gold))
    return str(folder / name)


A = [[True, True, True, True], [True, True, True, False], [True, True, False, True]]
B = [[True, False, True, True], [True, False, False, False], [True, False, False, True]]


def compared(capsys: Captured, *arguments: str) -> dict[str, Any]:
    assert compare.main([*arguments, "--format", "json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def refused(capsys: Captured, *arguments: str) -> str:
    assert compare.main(list(arguments)) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    return error


def test_the_numbers_of_a_case_worked_by_hand(tmp_path: Path, capsys: Captured):
    made = compared(capsys, write(tmp_path, "a", A), write(tmp_path, "b", B))
    # accuracy of a: 1, 3/4, 3/4; of b: 3/4, 1/4, 2/4
    assert made["difference"] == pytest.approx(1 / 3)
    test = stats.ttest_ind([1, 3 / 4, 3 / 4], [3 / 4, 1 / 4, 2 / 4], equal_var=False)
    interval = test.confidence_interval(0.95)
    assert made["over_seeds"] == pytest.approx({"low": interval.low, "high": interval.high, "p_value": test.pvalue})
    assert made["scores"]["accuracy"] == [pytest.approx(10 / 12), pytest.approx(6 / 12)]
    slices = {s["name"]: (s["examples"], pytest.approx(s["difference"])) for s in made["examples"]["slices"]}
    assert slices == {
        "length 1 to 2 tokens": (2, 1 / 2),  # rows 0 and 1: the latter 1 against 0 in each seed
        "length 3 to 3 tokens": (1, 1 / 3),  # 2/3 against 1/3
        "length 4 to 4 tokens": (1, 0.0),
        "without unseen words": (2, 1 / 6),  # rows 0 and 2
        "with unseen words": (2, 1 / 2),
        "gold no": (2, 1 / 2),
        "gold yes": (2, 1 / 6),
    }
    assert [e["row"] for e in made["examples"]["better_a"]] == [1, 2]
    assert made["examples"]["better_b"] == []
    first, second = made["examples"]["better_a"]
    assert (first["value_a"], first["value_b"]) == (1.0, 0.0)
    # Of row 2 the outputs of seed 2 are shown, the one in which only a is right.
    assert (second["seed"], second["predicted_a"], second["predicted_b"]) == (2, "yes", "wrong")


def test_enough_examples_have_an_interval_and_a_slice_that_differs_is_found(tmp_path: Path, capsys: Captured):
    rng = np.random.default_rng(0)
    gold = ["yes", "no"] * 100
    right = (rng.random(200) < 0.8).tolist()
    worse = [ok and label == "yes" for ok, label in zip(right, gold, strict=True)]
    made = compared(capsys, write(tmp_path, "a", [right], gold), write(tmp_path, "b", [worse], gold))
    whole = made["examples"]["whole"]
    assert whole["low"] < whole["difference"] < whole["high"]
    assert whole["p_value"] < 0.01
    slices = {s["name"]: s for s in made["examples"]["slices"]}
    assert slices["gold no"]["p_value"] < 0.05
    assert slices["gold yes"]["difference"] == 0
    assert slices["gold yes"]["p_value"] == 1.0
    assert compare.main([str(tmp_path / "a"), str(tmp_path / "b")]) == 0
    starred = [line for line in capsys.readouterr().out.splitlines() if line.endswith(" *")]
    assert any(line.startswith("gold no") for line in starred)
    assert not any(line.startswith("gold yes") for line in starred)


def test_rows_without_a_common_seed_are_compared(tmp_path: Path, capsys: Captured):
    late = record(model="b", seed=9, main_score="accuracy", scores={"accuracy": 0.5})
    write_run(tmp_path / "late", late, predictions([True, False, True, False], GOLD))
    made = compared(capsys, write(tmp_path, "a", A), str(tmp_path / "late"))
    assert made["difference"] == pytest.approx(1 / 3)
    assert made["over_seeds"] is None
    assert made["examples"]["whole"]["difference"] == pytest.approx(1 / 3)
    assert [e["row"] for e in made["examples"]["better_a"]] == [1, 3]


def test_over_both_is_wider_than_over_seeds_or_examples(tmp_path: Path, capsys: Captured):
    rng = np.random.default_rng(0)
    gold = ["yes", "no"] * 60
    sides = {name: [(rng.random(120) < rate).tolist() for _ in range(4)] for name, rate in (("a", 0.8), ("b", 0.6))}
    a, b = (write(tmp_path, name, rights, gold) for name, rights in sides.items())
    made = compared(capsys, a, b)
    whole, seeds, both = made["examples"]["whole"], made["over_seeds"], made["over_both"]
    gap = np.mean(sides["a"], axis=0) - np.mean(sides["b"], axis=0)
    assert whole["variance"] == pytest.approx(gap.var(ddof=1) / 120, rel=0.1)
    spreads = [np.mean(rights, axis=1).var(ddof=1) / 4 for rights in sides.values()]
    parts = [*spreads, whole["variance"]]
    df = sum(parts) ** 2 / sum(part**2 / n for part, n in zip(parts, (3, 3, 119), strict=True))
    low, high = stats.t.interval(0.95, df, made["difference"], sum(parts) ** 0.5)
    assert (both["low"], both["high"]) == pytest.approx((low, high))
    assert both["high"] - both["low"] > whole["high"] - whole["low"]
    assert compare.main([a, b]) == 0
    text = capsys.readouterr().out
    assert text.index("over seeds (") < text.index("over 120 test examples (") < text.index("over both (")
    assert seeds["p_value"] < 0.05


def test_equal_runs_do_not_differ(tmp_path: Path, capsys: Captured):
    made = compared(capsys, write(tmp_path, "a", A), write(tmp_path, "b", A))
    assert made["difference"] == 0
    assert made["over_seeds"]["p_value"] == pytest.approx(1.0)
    assert made["examples"]["better_a"] == made["examples"]["better_b"] == []


def test_what_people_read(tmp_path: Path, capsys: Captured):
    a, b = write(tmp_path, "a", A), write(tmp_path, "b", B)
    assert compare.main([a, b, "--examples", "1"]) == 0
    text = capsys.readouterr().out
    assert "over seeds (new seeds, this test set): A - B = +0.3333, 95 % interval -0." in text
    assert "too few examples for an interval" in text
    assert "text: text number 1" in text
    assert "text number 2" not in text
    assert "B is better than A on no example" in text


def test_filters_name_the_two(tmp_path: Path, capsys: Captured):
    write(tmp_path, "a", A, config={"training": {"steps": 5}})
    write(tmp_path, "b", B)
    made = compared(capsys, "model=a,training.steps=5", "model=b,task=ner", "--places", str(tmp_path))
    assert (made["a"]["name"], made["b"]["name"]) == ("a recurrent", "b recurrent")
    assert made["settings"] == [["training.steps", "5", "(not there)"]]
    one = compared(capsys, "model=a,seed=1", "model=b,seed=1", "--places", str(tmp_path))
    assert one["a"]["seeds"] == [1]


def test_one_run_of_a_floor_is_compared_with_every_seed(tmp_path: Path, capsys: Captured):
    low = floor(seed=7, main_score="accuracy", scores={"accuracy": 0.5})
    write_run(tmp_path / "floor", low, predictions([True, False, False, True], GOLD))
    made = compared(capsys, write(tmp_path, "a", A), str(tmp_path / "floor"))
    test = stats.ttest_1samp([1, 3 / 4, 3 / 4], 0.5)
    assert made["over_seeds"]["p_value"] == pytest.approx(test.pvalue)
    assert made["difference"] == pytest.approx(1 / 3)
    assert made["examples"]["whole"]["b"] == 0.5
    turned = compared(capsys, str(tmp_path / "floor"), str(tmp_path / "a"))
    assert turned["over_seeds"]["p_value"] == pytest.approx(test.pvalue)
    assert turned["difference"] == pytest.approx(-1 / 3)
    again = compared(capsys, str(tmp_path / "floor"), str(tmp_path / "floor"))
    assert (again["exact"], again["over_seeds"], again["difference"]) == (True, None, 0)


def test_two_single_runs_are_compared_whatever_their_seeds(tmp_path: Path, capsys: Captured):
    write(tmp_path, "a", A)
    made = compared(capsys, str(tmp_path / "a" / "1"), str(tmp_path / "a" / "2"))
    assert made["difference"] == pytest.approx(0.25)
    assert "different seeds" in made["messages"][0]


def test_tags_are_shown_where_they_differ(tmp_path: Path, capsys: Captured):
    gold, other = ["O", "B-LOC", "I-LOC"], ["O", "B-LOC", "O"]
    for name, predicted, f1 in (("a", gold, 1.0), ("b", other, 0.0)):
        made = record(model=name, main_score="entity_f1_strict_iob2", scores={"entity_f1_strict_iob2": f1})
        lines = [example(0, gold, predicted, tokens=["in", "New", "\x1b[31mYork"])]
        write_run(tmp_path / name, made, lines)
    assert compare.main([str(tmp_path / "a"), str(tmp_path / "b")]) == 0
    text = capsys.readouterr().out
    assert "York: gold I-LOC, A I-LOC, B O" in text
    assert "New: gold" not in text
    assert "\x1b" not in text


def test_texts_are_compared_by_the_scores_of_their_task(tmp_path: Path, capsys: Captured):
    for name, written, score in (("a", "she goes home .", 1.0), ("b", "she go home .", 0.0)):
        made = record(
            model=name, task="correction", main_score="sentence_accuracy", scores={"sentence_accuracy": score},
            config={"task": {"language": "en"}},
        )  # fmt: skip
        write_run(tmp_path / name, made, [example(0, ["she goes home ."], written, source="she go home .")])
    made = compared(capsys, str(tmp_path / "a"), str(tmp_path / "b"))
    assert made["examples"]["whole"]["difference"] == 1.0
    assert made["examples"]["slices"] == []
    (found,) = made["examples"]["better_a"]
    assert found["texts"] == {"source": "she go home ."}


def test_published_records_are_compared_over_seeds_alone(tmp_path: Path, capsys: Captured):
    lines = [record(seed=s, model=m, scores={"f1": f}) for m, f in (("a", 0.9), ("b", 0.8)) for s in (1, 2)]
    (tmp_path / "records.jsonl").write_text("\n".join(map(json.dumps, lines)))
    made = compared(capsys, "model=a", "model=b", "--places", str(tmp_path))
    assert made["difference"] == pytest.approx(0.1)
    assert made["over_seeds"] is None  # two seeds
    assert made["examples"] is None
    assert "no predictions" in made["messages"][0]


def test_predictions_are_found_though_the_record_is_published_too(tmp_path: Path, capsys: Captured):
    a, b = write(tmp_path / "runs", "a", A), write(tmp_path / "runs", "b", B)
    lines = [json.loads(p.read_text()) for place in (a, b) for p in Path(place).rglob("record.json")]
    (tmp_path / "boards").mkdir()
    (tmp_path / "boards" / "records.jsonl").write_text("\n".join(map(json.dumps, lines)))
    made = compared(capsys, "model=a", "model=b", "--places", str(tmp_path))
    assert made["examples"] is not None


def test_other_scores_than_the_records_are_said(tmp_path: Path, capsys: Captured):
    made = record(main_score="accuracy", scores={"accuracy": 0.9})
    write_run(tmp_path / "self", made, predictions([True] * 4, GOLD))
    found = compared(capsys, str(tmp_path / "self"), write(tmp_path, "b", B))
    assert "the predictions of A give accuracy 1.0000, its records 0.9000" in found["messages"]


def test_runs_on_other_examples_are_not_compared_by_example(tmp_path: Path, capsys: Captured):
    found = compared(capsys, write(tmp_path, "a", A), write(tmp_path, "b", B, ["no", "no", "no", "no"]))
    assert found["examples"] is None
    assert "not all runs were tested on the same examples" in found["messages"][0]


def test_different_versions_of_the_code_are_said(tmp_path: Path, capsys: Captured):
    found = compared(capsys, write(tmp_path, "a", A), write(tmp_path, "b", B, code_version="w"))
    assert "the runs are of different versions of the code: v, w" in found["messages"]


def test_seeds_that_failed_are_said_and_all_others_count(tmp_path: Path, capsys: Captured):
    a, b = write(tmp_path, "a", A[:2]), write(tmp_path, "b", B)
    write_run(tmp_path / "a" / "9", record(model="a", seed=9, status="failed", reason="loss became nan"))
    found = compared(capsys, a, b)
    assert found["messages"] == ["A has no score for seeds 9: failed: loss became nan"]
    assert (found["a"]["seeds"], found["b"]["seeds"]) == ([1, 2], [1, 2, 3])
    assert found["difference"] == pytest.approx(7 / 8 - 1 / 2)  # all seeds of each side count


def test_a_configuration_that_failed_wholly_is_said(tmp_path: Path, capsys: Captured):
    a, b = write(tmp_path, "a", A), write(tmp_path, "b", B)
    failed = record(model="a", seed=1, status="failed", reason="no memory", config={"training": {"steps": 2}})
    write_run(tmp_path / "a" / "9", failed)
    (message,) = [m for m in compared(capsys, a, b)["messages"] if "no finished run" in m]
    assert message == "A: ner generated a recurrent training.steps=2 has no finished run (failed: no memory)"


def test_a_floor_is_compared_seed_by_seed_where_each_has_its_own_splits(tmp_path: Path, capsys: Captured):
    for seed in (1, 2, 3):
        data = {"validation_fraction": 0.1, "seed": seed}
        same = {"seed": seed, "data_fingerprint": f"f{seed}"}
        write_run(tmp_path / "net" / str(seed), record(**same, scores={"f1": 0.5}, config={"data": data}))
        config = {"model": {"floor": {}}, "data": data}
        write_run(tmp_path / "floor" / str(seed), floor(**same, scores={"f1": 0.3}, config=config))
    found = compared(capsys, str(tmp_path / "net"), str(tmp_path / "floor"))
    assert found["difference"] == pytest.approx(0.2)
    assert (found["a"]["seeds"], found["b"]["seeds"]) == ([1, 2, 3], [1, 2, 3])


def test_each_seed_with_its_own_splits_of_one_file_is_compared(tmp_path: Path, capsys: Captured):
    for seed in (1, 2, 3):
        facts: Any = {"data_fingerprint": f"f{seed}", "drawn_splits": [{"splits": ["test"], "seed": seed}]}
        for model, score in (("self", 0.5), ("dot", 0.4)):
            made = record(model=model, seed=seed, scores={"f1": score + seed / 100}, **facts)
            write_run(tmp_path / f"{model}{seed}", made)
    found = compared(capsys, "model=self", "model=dot", "--places", str(tmp_path))
    assert (found["a"]["seeds"], found["b"]["seeds"]) == ([1, 2, 3], [1, 2, 3])
    assert found["difference"] == pytest.approx(0.1)
    said = "each seed drew its own train and test rows, so differences between seeds hold those of data too"
    assert said in found["messages"]
    assert not any("left out" in message for message in found["messages"])


def test_folds_are_called_folds_and_what_they_share_is_said(tmp_path: Path, capsys: Captured):
    def write_fold(model: str, fold: int, score: float, seed: int = 1) -> None:
        data = {"folds": 3, "fold": fold, "fold_seed": 1, "seed": seed, "validation_fraction": None}
        made = record(
            model=model, seed=seed, data="toy in 3 folds", data_fingerprint=f"fold {fold}", scores={"f1": score},
            id=f"{model}{seed}{fold}", config={"model": {"name": model}, "data": data},
        )  # fmt: skip
        write_run(tmp_path / model / f"{seed}{fold}", made)

    for fold in range(3):
        write_fold("self", fold, 0.5 + fold / 10)
        write_fold("dot", fold, 0.3 + fold / 20)
    write_fold("self", 0, 0.7, seed=2)  # of fold 0 the mean counts, 0.6
    sides = str(tmp_path / "self"), str(tmp_path / "dot")
    found = compared(capsys, *sides)
    assert (found["folds"], found["a"]["seeds"]) == (3, [0, 1, 2])
    assert sorted(found["a"]["runs"]) == ["self10", "self11", "self12", "self20"]
    assert found["scores"]["f1"] == [pytest.approx((0.6 + 0.6 + 0.7) / 3), pytest.approx(0.35)]
    assert found["difference"] == pytest.approx(0.6333333 - 0.35)
    assert "of several seeds of a fold the mean counts" in found["messages"]
    (said,) = [message for message in found["messages"] if "Bengio" in message]
    assert said.startswith("Folds share training data, ")
    assert compare.main(list(sides)) == 0
    text = capsys.readouterr().out
    assert "  A: self recurrent, folds 0, 1, 2\n" in text
    assert "score (mean over folds)" in text
    assert "over folds: A - B = +0.2833, 95 % interval" in text
    assert "new seeds" not in text
    assert "drew" not in text
    (tmp_path / "dot" / "12" / "record.json").unlink()
    assert (
        "B: it lacks the folds 2, so that its score is on a part of the examples"
        in compared(capsys, *sides)["messages"]
    )


def test_an_example_of_tagging_is_in_the_slices_of_all_its_types():
    rows = [example(0, ["B-X", "I-X", "B-Y"], []), example(1, ["B-Y", "O", "O"], []), example(2, ["O"], [])]
    masks = {name: mask.tolist() for name, mask in slice_masks(rows, by_gold=True)}
    assert masks == {"gold X in the text": [True, False, False], "gold Y in the text": [True, True, False]}


def test_slices_by_rare_words_and_by_how_far_they_stand_apart():
    facts = [(0, None), (2, 3), (0, 9), (0, 1), (1, None), (0, 30)]
    rows = [example(n, "yes", "yes") | {"rare": rare, "distance": far} for n, (rare, far) in enumerate(facts)]
    masks = {name: np.flatnonzero(mask).tolist() for name, mask in slice_masks(rows, by_gold=True)}
    assert masks == {
        "without rare words": [0, 2, 3, 5],
        "with rare words": [1, 4],
        "no new or rare word comes again": [0, 4],
        "a new or rare word comes again after 1 to 3 tokens": [1, 3],
        "a new or rare word comes again after 9 to 9 tokens": [2],
        "a new or rare word comes again after 30 to 30 tokens": [5],
    }


# Bad input


def test_bad_places_are_refused_in_one_line(tmp_path: Path, capsys: Captured):
    a = write(tmp_path, "a", A)
    assert "B: 'nowhere' is neither a folder or record file nor a filter" in refused(capsys, a, "nowhere")
    places = ("--places", str(tmp_path))
    assert "B: no run in" in refused(capsys, a, "model=none", *places)
    assert "B: no record has 'modle'; there are task, data, model" in refused(capsys, a, "modle=a", *places)
    assert "got 'task' in 'model=a,task'" in refused(capsys, a, "model=a,task", *places)


def test_several_configurations_are_refused_with_their_names(tmp_path: Path, capsys: Captured):
    a, _b = write(tmp_path, "a", A), write(tmp_path, "b", B)
    error = refused(capsys, a, str(tmp_path))
    assert "names 2 configurations, and one is needed" in error
    assert "ner generated a recurrent" in error


def test_a_run_that_failed_is_refused_with_its_reason(tmp_path: Path, capsys: Captured):
    failed = write_run(tmp_path / "failed", record(status="failed", reason="no memory\nat all"))
    assert "no finished run in" in (error := refused(capsys, str(failed), str(failed)))
    assert "failed: no memory at all" in error
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "record.json").write_text("{")
    assert "no readable record" in refused(capsys, str(tmp_path / "bad"), str(failed))
    debug = write_run(tmp_path / "debug", record(debug=True))
    assert "debug runs are not compared" in refused(capsys, str(debug), str(debug))


def test_runs_that_have_no_common_ground_are_refused(tmp_path: Path, capsys: Captured):
    a = write(tmp_path, "a", A)
    assert "A is of task=ner, B of task=pos" in refused(capsys, a, write(tmp_path, "pos", B, task="pos"))
    assert "the data of A (f) and B (g) differ" in refused(capsys, a, write(tmp_path, "g", B, data_fingerprint="g"))
    assert "A has no score 'bleu'; there are: accuracy" in refused(capsys, a, a, "--metric", "bleu")


def test_damaged_predictions_are_named(tmp_path: Path, capsys: Captured):
    a, b = write(tmp_path, "a", A), write(tmp_path, "b", B)
    path = Path(b) / "2" / "predictions.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-20])
    assert f"{path} is damaged" in refused(capsys, a, b)
    path.write_bytes(b"text")
    assert f"{path} is damaged" in refused(capsys, a, b)
