from __future__ import annotations

import pytest
import torch

from models.joins import JOINS, Join


def test_a_wrong_name_lists_the_right_ones() -> None:
    with pytest.raises(
        ValueError, match=r"joins by one of residual, sum, gain, zero_gain, mapped, projection, got 'add'"
    ):
        Join("add", 4)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", JOINS)
def test_stream_and_context_start_with_equal_say_however_small_the_stream_came(name: str) -> None:
    torch.manual_seed(0)
    width = 64
    join = Join(name, width)  # type: ignore[arg-type]
    raw, context = 0.05 * torch.randn(1, 500, width), torch.randn(1, 500, width)
    normed = raw / raw.std()
    joined = join(raw, normed, context)
    without = join(raw, normed, torch.zeros_like(context))
    share = float(((joined - without).var() / joined.var()).detach())
    expected = {"residual": 1.0, "zero_gain": 0.0}.get(name, 0.5)
    assert share == pytest.approx(expected, abs=0.1)


def test_gains_are_one_number_a_channel_and_start_where_they_say() -> None:
    for name, first in (("gain", 1.0), ("zero_gain", 0.0)):
        gain = Join(name, 6).gain_D  # type: ignore[arg-type]
        assert gain is not None
        assert gain.tolist() == [first] * 6
