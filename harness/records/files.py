"""Where runs and their records lie, and how they are written and read. One immutable JSON file a run.

Layout: ``<results_dir>/runs/<task>-<data>-<model>-s<seed>-<id>/record.json`` and, beside it, ``predictions.jsonl.gz``
(one line a test example), ``model.safetensors`` (the tested weights), ``encoding.json`` (what was learnt of the
training texts), ``vectors.npz`` (pretrained ones of its words, where there are some), ``logs`` of the loggers,
``error.txt`` after a failure.

Only the standard library is needed to read records.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, cast

from harness.records.code import code_version
from harness.records.processes import writes_here
from harness.records.record import FORMAT, Record

WEIGHTS, ENCODING, VECTORS = "model.safetensors", "encoding.json", "vectors.npz"

TOGETHER = 500
"""So many lines of a file of records are parsed at once."""

HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""Halves of characters as JSON spells them; mostly two stand together, and are one character."""


def run_folder(
    results_dir: str | Path, config: Mapping[str, Any], identity: str, *, search: Mapping[str, Any] | None = None
) -> Path:
    """Where the run with this id lives, a trial with its number instead of its seed; a debug run lives apart."""
    names = config["names"]
    place = f"t{search['trial']}" if search is not None and "trial" in search else f"s{config['seed']}"
    data = config.get("data", {})
    if data.get("folds") is not None:
        place += f"_fold{data['fold']}"
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
    return write_atomically(folder / "record.json", json.dumps(record, indent=1, ensure_ascii=False).encode())


def write_predictions(folder: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Write ``predictions.jsonl.gz``, one JSON object a test example."""
    if not writes_here():
        return folder / "predictions.jsonl.gz"
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return write_atomically(folder / "predictions.jsonl.gz", gzip.compress(text.encode(), mtime=0))


def read_predictions(folder: Path) -> list[dict[str, Any]]:
    """The stored predictions of a run, in the order of its test split."""
    with gzip.open(folder / "predictions.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def write_atomically(path: Path, content: bytes) -> Path:
    """Write a file at once or not at all, whoever else writes the same; returns its path."""
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


def read_record(folder: Path) -> Record | None:
    """The record in ``folder``, or None if there is none yet.

    Raises ValueError, naming the file, if it is damaged or of another format.
    """
    path = folder / "record.json"
    if not path.exists():
        return None
    return _parse(path)


def _parse(path: Path) -> Record:
    try:
        record = _loaded(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no readable record ({error}); to run it again sets it aside") from error
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        found = record.get("format") if isinstance(record, dict) else type(record).__name__
        raise ValueError(f"{path} is no record of format {FORMAT} (found {repr(found)[:40]}); it was left out")
    return cast(Record, record)


def _loaded(text: str) -> Any:
    """What a text of JSON says. Raises ValueError for half a character, which JSON can spell and no file can hold."""
    value = json.loads(text)
    if HALF.search(text):
        with suppress(RecursionError):  # who is that deep is told so
            json.dumps(value, ensure_ascii=False).encode()
    return value


def records_in(path: Path) -> Iterator[Record | ValueError]:
    """The record in a file, or the compact ones of a file that ends in ``.jsonl``, one a line, as boards publish them.

    A damaged one comes as its error.
    """
    if path.suffix != ".jsonl":
        try:
            yield _parse(path)
        except ValueError as error:
            yield error
        return
    with path.open(encoding="utf-8", newline="\n") as file:
        lines = ((number, line) for number, line in enumerate(file, start=1) if line.strip())
        while some := list(islice(lines, TOGETHER)):
            yield from _records_of(path, some)


def _records_of(path: Path, lines: Sequence[tuple[int, str]]) -> Iterator[Record | ValueError]:
    """The records of some numbered lines, parsed together: then they share the names of their fields.

    That halves their memory. Where a line is no record by itself, each is parsed alone.
    """
    whole = all(line.startswith('{"') and line.rstrip().endswith("}") for _number, line in lines)
    with suppress(ValueError, RecursionError):
        found = json.loads(f"[{','.join(line for _number, line in lines)}]") if whole else []
        if len(found) == len(lines):
            yield from found
            return
    for number, line in lines:
        try:
            yield _loaded(line)
        except (ValueError, RecursionError) as error:
            yield ValueError(f"{path}, line {number}: no readable record ({error})")
