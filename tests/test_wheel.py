"""The wheel, as somebody installs it into an empty environment and uses it from a folder of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ("harness", "tasks", "models", "hydra_plugins", "conf", "pyproject.toml", "README.md", "LICENSE")

BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"

TINY = [
    "data.size=few",
    "data.max_train=48",
    "data.unseen_labels=drop",
    "training.steps=3",
    "backbone.width=16",
    "trainer=cpu",
]

MECHANISM = """
from models.attention.self import SelfAttention

class Mine(SelfAttention):
    def __init__(self, site, *, heads):
        super().__init__(site, heads=heads, score="dot", normalizer="softmax", dropout=0.0)
"""
MINE = """
heads: 2
attention:
  _target_: my_mechanism.Mine
  _partial_: true
  heads: ${..heads}
"""

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("wheel")]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of the source, so that nothing is left in it; nothing but setuptools is needed."""
    copy, made = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in SOURCE:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, copy / name)
    done = subprocess.run([sys.executable, "-c", BUILD, str(made)], cwd=copy, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (found,) = made.glob("*.whl")
    return found


@dataclass(frozen=True)
class Installed:
    """An environment that has the wheel and sees the libraries of this one, and an empty folder to work in."""

    python: Path
    folder: Path

    def run(self, *arguments: str) -> str:
        """What ``python -m …`` says, which has to succeed."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        command = [str(self.python), "-m", *arguments]
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    place, folder = tmp_path_factory.mktemp("environment"), tmp_path_factory.mktemp("elsewhere")
    venv.create(place, with_pip=False)
    (packages,) = place.glob("lib/python*/site-packages")
    with ZipFile(wheel) as packed:  # all that installing a wheel of pure Python is
        packed.extractall(packages)
    found = find_spec("torch")
    assert found is not None
    assert found.origin is not None
    (packages / "libraries.pth").write_text(str(Path(found.origin).parents[1]))
    return Installed(place / "bin" / "python", folder)


def test_it_holds_every_file_of_the_configuration(wheel: Path):
    with ZipFile(wheel) as packed:
        held = set(packed.namelist())
    files = {str(path.relative_to(ROOT)) for path in (ROOT / "conf").rglob("*.yaml")}
    assert len(files) > 100
    assert files <= held
    sources = {str(path.relative_to(ROOT)) for folder in SOURCE[:4] for path in (ROOT / folder).rglob("*.py")}
    assert sources <= held


def test_nothing_comes_from_the_checkout(installed: Installed):
    code = "import harness.multirun, tasks.base, models.crf, hydra_plugins.cells, sys; print(*sys.modules.values())"
    script = installed.folder / "where.py"
    script.write_text(code)
    assert f"{ROOT}/harness" not in installed.run("where")
    assert f"{ROOT}/models" not in installed.run("where")


def test_help_lists_the_choices(installed: Installed):
    assert "model: additive, bidirectional" in installed.run("harness", "--help")


def test_a_run_its_board_and_its_explanation(installed: Installed):
    installed.run("harness", "task=sentiment", *TINY)
    (run,) = (installed.folder / "results" / "runs").iterdir()
    assert "sentiment / generated" in installed.run("harness.leaderboard")
    assert "<html" in installed.run("harness.leaderboard", "--format", "html")
    assert "prediction: " in installed.run("harness.explain", str(run), "a good film")


def test_a_folder_of_ones_own_configuration(installed: Installed, tmp_path: Path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine.yaml").write_text(MINE)
    (installed.folder / "my_mechanism.py").write_text(MECHANISM)
    arguments = ["--config-dir", str(tmp_path), "-m", "task=pos", "model=mine,majority", "results_dir=own", *TINY]
    installed.run("harness", *arguments)
    records = [json.loads(path.read_text()) for path in (installed.folder / "own").glob("runs/*/record.json")]
    assert sorted(record["model"] for record in records) == ["majority", "my_mechanism.Mine"]
    assert {record["status"] for record in records} == {"done"}
