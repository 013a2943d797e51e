"""What README.md and docs/ say is so: commands, links, paths, choices, the listing of the code, the excerpts."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import re
import shlex
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ValueType

from harness.configuration.compose import compose_configuration
from harness.configuration.values import check_settings
from harness.publish import main as publish

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [README, *DOCS]
LISTING = ROOT / "docs" / "extending.md"

FENCE = re.compile(r"^```[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
COMMENT = re.compile(r"\s#\s.*")

TRACKED = ("harness", "tasks", "models", "conf", "tests", "benchmarks", "scripts", "docs", "hydra_plugins", ".ci")
"""Folders of the repository: what is named below one of them is there. Of ``results``, that is ``results/boards``."""


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def prose(page: Path) -> str:
    """The page without its blocks of code."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def block_lines(page: Path) -> Iterator[str]:
    """The lines of the page's blocks of code, those that end in a backslash joined with the next."""
    text = page.read_text(encoding="utf-8")
    indented = re.findall(r"^    .*$", FENCE.sub("", text), re.MULTILINE)
    for line in [*"\n".join(FENCE.findall(text)).replace("\\\n", " ").splitlines(), *indented]:
        yield COMMENT.sub("", line).strip()


def commands(start: str) -> list[Any]:
    """Page and command of every line of a block, and every piece of code in the text, that begins with ``start``."""
    found = {}
    for page in PAGES:
        for line in (*block_lines(page), *INLINE.findall(prose(page))):
            if re.match(rf"{start}\b", line):
                found[name(page), line] = pytest.param(page, line, id=f"{name(page)}: {line}")
    return [found[key] for key in sorted(found)]


# Commands


RUNS = [run for run in commands(r"python -m harness(?!\.)") if "--help" not in run.values[1]]
OTHERS = commands(r"python -m harness\.")


def test_there_are_commands():
    assert len(RUNS) > 25
    assert {re.match(r"python -m harness\.(\w+)", run.values[1])[1] for run in OTHERS} == {  # type: ignore[index]
        *("leaderboard", "compare", "explain", "predict", "publish", "runs")
    }


def cells_of(words: list[str]) -> list[list[str]]:
    """The first cell of a sweep, and for each further value of a swept key the first cell with that value."""
    first, others = [], []
    for place, override in enumerate(OverridesParser.create().parse_overrides(words)):
        if not override.is_sweep_override():
            first.append(override.input_line or "")
            continue
        if override.value_type == ValueType.GLOB_CHOICE_SWEEP:
            group = override.get_key_element()
            values = override.value().filter([path.stem for path in (ROOT / "conf" / group).glob("*.yaml")])
        else:
            values = list(override.sweep_string_iterator())
        assert values, f"{override.input_line} means nothing"
        choices = [f"{override.get_key_element()}={value}" for value in values]
        first.append(choices[0])
        others += [(place, choice) for choice in choices[1:]]
    return [first, *([*first[:place], choice, *first[place + 1 :]] for place, choice in others)]


@pytest.mark.parametrize(("page", "command"), [*RUNS, *OTHERS])
def test_a_shell_can_read_a_command(page: Path, command: str):
    done = subprocess.run(["sh", "-n", "-c", command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("page", "command"), RUNS)
def test_a_command_that_runs_composes_and_passes_the_checks(page: Path, command: str):
    words = [word for word in shlex.split(command)[3:] if word not in ("...", "…")]
    swept = "-m" in words
    words = ["model=self" if word == "model=cosine" else word for word in words if word != "-m"]  # cosine: the example
    cells = cells_of(words)
    assert swept or len(cells) == 1 or any(word.startswith("experiment=") for word in words), "a sweep without -m"
    for cell in cells:
        check_settings(compose_configuration([*cell, "hydra.mode=RUN"]))


class Parsed(Exception):
    """The arguments were accepted."""


@pytest.mark.parametrize(("page", "command"), OTHERS)
def test_a_command_that_reads_is_accepted_by_its_parser(
    page: Path, command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    parse = argparse.ArgumentParser.parse_args

    def parse_and_stop(self: argparse.ArgumentParser, arguments: Any = None, namespace: Any = None) -> Any:
        parse(self, arguments, namespace)
        raise Parsed

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_and_stop)
    module, *words = shlex.split(command)[2:]
    if command == f"python -m {module}" and command not in block_lines(page):
        assert importlib.util.find_spec(module), f"{name(page)} names {module}"  # the command's name, no example
        return
    with pytest.raises(Parsed):
        importlib.import_module(module).main(words)


def test_what_is_made_is_a_target_of_the_makefile():
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    said = [run.values for run in commands("make")]
    assert len(said) > 4
    for page, command in said:
        assert command.split()[1] in targets, f"{name(page)}: {command}; the Makefile has {', '.join(sorted(targets))}"


# Links and paths


def anchors(page: Path) -> set[str]:
    """What a link may name after ``#``: the headings, as GitHub and MkDocs both spell them here."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=name)
def test_links_lead_somewhere(page: Path):
    for link in LINK.findall(prose(page)):
        if link.startswith(("https://", "mailto:")):
            continue
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        assert target.is_file(), f"{name(page)} links to {link}, which does not exist"
        if page in DOCS:
            assert target in DOCS, f"{name(page)} links to {link} outside docs/; write it as code instead"
        if anchor:
            assert anchor in anchors(target), f"{name(page)} links to {link}; there are {sorted(anchors(target))}"


def named_paths(page: Path) -> Iterator[str]:
    """The places of the repository that the text of a page names as code; ``<…>`` and ``{…}`` stand for anything."""
    for code in INLINE.findall(prose(page)):
        for word in code.split():
            path = word.strip(",;()'\"")
            if path.startswith("results/boards/") or ("/" in path and path.split("/")[0] in TRACKED):
                yield re.sub(r"<[^>]*>|\{[^}]*\}|…", "*", path).rstrip("/")


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=name)
def test_named_paths_exist(page: Path):
    missing = [path for path in named_paths(page) if not any(ROOT.glob(path))]
    assert not missing, f"{name(page)} names {', '.join(missing)}; the repository has no such place"


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=name)
def test_no_page_names_folders_of_a_machine(page: Path):
    assert not re.findall(
        r"(?:file://|(?<![\w./])/(?:home|root|tmp|usr|opt|work)/)\S*", page.read_text(encoding="utf-8")
    )


# Choices


@pytest.mark.parametrize(
    ("group", "page"),
    [
        *(("task", "tasks"), ("model", "mechanisms"), ("backbone", "mechanisms"), ("position", "mechanisms")),
        *(("embedding", "mechanisms"), ("data", "data"), ("search", "tuning"), ("match", "tuning")),
        *(("engine", "sweeps"), ("experiment", "sweeps"), ("logger", "records"), ("debug", "records")),
        ("trainer", "index"),
    ],
)
def test_every_choice_is_named(group: str, page: str):
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    code = set(re.findall(r"[\w.]+", " ".join([*FENCE.findall(text), *INLINE.findall(FENCE.sub("", text))])))
    there = {path.stem for path in (ROOT / "conf" / group).glob("*.yaml")}
    off = {"none"} if group in ("search", "match", "debug", "logger") else set()
    missing = there - off - code
    assert not missing, f"docs/{page}.md says nothing of {', '.join(f'{group}={choice}' for choice in sorted(missing))}"


# The listing of the code


def listed_rooms() -> dict[str, set[str]]:
    """Folder -> the files that docs/extending.md lists for it; a folder may take several lines."""
    rooms = defaultdict(set)
    for block in FENCE.findall(LISTING.read_text(encoding="utf-8")):
        for folder, files in re.findall(r"^((?:harness|tasks)/(?:\w+/)*)[ \t]+(\S.*)$", block, re.MULTILINE):
            rooms[folder].update(files.split())
    return dict(rooms)


def rooms_on_disk() -> dict[str, set[str]]:
    rooms = defaultdict(set)
    for top in ("harness", "tasks"):
        for path in (ROOT / top).rglob("*"):
            hidden = path.name.startswith(".") or path.suffix == ".pyc"
            if path.is_file() and not hidden and path.name != "__init__.py":
                rooms[f"{name(path.parent)}/"].add(path.stem if path.suffix == ".py" else path.name)
    return dict(rooms)


def test_the_listing_of_the_code_is_the_tree():
    listed, there = listed_rooms(), rooms_on_disk()
    assert listed, f"{name(LISTING)} has no listing: lines such as 'tasks/labels/  names order bio' in a block of code"
    changes = []
    for folder in sorted({*listed, *there}):
        new = sorted(there.get(folder, set()) - listed.get(folder, set()))
        gone = sorted(listed.get(folder, set()) - there.get(folder, set()))
        if folder not in there:
            changes.append(f"remove the line of {folder}, which is not there")
        elif folder not in listed:
            changes.append(f"add the line '{folder}  {' '.join(new)}'")
        elif new or gone:
            changes.append(f"{folder}: add {' '.join(new) or 'nothing'}, remove {' '.join(gone) or 'nothing'}")
    assert not changes, f"change the listing in {name(LISTING)}:\n" + "\n".join(changes)


# README, excerpts, the built pages


def test_the_readme_is_short():
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 150


EXCERPTS = [
    pytest.param(page, board, id=f"{name(page)}: {board}")
    for page in PAGES
    for board in re.findall(r"^<!-- board ([\w-]+): ", page.read_text(encoding="utf-8"), re.MULTILINE)
]


def test_there_are_excerpts():
    assert len(EXCERPTS) == 2


@pytest.mark.parametrize(("page", "board"), EXCERPTS)
def test_an_excerpt_is_what_publish_writes(page: Path, board: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    text = page.read_text(encoding="utf-8")
    copy = tmp_path / page.name
    copy.write_text(text, encoding="utf-8")
    made = ["--title", "x", "--command", "y", "--boards", str(tmp_path / "boards"), "--excerpt", str(copy)]
    records = f"results/boards/{board}"
    assert publish([board, str(ROOT / records), *made]) == 0, capsys.readouterr().err
    remedy = f"run: python -m harness.publish {board} {records} --excerpt {name(page)}"
    assert copy.read_text(encoding="utf-8") == text, remedy


def test_the_pages_are_built_without_a_warning_and_ask_for_nothing_from_elsewhere(tmp_path: Path):
    for package in ("mkdocs", "material"):
        if importlib.util.find_spec(package) is None:
            pytest.skip("needs mkdocs-material: pip install -c constraints.txt -e '.[docs]'")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    built = sorted((tmp_path / "site").glob("*.html"))
    assert {page.stem for page in built} - {"404"} == {page.stem for page in DOCS}
    for page in built:
        asked = re.findall(
            r"<(?:script|link|img)[^>]*(?:src|href)=\"((?:https?:)?//[^\"]*)\"", page.read_text(encoding="utf-8")
        )
        assert not asked, f"{page.name} asks for {asked}"
