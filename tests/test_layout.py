"""The layout is the architecture: who may import whom, through which files, and that entries do not know each other.

Imports inside functions and under ``TYPE_CHECKING`` count like all others.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {"models": {"models"}, "tasks": {"tasks", "models"}, "harness": {"harness", "tasks", "models"}}
LONGEST_FUNCTION = 40
ENTRIES = {"models/attention": {"base"}, "models/backbones": {"base"}, "tasks/generated": {"base"}}

READERS = {"board", "comparison", "report", "statistics", "records", "configuration"}
MAKERS = {"search", "sweep", "run", "engines", "records", "configuration"}

HARNESS: Mapping[str, set[str]] = {
    "configuration": set(),
    "statistics": set(),
    "engines": set(),
    "records": {"configuration"},
    "build": {"configuration", "records"},
    "training": {"build", "explanation", "records"},
    "run": {"build", "training", "records", "configuration", "statistics"},
    "sweep": {"run", "build", "training", "engines", "records", "configuration"},
    "search": {"sweep", "run", "engines", "records", "configuration"},
    "multirun": MAKERS,
    "__main__": MAKERS | {"multirun"},
    "board": {"records", "statistics", "configuration"},
    "comparison": {"board", "records", "statistics", "configuration"},
    "explanation": {"build", "board", "records", "configuration"},
    "prediction": {"build", "explanation", "records", "configuration"},
    "report": {"board", "comparison", "explanation", "statistics", "records", "configuration"},
    "leaderboard": READERS,
    "compare": READERS,
    "publish": READERS | {"report"},
    "explain": READERS | {"explanation", "build"},
    "predict": {"prediction", "explanation", "records"},
    "runs": {"run", "records"},
    "api": READERS | {"run", "prediction", "explanation"},
}
"""Each package and command of ``harness`` -> what it may import of the others."""

FACES: Mapping[str, set[str]] = {
    "search": {"search"},
    "report": {"page", "map_page", "figures", "picture"},
    "training": {"fit", "validation", "costs", "memory"},
    "run": {"run", "execute", "folder", "stopping", "display"},
    "engines": {"base", "local", "locks"},
    "sweep": {"cells", "job", "dispatch", "forecast", "display"},
    "prediction": {"labelling", "predictor", "words"},
    "explanation": {"choice", "example", "finished", "maps", "saved_maps"},
}
"""The only files of a package that others import; packages that are not named here are open."""

TASKS = (
    {"labels"},
    {"base"},
    {"reading", "heads"},
    {"encoding", "corpora", "model"},
    {"metrics", "floors"},
    {"kinds"},
    {"classification", "sentiment", "ner", "pos", "events", "matching", "translation", "summarization", "correction"},
)
"""The layers of ``tasks``: each imports itself and those before it. ``generated`` imports nothing else of ours."""


def sources() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


@cache
def modules() -> frozenset[str]:
    return frozenset(module_of(path) for path in sources() if path.name != "__init__.py")


def imported_names(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: import from the defining module, not relatively"
            yield from (f"{node.module}.{name.name}" for name in node.names)


@cache
def imports() -> Mapping[str, frozenset[str]]:
    """Each module of ours -> the modules of ours that it imports."""
    found = {}
    for path in sources():
        names = {name for name in imported_names(path) if name.split(".")[0] in PACKAGES}
        ours = {next((m for m in (name, name.rpartition(".")[0]) if m in modules()), name) for name in names}
        if path.name != "__init__.py":
            found[module_of(path)] = frozenset(ours - {module_of(path)})
    return found


@pytest.mark.parametrize("module", sorted(modules()))
def test_what_is_imported_is_a_module_that_may_be(module: str):
    package = module.split(".")[0]
    assert {name for name in imports()[module] if name not in modules()} == set(), "import from the defining module"
    wrong = {name for name in imports()[module] if name.split(".")[0] not in PACKAGES[package]}
    assert not wrong, f"{module} imports {wrong}: imports go harness -> tasks -> models"


def part_of(module: str) -> str:
    """The package, or the file at the top, that a module belongs to."""
    return module.split(".")[1]


@pytest.mark.parametrize("part", sorted({part_of(module) for module in modules() if module.startswith("harness.")}))
def test_packages_of_the_harness_import_what_the_table_says(part: str):
    assert part in HARNESS, f"say in tests/test_layout.py what harness/{part} may import"
    for module, used in imports().items():
        if module.startswith("harness.") and part_of(module) == part:
            others = {name for name in used if name.startswith("harness.") and part_of(name) != part}
            wrong = {name for name in others if part_of(name) not in HARNESS[part]}
            assert not wrong, f"{module} imports {wrong}; {part} may import {sorted(HARNESS[part]) or 'nothing'}"
            hidden = {n for n in others if part_of(n) in FACES and n.split(".")[2] not in FACES[part_of(n)]}
            assert not hidden, f"{module} imports {hidden}, which are no faces of their package"


@pytest.mark.parametrize("number", range(len(TASKS)))
def test_layers_of_tasks_import_those_before_them(number: int):
    allowed = set().union(*TASKS[: number + 1])
    for module, used in imports().items():
        if module.startswith("tasks.") and part_of(module) in TASKS[number]:
            # Entries of the last layer, and files of the middle ones, do not lean on their neighbours unasked.
            wrong = {name for name in used if name.startswith("tasks.") and part_of(name) not in allowed}
            assert not wrong, f"{module} imports {wrong}"


def test_every_part_of_tasks_has_its_layer():
    parts = {part_of(module) for module in modules() if module.startswith("tasks.")}
    assert parts - set().union(*TASKS) == {"generated"}
    used = set().union(*(found for module, found in imports().items() if module.startswith("tasks.generated.")))
    assert {name for name in used if not name.startswith("tasks.generated.")} == set()


def test_no_module_imports_itself_by_way_of_others():
    open_modules = {module: set(used) & modules() for module, used in imports().items()}
    while True:
        free = {module for module, used in open_modules.items() if not used & open_modules.keys()}
        if not free:
            break
        open_modules = {module: used for module, used in open_modules.items() if module not in free}
    assert open_modules == {}, f"circles among {sorted(open_modules)}"


def test_the_top_of_the_harness_holds_commands_alone():
    assert len(list((ROOT / "harness").glob("*.py"))) <= 10


def test_no_function_is_longer_than_a_screen():
    functions = [
        (f"{path.relative_to(ROOT)}: {node.name}", (node.end_lineno or 0) - node.lineno + 1)
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    ]
    assert {name: lines for name, lines in functions if lines > LONGEST_FUNCTION} == {}


@pytest.mark.parametrize("folder", ENTRIES)
def test_entries_do_not_import_each_other(folder: str):
    names = {path.stem for path in (ROOT / folder).glob("*.py")} - ENTRIES[folder] - {"__init__"}
    for path in (ROOT / folder).glob("*.py"):
        prefix = folder.replace("/", ".") + "."
        others = {n.removeprefix(prefix).split(".")[0] for n in imported_names(path) if n.startswith(prefix)}
        assert not (others & names), f"{path.name} imports {others & names}"


def test_tasks_do_not_import_each_other():
    for module, used in imports().items():
        if module.startswith("tasks.") and part_of(module) in TASKS[-1]:
            assert not {name for name in used if part_of(name) in TASKS[-1] and name.startswith("tasks.")}, module


def test_init_files_stay_empty():
    assert [path for path in sources() if path.name == "__init__.py" and path.read_text().strip()] == []
    folders = {path.parent for path in sources()}
    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []  # packaging finds them by it


@pytest.mark.parametrize("folder", ["models/attention", "models/backbones"])
def test_every_entry_has_a_yaml_of_its_name_and_every_yaml_an_entry(folder: str):
    entries = {path.stem for path in (ROOT / folder).glob("*.py")} - ENTRIES[folder] - {"__init__"}
    group = {"models/attention": "model", "models/backbones": "backbone"}[folder]
    yamls = {path.stem for path in (ROOT / "conf" / group).glob("*.yaml")}
    assert entries <= yamls, f"add conf/{group}/{(entries - yamls).pop()}.yaml"
    # floors are no mechanisms, `none` is the lack of one, and `custom` names a class from elsewhere
    assert yamls - entries <= {"none", "majority", "tfidf", "copy", "lead", "custom"}


LIGHT = (
    *(
        "harness.__main__",
        "harness.multirun",
        "harness.leaderboard",
        "harness.compare",
        "harness.publish",
        "harness.runs",
    ),
    *(
        "harness.run.run",
        "harness.sweep.job",
        "harness.sweep.dispatch",
        "harness.search.study",
        "harness.records.reading",
    ),
)


def test_light_modules_import_nothing_heavy():
    heavy = "torch", "pytorch_lightning", "datasets", "wandb", "sklearn", "torchmetrics", "seqeval", "optuna"
    heavy += "altair", "vl_convert"
    code = (
        "import sys, importlib\n"
        f"for module in {LIGHT!r}:\n"
        "    importlib.import_module(module)\n"
        f"    found = [name for name in {heavy!r} if name in sys.modules]\n"
        "    assert not found, (module, found)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
