"""The page that takes a file to labels: its commands are run, in their order, with a training of a few steps."""

from __future__ import annotations

import glob
import os
import random
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from harness import explain, leaderboard, predict
from harness.api import board
from tests.test_docs import FENCE, ROOT

PAGE = (ROOT / "docs" / "using.md").read_text(encoding="utf-8")
SMALL = (
    *("training.steps=4", "backbone.width=8"),
    *("workers=2", "logger=none"),
)
COMMANDS = {"leaderboard": leaderboard.main, "predict": predict.main, "explain": explain.main}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of the page, larger."""
    folder, drawn = tmp_path_factory.mktemp("user"), random.Random(1)
    header, *examples = re.search(r"```\n(text,label\n.*?)```", PAGE, re.DOTALL)[1].splitlines()  # type: ignore[index]
    rows = [f'"{drawn.choice("abc")} film {number}",{drawn.choice(["positive", "negative"])}' for number in range(60)]
    (folder / "reviews.csv").write_text("\n".join([header, *examples, *rows]) + "\n")
    (folder / "new.csv").write_text("text\nnot a bad film\na dull film\n")
    return folder


def commands() -> list[str]:
    lines = [line for block in FENCE.findall(PAGE) for line in block.splitlines()]
    smaller = [re.sub("model=[a-z,]+ seed=1,2,3", "model=uniform,self seed=1,2", line) for line in lines]
    return [line for line in smaller if "python -m harness" in line]


@pytest.mark.slow
def test_every_command_does_what_the_page_says(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(place)
    assert len(commands()) == 10
    for command in commands():
        if " | " in command:
            monkeypatch.setattr(sys, "stdin", iter([shlex.split(command)[1] + "\n"]))
            command = command.partition(" | ")[2]
        module, *words = shlex.split(command)[2:]
        if module == "harness":
            done = subprocess.run(
                [sys.executable, "-m", "harness", *words, *SMALL],
                cwd=place,
                capture_output=True,
                text=True,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )
            assert done.returncode == 0, done.stdout + done.stderr
            continue
        words = [found for word in words for found in (sorted(glob.glob(word)) if "*" in word else [word])]
        assert COMMANDS[module.removeprefix("harness.")](words) == 0, capsys.readouterr().err
    out = capsys.readouterr().out
    assert "| uniform |" in out or "uniform" in out
    assert "left out, for their data" not in out
    (table,) = board("results").tables
    assert {row.model: row.seeds for row in table.rows} == {"uniform": [1, 2], "self": [1, 2]}
    assert not any("left out, for their data" in message for message in table.messages)
    assert (place / "report.html").stat().st_size > 10_000
    assert len((place / "labelled.jsonl").read_text().splitlines()) == 2


@pytest.mark.slow
def test_the_notebook_does_too(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(place)
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    small = ", ".join(repr(option) for option in SMALL if not option.startswith("workers"))
    exec(compile(code.replace('"model=self"', f'"model=self", {small}'), "using.md", "exec"), {})
    assert "mean" in capsys.readouterr().out
