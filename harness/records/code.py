"""The version of the code that a run is of: a hash of the source that can change a result, and the commit."""

from __future__ import annotations

import hashlib
import importlib.util
import subprocess
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from harness.records.record import Git

BUILT = ("task", "data", "model", "embedding", "backbone", "decoder", "position")
"""The parts of a configuration from which Hydra makes what computes a result."""


OWN = ("models", "tasks", "harness")
"""The packages of this repository; a part from another one is a user's own."""

COMPUTING = (
    *("models", "tasks", "harness/configuration", "harness/records", "harness/build", "harness/training"),
    *("harness/run", "harness/search"),
)
"""The folders whose source can change a result."""

SHOWING = ("harness/run/display.py",)
"""What lies there and only shows what came out."""


def targets(part: Any) -> Iterator[str]:
    """Every ``_target_`` inside a part of a configuration: what Hydra would make."""
    if isinstance(part, Mapping) and "_target_" in part:
        yield str(part["_target_"])
    for inner in part.values() if isinstance(part, Mapping) else part if isinstance(part, list) else ():
        yield from targets(inner)


def foreign_files(config: Mapping[str, Any]) -> list[Path]:
    """The source files of the parts that come from outside the repository: they belong to the version of the code.

    Of a package all files, since what a class does may stand in any of them; of an installed one that of the class's
    module alone, since versions of packages are on the record.
    """
    modules = {target.rpartition(".")[0] for group in BUILT for target in targets(config.get(group))}
    foreign = [module for module in modules if module and module.split(".")[0] not in OWN]
    return sorted({path for module in foreign for path in _sources(module)})


def _sources(module: str) -> list[Path]:
    try:
        whole, itself = (importlib.util.find_spec(name) for name in (module.split(".")[0], module))
    except (ImportError, ValueError):
        return []
    if whole is None or itself is None:
        return []
    installed = [Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib")]
    folders = [Path(folder) for folder in whole.submodule_search_locations or ()]
    if folders and not any(folder.is_relative_to(place) for folder in folders for place in installed):
        return [path for folder in folders for path in folder.rglob("*.py")]
    return [Path(itself.origin)] if itself.origin is not None else []


def code_version(*, extra_files: Iterable[Path] = ()) -> str:
    """A hash of the source that can change a result, and of a user's own files of mechanisms.

    Sweeps, boards, reports and commands hand runs out or read records, so an edit of these is no new version.
    """
    digest = _own_source().copy()
    for path in sorted(extra_files):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@cache
def _own_source() -> hashlib._Hash:
    """Read once a process: what is edited while it runs is not what it runs."""
    root = Path(__file__).resolve().parents[2]
    found = {path for folder in COMPUTING for path in (root / folder).rglob("*.py")}
    files = sorted(found - {root / file for file in SHOWING})
    digest = hashlib.sha256()
    for path in files:
        digest.update(str(path.relative_to(root)).encode())
        digest.update(path.read_bytes())
    return digest


@cache
def git_state() -> Git:
    """The commit of the code and whether the source differs from it, read once a process; None outside a checkout."""
    root = Path(__file__).resolve().parents[2]

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=10)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    commit = git("rev-parse", "HEAD")
    # Of files that git does not know only the source matters: a new mechanism, not what lies in the results' folder.
    changes = git("status", "--porcelain", "--untracked-files=no")
    new = git("ls-files", "--others", "--exclude-standard", "--", *OWN, "conf", "hydra_plugins")
    return {"commit": commit, "dirty": None if changes is None else bool(changes or new)}
