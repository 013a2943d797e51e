"""What is known of a run while it goes on, and the record that is made of it.

No torch: a sweep records for a worker that died.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf

from harness.configuration.content import settle_content
from harness.configuration.controls import CONTROLS, SEARCH
from harness.records import code
from harness.records.code import foreign_files
from harness.records.environment import surroundings
from harness.records.files import run_folder
from harness.records.identity import run_id
from harness.records.record import FORMAT, Facts, Record, Status


class BusyError(Exception):
    """Another process is at the same run; its folder must not be touched."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} is in use by another process with the same run; wait for it or stop it")
        self.folder = folder


@dataclass(repr=False)
class Outcome:
    """What a run came to: its record, where it lies, whether it was there before, and whether it is kept there.

    Printed, it is one line: status, main score (or the reason why there is none), folder.
    """

    record: Record
    folder: Path
    found: bool = False
    kept: bool = True

    def __repr__(self) -> str:
        parts: list[str] = [self.record["status"], "found"] if self.found else [self.record["status"]]
        key = self.record.get("main_score", "")
        if reason := self.record.get("reason"):
            parts.append(reason.splitlines()[0])
        elif key in self.record.get("scores", {}):
            parts.append(f"{key} {self.record['scores'][key]:.4f}")
        return f"<Outcome: {', '.join(parts)}, in {self.folder}>"


@dataclass
class Run:
    """What is known of a run while it goes on; the record is made from it at any moment.

    Id and folder are settled by ``place``: as far as the configuration says when the run is made, and once more when
    its data are read. ``facts``: what the run has found out so far, part by part.
    """

    config: dict[str, Any]
    fingerprint: str | None = None
    folder: Path = Path()
    identity: str = ""
    code: str = ""
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    facts: Facts = field(default_factory=Facts)

    def place(self) -> None:
        """Settle id and folder from what is known of the data."""
        self.code = code.code_version(extra_files=foreign_files(self.config))
        search = self.facts.get("search")
        self.identity = run_id(self.config, data_fingerprint=self.fingerprint, code_version=self.code, search=search)
        self.folder = run_folder(self.config["results_dir"], self.config, self.identity, search=search)

    @property
    def begun(self) -> bool:
        """Whether there is a network, or a floor: what becomes of it is a result, and what went before is none."""
        return "curves" in self.facts or "deterministic" in self.facts

    def record(self, status: Status, reason: str | None) -> Record:
        """The record of the run as it stands."""
        record = {
            "format": FORMAT,
            "id": self.identity,
            "status": status,
            "reason": reason,
            "debug": self.config["debug"]["enabled"],
            **self.config["names"],
            "seed": self.config["seed"],
            "data_fingerprint": self.fingerprint,
            "code_version": self.code,
            "git": code.git_state(),
            "started": self.started.isoformat(timespec="seconds"),
            "finished": now(),
            "command": [Path(sys.executable).name, *sys.argv],
            "config": self.config,
            "environment": surroundings(),
            **self.facts,
        }
        return cast(Record, record)


def now() -> str:
    """The time as records have it: ISO 8601, UTC, whole seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def make_run(config: DictConfig) -> Run:
    """The run of a configuration as far as it is known before its data are read.

    How runs are driven (``CONTROLS``) cannot change a result, so neither its id nor its record knows of it. Of a search
    the record says which trial this is, or what was chosen from how many.
    Raises ValueError for a configuration that is yet to be searched (``harness.search.search`` makes runs of it), and
    for a file of word vectors that cannot be read.
    """
    if config.embedding.get("content") is None:  # of cells and of commands it is settled before
        settle_content(config)
    settings = OmegaConf.to_container(config, resolve=True)
    assert isinstance(settings, dict)
    run = Run({str(key): value for key, value in settings.items() if key not in (*CONTROLS, *SEARCH)})
    search = settings["search"]
    if search["method"] != "none":
        if "study" not in search:
            raise ValueError(
                f"search={search['method']} is many runs; start it by python -m harness, or with search=none"
            )
        run.facts["search"] = search
    run.place()
    return run


def begins_anew(config: DictConfig) -> bool:
    """Whether to run whatever was recorded before."""
    return bool(config.force) or config.retry == "all"


def stands(record: Record, config: DictConfig) -> bool:
    """Whether what was recorded before is the outcome: a finished run, and with ``retry=none`` a failed one too."""
    left_alone = ("done", "failed") if config.retry == "none" else ("done",)
    return not begins_anew(config) and record["status"] in left_alone
