"""The record of a run: what it was, what came out, what it cost. One immutable JSON file a run.

A run is (resolved configuration, data fingerprint, code version); the hash of the three is its id. Settings that
cannot change the result (where records go, loggers, progress bars) are no part of it.

Layout: ``<results_dir>/runs/<task>-<data>-<model>-s<seed>-<id>/record.json`` and, beside it, ``predictions.jsonl.gz``
(one line a test example), ``model.pt`` (the tested weights), ``logs`` of the loggers, ``error.txt`` after a failure.

Only the standard library is needed to read records.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

FORMAT = 1
"""Version of the record's layout; readers name and leave out records of another one."""

Record = dict[str, Any]
"""A record as it is read."""

Status = Literal["done", "failed", "unsupported", "interrupted"]

_NOT_IDENTITY = ("results_dir", "force", "trace", "logger", "data_dir")
_NOT_IDENTITY_TRAINER = ("enable_progress_bar", "profiler")
_SEARCH_IDENTITY = ("study", "trial", "trials")
_PACKAGES = ("harness", "models", "tasks")


def run_id(
    config: Mapping[str, Any],
    *,
    data_fingerprint: str | None,
    code_version: str,
    search: Mapping[str, Any] | None = None,
) -> str:
    """Twelve hexadecimal digits that name the run: the same run has the same id wherever it runs.

    ``search``: what the record says of the search. A trial is never a run of its own settings, nor are these when they
    were chosen: they belong to so many trials of a study.
    """
    identity = {key: value for key, value in config.items() if key not in _NOT_IDENTITY}
    identity["data"] = without_folder(config["data"])
    identity["trainer"] = {k: v for k, v in config["trainer"].items() if k not in _NOT_IDENTITY_TRAINER}
    parts = [identity, data_fingerprint, code_version]
    if search is not None:
        parts.append({key: search[key] for key in _SEARCH_IDENTITY if key in search})
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def every_source(source: Mapping[str, Any], change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """The configuration of data as ``change`` makes it, after each further source inside it (``train_from``)."""
    inside = {
        key: every_source(value, change) if isinstance(value, Mapping) else value for key, value in source.items()
    }
    return change(inside)


def without_folder(source: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of data without ``data_dir``: where files lie on a machine is no part of what they hold."""
    return every_source(source, lambda one: {key: value for key, value in one.items() if key != "data_dir"})


def flatten(value: Any, prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, with dotted keys; an empty one is a value."""
    if not isinstance(value, Mapping) or (prefix and not value):
        return {prefix: value}
    return {k: v for key, inner in value.items() for k, v in flatten(inner, f"{prefix}.{key}".lstrip(".")).items()}


def code_version(*, extra_files: Iterable[Path] = ()) -> str:
    """A hash of the source that can change a result: the three packages and a user's own mechanism files."""
    digest = _own_source().copy()
    for path in sorted(extra_files):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@cache
def _own_source() -> hashlib._Hash:
    """Read once a process: what is edited while it runs is not what it runs."""
    root = Path(__file__).resolve().parent.parent
    files = sorted(path for package in _PACKAGES for path in (root / package).rglob("*.py"))
    digest = hashlib.sha256()
    for path in files:
        digest.update(str(path.relative_to(root)).encode())
        digest.update(path.read_bytes())
    return digest


@cache
def git_state() -> dict[str, Any]:
    """The commit of the code and whether the source differs from it, read once a process; None outside a checkout."""
    root = Path(__file__).resolve().parent.parent

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=10)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    commit = git("rev-parse", "HEAD")
    # Of files that git does not know only the source matters: a new mechanism, not what lies in the results' folder.
    changes = git("status", "--porcelain", "--untracked-files=no")
    new = git("ls-files", "--others", "--exclude-standard", "--", *_PACKAGES, "conf", "hydra_plugins")
    return {"commit": commit, "dirty": None if changes is None else bool(changes or new)}


def writes_here() -> bool:
    """Whether this process writes the record: of the several of a distributed run only the first does.

    Torchrun numbers processes by RANK, srun by SLURM_PROCID, Lightning itself by LOCAL_RANK on every machine.
    """
    typed = os.environ.get("SLURM_JOB_NAME") in ("bash", "interactive")  # then Lightning asks nothing of SLURM
    if "RANK" in os.environ:
        names = ["RANK", "LOCAL_RANK"]  # Lightning's own children inherit a RANK that somebody else set
    elif int(os.environ.get("SLURM_NTASKS", "1")) > 1 and not typed:
        names = ["SLURM_PROCID"]
    else:
        names = ["LOCAL_RANK", "NODE_RANK"]
    return all(int(os.environ.get(name, "0")) == 0 for name in names)


def run_folder(
    results_dir: str | Path, config: Mapping[str, Any], identity: str, *, search: Mapping[str, Any] | None = None
) -> Path:
    """Where the run with this id lives, a trial with its number instead of its seed; a debug run lives apart."""
    names = config["names"]
    place = f"t{search['trial']}" if search is not None and "trial" in search else f"s{config['seed']}"
    parts = [names["task"], names["data"], names["model"], place, identity]
    kind = "debug" if config["debug"]["enabled"] else "runs"
    return Path(results_dir) / kind / "-".join(re.sub(r"[^\w.+]+", "_", str(part)) for part in parts)


def study_folder(results_dir: str | Path, study: str) -> Path:
    """Where a search keeps its lock, and Optuna's storage what it drew; of this version of the code alone."""
    return Path(results_dir) / "studies" / f"{study}-{code_version()}"


def write_record(folder: Path, record: Mapping[str, Any]) -> Path:
    """Write ``record.json`` at once or not at all; a reader never sees half of it."""
    if not writes_here():
        return folder / "record.json"
    folder.mkdir(parents=True, exist_ok=True)
    return _write_atomically(folder / "record.json", json.dumps(record, indent=1, ensure_ascii=False).encode())


def write_predictions(folder: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Write ``predictions.jsonl.gz``, one JSON object a test example."""
    if not writes_here():
        return folder / "predictions.jsonl.gz"
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return _write_atomically(folder / "predictions.jsonl.gz", gzip.compress(text.encode(), mtime=0))


def read_predictions(folder: Path) -> list[dict[str, Any]]:
    """The stored predictions of a run, in the order of its test split."""
    with gzip.open(folder / "predictions.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _write_atomically(path: Path, content: bytes) -> Path:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def read_record(folder: Path) -> dict[str, Any] | None:
    """The record in ``folder``, or None if there is none yet.

    Raises ValueError, naming the file, if it is damaged or of another format.
    """
    path = folder / "record.json"
    if not path.exists():
        return None
    return _parse(path)


def _parse(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is no readable record ({error}); delete it or run again with force=true") from error
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        found = record.get("format") if isinstance(record, dict) else type(record).__name__
        raise ValueError(f"{path} is no record of format {FORMAT} (found {found!r}); it was left out")
    return record


def find_records(places: Iterable[str | Path]) -> Iterator[tuple[Path, dict[str, Any] | ValueError]]:
    """Every record below the folders (or in the files) ``places``; a damaged one comes as its error.

    A file that ends in ``.jsonl`` holds one compact record a line, as published boards do.
    """
    for place in map(Path, places):
        inside = sorted({*place.rglob("record.json"), *place.rglob("records.jsonl")})
        for path in inside if place.is_dir() else [place]:
            yield from _records_of(path)


def _records_of(path: Path) -> Iterator[tuple[Path, dict[str, Any] | ValueError]]:
    if path.suffix != ".jsonl":
        try:
            yield path, _parse(path)
        except ValueError as error:
            yield path, error
        return
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            yield path, json.loads(line)
        except json.JSONDecodeError as error:
            yield path, ValueError(f"{path}, line {number}: no readable record ({error})")
