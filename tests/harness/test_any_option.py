"""Whatever an option is set to: a run that is started with it ends well, or with one line that says why not."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from harness import __main__ as command
from harness.build import room
from harness.configuration.compose import compose_configuration
from harness.configuration.effect import flatten
from tests.harness.conftest import TINY, WRITING

ROWS = [{"text": f"text {number} of it", "label": "ab"[number % 2]} for number in range(24)]

BASES: dict[str, Sequence[str]] = {
    "task=sentiment model=memory": TINY,
    "task=ner model=cross": TINY,
    "task=pos model=additive backbone=transformer position=learned": TINY,
    "task=matching model=self backbone=convolutional match=parameters": TINY,
    "task=translation model=dot": [*WRITING, "task.search.beam=2"],
    "task=classification data=files data.path=rows.jsonl": [o for o in TINY if not o.startswith("data.size")],
    "task=sentiment model=tfidf": TINY,
}

VALUES = [
    *("0", "-1", "1", "2", "3", "16", "0.5", "1.0", "1e-9", "1e9", "1e400", "1000000000", "9" * 20, "nan", "inf"),
    *("true", "false", "no", "null", "", "''", "abc", "[]", "[1,2]", "[a]", "[[1]]", "{}", "{a: 1}", "{a: {b: 1}}"),
    *(
        "~",
        "???",
        "${seed}",
        "${nothing}",
        "${",
        "ü",
        "a b",
        "'a,b'",
        "a,b",
        "'\n'",
        "'\x1b[31m'",
        "/nowhere",
        "(",
        "=",
    ),
    *("word", "words", "en", "zh-CN", "text", "label", "cpu", "simple", "error", "cut", "nfkc", "loss", "score"),
]
"""Values of every kind, and names that some options know."""

ALONE = ("trainer.devices", "trainer.num_nodes", "trainer.accelerator", "workers", "engine", "hydra", "plan", "names")
"""Options that start processes, whose right values are not drawn."""


@cache
def options_of(base: str) -> list[str]:
    """The options and groups of options that there are with these choices."""
    made = OmegaConf.to_container(compose_configuration(base.split()), resolve=False)
    assert isinstance(made, dict)
    named = [*flatten(made), *map(str, made), *(key.rpartition(".")[0] for key in flatten(made) if "." in key)]
    return sorted({name for name in named if not name.startswith("names")})


@st.composite
def started(draw: st.DrawFn) -> tuple[str, list[str]]:
    """Choices, and one or two options with any values."""
    base = draw(st.sampled_from(sorted(BASES)))
    chosen = []
    for _option in range(draw(st.integers(1, 2))):
        key = draw(st.sampled_from(options_of(base)))
        if key.startswith(ALONE):
            value = draw(st.sampled_from(["0", "-1", "abc", "null", "", "[]", "{a: 1}", "1.5", "no"]))
        else:
            value = draw(st.sampled_from(VALUES) | st.text("aé_ü -.=,'\"(){}[]$:~0\x1b", max_size=5))
        chosen.append(draw(st.sampled_from(["", "", "", "+", "++", "~"])) + key + (f"={value}"))
    return base, chosen


def start(*arguments: str) -> tuple[int, str]:
    """``python -m harness`` in this process; the exit code and what it says."""
    said = io.StringIO()
    command._typed[:] = sys.argv[:] = ["harness", *arguments]
    command._failed.clear()
    with redirect_stdout(said), redirect_stderr(said):
        command._composed_and_run()
    return (1 if command._failed else 0), said.getvalue()


def check(base: str, chosen: Sequence[str]) -> int:
    """The exit code of a run, which has to be 0, or to come with one line that says why."""
    usual = [*BASES[base], "debug=fast_dev_run", "results_dir=results", "logger=none", "max_minutes=0.5"]
    code, said = start(*base.split(), *usual, *chosen)
    told = [line for line in said.splitlines() if line.startswith("error: ")]
    assert "Traceback" not in said, said
    assert (code, len(told)) in ((0, 0), (1, 1)), said
    for line in told:
        assert line.isprintable(), repr(line)
        assert not re.match(r"error: (\w+\.)*\w*(Error|Exception|Warning)\b", line), line
    return code


@pytest.fixture
def elsewhere(tmp_path: Path, quick_measures: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of its own, with a small file of data; networks that would fill the memory are refused early."""
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(room, "device_memory", lambda config: 1 << 30)
    monkeypatch.setattr(command.main.__wrapped__, "__module__", "__main__")  # as Hydra sees it under ``python -m``
    monkeypatch.setattr(sys, "argv", list(sys.argv))
    monkeypatch.setenv(command.TRACES, "1")
    threads = torch.get_num_threads()
    yield tmp_path
    torch.set_num_threads(threads)


def check_options(examples: int, check: Callable[[str, Sequence[str]], object] = check) -> None:
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(drawn=started())
    def run(drawn: tuple[str, list[str]]) -> None:
        check(*drawn)

    run()


@pytest.mark.slow
@pytest.mark.parametrize("base", sorted(BASES))
def test_without_odd_values_every_base_runs(elsewhere: Path, base: str):
    assert check(base, []) == 0


@pytest.mark.slow
def test_whatever_an_option_is_set_to_a_run_ends_well_or_says_why(elsewhere: Path):
    check_options(60)
