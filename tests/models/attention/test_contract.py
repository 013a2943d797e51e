"""What every mechanism promises, checked for every file in models/attention with the options of its YAML.

A new mechanism is tested by adding models/attention/<name>.py and conf/model/<name>.yaml; nothing here changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra.utils import get_class, instantiate
from omegaconf import OmegaConf
from torch import Tensor

from models.attention.base import Attended, Attention, External, Site, recorded_weights
from models.normalizers import NORMALIZERS
from models.scores import SCORES

ROOT = Path(__file__).resolve().parents[3]
FILES = sorted(path.stem for path in (ROOT / "models/attention").glob("*.py") if path.stem not in ("__init__", "base"))
WIDTH = 16
SITES = {
    "token": Site("token", WIDTH),
    "causal": Site("token", WIDTH, causal=True),
    "pooling": Site("pooling", WIDTH),
    "decoder": Site("decoder", WIDTH),
}
LENGTHS = {"token": (5, 5), "pooling": (1, 5), "decoder": (3, 5)}


def yaml_of(name: str) -> Path:
    return ROOT / "conf/model" / f"{name}.yaml"


@cache
def options_of(name: str) -> Any:
    return OmegaConf.load(yaml_of(name)).attention


def build(name: str, site: Site, **options: Any) -> Attention:
    """The mechanism with the options of its YAML, except those given; in double precision, without dropout."""
    torch.manual_seed(0)
    mechanism: Attention = instantiate(options_of(name), **options)(site)
    return mechanism.double().eval()


@dataclass(frozen=True)
class Case:
    name: str
    place: str
    site: Site
    option: str = ""
    value: str = ""

    def __str__(self) -> str:
        return "-".join(part for part in (self.name, self.place, self.value) if part)

    def build(self) -> Attention:
        return build(self.name, self.site, **({self.option: self.value} if self.option else {}))


@dataclass
class Inputs:
    """Three texts; the memory of the second is padded, and so is the external memory of the first two."""

    queries: Tensor
    memory: Tensor
    mask: Tensor
    causal: bool
    external: External | None

    def to(self, mechanism: Attention, *, need_weights: bool = False) -> Attended:
        attended: Attended = mechanism(
            self.queries,
            self.memory,
            self.mask,
            causal=self.causal,
            external=self.external,
            need_weights=need_weights,
        )
        return attended

    def leaves(self) -> list[Tensor]:
        """Fresh copies of all states, which now want gradients."""
        self.queries = self.queries.clone().requires_grad_()
        self.memory = self.memory.clone().requires_grad_()
        if self.external is None:
            return [self.queries, self.memory]
        self.external = External(self.external.states_BED.clone().requires_grad_(), self.external.mask_BE)
        return [self.queries, self.memory, self.external.states_BED]


def draw(case: Case) -> Inputs:
    noise = torch.Generator().manual_seed(1)
    length, size = LENGTHS[case.site.kind]
    spread = 0.1 if case.value in ("sparsemax", "entmax15") else 1.0  # scores so close that none is left out

    def states(batch: int, positions: int) -> Tensor:
        return spread * torch.randn(batch, positions, WIDTH, dtype=torch.float64, generator=noise)

    memory = states(3, size)
    mask = torch.ones(3, size, dtype=torch.bool)
    mask[1, 3:] = False
    own = case.site.own_states
    queries = memory.clone() if own else states(3, length)
    external = None
    if case.site.external:
        external = External(states(3, 4), torch.tensor([[1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1]]).bool())
    return Inputs(queries, memory, mask, case.site.causal, external)


def cases() -> Iterator[Case]:
    for name in FILES:
        if not yaml_of(name).exists():
            continue  # test_every_mechanism_has_a_yaml says so
        options = options_of(name)
        sites = dict(SITES)
        if "external" in get_class(options["_target_"]).supports:
            sites |= {f"{place}+external": replace(site, external=True) for place, site in SITES.items()}
        for place, site in sites.items():
            yield Case(name, place, site)
            if site.kind == "pooling" or (site.external and site.causal):
                continue  # enough of it with the YAML's own options
            for option, values in (("normalizer", NORMALIZERS), ("score", SCORES), ("reduce", ("mean", "max"))):
                for value in values:
                    if option in options and value != options[option]:
                        yield Case(name, place, site, option, value)


every_case = pytest.mark.parametrize("case", list(cases()), ids=str)
every_external_case = pytest.mark.parametrize("case", [case for case in cases() if case.site.external], ids=str)
every_name = pytest.mark.parametrize("name", FILES)


@every_name
def test_every_mechanism_has_a_yaml(name: str) -> None:
    assert yaml_of(name).exists(), (
        f"models/attention/{name}.py has no configuration: add conf/model/{name}.yaml with a comment that names the "
        f"paper, _target_: models.attention.{name}.<Class>, _partial_: true, and a value for every option"
    )
    text = yaml_of(name).read_text()
    assert text.startswith("# "), f"conf/model/{name}.yaml should begin with a comment that names the paper"
    assert options_of(name)["_target_"].startswith(f"models.attention.{name}.")
    assert options_of(name)["_partial_"] is True


@every_name
def test_abilities_are_declared(name: str) -> None:
    supports = get_class(options_of(name)["_target_"]).supports
    assert {"self", "cross", "causal"} <= supports <= {"self", "cross", "causal", "external"}


@every_case
def test_context_has_the_shape_of_the_queries_and_weights_come_only_on_request(case: Case) -> None:
    mechanism, inputs = case.build(), draw(case)
    assert inputs.to(mechanism).weights_BHTS is None
    context, weights, external_weights = inputs.to(mechanism, need_weights=True)
    assert context.shape == inputs.queries.shape
    assert weights is not None
    assert (weights.shape[0], *weights.shape[2:]) == (*inputs.queries.shape[:1], *LENGTHS[case.site.kind])
    if case.site.external:
        assert external_weights is not None
        assert external_weights.shape[2:] == (inputs.queries.shape[1], 4)


@every_case
def test_masked_memory_has_no_weight_no_gradient_and_no_effect(case: Case) -> None:
    mechanism, inputs = case.build(), draw(case)
    inputs.leaves()
    weights = inputs.to(mechanism, need_weights=True).weights_BHTS
    assert weights is not None
    assert (weights[1, :, :, 3:] == 0).all()
    context = inputs.to(mechanism).context_BTD
    context.square().sum().backward()
    grad = inputs.memory.grad
    assert grad is not None
    assert (grad[1, 3:] == 0).all()
    assert (grad[1, :3] != 0).any()
    changed = replace(inputs, memory=inputs.memory.detach().clone())
    changed.memory[1, 3:] = 50.0
    torch.testing.assert_close(changed.to(mechanism).context_BTD, context)


@every_external_case
def test_masked_external_memory_has_no_weight_no_gradient_and_no_effect(case: Case) -> None:
    mechanism, inputs = case.build(), draw(case)
    states = inputs.leaves()[2]
    context, _, weights = inputs.to(mechanism, need_weights=True)
    context.square().sum().backward()
    assert weights is not None
    assert states.grad is not None
    assert inputs.external is not None
    masked = ~inputs.external.mask_BE
    assert (weights.transpose(1, 3)[masked] == 0).all()
    assert (states.grad[masked] == 0).all()
    assert (states.grad[~masked] != 0).all()
    changed = External(states.detach().masked_fill(masked[:, :, None], 50.0), inputs.external.mask_BE)
    torch.testing.assert_close(replace(inputs, external=changed).to(mechanism).context_BTD, context)


@every_external_case
def test_an_empty_external_memory_is_as_good_as_none(case: Case) -> None:
    mechanism, inputs = case.build(), draw(case)
    without = replace(inputs, external=None).to(mechanism).context_BTD
    assert not torch.allclose(inputs.to(mechanism).context_BTD, without)
    assert inputs.external is not None
    inputs.external = External(inputs.external.states_BED, torch.zeros_like(inputs.external.mask_BE))
    torch.testing.assert_close(inputs.to(mechanism).context_BTD, without)


def check_padding_and_batch(mechanism: Attention, case: Case, inputs: Inputs) -> None:
    context = inputs.to(mechanism).context_BTD
    longer = replace(inputs, memory=padded(inputs.memory), mask=padded(inputs.mask))
    if case.site.own_states:
        longer.queries = padded(inputs.queries)
    if inputs.external is not None:
        longer.external = External(padded(inputs.external.states_BED), padded(inputs.external.mask_BE))
    length = inputs.queries.shape[1]
    torch.testing.assert_close(longer.to(mechanism).context_BTD[:, :length], context)
    real = slice(0, 3 if case.site.own_states else length)
    alone = Inputs(inputs.queries[1:2, real], inputs.memory[1:2, :3], inputs.mask[1:2, :3], inputs.causal, None)
    if inputs.external is not None:
        alone.external = External(inputs.external.states_BED[1:2, :3], inputs.external.mask_BE[1:2, :3])
    torch.testing.assert_close(alone.to(mechanism).context_BTD[0], context[1, real])


def padded(values: Tensor) -> Tensor:
    """Three more positions: noise in states, False in masks."""
    more = values.new_zeros(values.shape[0], 3, *values.shape[2:])
    return torch.cat((values, more if values.dtype == torch.bool else more.normal_()), dim=1)


@every_case
def test_padding_and_the_rest_of_the_batch_change_nothing(case: Case) -> None:
    check_padding_and_batch(case.build(), case, draw(case))


@every_case
def test_a_mask_for_each_query_agrees_with_one_for_all(case: Case) -> None:
    mechanism, inputs = case.build(), draw(case)
    context = inputs.to(mechanism).context_BTD
    each = replace(inputs, mask=inputs.mask[:, None, :].expand(-1, inputs.queries.shape[1], -1))
    torch.testing.assert_close(each.to(mechanism).context_BTD, context)
    each.mask = each.mask.clone()
    each.mask[0, -1, 1] = False
    changed = each.to(mechanism).context_BTD
    torch.testing.assert_close(changed[0, :-1], context[0, :-1])
    assert not torch.allclose(changed[0, -1], context[0, -1])


@every_case
def test_no_mask_is_a_mask_that_allows_everything(case: Case) -> None:
    mechanism, inputs = case.build(), draw(case)
    inputs.mask = torch.ones_like(inputs.mask)
    expected = inputs.to(mechanism).context_BTD
    without = mechanism(inputs.queries, inputs.memory, causal=inputs.causal, external=inputs.external)
    torch.testing.assert_close(without.context_BTD, expected)


def check_causal(mechanism: Attention, inputs: Inputs) -> None:
    context = inputs.to(mechanism).context_BTD
    changed = replace(inputs, queries=inputs.queries.clone(), memory=inputs.memory.clone())
    changed.memory[:, 3:] += 1.0
    changed.queries[:, 3:] += 1.0
    altered = changed.to(mechanism).context_BTD
    torch.testing.assert_close(altered[:, :3], context[:, :3])
    assert not torch.allclose(altered[0, 3:], context[0, 3:])
    step = replace(inputs, queries=inputs.queries[:, -2:])
    torch.testing.assert_close(step.to(mechanism).context_BTD, context[:, -2:])


@every_case
def test_the_future_changes_nothing_where_causal_and_something_where_not(case: Case) -> None:
    mechanism, inputs = case.build(), draw(case)
    if case.site.causal:
        check_causal(mechanism, inputs)
        return
    changed = replace(inputs, memory=inputs.memory.clone())
    changed.memory[:, 2] += torch.linspace(0, 1, WIDTH)
    assert not torch.allclose(changed.to(mechanism).context_BTD[:, 0], inputs.to(mechanism).context_BTD[:, 0])


@every_case
@pytest.mark.parametrize(("training", "need_weights"), [(False, False), (True, True)], ids=["fused", "explicit"])
def test_nothing_to_attend_to_gives_zeros_and_finite_gradients(case: Case, training: bool, need_weights: bool) -> None:
    mechanism, inputs = case.build().train(training), draw(case)
    states = inputs.leaves()
    inputs.mask[2] = False
    if inputs.external is not None:
        inputs.external.mask_BE[2] = False
    context, weights, external_weights = inputs.to(mechanism, need_weights=need_weights)
    for values in (context, weights, external_weights):
        if values is not None:
            assert (values[2] == 0).all()
            assert values.isfinite().all()
    context.square().sum().backward()
    for gradient in (value.grad for value in [*states, *mechanism.parameters()]):
        assert gradient is None or gradient.isfinite().all()
    assert inputs.memory.grad is not None
    assert (inputs.memory.grad[2] == 0).all()
    assert inputs.queries.grad is None or (inputs.queries.grad[2] == 0).all()


def check_fused(mechanism: Attention, inputs: Inputs) -> None:
    results = []
    for need_weights in (False, True):
        leaves = [*inputs.leaves(), *mechanism.parameters()]
        context = inputs.to(mechanism, need_weights=need_weights).context_BTD
        gradients = torch.autograd.grad(context.square().sum(), leaves, allow_unused=True)
        results.append([context, *gradients])
    for fused, explicit in zip(*results, strict=True):
        torch.testing.assert_close(fused, explicit)


@every_case
def test_asking_for_weights_changes_neither_context_nor_gradients(case: Case) -> None:
    check_fused(case.build(), draw(case))


@every_case
def test_weights_sum_to_one_where_the_normalizer_promises_it(case: Case) -> None:
    mechanism, inputs = case.build(), draw(case)
    named = case.value if case.option == "normalizer" else options_of(case.name).get("normalizer", "softmax")
    for weights in inputs.to(mechanism, need_weights=True)[1:]:
        if weights is not None:
            assert (weights >= 0).all()
            if NORMALIZERS[named].sums_to_one:
                sums = weights[:, :, :3].sum(-1)  # the first three positions are real in every text
                torch.testing.assert_close(sums, torch.ones_like(sums))


@every_case
def test_every_parameter_gets_a_gradient(case: Case) -> None:
    mechanism, inputs = case.build(), draw(case)
    inputs.leaves()
    inputs.to(mechanism).context_BTD.square().sum().backward()
    for name, parameter in mechanism.named_parameters():
        assert parameter.grad is not None, name
        assert (parameter.grad != 0).any(), name


@every_case
def test_evaluation_is_deterministic_and_dropout_acts_in_training_alone(case: Case) -> None:
    mechanism, inputs = case.build(), draw(case)
    context = inputs.to(mechanism).context_BTD
    assert torch.equal(context, inputs.to(mechanism).context_BTD)
    mechanism.train()
    drawn = [inputs.to(mechanism).context_BTD for _ in range(8)]
    changes = any(not torch.equal(drawn[0], other) for other in drawn)
    assert changes == ("dropout" in options_of(case.name))


@pytest.mark.parametrize("position", ["rotary", "alibi"])
@pytest.mark.parametrize("place", ["token", "causal"])
@pytest.mark.parametrize(
    "case", [case for case in cases() if case.place == "token" and case.option != "normalizer"], ids=str
)
def test_a_relative_position_is_used_or_refused(case: Case, place: str, position: str) -> None:
    factory = instantiate(OmegaConf.load(ROOT / "conf/position" / f"{position}.yaml"))
    case = replace(case, site=replace(SITES[place], position=factory))
    try:
        mechanism = case.build()
    except ValueError as error:
        reason = str(error)
        assert "cannot use" in reason
        assert factory.func.__name__ in reason
        assert "position=" in reason
        return
    inputs = draw(case)
    plain = replace(case, site=SITES[place]).build()
    assert not torch.allclose(inputs.to(mechanism).context_BTD, inputs.to(plain).context_BTD)
    check_padding_and_batch(mechanism, case, draw(case))
    check_fused(mechanism, draw(case))
    if case.site.causal:
        check_causal(mechanism, draw(case))


@every_name
def test_a_relative_position_is_left_out_over_another_sequence(name: str) -> None:
    case = Case(name, "decoder", SITES["decoder"])
    factory = instantiate(OmegaConf.load(ROOT / "conf/position/alibi.yaml"))
    placed = build(name, replace(case.site, position=factory))
    torch.testing.assert_close(draw(case).to(placed).context_BTD, draw(case).to(case.build()).context_BTD)


@every_name
def test_heads_that_do_not_divide_the_width_are_refused(name: str) -> None:
    if "heads" not in options_of(name):
        assert name in ("uniform", "memory")
        return
    with pytest.raises(ValueError, match=r"heads=3 does not divide the width 16; .*: 1, 2, 4, 8, 16"):
        build(name, SITES["token"], heads=3)


@every_name
def test_weights_can_be_recorded_from_outside(name: str) -> None:
    case = Case(name, "token", SITES["token"])
    network = torch.nn.ModuleDict({"site": case.build()})
    with recorded_weights(network) as seen:
        draw(case).to(network["site"])
    assert list(seen) == ["site"]
    assert seen["site"].weights_BHTS is not None
    assert draw(case).to(network["site"]).weights_BHTS is None


@pytest.mark.parametrize(
    "name", [name for name in FILES if "external" in get_class(options_of(name)["_target_"]).supports]
)
def test_an_external_memory_of_one_row_is_shared_by_all(name: str) -> None:
    torch.manual_seed(1)
    mechanism = build(name, Site(kind="token", width=8, external=True))
    queries = torch.randn(3, 5, 8, dtype=torch.double)
    states, mask = torch.randn(1, 4, 8, dtype=torch.double), torch.tensor([[True, True, True, False]])
    shared = mechanism(queries, queries, external=External(states, mask), need_weights=True)
    repeated = mechanism(
        queries, queries, external=External(states.repeat(3, 1, 1), mask.repeat(3, 1)), need_weights=True
    )
    for one, other in zip(shared, repeated, strict=True):
        torch.testing.assert_close(one, other)
