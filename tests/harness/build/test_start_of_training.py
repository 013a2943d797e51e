"""Before the first step no site may decide the comparison: measured on the bundled data, for every mechanism.

At each site stream and context have comparable spread, what tells the tokens of a text apart is not drowned, and
scores are neither all alike nor saturated.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import DictConfig
from torch import Tensor, nn

from harness.build.data import Data, encode, load_corpus, make_task
from harness.build.factories import uses_external
from harness.build.model import make_model
from harness.configuration.compose import compose_configuration
from models.attention.base import Attention
from models.backbones.recurrent import RecurrentDecoder
from models.backbones.transformer import DecoderSite
from models.joins import Join
from models.multihead import Lookup
from tasks.heads.pooled import PooledHead
from tasks.model import TaskModel, attention_notes

CONF = Path(__file__).parents[3] / "conf"
MODELS = sorted(
    path.stem
    for path in (CONF / "model").glob("*.yaml")
    if "_target_: models.attention." in path.read_text(encoding="utf-8")
)
BACKBONES = sorted(path.stem for path in (CONF / "backbone").glob("*.yaml"))
TASKS = ["ner", "sentiment", "correction"]
"""One for each kind of site: token, pooling, decoder."""

SMALL = ("data.max_train=128", "data.max_validation=16", "data.max_test=16")


def configured(*overrides: str) -> DictConfig:
    return compose_configuration([*SMALL, *overrides])


@cache
def data_of(task: str, external: bool, folder: str) -> Data:
    config = configured(f"task={task}", f"model={'cross' if external else 'self'}", f"results_dir={folder}")
    made = make_task(config)
    return encode(config, made, load_corpus(config, made))


def built(folder: Path, task: str, *overrides: str) -> tuple[TaskModel, Any]:
    config = configured(f"task={task}", *overrides)
    data = data_of(task, uses_external(config) and task != "correction", str(folder))
    model = make_model(config, data).eval()
    return model, data.sample()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("start")


class Site:
    """What one site was seen to do: its stream, context and result, and which rows of them are real tokens."""

    def __init__(self, name: str, stream: Tensor, context: Tensor, result: Tensor | None, mask: Tensor | None) -> None:
        self.name, self.stream, self.context, self.result = name, stream, context, result
        real = mask is not None and mask.shape == stream.shape[:2]
        self.mask = mask if real and mask is not None else torch.ones(stream.shape[:2], dtype=torch.bool)

    @property
    def ratio(self) -> float:
        context = self.context[self.mask] if self.context.shape == self.stream.shape else self.context
        return float(self.stream[self.mask].std() / context.std())


def share_within(states: Tensor, mask: Tensor) -> float:
    """The share of the states' variance that is between the tokens of a text."""
    kept = mask[..., None].to(states.dtype)
    centre = (states * kept).sum((0, 1)) / kept.sum()
    means = (states * kept).sum(1, keepdim=True) / kept.sum(1, keepdim=True)
    return float(((states - means).square() * kept).sum() / ((states - centre).square() * kept).sum())


def spread(scores: Tensor, mask: Tensor) -> float:
    """The standard deviation of the scores of real tokens."""
    if scores.shape[-1] != mask.shape[1] or scores.shape[0] != mask.shape[0]:
        return float(scores.std())
    return float(scores[mask[:, None, None, :].expand_as(scores)].std())


def watch(model: TaskModel, batch: Any) -> tuple[list[Site], dict[str, float]]:
    """Every site and every score of one forward pass."""
    mask, sites, scores = batch.texts[0].mask_BT, [], {}
    target = None if batch.labels is None or batch.labels.dim() < 2 else batch.labels >= 0

    def at(states: Tensor) -> Tensor | None:
        return next((m for m in (mask, target) if m is not None and m.shape == states.shape[:2]), None)

    def hook(name: str, module: nn.Module) -> Iterator[Any]:
        if isinstance(module, Join):

            def join(_: Any, args: Any, result: Tensor) -> None:
                x, normed, context = args
                sites.append(Site(name, x if module.name == "residual" else normed, context, result, at(normed)))

            yield module.register_forward_hook(join)
        if isinstance(module, RecurrentDecoder):

            def decoder_join(_: Any, args: Any, __: Any) -> None:
                context, hidden = args[0].chunk(2, dim=-1)
                sites.append(Site(name, hidden, context, None, at(hidden)))

            yield module.join.register_forward_hook(decoder_join)
        if isinstance(module, DecoderSite):

            def decoder_site(_: Any, args: Any, result: Any) -> None:
                sites.append(Site(name, args[0], result[1].context_BTD, result[0], at(args[0])))

            yield module.register_forward_hook(decoder_site)
        if isinstance(module, PooledHead) and module.attention is not None:

            def pooling(_: Any, args: Any, result: Any) -> None:
                sites.append(Site(name, args[1], result.context_BTD, None, args[2]))

            yield module.attention.register_forward_hook(pooling)
        if isinstance(module, Lookup):

            def lookup(_: Any, args: Any, kwargs: Any, __: Any) -> None:
                queries, keys = args[0], args[1]
                made = module.score.compare(queries, keys) if kwargs.get("embedded") else module.score(queries, keys)
                seen = sum(key.startswith(name) for key in scores)
                scores[f"{name} {seen}"] = spread(made, mask)

            yield module.register_forward_hook(lookup, with_kwargs=True)

    handles = [handle for name, module in model.named_modules() for handle in hook(name, module)]
    with torch.no_grad():
        model.loss(batch)
    for handle in handles:
        handle.remove()
    return sites, scores


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", MODELS)
def test_no_site_drowns_what_it_joins(name: str, task: str, backbone: str, folder: Path) -> None:
    model, batch = built(folder, task, f"model={name}", f"backbone={backbone}")
    sites, scores = watch(model, batch)
    assert sites
    for site in sites:
        # The mean of many unlike states is small whatever is done; and in later blocks of a transformer the stream
        # holds what the earlier ones have added.
        later = ".1" in site.name
        largest = 5.0 if later else 3.5 if name == "uniform" else 3.0
        assert 1 / 3 <= site.ratio <= largest, (site.name, site.ratio)
        if site.result is not None:
            before, after = share_within(site.stream, site.mask), share_within(site.result, site.mask)
            assert after >= 0.6 * before, (site.name, before, after)
    for place, found in scores.items():
        if name != "dot":  # its score has nothing that is drawn; at a token site each state is nearest to itself
            assert 0.45 <= found <= 2, (place, found)  # half, and some room for the luck of one draw


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("task", TASKS)
def test_none_has_no_attention_at_all_and_the_record_says_what_does_without(
    task: str, backbone: str, folder: Path
) -> None:
    overrides = ["model=none", f"backbone={backbone}", *(["decoder=recurrent"] if task == "correction" else [])]
    model, batch = built(folder, task, *overrides)
    assert not any(isinstance(module, Attention | Join | Lookup) for module in model.modules())
    assert model.loss(batch).isfinite()
    assert len(model.predict(batch)) == len(batch)
    notes = attention_notes(model)
    transformer = "none: no token site, so in the transformer no token sees another: a bag of words with layers"
    assert notes[0] == (
        transformer if backbone == "transformer" else "none: no token site, the states stay as the encoder made them"
    )
    of_task = {
        "ner": [],
        "sentiment": ["none: the mean of the states is the text's vector"],
        "correction": [
            "none: nothing points at the source, so nothing is copied",
            "none: the recurrent decoder reads the mean of the encoder's states at every step",
        ],
    }
    assert notes[1:] == of_task[task]
