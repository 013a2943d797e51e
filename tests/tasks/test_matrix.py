"""Every task with every mechanism in every backbone: it builds from the YAML files, learns a step and predicts."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from tasks.base import Batch, Task
from tasks.collation import collate
from tasks.corpora import Corpus
from tasks.encoded import EncodedCorpus, encode_corpus
from tasks.encoding import EncodingOptions
from tasks.model import TaskModel
from tasks.tokenization import tokenizer_named

CONF = Path(__file__).resolve().parents[2] / "conf"
SMALL = {"width": 16, "feedforward_width": 16, "hidden": 8}
OPTIONS = EncodingOptions(lowercase=True, min_count=1, max_characters=12, ngram_min=3, ngram_max=4, ngram_buckets=64)


def names(group: str) -> list[str]:
    return sorted(file.stem for file in (CONF / group).glob("*.yaml"))


def node(group: str, name: str, **changed: Any) -> DictConfig:
    """The file of one choice, in the small size, without what it overrides of other groups."""
    config = OmegaConf.load(CONF / group / f"{name}.yaml")
    assert isinstance(config, DictConfig)
    config.pop("defaults", None)
    chosen = config.task if group == "task" else config
    for part in (chosen, *chosen.get("parts", {}).values()):
        for option, value in {**SMALL, **changed}.items():
            if option in part:
                part[option] = value
    return chosen


TASKS = names("task")
FLOORS = [name for name in names("model") if "floor" in OmegaConf.load(CONF / f"model/{name}.yaml")]
MECHANISMS = [name for name in names("model") if name not in (*FLOORS, "custom")]


@cache
def encoded_samples(name: str, external: bool) -> tuple[Task, EncodedCorpus]:
    task = instantiate(node("task", name))
    rows = [task.check(row) for row in task.samples()]
    splits = dict.fromkeys(("train", "validation", "test"), rows)
    places = {split: lambda row: f"sample {row}" for split in splits}
    corpus = Corpus("samples", splits, places, "0", "samples", "words", "en", "error")
    return task, encode_corpus(corpus, task, options=OPTIONS, external=external)


def make(task_name: str, model: str, backbone: str, **changed: Any) -> tuple[TaskModel, Batch]:
    torch.manual_seed(1)
    attention = instantiate(node("model", model, **changed).attention)
    external = "external" in attention.func.supports
    _, encoded = encoded_samples(task_name, external)
    task = instantiate(node("task", task_name, **changed))
    position = instantiate(node("position", "sinusoidal" if backbone == "transformer" else "none"))
    embeddings = instantiate(node("embedding", "words", **changed))(
        vocabulary_size=encoded.codec.vocabulary_size, character_count=encoded.codec.character_count
    )
    encoder = instantiate(node("backbone", backbone, **changed))(
        embeddings.width, attention=attention, position=position, external=external
    )
    head = task.build_head(encoder.width, labels=encoded.labels, attention=attention)
    batch = collate(encoded.splits["train"], np.arange(4))
    return TaskModel(embeddings, encoder, head, external=external), batch


@pytest.mark.parametrize("backbone", names("backbone"))
@pytest.mark.parametrize("model", MECHANISMS)
@pytest.mark.parametrize("task", TASKS)
def test_it_builds_learns_a_step_and_predicts(task: str, model: str, backbone: str):
    network, batch = make(task, model, backbone)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    loss = network.loss(batch)
    loss.backward()
    # `none` averages whatever is asked, so the pooling query has no part in it.
    idle = {
        name for name, parameter in network.named_parameters() if parameter.requires_grad and parameter.grad is None
    }
    assert idle <= ({"head.query_D"} if model == "none" else set())
    optimizer.step()
    assert loss.isfinite()
    network.eval()
    with torch.no_grad():
        predicted = network.predict(batch)
    lengths = batch.texts[0].mask_BT.sum(1).tolist()
    made, encoded = encoded_samples(task, model == "cross")
    assert len(predicted) == 4
    if made.tokenized:
        assert [len(tags) for tags in predicted] == lengths
    flat = [index for tags in predicted for index in tags] if made.tokenized else predicted
    assert all(0 <= index < len(encoded.labels) for index in flat)


@pytest.mark.parametrize("model", ["self", "cross"])
@pytest.mark.parametrize("task", TASKS)
def test_four_samples_can_be_learnt_by_heart(task: str, model: str):
    network, batch = make(task, model, "recurrent", dropout=0.0, word_dropout=0.0)
    made, encoded = encoded_samples(task, model == "cross")
    gold = [row[made.label_column] for row in made.samples()]
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(10):
        for _ in range(15):
            optimizer.zero_grad()
            network.loss(batch).backward()
            optimizer.step()
        predicted = network.eval().predict(batch)
        named = [[encoded.labels[i] for i in p] if made.tokenized else encoded.labels[p] for p in predicted]
        if made.score(gold, named, labels=encoded.labels)[made.main_score] == 1:
            return
        network.train()
    pytest.fail(f"after 150 steps {named} instead of {gold}")


@pytest.mark.parametrize("floor", FLOORS)
@pytest.mark.parametrize("task", TASKS)
def test_floors_fit_and_predict_or_say_that_they_cannot(task: str, floor: str):
    made, _ = encoded_samples(task, False)
    fitted = instantiate(node("model", floor).floor)
    if floor == "tfidf" and made.tokenized:
        with pytest.raises(ValueError, match="tfidf gives one label a text"):
            fitted.check(made)
        return
    fitted.check(made)
    rows = made.samples()
    fitted.fit(rows, made, tokenizer=tokenizer_named("words"), seed=1)
    labels = made.label_set([row[made.label_column] for row in rows])
    scores = made.score([row[made.label_column] for row in rows], fitted.predict(rows), labels=labels)
    assert scores[made.main_score] > 0
