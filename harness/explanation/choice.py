"""Which run is explained, whether its code may be executed, and which of its maps are shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from harness.board.row import is_floor
from harness.configuration.compose import CONF
from harness.explanation.maps import AttentionMap, last_of_each_part
from harness.records.code import BUILT, targets
from harness.records.files import ENCODING, WEIGHTS, records_in
from harness.records.record import Record, record_problem


def foreign_targets(record: Record) -> list[str]:
    """What the record would have made by code that no file of ``conf/`` names: a record may come from anybody."""
    texts = (path.read_text(encoding="utf-8") for path in CONF.rglob("*.yaml"))
    known = {target for text in texts for target in re.findall(r"_target_: (\S+)", text)}
    made = [group for group in BUILT if group != "data"]  # no data are read
    return sorted({target for group in made for target in targets(record["config"].get(group))} - known)


def find_run(place: Path) -> tuple[Path, Record]:
    """The folder and the record of a finished run with weights; ValueError if it is none, and why."""
    path = place / "record.json" if place.is_dir() else place
    if not path.is_file() or path.name != "record.json":
        raise ValueError(f"{place} is neither the folder of a run nor its record.json; runs are in results/runs")
    record = next(records_in(path))
    problem = str(record) if isinstance(record, ValueError) else record_problem(record)
    if isinstance(record, ValueError) or problem is not None:
        raise ValueError(problem if str(path) in str(problem) else f"{path} {problem}")
    if is_floor(record):
        raise ValueError(
            f"the run is of the floor {record['model']!r}, which keeps no network; choose one with a network"
        )
    if record["status"] != "done":
        raise ValueError(f"the run has no tested weights: {record['status']}: {record.get('reason')}; run it again")
    missing = [name for name in (WEIGHTS, ENCODING) if not (path.parent / name).exists()]
    if missing:
        raise ValueError(
            f"{path.parent} holds no {' and no '.join(missing)}, which runs of this version leave; run again with "
            "force=true to have a run that stands alone"
        )
    return path.parent, record


def find_trusted_run(place: Path, *, trust: bool) -> tuple[Path, Record]:
    """The same; ValueError also for code of others that would be executed to use it, unless that is trusted."""
    folder, record = find_run(place)
    foreign = foreign_targets(record)
    if foreign and not trust:
        raise ValueError(
            f"to use {place}, the run's own code would be executed: {', '.join(foreign)} is not of this repository; "
            "trust it (--trust) if you know where the run comes from"
        )
    return folder, record


def chosen_maps(maps: Sequence[AttentionMap], site: str | None) -> list[AttentionMap]:
    """The maps of the sites with ``site`` in their name, or the last of each kind. ValueError if there are none."""
    if site is None:
        return last_of_each_part(maps)
    found = [made for made in maps if site in made.site]
    if not found:
        raise ValueError(f"no site has {site!r} in its name; there are: {', '.join(made.site for made in maps)}")
    return found
