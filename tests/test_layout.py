"""The layout is the architecture: imports go harness -> tasks -> models, and entries do not know each other."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ALLOWED = {"models": {"models"}, "tasks": {"tasks", "models"}, "harness": {"harness", "tasks", "models"}}
ENTRIES = {"models/attention": {"base"}, "models/backbones": {"base"}, "tasks/generated": {"base"}}


def sources() -> list[Path]:
    return sorted(path for package in ALLOWED for path in (ROOT / package).rglob("*.py"))


def imported_modules(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: import from the defining module, not relatively"
            yield from (f"{node.module}.{name.name}" for name in node.names)


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path: Path):
    package = path.relative_to(ROOT).parts[0]
    ours = {name for name in imported_modules(path) if name.split(".")[0] in ALLOWED}
    wrong = {name for name in ours if name.split(".")[0] not in ALLOWED[package]}
    assert not wrong, f"{path.relative_to(ROOT)} imports {wrong}"


@pytest.mark.parametrize("folder", ENTRIES)
def test_entries_do_not_import_each_other(folder: str):
    names = {path.stem for path in (ROOT / folder).glob("*.py")} - ENTRIES[folder] - {"__init__"}
    for path in (ROOT / folder).glob("*.py"):
        prefix = folder.replace("/", ".") + "."
        others = {n.removeprefix(prefix).split(".")[0] for n in imported_modules(path) if n.startswith(prefix)}
        assert not (others & names), f"{path.name} imports {others & names}"


def test_init_files_stay_empty():
    assert [path for path in sources() if path.name == "__init__.py" and path.read_text().strip()] == []


@pytest.mark.parametrize("folder", ["models/attention", "models/backbones"])
def test_every_entry_has_a_yaml_of_its_name_and_every_yaml_an_entry(folder: str):
    entries = {path.stem for path in (ROOT / folder).glob("*.py")} - ENTRIES[folder] - {"__init__"}
    group = {"models/attention": "model", "models/backbones": "backbone"}[folder]
    yamls = {path.stem for path in (ROOT / "conf" / group).glob("*.yaml")}
    assert entries <= yamls, f"add conf/{group}/{(entries - yamls).pop()}.yaml"
    # floors are no mechanisms, `none` is the lack of one, and `custom` names a class from elsewhere
    assert yamls - entries <= {"none", "majority", "tfidf", "copy", "lead", "custom"}


@pytest.mark.parametrize("module", ["harness.leaderboard", "harness.records.files", "harness.__main__"])
def test_light_modules_import_nothing_heavy(module: str):
    heavy = "torch", "pytorch_lightning", "datasets", "wandb", "sklearn", "torchmetrics", "seqeval"
    code = f"import sys, {module}; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"
