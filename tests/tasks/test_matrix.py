"""Every task with every mechanism in every backbone: it builds from the YAML files, learns a step and predicts."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from models.backbones.base import Decoder
from tasks.base import Batch, Body, Task
from tasks.encoding.batching import BatchLoader, BatchPlan
from tasks.encoding.collation import collate
from tasks.encoding.corpus import EncodedCorpus
from tasks.encoding.tokenization import tokenizer_named
from tasks.encoding.vocabulary import EncodingOptions
from tasks.model import TaskModel
from tasks.reading.source import Corpus

CONF = Path(__file__).resolve().parents[2] / "conf"
SMALL = {"width": 16, "feedforward_width": 16, "hidden": 8, "language": "en"}
OPTIONS = EncodingOptions(
    normalize="nfc", lowercase=True, min_count=1, max_characters=12, ngram_min=3, ngram_max=4, ngram_buckets=64
)


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
CHOOSING = [name for name in TASKS if "class_weights" in node("task", name)]
DECODERS = dict.fromkeys(names("backbone"), "recurrent") | {"transformer": "transformer"}
FLOORS = [name for name in names("model") if "floor" in OmegaConf.load(CONF / f"model/{name}.yaml")]
MECHANISMS = [name for name in names("model") if name not in (*FLOORS, "custom")]


@cache
def encoded_samples(name: str, external: bool) -> tuple[Task, EncodedCorpus]:
    task = instantiate(node("task", name))
    rows = [task.check(row) for row in task.samples()]
    splits = dict.fromkeys(("train", "validation", "test"), rows)
    places = {split: lambda row: f"sample {row}" for split in splits}
    corpus = Corpus("samples", splits, places, "0", "samples", "words", "error")
    options = replace(OPTIONS, lowercase=not task.generates)
    return task, task.encode(corpus, options=options, external=external, cache=None)


def make(task_name: str, model: str, backbone: str, **changed: Any) -> tuple[TaskModel, Batch]:
    torch.manual_seed(1)
    attention = None if model == "none" else instantiate(node("model", model, **changed).attention)
    able = attention is not None and "external" in attention.func.supports
    task = instantiate(node("task", task_name, **changed))
    if not task.generates:
        task.class_weights.settle(task.labels_of(row) for row in task.samples())
    external = able and task.encoder_reads_external
    _, encoded = encoded_samples(task_name, external)
    position = instantiate(node("position", "sinusoidal" if backbone == "transformer" else "none"))
    embeddings = instantiate(node("embedding", "words", **changed))(
        vocabulary_size=encoded.sizes.vocabulary, character_count=encoded.sizes.characters
    )
    encoder = instantiate(node("backbone", backbone, **changed))(
        embeddings.width, attention=attention, position=position, external=external
    )

    def decoder(input_width: int) -> Decoder:
        chosen = "recurrent" if attention is None else DECODERS[backbone]
        made = instantiate(node("decoder", chosen, **{"dropout": 0.1, **changed}))
        return made(input_width, attention=attention, position=position, external=able)

    head = task.build_head(encoded.sizes, Body(encoder.width, embeddings, attention, decoder))
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
    # `uniform` averages whatever is asked, so what only makes queries has no part in it.
    idle = {
        name for name, parameter in network.named_parameters() if parameter.requires_grad and parameter.grad is None
    }
    unread = "head.query_D", "head.decoder.memory_sites", "head.decoder.query_norm"
    assert all(model == "uniform" and name.startswith(unread) for name in idle), idle
    optimizer.step()
    assert loss.isfinite()
    network.eval()
    with torch.no_grad():
        predicted = network.predict(batch)
    lengths = batch.texts[0].mask_BT.sum(1).tolist()
    made, encoded = encoded_samples(task, model == "cross")
    assert len(predicted) == 4
    if made.generates:
        assert all(isinstance(encoded.readable("train", generated), str) for generated in predicted)
        return
    if made.tokenized:
        assert [len(tags) for tags in predicted] == lengths
    flat = [index for tags in predicted for index in tags] if made.tokenized else predicted
    assert all(0 <= index < len(encoded.labels) for index in flat)


WEIGHED = {"class_weights": "balanced", "focal_gamma": 1.0, "label_smoothing": 0.1, "scheme": "softmax"}


@pytest.mark.parametrize(("accumulate", "processes"), [(2, 1), (5, 1), (1, 2), (2, 3)])
@pytest.mark.parametrize(("task", "loss"), [*((task, {}) for task in TASKS), *((task, WEIGHED) for task in CHOOSING)])
def test_small_batches_make_the_step_of_one_large_one(task: str, loss: dict[str, Any], accumulate: int, processes: int):
    """Over labels, tokens or symbols, also where the last step of an epoch has fewer batches than others."""
    network, whole = make(task, "self", "recurrent", dropout=0.0, word_dropout=0.0, **loss)
    network.double()
    split = encoded_samples(task, False)[1].splits["train"]
    options = {"batch_tokens": 10_000, "batch_rows": 3, "shuffle": True, "seed": 1}
    share_of_all: list[Batch] = []
    for rank in range(processes):
        plan = BatchPlan(split.lengths, rank=rank, world_size=processes, accumulate=accumulate, **options)
        share_of_all += BatchLoader(split, plan)
    if processes == 3:  # two batches for three processes: the first comes twice
        whole = collate(split, np.concatenate([batch.rows_B.numpy() for batch in share_of_all]))
    sizes = [len(batch) for batch in share_of_all]
    assert sorted(set(sizes)) == [1, 3]
    parts = sum((network.loss(batch) * batch.share for batch in share_of_all), torch.zeros(()))
    steps = torch.autograd.grad(parts / (accumulate * processes), parameters := trained(network), allow_unused=True)
    large = torch.autograd.grad(network.loss(whole), parameters, allow_unused=True)
    for one, other in zip(steps, large, strict=True):
        assert (one is None) == (other is None)
        if one is not None and other is not None:
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-7)  # copying sums in float32


def trained(network: TaskModel) -> list[torch.Tensor]:
    return [parameter for parameter in network.parameters() if parameter.requires_grad]


@pytest.mark.parametrize("model", ["self", "cross"])
@pytest.mark.parametrize("task", [pytest.param(t, marks=pytest.mark.slow if t == "translation" else ()) for t in TASKS])
def test_four_samples_can_be_learnt_by_heart(task: str, model: str):
    made, encoded = encoded_samples(task, model == "cross")
    room = {"label_smoothing": 0.0, "width": 32} if made.generates else {}
    network, batch = make(task, model, "recurrent", dropout=0.0, word_dropout=0.0, **room)
    gold = [row[made.label_column] for row in made.samples()]
    rounds, steps = 40, 60 if made.generates else 15
    optimizer = torch.optim.Adam(network.parameters(), lr=0.003)
    for _ in range(rounds):
        for _ in range(steps):
            optimizer.zero_grad()
            network.loss(batch).backward()
            optimizer.step()
        predicted = network.eval().predict(batch)
        named = [encoded.readable("train", prediction) for prediction in predicted]
        if made.score_rows(made.samples(), named, labels=encoded.labels)[made.main_score] > 0.999:
            return
        network.train()
    pytest.fail(f"after {rounds * steps} steps {named} instead of {gold}")


@pytest.mark.parametrize("floor", FLOORS)
@pytest.mark.parametrize("task", TASKS)
def test_floors_fit_and_predict_or_say_that_they_cannot(task: str, floor: str):
    made, _ = encoded_samples(task, False)
    fitted = instantiate(OmegaConf.create({"model": node("model", floor)}).model.floor)
    refusal = None
    if made.generates != (floor in ("copy", "lead")):
        refusal = f"{floor} "
    elif floor == "tfidf" and made.tokenized:
        refusal = "tfidf gives one label a text"
    if refusal:
        with pytest.raises(ValueError, match=refusal):
            fitted.check(made)
        return
    fitted.check(made)
    rows = made.samples()
    fitted.fit(rows, made, tokenizer=tokenizer_named("words"), seed=1)
    labels = made.label_set([row[made.label_column] for row in rows])
    scores = made.score_rows(rows, fitted.predict(rows), labels=labels)
    assert scores[made.main_score] > 0
