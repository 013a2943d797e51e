"""Runs that read pretrained word vectors: what they record, what identifies them, what they keep."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from harness.build.checks import check_combination
from harness.build.data import encode, load_corpus, make_task
from harness.build.model import make_model
from harness.build.saved import SavedNetwork
from harness.configuration import content
from harness.configuration.compose import compose_configuration
from harness.publish import compact
from harness.records import files
from harness.records.data_notes import data_notes
from harness.run.execute import execute
from harness.run.run import Outcome
from harness.sweep.forecast import plan_cell
from tests.harness.conftest import TINY

Overrides = Callable[..., list[str]]

NOUNS, GOOD, BAD = ("film", "book", "song", "cook", "meal"), ("good", "fine", "nice"), ("bad", "poor", "sad")
WORDS = (*NOUNS, *GOOD, *BAD, "was", "is", "the", "a", "not", "very", "NEW")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A corpus of reviews, and vectors of all its words but one; ``new`` stands in test alone."""
    data = tmp_path / "data"
    data.mkdir()
    write_split(data / "train.jsonl", 48, ["good", "fine", "nice", "bad", "poor", "sad"])
    write_split(data / "validation.jsonl", 12, ["good", "poor"])
    write_split(data / "test.jsonl", 12, ["fine", "sad", "new"])
    generator = np.random.default_rng(0)
    rows = [f"{word} {' '.join(f'{x:.4f}' for x in generator.normal(size=6))}\n" for word in WORDS]
    (tmp_path / "vectors.txt").write_text("".join(rows))
    return tmp_path


def write_split(file: Path, rows: int, words: list[str]) -> None:
    lines = []
    for number in range(rows):
        word = words[number % len(words)]
        label = "up" if word in (*GOOD, "new") else "down"
        lines.append(json.dumps({"text": f"The {NOUNS[number % 5]} was {word} indeed", "label": label}))
    file.write_text("\n".join(lines))


@pytest.fixture
def reviews(folder: Path, quick_measures: None) -> Overrides:
    own = [option for option in TINY if not option.startswith(("embedding", "data.size"))]
    data = ["task=classification", "data=files", f"data.path={folder / 'data'}", "embedding=vectors"]

    def overrides(*more: str, path: str = "vectors.txt") -> list[str]:
        return [*own, *data, f"embedding.path={folder / path}", f"results_dir={folder / 'results'}", *more]

    return overrides


def run(overrides: list[str]) -> Outcome:
    return execute(compose_configuration(overrides))


def predicted(outcome: Outcome, folder: Path) -> list[str]:
    """What the folder of a run, alone, says of the texts in its predictions."""
    network = SavedNetwork.load(outcome.record, folder)
    rows = [{"text": row["text"]} for row in files.read_predictions(folder)]
    data = network.data(rows, lambda row: f"text {row}")
    (found,) = [network.model.predict(data.batch("test", list(range(len(rows)))))]
    return [data.readable("test", one) for one in found]


@pytest.mark.slow
@pytest.mark.parametrize("train", ["false", "true"])
def test_a_run_reads_vectors_and_stands_alone(reviews: Overrides, folder: Path, train: str, tmp_path: Path):
    outcome = run(reviews(f"embedding.parts.vectors.train={train}"))
    record = outcome.record
    assert record["status"] == "done", record["reason"]
    vectors = record["vectors"]
    assert vectors["path"] == str(folder / "vectors.txt")
    assert vectors["content"] == record["config"]["embedding"]["content"] == content.content_of(vectors["path"])
    assert (vectors["width"], vectors["rows"], vectors["trained"]) == (6, len(WORDS), train == "true")
    assert vectors["coverage"]["train"] == {"types": 13 / 14, "tokens": 4 / 5}  # ``indeed`` has none
    assert vectors["coverage"]["test"]["tokens"] == 0.8
    own = load_file(outcome.folder / "model.safetensors")
    learnt = [name for name in own if "parts.vectors" in name]
    name = "embeddings.parts.vectors"
    assert learnt == ([f"{name}.table.weight"] if train == "true" else []) + [f"{name}.unknown_D"]
    new = SavedNetwork.load(record, outcome.folder).data([{"text": "not SO New"}], str)
    assert new.encoded.splits["test"].texts[0].forms.vectors.ids_U.tolist() == [15, 0, 14]  # 14 are kept
    (folder / "vectors.txt").unlink()
    shutil.rmtree(folder / "data")
    copied = tmp_path / "copied"
    shutil.copytree(outcome.folder, copied)
    shutil.rmtree(folder / "results")
    assert predicted(outcome, copied) == [row["predicted"] for row in files.read_predictions(copied)]


@pytest.mark.slow
def test_words_of_test_change_nothing_that_is_learnt(reviews: Overrides, folder: Path):
    options = ["embedding.parts.vectors.train=true"]
    one = run(reviews(*options))
    write_split(folder / "data" / "test.jsonl", 12, ["fine", "sad"])
    other = run(reviews(*options))
    assert one.record["id"] != other.record["id"]
    weights = [load_file(outcome.folder / "model.safetensors") for outcome in (one, other)]
    for name, weight in weights[0].items():
        np.testing.assert_array_equal(weight, weights[1][name], err_msg=name)


def test_the_content_of_the_file_names_the_run_wherever_it_lies(reviews: Overrides, folder: Path):
    from harness.run.run import make_run

    def identity(*more: str, path: str = "vectors.txt") -> str:
        return make_run(compose_configuration(reviews(*more, path=path))).identity

    first = identity()
    shutil.copy(folder / "vectors.txt", folder / "copy.txt")
    assert identity(path="copy.txt") == first
    assert identity(f"embedding.content={content.content_of(str(folder / 'vectors.txt'))}") == first
    text = (folder / "vectors.txt").read_text()
    (folder / "vectors.txt").write_text(text.replace("good", "gold"))
    assert identity() != first
    (folder / "vectors.txt").write_text(text)
    assert identity() == first


def test_what_cannot_be_is_refused_before_any_data_is_read(reviews: Overrides, folder: Path):
    (folder / "prose.txt").write_text("Once upon a time\n")
    (folder / "empty.gz").write_bytes(gzip.compress(b""))
    for path, said in (
        ("prose.txt", "prose.txt, line 1: expected a word and its numbers"),
        ("empty.gz", "empty.gz is empty"),
    ):
        record = run(reviews("data.path=/nowhere", path=path)).record
        assert record["status"] == "failed"
        assert said in record["reason"]
    with pytest.raises(ValueError, match=r"embedding\.path=.*nowhere\.txt cannot be read"):
        run(reviews(path="nowhere.txt"))


def test_a_file_of_another_content_than_was_given_is_refused(reviews: Overrides):
    config = compose_configuration(reviews(f"embedding.content={'0' * 64}"))
    with pytest.raises(ValueError, match=r"has the SHA-256 .*, and embedding\.content is 000"):
        content.settle_content(config)
    record = execute(config).record  # a worker, which was told the content
    assert record["status"] == "failed"
    assert "is not the file that was asked for" in record["reason"]


@pytest.mark.slow
def test_few_covered_words_are_warned_of_and_noted(reviews: Overrides, folder: Path):
    (folder / "few.txt").write_bytes(b"the 1 2\nfilm 3 4\ncaf\xe9 5 6\n")
    with pytest.warns(UserWarning, match="has a vector|no UTF-8") as said:
        record = run(reviews(path="few.txt")).record
    assert any("has a vector for" in str(one.message) for one in said)
    assert record["status"] == "done"
    notes = "\n".join(data_notes([record]))
    assert "few.txt has a vector for 14% of the different words of train and for 24% of its tokens" in notes
    assert "1 words are no UTF-8 and left out, the first in line 3" in notes
    kept = compact(record)
    assert str(folder) not in json.dumps([kept["config"]["embedding"], kept["vectors"]])


def test_plans_and_equal_sizes_know_of_vectors(reviews: Overrides):
    overrides = reviews("match=parameters", "plan=true")
    forecasts: list[Any] = [
        plan_cell((train, compose_configuration([*overrides, f"embedding.parts.vectors.train={train}"])))
        for train in ("false", "true")
    ]
    assert [forecast.status for forecast in forecasts] == ["to run", "to run"]
    assert forecasts[1].parameters - forecasts[0].parameters == 6 * (13 + 1)  # with the row of padding


@pytest.mark.parametrize(
    ("task", "options"),
    [
        ("matching", ["backbone=transformer", "model=cross"]),
        ("pos", ["backbone=convolutional", "encoding.max_length=3", "embedding.parts.vectors.train=true"]),
        ("events", ["backbone=embedding", "model=cross", "embedding.parts.words.width=4"]),
    ],
)
def test_every_task_and_backbone_reads_vectors(folder: Path, tiny: Overrides, task: str, options: list[str]):
    own = [option for option in tiny() if not option.startswith("embedding")]
    path = f"embedding.path={folder / 'vectors.txt'}"
    config = compose_configuration([*own, f"task={task}", "embedding=vectors", path, *options])
    run_task = make_task(config)
    corpus = load_corpus(config, run_task)
    texts = [row[column] for row in corpus.splits["train"] for column in run_task.text_columns]
    words = {word for text in texts for word in (text if isinstance(text, list) else text.split())}
    (folder / "vectors.txt").write_text("".join(f"{word} 1 2 3\n" for word in sorted(words)))
    content.settle_content(config)
    check_combination(config, run_task)
    data = encode(config, run_task, corpus)
    model = make_model(config, data)
    batch = data.batch("test", [0, 1, 2])
    assert batch.texts[0].vectors_UD is not None
    assert (batch.texts[0].vector_ids_U > 0).any()
    model.loss(batch).backward()
    assert all(one.grad is None or one.grad.isfinite().all() for one in model.parameters())
    assert len(model.predict(batch)) == 3


@pytest.mark.slow
def test_tasks_that_write_read_vectors_of_whole_words(folder: Path, writing: Overrides):
    def overrides(*more: str) -> list[str]:
        return writing("task=translation", "embedding=vectors", f"embedding.path={folder / 'vectors.txt'}", *more)

    subwords = run(overrides("task.tie=false")).record
    assert "pretrained vectors are of words, and task=translation reads task.source_symbols=bpe" in subwords["reason"]
    words = ["task.source_symbols=words", "task.target_symbols=words"]
    tied = run(overrides(*words)).record
    assert (tied["status"], "set task.tie=false" in tied["reason"]) == ("unsupported", True)
    with pytest.warns(UserWarning, match="has a vector for"):
        assert run(overrides(*words, "task.tie=false")).record["status"] == "done"


def test_a_sweep_reads_the_content_once(reviews: Overrides, monkeypatch: pytest.MonkeyPatch):
    from harness.sweep.cells import make_cells

    read = []
    digest = content.hashlib.file_digest
    monkeypatch.setattr(content.hashlib, "file_digest", lambda *args: read.append(args) or digest(*args))
    monkeypatch.setattr(content, "SETTLED_SECONDS", -1.0)
    monkeypatch.setattr(content, "_known", {})

    def compose(words: Any) -> Any:
        from hydra import compose, initialize_config_dir

        from harness.configuration.compose import CONF

        with initialize_config_dir(str(CONF), version_base="1.3"):
            return compose("config", overrides=list(words), return_hydra_config=True)

    combinations = [reviews(f"model={model}", f"seed={seed}") for model in ("self", "dot") for seed in (1, 2)]
    cells = make_cells(combinations, swept=["model", "seed"], compose=compose)
    assert [cell.problem for cell in cells] == [None] * 4
    assert len({cell.config.embedding.content for cell in cells if cell.config is not None}) == 1
    assert len(read) == 1
