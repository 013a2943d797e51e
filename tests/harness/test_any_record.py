"""Whatever a record holds: every command that reads it ends with a result, or with one line that says why not."""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from harness import compare, leaderboard, runs
from harness.explanation.choice import find_run, foreign_targets
from harness.records.files import ENCODING, WEIGHTS
from harness.records.record import Record, record_problem
from harness.run.display import show_outcome
from harness.run.run import Outcome
from tests.harness.handmade import record, write_run

PREDICTIONS = [
    {"row": row, "gold": ["B-PER", "O"], "predicted": [["B-PER", "O"], ["O", "O"]][row % 2], "length": 2, "unseen": 0,
     "rare": 1, "distance": None, "tokens": ["Ada", "sang"]}
    for row in range(12)
]  # fmt: skip

WHOLE = record(
    model="dot",
    id="odd",
    git={"commit": "c", "dirty": False},
    started="2026-01-01T00:00:00+00:00",
    command=["python", "-m", "harness"],
    experiment="seq2seq2014",
    data_sizes={"train": 9, "validation": 3, "test": 12},
    data_source="a file",
    drawn_splits=[{"splits": ["validation"], "seed": 1}],
    text_notes=["no language was given"],
    language="en",
    dropped_rows={"train": 0, "validation": 1, "test": 1},
    deduplicated_rows=2,
    label_counts={"train": {"PER": 9}, "validation": {"PER": 3}, "test": {"PER": 12}},
    repeated_rows={"test": {"train": {"text": 2, "text_and_label": 1}}},
    similar_labels=[["gut", "gut "]],
    overlong_texts={"train": 1},
    vectors={"path": "glove.txt", "content": "0" * 64, "width": 3, "kept": 2, "trained": False, "rows": 5,
             "repeated": 1, "spaced": 0, "undecodable": 1, "first_undecodable": "line 2",
             "coverage": {"train": {"types": 0.4, "tokens": 0.6}}},
    encoder={"path": "folder", "content": "0" * 64, "kind": "bert", "width": 3, "layers": 2, "fine_tuned": False,
             "pieces": 9, "seconds": 1.5, "windowed": 0},
    label_scores={"PER": {"precision": 0.5, "recall": 0.4, "f1": 0.45, "support": 12, "predicted": 9}},
    confusions={"PER": {"PER": 6, "O": 6}},
    calibration={"of": "tags", "expected_calibration_error": 0.1, "counts": [1] * 15, "confidence": [0.5] * 15,
                 "accuracy": [0.4] * 14 + [None]},
    external_memory="names of labels",
    match={"by": "parameters", "reference": "self", "reference_width": 8, "reference_count": 9.0, "width": 4,
           "count": 8.0, "ratio": 0.9, "seconds": 0.1},
    attention_notes=["it is self"],
    flops_note="not counted",
    costs={"parameters": {"total": 1000, "attention": 100, "embedding": 100}, "flops_per_token": 10.0,
           "train_seconds": 2.0, "train_steps": 3, "train_tokens_per_second": 9.0, "inference_tokens_per_second": 9.0,
           "latency_seconds": 0.1, "peak_memory_bytes": {"process": 1, "gpu": None}},
    curves=[{"epoch": 1, "step": 3, "train_loss": 1.0, "train_seconds": 1.0, "validation/f1": 0.4},
            {"epoch": 2, "step": 6, "train_loss": 0.5, "train_seconds": 2.0, "validation/f1": 0.5}],
    chosen_by="validation/f1",
    learning={"best_step": 3, "take_off_step": 3, "rising": True},
    resumed=False,
    validation_scores={"f1": 0.5},
    extra_scores={"other": {"f1": 0.4}},
    environment={"python": "3", "packages": {"torch": "2"}, "platform": "p", "processor": "q", "device": "cpu",
                 "gpu": None, "threads": 1},
    deterministic=False,
    kept_files={"model.safetensors": "0" * 64},
    score_definitions={"f1": "a definition"},
    search={"method": "random", "study": "s", "trials": 2, "space": {"model.heads": [1, 2]}, "seed": 1,
            "trial_seed": 1, "scores": [0.4, None]},
    config={"task": {"_target_": "tasks.ner.NER", "name": "ner", "language": None}, "match": {"by": "none"},
            "data": {"_target_": "tasks.corpora.FileData", "seed": 1, "validation_fraction": 0.1, "train_from": None,
                     "folds": 3, "fold": 1},
            "trainer": {"threads": 1}, "training": {"steps": 3}, "results_dir": "results"},
)  # fmt: skip
"""A record with a value for every key that there is."""

TEXTS = [
    "",
    "\n",
    "\x1b[31m",
    "[bold]",
    "[/]",
    "\ud800",
    "=1+1",
    "../..",
    "\u202eevil",
    "x" * 300,
    "a,b|c",
    "<b>",
    "{{x}}",
]
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, -1, 2**63, 10**400, 0.5, 1e308, -1e308, float("nan"), float("inf"), float("-inf")]),
    st.sampled_from(TEXTS),
    st.text(max_size=5),
    st.sampled_from(
        [{}, [], [[]], [None], {"": {}}, {"a": [1]}, ["a", 1], [{}], {"trial": 0}, {"_target_": "os.system"}]
    ),
    st.integers(2, 900).map(lambda depth: json.loads("[" * depth + "]" * depth)),
    st.integers(2, 900).map(lambda depth: json.loads('{"a":' * depth + "1" + "}" * depth)),
)
"""Values of every kind that a JSON file may hold."""


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The ways to all values inside one."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, found in inner:
        yield (*path, key)
        yield from places(found, (*path, key))


PLACES = sorted(places(WHOLE), key=str)


def at(value: Any, path: Sequence[Any]) -> Any:
    for key in path:
        value = value[key]
    return value


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    """The record with some of its values taken away, exchanged, moved or made odd."""
    made: dict[str, Any] = copy.deepcopy(WHOLE)
    for _change in range(draw(st.integers(1, 4))):
        place = draw(st.sampled_from(PLACES))
        kind = draw(st.sampled_from(["odd", "odd", "odd", "gone", "other", "renamed", "added"]))
        try:
            holder, key = at(made, place[:-1]), place[-1]
            if kind == "gone":
                del holder[key]
            elif kind == "renamed":
                holder[draw(st.sampled_from(TEXTS))] = holder.pop(key)
            elif kind == "added":
                holder[draw(st.sampled_from(TEXTS))] = draw(ODD)
            else:
                other = draw(st.sampled_from(PLACES))
                holder[key] = draw(ODD) if kind == "odd" else copy.deepcopy(at(WHOLE, other))
        except (KeyError, IndexError, TypeError, AttributeError):
            continue  # an earlier change took its place away
    return made


def ends(command: Callable[[list[str]], int], *arguments: str) -> tuple[int, str, str]:
    """Exit code and what is printed, as bytes that any file or terminal takes."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    with redirect_stdout(out), redirect_stderr(err):
        code = command(list(arguments))
    for stream in (out, err):
        stream.flush()
    said = err.buffer.getvalue().decode()  # type: ignore[attr-defined]
    assert code == 0 or said.count("\n") >= 1
    assert "Traceback" not in said
    assert all(line.isprintable() for line in said.splitlines()), said
    return code, out.buffer.getvalue().decode(), said  # type: ignore[attr-defined]


def check(folder: Path, made: dict[str, Any], styles: Sequence[str]) -> None:
    (folder / "runs" / "odd" / "record.json").write_text(json.dumps(made), encoding="utf-8")
    path = str(folder / "runs" / "odd" / "record.json")
    sound = record_problem(json.loads(json.dumps(made))) is None
    for style in styles:
        code, shown, said = ends(leaderboard.main, str(folder), "--format", style)
        assert code == 0
        assert "0.91" in shown, style
        assert all(line.startswith("left out: ") for line in said.splitlines()), said
        assert sound or path in said
        assert style in ("html", "json") or not set(shown) & set("\x1b\x00\x07\u202e")
    code, _shown, said = ends(compare.main, "model=self", "model=none", "--places", str(folder))
    assert (code, said) == (0, "")
    for pair in (("model=dot", "model=none"), (path, "model=self")):
        code, _shown, said = ends(compare.main, *pair, "--places", str(folder))
        assert code == 0 or (code == 2 and said.startswith("error: ") and said.count("\n") == 1), said
    code, shown, _said = ends(runs.main, str(folder))
    assert (code, "odd" in shown) == (0, True)
    if sound:  # the same command again finds the run
        show_outcome(Outcome(cast(Record, made), folder, found=True), console=Console(file=io.StringIO()))
    said = ""
    try:
        foreign_targets(find_run(folder / "runs" / "odd")[1])
    except ValueError as error:
        said = str(error)
    assert said.isprintable()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two rows of three seeds, and a place for an odd record."""
    folder = tmp_path_factory.mktemp("results")
    for model, scores in {"none": (0.4, 0.41, 0.42), "self": (0.9, 0.91, 0.92)}.items():
        for seed, score in enumerate(scores):
            made = record(model=model, seed=seed, scores={"f1": score}, language="en")
            write_run(folder / "runs" / f"{model}{seed}", made, PREDICTIONS)
    write_run(folder / "runs" / "odd", WHOLE, PREDICTIONS)
    for name in (WEIGHTS, ENCODING):
        (folder / "runs" / "odd" / name).touch()
    return folder


def test_the_record_that_is_spoilt_has_every_key():
    assert Record.__annotations__.keys() <= WHOLE.keys()
    assert record_problem(WHOLE) is None


def check_odd_records(folder: Path, examples: int, styles: Sequence[str]) -> None:
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(made=mutated())
    def spoil(made: dict[str, Any]) -> None:
        check(folder, made, styles)

    spoil()


@pytest.mark.slow
def test_whatever_a_record_holds_it_is_shown_or_named(folder: Path):
    check_odd_records(folder, 150, ["terminal", "markdown", "latex", "csv", "json"])


@pytest.mark.slow
def test_whatever_a_record_holds_there_is_a_report(folder: Path):
    check_odd_records(folder, 50, ["html"])
