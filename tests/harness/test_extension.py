"""A user's own mechanism, from outside the repository and by no registration."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.configuration.compose import CONF, compose_configuration
from harness.leaderboard import main as leaderboard
from harness.records import code
from harness.run.execute import execute

MECHANISM = '''
import torch
from torch import nn

from models.attention.base import Attended, Attention


class LastToken(Attention):
    """Every query looks at the first position it may."""

    supports = frozenset({"self", "cross", "causal"})

    def __init__(self, site, *, gain=1.0):
        super().__init__()
        self.value = nn.Linear(site.width, site.width)
        self.gain = gain

    def forward(self, queries_BTD, memory_BSD, mask=None, *, causal=False, external=None, need_weights=False):
        context = self.gain * self.value(memory_BSD[:, :1]).expand_as(queries_BTD)
        return Attended(context)
'''


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "my_package_for_tests.py").write_text(MECHANISM)
    monkeypatch.syspath_prepend(str(folder))
    yield folder / "my_package_for_tests.py"
    sys.modules.pop("my_package_for_tests", None)


TARGET = "model.attention._target_=my_package_for_tests.LastToken"


@pytest.mark.slow
def test_a_mechanism_from_outside_runs_and_appears_on_the_board(
    tiny: Callable[..., list[str]], outside: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    config = compose_configuration(tiny("task=sentiment", "model=custom", TARGET, "+model.attention.gain=2.0"))
    outcome = execute(config)
    assert outcome.record["status"] == "done", outcome.record["reason"]
    assert outcome.record["model"] == "my_package_for_tests.LastToken"
    assert leaderboard([str(tmp_path / "results")]) == 0
    assert "my_package_for_tests.LastToken" in capsys.readouterr().out


@pytest.mark.slow
def test_the_mechanism_of_the_docs_runs_as_printed(
    tiny: Callable[..., list[str]], writing: Callable[..., list[str]], outside: Path
):
    page = (CONF.parent / "docs" / "extending.md").read_text(encoding="utf-8")
    (printed,) = re.findall(r"```python\n# models/attention/cosine\.py\n(.*?)```", page, re.DOTALL)
    (outside.parent / "cosine_of_the_docs.py").write_text(printed)
    target = "model.attention._target_=cosine_of_the_docs.CosineAttention"
    options = ("+model.attention.heads=2", "+model.attention.dropout=0.1")
    for overrides in (tiny("task=pos"), writing("task=correction")):  # at sites that look both ways, and at causal ones
        record = execute(compose_configuration([*overrides, "model=custom", target, *options])).record
        assert record["status"] == "done", record["reason"]


def test_its_source_is_part_of_the_runs_identity(tiny: Callable[..., list[str]], outside: Path):
    from harness.records.code import foreign_files

    config = compose_configuration(tiny("task=sentiment", "model=custom", TARGET))
    assert foreign_files(config) == [outside]
    before = code.code_version(extra_files=foreign_files(config))
    outside.write_text(MECHANISM.replace(":1]", ":1] * 2"))
    assert code.code_version(extra_files=foreign_files(config)) != before


def test_every_file_of_its_package_is_and_so_are_other_parts(
    tiny: Callable[..., list[str]], tmp_path: Path, outside: Path
):
    from harness.records.code import foreign_files

    package = outside.parent / "my_whole_package"
    package.mkdir()
    (package / "__init__.py").write_text("from my_whole_package.attention import LastToken\n")
    (package / "attention.py").write_text(MECHANISM)
    target = "model.attention._target_=my_whole_package.LastToken"
    encoder = "backbone._target_=my_package_for_tests.Encoder"
    config = compose_configuration(tiny("task=sentiment", "model=custom", target, encoder))
    assert foreign_files(config) == sorted([package / "__init__.py", package / "attention.py", outside])
    assert foreign_files(compose_configuration(tiny("task=sentiment", "model=self"))) == []


def test_an_option_it_does_not_take_is_refused_by_name(tiny: Callable[..., list[str]], outside: Path):
    config = compose_configuration(tiny("task=sentiment", "model=custom", TARGET, "+model.attention.hops=2"))
    record = execute(config).record
    assert record["status"] != "done"
    assert "hops" in record["reason"]


def test_a_class_that_cannot_be_found_is_named(tiny: Callable[..., list[str]]):
    config = compose_configuration(tiny("task=sentiment", "model=custom", "model.attention._target_=no.such.Thing"))
    record = execute(config).record
    assert record["status"] == "failed"
    assert "no.such.Thing" in record["reason"]


@pytest.mark.slow
def test_a_mechanism_whose_operations_cannot_be_counted_still_runs(tiny: Callable[..., list[str]], outside: Path):
    outside.write_text(MECHANISM.replace("self.gain *", "torch.ones(1, device='cpu') * self.gain *"))
    record = execute(compose_configuration(tiny("task=sentiment", "model=custom", TARGET, "seed=7"))).record
    assert record["status"] == "done", record["reason"]
    assert record["costs"]["flops_per_token"] is None
    assert "meta" in record["flops_note"]
