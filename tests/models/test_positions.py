from __future__ import annotations

import math
from functools import partial
from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch import Tensor

from models.positions import ALiBi, Learned, NoPosition, Rotary, Sinusoidal, name_of, refuse_relative

FOLDER = Path(__file__).resolve().parents[2] / "conf/position"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", NAMES)
def test_every_yaml_makes_a_position_that_keeps_its_contract(name: str) -> None:
    factory = instantiate(OmegaConf.load(FOLDER / f"{name}.yaml"))
    if factory.func.acts_on == "scores":
        q, k, bias = factory(heads=2, head_width=4)(noise(3, 2, 5, 4), noise(3, 2, 7, 4))
        assert (q.shape, k.shape) == ((3, 2, 5, 4), (3, 2, 7, 4))
        assert bias is None or bias.shape == (2, 5, 7)
    else:
        x = noise(3, 5, 6)
        assert factory.func.acts_on == ("nothing" if name == "none" else "input")
        assert factory(6)(x).shape == x.shape
        assert torch.equal(factory(6)(x), x) == (name == "none")


@pytest.mark.parametrize("width", [6, 5])
@pytest.mark.parametrize("start", [0, 3])
def test_sinusoidal_adds_sines_and_cosines(width: int, start: int) -> None:
    x = noise(2, 4, width)
    added = Sinusoidal(width, base=100.0)(x, start=start) - x
    for t in range(4):
        for channel in range(width):
            angle = (t + start) / 100 ** (2 * (channel // 2) / width)
            expected = math.sin(angle) if channel % 2 == 0 else math.cos(angle)
            assert added[1, t, channel].item() == pytest.approx(expected, abs=1e-5)


def test_learned_adds_one_vector_a_position() -> None:
    position = Learned(6, max_length=5)
    x = noise(2, 3, 6)
    torch.testing.assert_close(position(x), x + position.vectors_LD[:3])
    torch.testing.assert_close(position(x, start=2), x + position.vectors_LD[2:5])
    with pytest.raises(ValueError, match=r"up to a length of 5, got a text of 6; set position.max_length=6 or more"):
        position(x, start=3)


def test_rotary_turns_each_pair_by_its_position() -> None:
    q, k = noise(1, 1, 3, 4), noise(1, 1, 5, 4, seed=1)
    turned_q, turned_k, bias = Rotary(heads=1, head_width=4, base=100.0)(q, k)
    assert bias is None
    for given, turned, first in ((q, turned_q, 2), (k, turned_k, 0)):
        for t in range(given.shape[2]):
            for i in range(2):
                angle = (t + first) * 100 ** (-2 * i / 4)
                left, right = given[0, 0, t, i].item(), given[0, 0, t, i + 2].item()
                expected = complex(left, right) * complex(math.cos(angle), math.sin(angle))
                assert turned[0, 0, t, i].item() == pytest.approx(expected.real, abs=1e-5)
                assert turned[0, 0, t, i + 2].item() == pytest.approx(expected.imag, abs=1e-5)


def test_rotary_scores_depend_on_the_distance_alone() -> None:
    q, k = (noise(1, 1, 1, 8, seed=seed).expand(1, 1, 6, 8) for seed in (1, 2))
    turned_q, turned_k, _ = Rotary(heads=1, head_width=8, base=10000.0)(q, k)
    scores = (turned_q @ turned_k.transpose(2, 3))[0, 0]
    torch.testing.assert_close(scores[1:, 1:], scores[:-1, :-1])
    assert not torch.allclose(scores[0, 1], scores[0, 2])
    assert not torch.allclose(scores[0, 1], scores[1, 0])


def test_rotary_needs_pairs_of_channels() -> None:
    with pytest.raises(ValueError, match="need an even head width, got 3"):
        Rotary(heads=2, head_width=3, base=10000.0)


def test_alibi_takes_off_the_distance_times_a_slope() -> None:
    q, k = noise(2, 8, 3, 4), noise(2, 8, 5, 4)
    same_q, same_k, bias = ALiBi(heads=8, head_width=4)(q, k)
    assert same_q is q
    assert same_k is k
    for h in range(8):
        for i in range(3):
            for j in range(5):
                assert bias[h, i, j].item() == pytest.approx(-(2.0 ** -(h + 1)) * abs(i + 2 - j))


def test_alibi_slopes_for_a_number_of_heads_that_is_no_power_of_two() -> None:
    slopes = ALiBi(heads=6, head_width=4).slopes_H.tolist()
    assert slopes == pytest.approx([1 / 4, 1 / 16, 1 / 64, 1 / 256, 1 / 2, 1 / 8])
    assert ALiBi(heads=1, head_width=4).slopes_H.tolist() == pytest.approx([1 / 256])


@pytest.mark.parametrize("make", [partial(Rotary, base=10000.0), ALiBi])
def test_precision_of_the_states_is_kept(make: type[Rotary]) -> None:
    q, k, bias = make(heads=2, head_width=4)(noise(1, 2, 3, 4).bfloat16(), noise(1, 2, 3, 4).bfloat16())
    assert {q.dtype, k.dtype} == {torch.bfloat16}
    assert bias is None or bias.dtype == torch.bfloat16
    assert Sinusoidal(4, base=100.0)(noise(1, 3, 4).bfloat16()).dtype == torch.bfloat16


def test_positions_leave_nothing_in_a_checkpoint_but_what_was_learned() -> None:
    for position in (Sinusoidal(4, base=1e4), Rotary(heads=1, head_width=4, base=1e4), ALiBi(heads=2, head_width=4)):
        assert not position.state_dict()
    assert list(Learned(4, max_length=3).state_dict()) == ["vectors_LD"]


def test_names_and_refusals() -> None:
    factory = partial(partial(Rotary, base=1.0), heads=2)
    assert name_of(factory) == "Rotary"
    assert name_of(NoPosition) == "NoPosition"
    refuse_relative("memory", None)
    with pytest.raises(ValueError, match=r"memory cannot use the relative position Rotary; use position=none"):
        refuse_relative("memory", factory)
