"""What every decoder promises, with every mechanism: one call or many, the same; nothing of the future; no padding."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra.utils import get_class, instantiate
from omegaconf import OmegaConf
from torch import Tensor, nn

import models.backbones.base
from models.attention.base import Attended, Attention, External, Site
from models.backbones.base import Decoded, Decoder, DecoderState, Memory, TokenSite
from models.backbones.recurrent import RecurrentDecoder
from models.backbones.transformer import TransformerDecoder
from models.multihead import MultiHead
from models.positions import NoPosition
from models.recall import KeptMemory, recalling

CONF = Path(__file__).parents[3] / "conf"
# Floors have no mechanism, and `custom` names none yet.
MODELS = sorted(
    path.stem
    for path in (CONF / "model").glob("*.yaml")
    if "_target_: models.attention." in path.read_text(encoding="utf-8")
)
INPUT, WIDTH, LENGTH, SIZE = 6, 8, 5, 4
MASK = torch.arange(SIZE) < torch.tensor([4, 2, 3])[:, None]

DECODERS: dict[str, Callable[..., Decoder]] = {
    "recurrent": partial(RecurrentDecoder, layers=2, input_feeding=False, site="projection"),
    "feeding": partial(RecurrentDecoder, layers=1, input_feeding=True, site="projection"),
    "transformer": partial(TransformerDecoder, layers=2, site="residual", feedforward_width=10),
}


class Plain(Attention):
    """A mechanism from outside, which knows nothing of what decoders keep, and returns no weights."""

    supports = frozenset({"self", "cross", "causal"})

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.map = nn.Linear(site.width, site.width)

    def forward(
        self,
        queries_BTD: Tensor,
        memory_BSD: Tensor,
        mask: Tensor | None = None,
        *,
        causal: bool = False,
        external: External | None = None,
        need_weights: bool = False,
    ) -> Attended:
        length, size = queries_BTD.shape[1], memory_BSD.shape[1]
        open_BTS = torch.ones(len(memory_BSD), length, size, dtype=torch.bool)
        if mask is not None:
            open_BTS = open_BTS & mask[:, None]
        if causal:
            open_BTS = open_BTS.tril(size - length)
        scores = (queries_BTD @ self.map(memory_BSD).transpose(1, 2)).tanh().exp() * open_BTS
        return Attended(scores @ memory_BSD / scores.sum(-1, keepdim=True).clamp(min=1e-9))


@cache
def options_of(mechanism: str) -> Any:
    return OmegaConf.load(CONF / "model" / f"{mechanism}.yaml").attention


def build(decoder: str, mechanism: str, *, position: Any = NoPosition, dropout: float = 0.0, **options: Any) -> Decoder:
    """The decoder with the mechanism's YAML and small sizes, in double precision."""
    torch.manual_seed(0)
    attention, external = Plain, False
    if mechanism != "plain":
        target = options_of(mechanism)
        external = "external" in get_class(target["_target_"]).supports
        smaller = {"heads": 2} if target.get("heads", 1) > 1 else {}
        plain = {"dropout": 0.0} if "dropout" in target else {}
        attention = instantiate(target, **(smaller | plain | options))
    made = DECODERS[decoder]
    return made(INPUT, attention=attention, position=position, external=external, width=WIDTH, dropout=dropout).double()


def draw(*, seed: int = 1) -> tuple[Tensor, Memory]:
    noise = torch.Generator().manual_seed(seed)
    x = torch.randn(3, LENGTH, INPUT, generator=noise, dtype=torch.double)
    return x, Memory(torch.randn(3, SIZE, WIDTH, generator=noise, dtype=torch.double), MASK)


def stepwise(decoder: Decoder, x: Tensor, state: DecoderState, *, need_weights: bool = False) -> Decoded:
    steps = []
    for position in range(x.shape[1]):
        decoded, state = decoder(x[:, position : position + 1], state, need_weights=need_weights)
        steps.append(decoded)
    states, contexts, weights = zip(*steps, strict=True)
    return Decoded(torch.cat(states, 1), torch.cat(contexts, 1), torch.cat(weights, 2) if need_weights else None)


def positions(name: str) -> Any:
    return instantiate(OmegaConf.load(CONF / "position" / f"{name}.yaml"))


every_decoder = pytest.mark.parametrize("decoder", DECODERS)
every_mechanism = pytest.mark.parametrize("mechanism", [*MODELS, "plain"])


@every_decoder
@every_mechanism
def test_one_call_and_one_step_at_a_time_are_the_same(decoder: str, mechanism: str) -> None:
    network, (x, memory) = build(decoder, mechanism), draw()
    asked = mechanism != "plain"
    whole, after = network(x, network.begin(memory), need_weights=asked)
    assert whole.states_BTD.shape == whole.context_BTD.shape == (3, LENGTH, WIDTH)
    steps = stepwise(network, x, network.begin(memory), need_weights=asked)
    for one, other in zip(whole, steps, strict=True):
        torch.testing.assert_close(one, other)
    assert after.length == LENGTH
    start, middle = network(x[:, :2], network.begin(memory))
    rest, _ = network(x[:, 2:], middle)
    torch.testing.assert_close(torch.cat((start.states_BTD, rest.states_BTD), dim=1), whole.states_BTD)


@every_decoder
@every_mechanism
def test_rows_can_change_places_repeat_and_leave(decoder: str, mechanism: str) -> None:
    network, (x, memory) = build(decoder, mechanism).eval(), draw()
    _, state = network(x[:, :2], network.begin(memory))
    first = torch.tensor([0, 0, 1, 1, 2])
    _, state = network(x[first, 2:3], state.select(first))
    second = torch.tensor([1, 0, 2])
    third, state = network(x[first[second], 3:4], state.select(second))
    last = torch.tensor([2])
    decoded, _ = network(x[[1], 4:5], state.select(last))
    expected = network(x, network.begin(memory))[0].states_BTD
    torch.testing.assert_close(third.states_BTD[:, 0], expected[[0, 0, 1], 3])
    torch.testing.assert_close(decoded.states_BTD[:, 0], expected[[1], 4])


@every_decoder
@every_mechanism
def test_what_is_kept_changes_neither_results_nor_gradients(
    decoder: str, mechanism: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = []
    for known in (True, False):
        if not known:
            monkeypatch.setattr(models.backbones.base, "recalling", lambda *memories: nullcontext())
        network, (x, memory) = build(decoder, mechanism), draw()
        x.requires_grad_()
        memory.states_BSD.requires_grad_()
        order = torch.tensor([2, 0, 0, 1])
        _, state = network(x[:, :2], network.begin(memory))
        decoded = stepwise(network, x[order, 2:], state.select(order))
        decoded.states_BTD.square().sum().backward()
        results.append([decoded.states_BTD, x.grad, memory.states_BSD.grad, *(p.grad for p in network.parameters())])
    for kept, computed in zip(*results, strict=True):
        torch.testing.assert_close(kept, computed)


@every_decoder
@every_mechanism
def test_the_future_changes_nothing(decoder: str, mechanism: str) -> None:
    network, (x, memory) = build(decoder, mechanism), draw()
    expected = network(x, network.begin(memory))[0]
    changed = x.clone()
    changed[:, 3:] += 1.0
    changed.requires_grad_()
    decoded = network(changed, network.begin(memory))[0]
    torch.testing.assert_close(decoded.states_BTD[:, :3], expected.states_BTD[:, :3])
    assert not torch.allclose(decoded.states_BTD[:, 3:], expected.states_BTD[:, 3:])
    decoded.states_BTD[:, 2].square().sum().backward()
    assert changed.grad is not None
    assert (changed.grad[:, 3:] == 0).all()
    assert (changed.grad[:, :3] != 0).any(-1).all()


@every_decoder
@every_mechanism
def test_masked_memory_has_no_weight_no_gradient_and_no_effect(decoder: str, mechanism: str) -> None:
    network, (x, memory) = build(decoder, mechanism), draw()
    memory.states_BSD.requires_grad_()
    decoded = network(x, network.begin(memory), need_weights=mechanism != "plain")[0]
    decoded.states_BTD.square().sum().backward()
    grad = memory.states_BSD.grad
    assert grad is not None
    assert (grad[~MASK] == 0).all()
    assert (grad[MASK] != 0).any(-1).all()
    for weights in (decoded.pointing_BTS, decoded.mean_BTS):
        assert (weights is None) == (mechanism == "plain")
        if weights is not None:
            assert (weights.transpose(1, 2)[~MASK] == 0).all()
            torch.testing.assert_close(weights.sum(-1), torch.ones(3, LENGTH))
    noisy = Memory(memory.states_BSD.detach().masked_fill(~MASK[..., None], 50.0), MASK)
    torch.testing.assert_close(network(x, network.begin(noisy))[0].states_BTD, decoded.states_BTD)


@every_decoder
@pytest.mark.parametrize("mechanism", MODELS)
def test_a_text_without_memory_is_finite(decoder: str, mechanism: str) -> None:
    network, (x, memory) = build(decoder, mechanism), draw()
    memory.states_BSD.requires_grad_()
    mask = MASK.clone()
    mask[1] = False
    decoded = network(x, network.begin(Memory(memory.states_BSD, mask)), need_weights=True)[0]
    assert decoded.weights_BHTS is not None
    assert decoded.pointing_BTS is not None
    assert decoded.mean_BTS is not None
    assert (decoded.pointing_BTS[1] == 0).all()
    assert (decoded.mean_BTS[1] == 0).all()
    assert (decoded.context_BTD[1] == 0).all()
    assert decoded.states_BTD.isfinite().all()
    (
        decoded.states_BTD.square().sum() + decoded.pointing_BTS.square().sum() + decoded.mean_BTS.square().sum()
    ).backward()
    gradients = [memory.states_BSD.grad, *(parameter.grad for parameter in network.parameters())]
    assert all(gradient is None or gradient.isfinite().all() for gradient in gradients)


@every_decoder
@every_mechanism
def test_every_parameter_gets_a_gradient(decoder: str, mechanism: str) -> None:
    network, (x, memory) = build(decoder, mechanism), draw()
    network(x, network.begin(memory))[0].states_BTD.square().sum().backward()
    for name, parameter in network.named_parameters():
        if mechanism == "uniform" and name.startswith(("memory_sites", "query_norm")):
            continue  # the mean of the memory leaves the query, and so its normalisation, unread
        assert parameter.grad is not None, name
        assert (parameter.grad != 0).any(), name


@every_decoder
@pytest.mark.parametrize("normalizer", ["sparsemax", "sigmoid"])
def test_weights_sum_to_one_with_every_normalizer(decoder: str, normalizer: str) -> None:
    network, (x, memory) = build(decoder, "self", normalizer=normalizer), draw()
    decoded = network(x, network.begin(memory), need_weights=True)[0]
    for weights in (decoded.pointing_BTS, decoded.mean_BTS):
        torch.testing.assert_close(weights.sum(-1), torch.ones(3, LENGTH))


@every_decoder
@pytest.mark.parametrize(("mechanism", "heads"), [("self", 2), ("memory", 3), ("cross", 2), ("uniform", 1)])
def test_one_head_points_the_last_and_of_memory_the_last_hop(decoder: str, mechanism: str, heads: int) -> None:
    network, (x, memory) = build(decoder, mechanism), draw()
    decoded = network(x, network.begin(memory), need_weights=True)[0]
    assert decoded.weights_BHTS.shape == (3, heads, LENGTH, SIZE)
    torch.testing.assert_close(decoded.pointing_BTS, decoded.weights_BHTS[:, -1])
    torch.testing.assert_close(decoded.mean_BTS, decoded.weights_BHTS.mean(1))
    if heads > 1:
        assert not torch.allclose(decoded.pointing_BTS, decoded.mean_BTS)


@pytest.mark.parametrize(
    ("decoder", "mechanism", "position", "options"),
    [
        ("transformer", "self", "sinusoidal", {}),
        ("transformer", "self", "learned", {}),
        ("transformer", "self", "rotary", {}),
        ("transformer", "cross", "alibi", {}),
        ("transformer", "additive", "alibi", {}),
        ("transformer", "self", "alibi", {"score": "additive"}),
        ("transformer", "self", "none", {"score": "additive"}),
        ("recurrent", "cross", "rotary", {}),
        ("recurrent", "cross", "none", {"score": "additive"}),
        ("recurrent", "dot", "sinusoidal", {}),
        ("feeding", "dot", "learned", {}),
    ],
)
def test_positions_go_on_from_step_to_step(decoder: str, mechanism: str, position: str, options: Any) -> None:
    network, (x, memory) = build(decoder, mechanism, position=positions(position), **options), draw()
    whole = network(x, network.begin(memory))[0].states_BTD
    torch.testing.assert_close(stepwise(network, x, network.begin(memory)).states_BTD, whole)
    if position != "none":
        without = build(decoder, mechanism, **options)
        assert not torch.allclose(without(x, without.begin(memory))[0].states_BTD, whole)


def recorded_lengths(network: nn.Module, kind: type[nn.Module], method: str, monkeypatch: Any) -> list[int]:
    """How many positions each call of a method was given."""
    lengths: list[int] = []
    inner = getattr(kind, method)

    def counted(self: Any, states: Tensor, *args: Any, **kwargs: Any) -> Any:
        lengths.append(states.shape[1])
        return inner(self, states, *args, **kwargs)

    monkeypatch.setattr(kind, method, counted)
    return lengths


def test_a_step_reads_the_new_position_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    network, (x, memory) = build("transformer", "cross").eval(), draw()
    lengths = recorded_lengths(network, MultiHead, "_project", monkeypatch)
    _, state = network(x[:, :3], network.begin(memory))
    # in each of two layers: own states; the external ones refined, then looked at; the memory of the decoder site
    assert lengths == [3, SIZE, SIZE, SIZE] * 2
    lengths.clear()
    _, state = network(x[:, 3:4], state.select(torch.tensor([1, 0, 1])))
    assert lengths == [1, 1]
    monkeypatch.setattr(network.sites[0].attention, "_refined", None)
    network(x[:, 4:5], state)


@pytest.mark.parametrize(("decoder", "calls"), [("recurrent", [LENGTH]), ("feeding", [1] * LENGTH)])
def test_positions_are_read_at_once_unless_fed(decoder: str, calls: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    network, (x, memory) = build(decoder, "additive"), draw()
    read = recorded_lengths(network, nn.LSTM, "forward", monkeypatch)
    embedded = recorded_lengths(network, MultiHead, "_project", monkeypatch)
    network(x, network.begin(memory))
    assert read == calls
    assert embedded == [SIZE]


def lstm_cell(lstm: nn.LSTM, x: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    gates = lstm.weight_ih_l0 @ x + lstm.bias_ih_l0 + lstm.weight_hh_l0 @ hidden + lstm.bias_hh_l0
    entry, forget, new, out = gates.chunk(4)
    cell = forget.sigmoid() * cell + entry.sigmoid() * new.tanh()
    return out.sigmoid() * cell.tanh(), cell


def normalized(x: Tensor) -> Tensor:
    return (x - x.mean(-1, keepdim=True)) / (x.var(-1, keepdim=True, unbiased=False) + 1e-5).sqrt()


@pytest.mark.parametrize("feeding", [False, True])
def test_the_recurrent_decoder_is_luongs(feeding: bool) -> None:
    torch.manual_seed(2)
    attention = instantiate(options_of("dot"), dropout=0.0, scale=False)
    options: dict[str, Any] = {"attention": attention, "position": NoPosition, "external": False}
    sizes: dict[str, Any] = {"width": WIDTH, "layers": 1, "dropout": 0.0}
    network = RecurrentDecoder(INPUT, **options, **sizes, input_feeding=feeding, site="projection").double()
    x, memory = draw()
    decoded, _ = network(x, network.begin(memory), need_weights=True)
    for text in range(3):
        states = normalized(memory.states_BSD[text][MASK[text]])
        hidden, cell = network.first(states.mean(0)).tanh().chunk(2)
        attentional = torch.zeros(WIDTH, dtype=torch.double)
        for t in range(LENGTH):
            read = torch.cat((x[text, t], attentional)) if feeding else x[text, t]
            hidden, cell = lstm_cell(network.lstm, read, hidden, cell)
            asking = normalized(hidden)
            weights = (states @ asking).softmax(0)
            context = weights @ states
            attentional = (network.join.weight @ torch.cat((context, asking)) + network.join.bias).tanh()
            torch.testing.assert_close(decoded.states_BTD[text, t], attentional)
            torch.testing.assert_close(decoded.context_BTD[text, t], context)
            torch.testing.assert_close(decoded.pointing_BTS[text, t, : len(states)], weights.float())


def test_the_transformer_decoder_is_its_blocks() -> None:
    network, (x, memory) = build("transformer", "self"), draw()
    states = normalized(network.projection(x))
    for site, memory_site, feedforward in zip(network.sites, network.memory_sites, network.feedforwards, strict=True):
        normed = site.norm(states)
        states = states + site.attention(normed, normed, causal=True).context_BTD
        read = network.memory_norm(memory.states_BSD)
        found = memory_site.attention(memory_site.norm(states), read, MASK, need_weights=True)
        states = feedforward(states + found.context_BTD)
    decoded, _ = network(x, network.begin(memory), need_weights=True)
    torch.testing.assert_close(decoded.states_BTD, network.norm(states))
    torch.testing.assert_close(decoded.context_BTD, found.context_BTD)
    torch.testing.assert_close(decoded.weights_BHTS, found.weights_BHTS.float())


def without_attention(*, feeding: bool) -> RecurrentDecoder:
    torch.manual_seed(0)
    return RecurrentDecoder(
        INPUT,
        attention=None,
        position=NoPosition,
        external=False,
        width=WIDTH,
        layers=1,
        input_feeding=feeding,
        site="projection",
        dropout=0.0,
    ).double()


@pytest.mark.parametrize("feeding", [False, True])
def test_without_attention_the_decoder_reads_one_fixed_vector_at_every_step(feeding: bool) -> None:
    network, (x, memory) = without_attention(feeding=feeding), draw()
    assert not any(isinstance(module, Attention) for module in network.modules())
    assert network.attends is False
    decoded, _ = network(x, network.begin(memory), need_weights=True)
    assert decoded.weights_BHTS is None
    for text in range(3):
        mean = normalized(memory.states_BSD[text][MASK[text]]).mean(0)
        hidden, cell = network.first(mean).tanh().chunk(2)
        fed = torch.zeros(WIDTH, dtype=torch.double)
        for t in range(LENGTH):
            read = torch.cat((x[text, t], fed)) if feeding else x[text, t]
            hidden, cell = lstm_cell(network.lstm, read, hidden, cell)
            fed = (network.join.weight @ torch.cat((mean, normalized(hidden))) + network.join.bias).tanh()
            torch.testing.assert_close(decoded.states_BTD[text, t], fed)
            torch.testing.assert_close(decoded.context_BTD[text, t], mean)
    torch.testing.assert_close(stepwise(network, x, network.begin(memory)).states_BTD, decoded.states_BTD)
    order = torch.tensor([2, 0, 0])
    _, state = network(x[:, :2], network.begin(memory))
    moved = network(x[order, 2:], state.select(order))[0].states_BTD
    torch.testing.assert_close(moved, decoded.states_BTD[order, 2:])


def test_a_transformer_decoder_without_attention_is_refused_with_what_works() -> None:
    with pytest.raises(ValueError, match=r"would not see what it has written; use model=uniform, .* decoder=recurrent"):
        DECODERS["transformer"](INPUT, attention=None, position=NoPosition, external=False, width=WIDTH, dropout=0.0)


class Noted(Plain):
    """Keeps the site it was built for."""

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self.site = site


@every_decoder
@pytest.mark.parametrize("external", [False, True])
def test_sites_are_where_the_design_says(decoder: str, external: bool) -> None:
    network = DECODERS[decoder](
        INPUT, attention=Noted, position=NoPosition, external=external, width=WIDTH, dropout=0.0
    )
    sites = [module.site for module in network.modules() if isinstance(module, Noted)]
    causal = Site("token", WIDTH, causal=True, external=external)
    if decoder == "transformer":
        assert sites == [causal, causal, *[Site("decoder", WIDTH)] * 2]
    else:
        assert sites == [*[causal] * external, Site("decoder", WIDTH)]


@every_decoder
@pytest.mark.parametrize("mechanism", ["gated", "memory"])
def test_no_jump_where_the_decoder_reads_the_query_itself(decoder: str, mechanism: str) -> None:
    jumps = [module.jump for module in build(decoder, mechanism).modules() if hasattr(module, "jump")]
    assert jumps
    assert not any(jumps)


@every_decoder
def test_dropout_acts_in_training_alone(decoder: str) -> None:
    network, (x, memory) = build(decoder, "self", dropout=0.5), draw()
    drawn = [network(x, network.begin(memory))[0].states_BTD for _ in range(2)]
    assert not torch.equal(*drawn)
    network.eval()
    fixed = [network(x, network.begin(memory))[0].states_BTD for _ in range(2)]
    assert torch.equal(*fixed)


def test_hypotheses_of_the_same_texts_share_the_memory() -> None:
    network, (_, memory) = build("transformer", "cross"), draw()
    read = network.begin(memory).memory.states_BSD
    state = network.begin(memory).select(torch.tensor([0, 0, 1, 1]))
    moved = state.select(torch.tensor([1, 1, 3, 2]))
    assert moved.memory is state.memory
    assert moved.externals is state.externals
    swapped = state.select(torch.tensor([2, 3, 0, 1]))
    assert torch.equal(swapped.memory.states_BSD, read[[1, 1, 0, 0]])
    left = state.select(torch.tensor([2, 3]))
    assert torch.equal(left.memory.states_BSD, read[[1, 1]])
    assert torch.equal(left.mask_BS, MASK[[1, 1]])


def test_an_external_memory_that_grows_is_refined_again() -> None:
    site = Site("token", WIDTH, causal=True, external=True)
    mechanism = instantiate(options_of("cross"), dropout=0.0)(site).double()
    x, states = torch.randn(2, 3, WIDTH).double(), torch.randn(2, SIZE, WIDTH).double()
    short = KeptMemory(states[:, :2])
    open_BS = torch.ones(2, SIZE).bool()
    with recalling(short):
        mechanism(x, x, causal=True, external=External(short.states_BSD, open_BS[:, :2]))
    long = short.extended(states[:, 2:])
    with recalling(long):
        kept = mechanism(x, x, causal=True, external=External(long.states_BSD, open_BS)).context_BTD
    computed = mechanism(x, x, causal=True, external=External(states, open_BS)).context_BTD
    torch.testing.assert_close(kept, computed)


@every_decoder
def test_a_state_can_be_continued_in_several_ways(decoder: str) -> None:
    network, (x, memory) = build(decoder, "self").eval(), draw()
    _, state = network(x[:, :2], network.begin(memory))
    one = network(x[:, 2:3], state)[0].states_BTD
    other = network(x[:, 3:4], state)[0].states_BTD
    assert not torch.allclose(one, other)
    torch.testing.assert_close(network(x[:, 2:3], state)[0].states_BTD, one)


@every_decoder
def test_autocast_steps_and_whole_targets_agree(decoder: str) -> None:
    network, (x, memory) = build(decoder, "self").float().eval(), draw()
    memory, x = Memory(memory.states_BSD.float(), MASK), x.float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        whole = network(x, network.begin(memory), need_weights=True)[0]
        steps = stepwise(network, x, network.begin(memory), need_weights=True)
    assert whole.weights_BHTS is not None
    assert whole.weights_BHTS.dtype == torch.float32
    torch.testing.assert_close(steps.states_BTD.float(), whole.states_BTD.float(), rtol=0.05, atol=0.05)


@every_decoder
def test_a_memory_of_another_width_is_refused(decoder: str) -> None:
    network = build(decoder, "self")
    with pytest.raises(ValueError, match="the decoder's width is 8 and the encoder's 5; make them equal"):
        network.begin(Memory(torch.zeros(1, 2, 5), torch.ones(1, 2).bool()))


@every_decoder
def test_weights_that_a_mechanism_lacks_are_missed(decoder: str) -> None:
    network, (x, memory) = build(decoder, "plain"), draw()
    with pytest.raises(ValueError, match=r"returned no weights though they were asked for .*copying, coverage"):
        network(x, network.begin(memory), need_weights=True)


@pytest.mark.parametrize("kind", [RecurrentDecoder, TransformerDecoder])
def test_a_decoder_has_layers(kind: Any) -> None:
    special = {"input_feeding": False} if kind is RecurrentDecoder else {"feedforward_width": 4}
    special |= {"site": "sum"}
    with pytest.raises(ValueError, match="decoder needs at least one layer, got layers=0"):
        kind(2, attention=Plain, position=NoPosition, external=False, width=4, layers=0, dropout=0.0, **special)


def test_token_sites_of_encoders_stay_as_they_were() -> None:
    site = TokenSite(WIDTH, attention=Noted, position=NoPosition, external=False, join="sum", dropout=0.0)
    assert site.attention.site == Site("token", WIDTH)
