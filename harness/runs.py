"""``python -m harness.runs``: the runs below a folder of results, what became of them, and the space they take.

``--prune failed`` (or ``interrupted``, ``superseded``; several are joined by commas) shows which of them would be
deleted; with ``--yes`` they are. A run that a process is at is never deleted, and of the finished ones only those whose
record was replaced or damaged, which lie in ``superseded``.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from harness.records.files import read_record
from harness.records.pipes import ended
from harness.records.printable import plain
from harness.records.record import record_problem
from harness.run.folder import is_free, locked
from harness.run.run import BusyError

PRUNED = ("failed", "interrupted", "superseded")
"""What may be deleted: of the rest a board still has use."""


@dataclass(frozen=True)
class Kept:
    """A run's folder, what became of the run, when its record was written, and its size in bytes."""

    folder: Path
    status: str
    finished: str
    size: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, list, delete. Exit codes: 1 if there are no runs or one could not be deleted, 2 for a bad argument."""
    parser = argparse.ArgumentParser(prog="python -m harness.runs", description=__doc__)
    parser.add_argument("places", nargs="*", type=Path, default=[Path("results")], help="folders of results")
    parser.add_argument("--prune", metavar="STATUS", type=_statuses, default=(), help=f"some of {','.join(PRUNED)}")
    parser.add_argument("--yes", action="store_true", help="delete what --prune names, instead of showing it")
    options = parser.parse_args(arguments)
    if options.yes and not options.prune:
        parser.error(f"--yes deletes what --prune names; add --prune {'|'.join(PRUNED)}")
    runs = [run for place in options.places for run in runs_in(place)]
    if options.prune:
        runs = [run for run in runs if run.status in options.prune]
    if not runs:
        what = f"{' or '.join(options.prune)} " if options.prune else ""
        print(f"no {what}runs in {', '.join(map(str, options.places))}", file=sys.stderr)
        return 0 if options.prune else 1
    _show(runs)
    if not options.prune:
        return 0
    if not options.yes:
        print(f"nothing was deleted; --yes deletes these {len(runs)}, {_told(_sum(runs))}")
        return 0
    deleted = [run for run in runs if _delete(run)]
    print(f"deleted {len(deleted)} of {len(runs)}, {_told(_sum(deleted))}")
    return 0 if len(deleted) == len(runs) else 1


def runs_in(results: Path) -> Iterator[Kept]:
    """The runs of a folder of results: those that boards read, debug runs, and what was set aside."""
    for kind in ("runs", "debug", "superseded"):
        if (results / kind).is_dir():
            for folder in sorted(path for path in (results / kind).iterdir() if _is_run(path)):
                status, finished = ("superseded", "") if kind == "superseded" else status_of(folder)
                yield Kept(folder, status, finished, _size(folder))


def status_of(folder: Path) -> tuple[str, str]:
    """What became of a run, and when. One without a record was killed, unless a process is at it."""
    status, finished = _recorded(folder)
    with suppress(OSError):  # a folder that is read-only
        if status == "interrupted" and not is_free(folder):  # its record stays while it is resumed
            return "running", ""
    return status, finished


def _recorded(folder: Path) -> tuple[str, str]:
    try:
        record = read_record(folder)
    except ValueError:
        return "damaged", ""
    if record is None:
        return "interrupted", ""
    return (record["status"], record["finished"]) if record_problem(record) is None else ("damaged", "")


def _is_run(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and not path.name.startswith(".")


def _delete(run: Kept) -> bool:
    """Delete a run's folder, unless a process is at it or has been since it was listed; whether that was done."""
    try:
        with locked(run.folder):
            if run.status != "superseded" and _recorded(run.folder)[0] != run.status:
                print(f"left: {run.folder} has changed since it was listed", file=sys.stderr)
                return False
            away = run.folder.rename(run.folder.with_name(f".{run.folder.name}.deleted"))  # who begins it begins anew
        shutil.rmtree(away)
    except BusyError as error:
        print(f"left: {error}", file=sys.stderr)
        return False
    except OSError as error:
        print(f"left: {run.folder} could not be deleted ({error.strerror})", file=sys.stderr)
        return False
    return True


def _size(folder: Path) -> int:
    sizes = 0
    for place, _folders, names in os.walk(folder):
        for name in names:
            try:
                sizes += os.lstat(os.path.join(place, name)).st_size
            except FileNotFoundError:  # a run goes on
                continue
    return sizes


def _sum(runs: Iterable[Kept]) -> int:
    return sum(run.size for run in runs)


def _show(runs: Sequence[Kept]) -> None:
    table = Table(Column("run", no_wrap=True), "status", "finished (UTC)", Column("size", justify="right"))
    for run in runs:
        cells = run.folder.name, run.status, run.finished[:16].replace("T", " "), _told(run.size)
        table.add_row(*(Text(plain(words)) for words in cells))
    console = Console()
    endless = console.options.update(width=10_000)
    needed = console.measure(table, options=endless).maximum  # a name that is cut or folded cannot be copied
    console.width = max(console.width, needed)
    console.print(table)
    for status in sorted({run.status for run in runs}):
        some = [run for run in runs if run.status == status]
        print(f"{status}: {len(some)}, {_told(_sum(some))}")


def _told(size: float) -> str:
    power = 0
    while size >= 1000 and power < 3:
        size, power = size / 1000, power + 1
    return f"{size:.1f} {('', 'k', 'M', 'G')[power]}B" if power else f"{size} B"


def _statuses(text: str) -> tuple[str, ...]:
    statuses = tuple(text.split(","))
    if not set(statuses) <= set(PRUNED):
        raise argparse.ArgumentTypeError(f"expected some of {', '.join(PRUNED)}, got {text!r}")
    return statuses


if __name__ == "__main__":
    sys.exit(ended(main))
