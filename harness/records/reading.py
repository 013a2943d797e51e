"""Every sound record below some folders, and why others had to be left out. Only the standard library is needed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.records.files import records_in
from harness.records.record import Record, record_problem


def read_records(places: Iterable[str | Path]) -> tuple[list[tuple[Path, Record]], list[str]]:
    """Every sound record below ``places`` with its file, and a message for each that had to be left out.

    Safe beside a running sweep: records appear at once or not at all, and what is still being written has another name.
    """
    sound: list[tuple[Path, Record]] = []
    left_out = []
    for path in _record_files(places):
        if not path.exists():
            left_out.append(f"{path}: there is no such folder or file")
            continue
        try:
            for found in records_in(path):
                problem = found if isinstance(found, ValueError) else record_problem(found)
                if isinstance(found, ValueError) or problem is not None:
                    left_out.append(str(problem) if str(path) in str(problem) else f"{path} {problem}")
                else:
                    sound.append((path, found))
        except (OSError, UnicodeDecodeError) as error:
            left_out.append(f"{path} is no readable record ({error})")
    return sound, left_out


def _record_files(places: Iterable[str | Path]) -> Iterator[Path]:
    """The files of records below ``places``, in one walk that does not mind folders that vanish on the way."""
    for place in map(Path, places):
        if not place.is_dir():
            yield place
            continue
        found = []
        for folder, _folders, names in os.walk(place):
            found += [Path(folder, name) for name in ("record.json", "records.jsonl") if name in names]
        yield from sorted(found)
