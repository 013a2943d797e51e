"""One run: check, load, train, test once, record. Whatever happens, a record says it."""

from __future__ import annotations

import os
import shutil
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from hydra.errors import InstantiationException
from omegaconf import DictConfig, OmegaConf

from harness import build, costs, records
from harness.configuration import CONTROLS, SEARCH, foreign_files
from harness.floors import floor_trial
from harness.matching import check_match
from harness.predictions import describe_predictions
from harness.stopping import TimeLimitError, limited, terminable


class BusyError(Exception):
    """Another process is at the same run; its folder must not be touched."""


@dataclass
class Outcome:
    """What a run came to: its record, where it lies, and whether it was there before."""

    record: dict[str, Any]
    folder: Path
    found: bool = False


@dataclass
class Run:
    """What is known of a run while it goes on; the record is made from it at any moment."""

    config: dict[str, Any]
    fingerprint: str | None = None
    folder: Path = Path()
    identity: str = ""
    code: str = ""
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    facts: dict[str, Any] = field(default_factory=dict)

    def place(self) -> None:
        """Settle id and folder from what is known of the data."""
        self.code = records.code_version(extra_files=foreign_files(self.config))
        search = self.facts.get("search")
        self.identity = records.run_id(
            self.config, data_fingerprint=self.fingerprint, code_version=self.code, search=search
        )
        self.folder = records.run_folder(self.config["results_dir"], self.config, self.identity, search=search)

    def record(self, status: records.Status, reason: str | None) -> dict[str, Any]:
        """The record as DESIGN section 5 wants it."""
        return {
            "format": records.FORMAT,
            "id": self.identity,
            "status": status,
            "reason": reason,
            "debug": self.config["debug"]["enabled"],
            **self.config["names"],
            "seed": self.config["seed"],
            "data_fingerprint": self.fingerprint,
            "code_version": self.code,
            "git": records.git_state(),
            "started": self.started.isoformat(timespec="seconds"),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "command": [Path(sys.executable).name, *sys.argv],
            "config": self.config,
            "environment": costs.surroundings(),
            **self.facts,
        }


def execute(config: DictConfig, *, announce: Callable[[Run], None] = lambda run: None) -> Outcome:
    """Run one configuration and return its outcome; errors become a record with the status ``failed``.

    KeyboardInterrupt and SIGTERM leave an ``interrupted`` record and are raised again; the same command resumes.
    ``announce`` is called whenever the run's id and folder become known: before and after its data are read.
    """
    run = make_run(config)
    announce(run)
    with ExitStack() as held:  # the folder's lock, until the record is written: nobody begins anew before
        return _recorded(config, run, announce, held)


def _recorded(config: DictConfig, run: Run, announce: Callable[[Run], None], held: ExitStack) -> Outcome:
    try:
        return _execute(config, run, announce, held)
    except BusyError:
        raise
    except (KeyboardInterrupt, SystemExit):
        _leave(run.folder, run.record("interrupted", "stopped from outside; the same command resumes it"))
        raise
    except Exception as error:
        status: records.Status = "unsupported" if isinstance(error, build.UnsupportedError) else "failed"
        run.folder.mkdir(parents=True, exist_ok=True)
        (run.folder / "error.txt").write_text(traceback.format_exc(), encoding="utf-8")
        if config.trace:
            traceback.print_exc()
        record = run.record(status, _reason(error))
        _leave(run.folder, record)
        return Outcome(record, run.folder)


def _leave(folder: Path, record: dict[str, Any]) -> None:
    """Write the record of a run that did not finish; never over that of a finished one, which only ``force`` moves."""
    with suppress(ValueError):  # a damaged record is worth less than the new one
        existing = records.read_record(folder)
        if existing is not None and existing["status"] == "done":
            return
    records.write_record(folder, record)


def make_run(config: DictConfig) -> Run:
    """The run of a configuration as far as it is known before its data are read.

    How runs are driven (``CONTROLS``) cannot change a result, so neither its id nor its record knows of it. Of a search
    the record says which trial this is, or what was chosen from how many.
    Raises ValueError for a configuration that is yet to be searched: ``harness.search`` makes runs of it.
    """
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


def _reason(error: BaseException) -> str:
    """What went wrong in words; of what Hydra could not make, why that is."""
    if isinstance(error, InstantiationException) and error.__cause__ is not None:
        error = error.__cause__
    said = " ".join(str(error).split())
    # These say what to do, so that their type would only distract.
    return (
        said
        if isinstance(error, ValueError | FileNotFoundError | TimeLimitError)
        else f"{type(error).__name__}: {said}"
    )


def _execute(config: DictConfig, run: Run, announce: Callable[[Run], None], held: ExitStack) -> Outcome:
    before = records.read_record(run.folder)  # of an attempt that ended before its data were read
    if before is not None and stands(before, config):
        return Outcome(before, run.folder, found=True)
    task = build.make_task(config)
    build.check_combination(config, task)
    check_match(config)
    corpus = build.load_corpus(config, task)
    unread, run.fingerprint = run.folder, corpus.fingerprint
    run.place()
    announce(run)
    run.folder.mkdir(parents=True, exist_ok=True)
    held.enter_context(_locked(run.folder))
    if before is not None:  # it would stay a hole of the board for good
        _set_aside(unread)
        shutil.rmtree(unread, ignore_errors=True)
    with terminable():
        existing = records.read_record(run.folder)
        if existing is not None and stands(existing, config):
            if existing["status"] == "done":
                _clear(run.folder)
            return Outcome(existing, run.folder, found=True)
        if _anew(config):
            _set_aside(run.folder)
        elif existing is not None and existing["status"] == "failed":
            _set_aside(run.folder, only=("record.json", "error.txt"))  # what it left to resume from stays
        run.facts["data_sizes"] = {split: len(rows) for split, rows in corpus.splits.items()}
        run.facts["data_source"] = corpus.source
        searching = "trial" in config.search  # then the test split is not read
        trial = floor_trial if build.is_floor(config) else _search_trial if searching else _neural_trial
        with limited(config.max_minutes):
            scores, predictions = trial(config, run.folder, run.facts, task, corpus)
        run.facts["main_score"] = task.main_score
        run.facts["scores"] = scores
        run.facts["score_definitions"] = task.definitions(corpus.splits["test"])
        if not searching:
            records.write_predictions(run.folder, describe_predictions(task, corpus, predictions))
        record = run.record("done", None)
        records.write_record(run.folder, record)
        _clear(run.folder)
    return Outcome(record, run.folder)


def _anew(config: DictConfig) -> bool:
    """Whether to run whatever was recorded before."""
    return bool(config.force) or config.retry == "all"


def stands(record: dict[str, Any], config: DictConfig) -> bool:
    """Whether what was recorded before is the outcome: a finished run, and with ``retry=none`` a failed one too."""
    left_alone = ("done", "failed") if config.retry == "none" else ("done",)
    return not _anew(config) and record["status"] in left_alone


def _neural_trial(*arguments: Any) -> tuple[dict[str, float], dict[int, Any]]:
    from harness.training import neural_trial  # Lightning takes seconds to import; floors and checks do without

    return neural_trial(*arguments)


def _search_trial(*arguments: Any) -> tuple[dict[str, float], dict[int, Any]]:
    from harness.search_trial import search_trial

    return search_trial(*arguments)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the run's folder: a second process with the same run is told so instead of writing into it.

    The lock is the kernel's (``flock``), so it ends with its process, however that dies. Linux carries it over NFS to
    the server, where it holds between machines; ``harness.mounts`` knows the mounts where it does not.
    """
    if not records.writes_here():
        yield
        return
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise BusyError(f"{folder} is in use by another process with the same run; wait for it or stop it") from None
    try:
        yield
    finally:
        lock.release()


def _clear(folder: Path) -> None:
    """Delete what a finished run has no more use for: what it would have resumed from, the error of an attempt before.

    Not before the record is written, since a run that is killed resumes from it.
    """
    if not records.writes_here():
        return
    with suppress(OSError):  # no reason for a finished run to fail
        for path in (*folder.glob("*.ckpt*"), folder / "error.txt"):
            path.unlink(missing_ok=True)


def _set_aside(folder: Path, *, only: Sequence[str] = ()) -> None:
    """Keep what the run before left (records are never edited), or ``only`` files of these names of it."""
    left = [path for path in folder.iterdir() if (path.name in only if only else path.name != ".lock")]
    if not left:
        return
    stamp = datetime.now().strftime("%Y%m%dT%H%M%S.%f")  # a failure may follow another in the same second
    aside = folder.parent.parent / "superseded" / f"{folder.name}-{stamp}-{os.getpid()}"
    aside.mkdir(parents=True)
    for path in left:
        path.rename(aside / path.name)
