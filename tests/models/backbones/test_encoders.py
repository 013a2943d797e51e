"""What every encoder promises, checked for every YAML file of the group and every mechanism."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch import Tensor, nn

from models.attention.base import Attended, Attention, External, Site, recorded_weights
from models.backbones.base import Encoder, TokenSite, acts_on
from models.backbones.convolutional import GatedConvolution
from models.backbones.recurrent import BidirectionalLSTM, reversal
from models.positions import NoPosition, Sinusoidal

CONF = Path(__file__).parents[3] / "conf"
BACKBONES = sorted(path.stem for path in (CONF / "backbone").glob("*.yaml"))
# Floors have no mechanism, and `custom` names none yet.
MODELS = sorted(
    path.stem
    for path in (CONF / "model").glob("*.yaml")
    if "_target_: models.attention." in path.read_text(encoding="utf-8")
)
POSITIONS = sorted(path.stem for path in (CONF / "position").glob("*.yaml"))
INPUT = 10
LENGTHS = torch.tensor([7, 4, 1])
MASK = torch.arange(7) < LENGTHS[:, None]

backbones = pytest.mark.parametrize("backbone", BACKBONES)


class MeanAttention(Attention):
    """The mean of the memory, and of the external one; notes the sites it was built for."""

    supports = frozenset({"self", "external"})

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.site = site
        self.projection = nn.Linear(site.width, site.width)

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
        mean = (memory_BSD * mask[..., None]).sum(1, keepdim=True) / mask.sum(1)[:, None, None]
        if external is not None:
            mean = mean + (external.states_BED * external.mask_BE[..., None]).sum(1, keepdim=True)
        return Attended(self.projection(mean).expand_as(queries_BTD))


def load(group: str, name: str) -> Any:
    config = OmegaConf.load(CONF / group / f"{name}.yaml")
    config.pop("defaults", None)
    return instantiate(config.attention if group == "model" else config)


def build(backbone: str, *, attention: Any = MeanAttention, position: Any = NoPosition, **options: Any) -> Encoder:
    torch.manual_seed(0)
    size = {"width": 8} | options
    return load("backbone", backbone)(INPUT, attention=attention, position=position, external=False, **size).eval()


def inputs() -> Tensor:
    return torch.randn(3, 7, INPUT, generator=torch.Generator().manual_seed(1))


@backbones
@pytest.mark.parametrize("position", POSITIONS)
def test_padding_and_company_change_nothing(backbone: str, position: str) -> None:
    encoder = build(backbone, attention=load("model", "self"), position=load("position", position), width=16)
    x = inputs()
    states = encoder(x, MASK)
    assert states.shape == (3, 7, encoder.width)
    noisy = torch.where(MASK[..., None], x, 100.0)
    longer = nn.functional.pad(noisy, (0, 0, 0, 5), value=-50.0)
    padded = encoder(longer, nn.functional.pad(MASK, (0, 5)))[:, :7]
    torch.testing.assert_close(padded[MASK], states[MASK], rtol=1e-4, atol=1e-5)
    for row, length in enumerate(LENGTHS.tolist()):
        alone = encoder(x[row : row + 1, :length], MASK[row : row + 1, :length])
        torch.testing.assert_close(alone[0], states[row, :length], rtol=1e-4, atol=1e-5)


@backbones
@pytest.mark.parametrize("model", MODELS)
def test_every_parameter_gets_a_gradient_from_every_mechanism(backbone: str, model: str) -> None:
    encoder = build(backbone, attention=load("model", model), width=16)
    (encoder(inputs(), MASK) * MASK[..., None]).square().sum().backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


@backbones
def test_token_sites_are_of_one_kind(backbone: str) -> None:
    sites = [module for module in build(backbone).modules() if isinstance(module, TokenSite)]
    assert sites
    for site in sites:
        assert site.attention.site == Site(kind="token", width=8)


JOINED: dict[str, Any] = {
    "residual": lambda _, x, __, context: x + context,
    "sum": lambda _, __, normed, context: normed + context,
    "gain": lambda join, _, normed, context: nn.functional.layer_norm(normed + join.gain_D * context, (8,)),
    "zero_gain": lambda join, _, normed, context: normed + join.gain_D * context,
    "mapped": lambda join, _, normed, context: normed + context @ join.map.weight.T,
    "projection": lambda join, _, normed, context: torch.cat((normed, context), -1) @ join.both.weight.T,
}


@pytest.mark.parametrize(("join", "by_hand"), JOINED.items())
def test_the_token_site_joins_the_context_of_normalised_states(join: Any, by_hand: Any) -> None:
    site = TokenSite(8, attention=MeanAttention, position=NoPosition, external=False, join=join, dropout=0.0)
    x = 0.1 * torch.randn(2, 3, 8)
    mask = torch.tensor([[True, True, True], [True, False, False]])
    normed = site.norm(x)
    context = site.attention(normed, normed, mask).context_BTD
    expected = by_hand(site.join, x, normed, context)
    torch.testing.assert_close(site(x, mask), expected)


@backbones
def test_without_attention_there_is_no_site_and_the_states_stay_what_the_backbone_makes(backbone: str) -> None:
    encoder, x = build(backbone, attention=None), inputs()
    assert not any(isinstance(module, TokenSite | Attention) for module in encoder.modules())
    states, plain = encoder(x, MASK), encoder.contextualize(x, MASK)
    if backbone != "transformer":
        assert torch.equal(states, plain)
        assert encoder.top.note == "none: no token site, the states stay as the encoder made them"
        return
    for feedforward in encoder.feedforwards:
        plain = feedforward(plain)
    assert torch.equal(states, encoder.norm(plain))
    assert "in the transformer no token sees another: a bag of words with layers" in encoder.note


@backbones
def test_without_attention_positions_that_act_on_scores_are_refused(backbone: str) -> None:
    with pytest.raises(ValueError, match="none cannot use the relative position Rotary; use position=none"):
        build(backbone, attention=None, position=load("position", "rotary"))


@backbones
def test_an_external_memory_reaches_the_mechanism(backbone: str) -> None:
    torch.manual_seed(0)
    encoder = load("backbone", backbone)(
        INPUT, attention=load("model", "cross"), position=NoPosition, external=True, width=16
    ).eval()
    x, other = inputs(), torch.randn(3, 4, INPUT)
    other_mask = torch.tensor([[True] * 4, [True, True, False, False], [False] * 4])
    memory = encoder.memory(encoder.contextualize(other, other_mask), other_mask)
    states = encoder(x, MASK, External(memory, other_mask))
    changed = encoder(x, MASK, External(memory + other_mask[..., None] * torch.randn_like(memory), other_mask))
    assert states.isfinite().all()
    assert not torch.allclose(states[0], changed[0])
    torch.testing.assert_close(states[2], changed[2])
    with recorded_weights(encoder) as seen:
        encoder(x, MASK, External(memory, other_mask))
    assert any(attended.external_weights_BHTE is not None for attended in seen.values())


@backbones
def test_input_positions_act_before_and_score_positions_inside(backbone: str) -> None:
    sinusoidal, rotary = load("position", "sinusoidal"), load("position", "rotary")
    assert any(isinstance(module, Sinusoidal) for module in build(backbone, position=sinusoidal).modules())
    for position, given in ((NoPosition, None), (sinusoidal, None), (rotary, rotary)):
        (site, *_) = [
            module for module in build(backbone, position=position).modules() if isinstance(module, TokenSite)
        ]
        assert site.attention.site.position is given


def test_a_part_that_does_not_say_where_it_acts_is_refused() -> None:
    with pytest.raises(ValueError, match="class attribute acts_on of 'nothing', 'input' or 'scores', got None"):
        acts_on(partial(nn.Linear, 3))


def test_the_embedding_encoder_lets_no_token_see_another_before_the_attention() -> None:
    encoder, x = build("embedding"), inputs()
    changed = x.clone()
    changed[:, 0] += 1
    torch.testing.assert_close(
        encoder.contextualize(changed, MASK)[:, 1:], encoder.contextualize(x, MASK)[:, 1:], rtol=0, atol=0
    )


def test_convolutions_see_as_far_as_their_kernels() -> None:
    encoder, x = build("convolutional", layers=2, kernel=3), inputs()
    changed = x.clone()
    changed[0, 0] += 1
    moved = (encoder.contextualize(changed, MASK) != encoder.contextualize(x, MASK)).any(-1)[0]
    assert moved.tolist() == [True] * 3 + [False] * 4


def test_recurrence_agrees_with_packed_sequences() -> None:
    torch.manual_seed(0)
    layer, x = BidirectionalLSTM(INPUT, 12), inputs()
    reference = nn.LSTM(INPUT, 6, batch_first=True, bidirectional=True)
    for name, parameter in layer.rightward.named_parameters():
        getattr(reference, name).data.copy_(parameter)
    for name, parameter in layer.leftward.named_parameters():
        getattr(reference, f"{name}_reverse").data.copy_(parameter)
    packed = nn.utils.rnn.pack_padded_sequence(x, LENGTHS, batch_first=True, enforce_sorted=False)
    expected, _ = nn.utils.rnn.pad_packed_sequence(reference(packed)[0], batch_first=True)
    torch.testing.assert_close(layer(x, MASK)[MASK], expected[MASK])


@pytest.mark.parametrize("width", [8, INPUT])
def test_residual_recurrence_adds_what_it_read_to_its_input(width: int) -> None:
    encoder, x = build("recurrent", residual=True, layers=2, width=width), inputs()
    first, second = encoder.layers
    lower = first(x, MASK) + (x if width == INPUT else encoder.projection(x))
    torch.testing.assert_close(encoder.contextualize(x, MASK), second(lower, MASK) + lower)


def test_reversal_is_its_own_inverse_and_stays_within_the_text() -> None:
    order = reversal(MASK)
    assert order.tolist() == [[6, 5, 4, 3, 2, 1, 0], [3, 2, 1, 0, 4, 5, 6], [0, 1, 2, 3, 4, 5, 6]]


@backbones
def test_an_empty_text_does_no_harm(backbone: str) -> None:
    encoder = build(backbone, attention=load("model", "self"), width=16)
    mask = MASK.clone()
    mask[2] = False
    states = encoder(inputs(), mask)
    states[:2].sum().backward()
    assert states.isfinite().all()
    assert all(parameter.grad.isfinite().all() for parameter in encoder.parameters() if parameter.grad is not None)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([], "NoPosition"),
        (["backbone=transformer"], "Sinusoidal"),
        (["backbone=transformer", "position=rotary"], "Rotary"),
        (["position=none", "backbone=transformer"], "NoPosition"),
    ],
)
def test_the_transformer_brings_sinusoidal_positions_unless_others_are_named(
    overrides: list[str], expected: str
) -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", overrides)
    assert config.position._target_.endswith(expected)


def test_sizes_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="kernel expects an odd number, got 2; use 3"):
        GatedConvolution(8, kernel=2, dropout=0.0)
    with pytest.raises(ValueError, match="width expects an even number, got 7"):
        BidirectionalLSTM(4, 7)
