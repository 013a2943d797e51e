"""One run: check, load, train, test once, record. Whatever happens, a record says it."""

from __future__ import annotations

import shutil
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from hydra.errors import InstantiationException
from omegaconf import DictConfig

from harness.build import checks
from harness.build import data as run_data
from harness.build.checks import UnsupportedError
from harness.build.data import make_task
from harness.build.factories import is_floor
from harness.build.matching import check_match
from harness.records import files
from harness.records.files import read_record
from harness.records.record import Status
from harness.run.floor import fit_and_test
from harness.run.folder import clear, leave_record, locked, set_aside
from harness.run.predictions import describe_predictions
from harness.run.run import BusyError, Outcome, Run, begins_anew, make_run, stands
from harness.run.stopping import TimeLimitError, limited, terminable


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
        leave_record(run.folder, run.record("interrupted", "stopped from outside; the same command resumes it"))
        raise
    except Exception as error:
        status: Status = "unsupported" if isinstance(error, UnsupportedError) else "failed"
        run.folder.mkdir(parents=True, exist_ok=True)
        (run.folder / "error.txt").write_text(traceback.format_exc(), encoding="utf-8")
        if config.trace:
            traceback.print_exc()
        record = run.record(status, _reason(error))
        leave_record(run.folder, record)
        return Outcome(record, run.folder)


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
    before = read_record(run.folder)  # of an attempt that ended before its data were read
    if before is not None and stands(before, config):
        return Outcome(before, run.folder, found=True)
    task = make_task(config)
    checks.check_combination(config, task)
    check_match(config)
    corpus = run_data.load_corpus(config, task)
    unread, run.fingerprint = run.folder, corpus.fingerprint
    run.place()
    announce(run)
    run.folder.mkdir(parents=True, exist_ok=True)
    held.enter_context(locked(run.folder))
    if before is not None:  # it would stay a hole of the board for good
        set_aside(unread)
        shutil.rmtree(unread, ignore_errors=True)
    with terminable():
        existing = read_record(run.folder)
        if existing is not None and stands(existing, config):
            if existing["status"] == "done":
                clear(run.folder)
            return Outcome(existing, run.folder, found=True)
        if begins_anew(config):
            set_aside(run.folder)
        elif existing is not None and existing["status"] == "failed":
            set_aside(run.folder, only=("record.json", "error.txt"))  # what it left to resume from stays
        run.facts["data_sizes"] = {split: len(rows) for split, rows in corpus.splits.items()}
        run.facts["data_source"] = corpus.source
        searching = "trial" in config.search  # then the test split is not read
        trial = fit_and_test if is_floor(config) else _train_and_validate if searching else _train_and_test
        with limited(config.max_minutes):
            scores, predictions = trial(config, run.folder, run.facts, task, corpus)
        run.facts["main_score"] = task.main_score
        run.facts["scores"] = scores
        run.facts["score_definitions"] = task.definitions(corpus.splits["test"])
        if not searching:
            files.write_predictions(run.folder, describe_predictions(task, corpus, predictions))
        record = run.record("done", None)
        files.write_record(run.folder, record)
        clear(run.folder)
    return Outcome(record, run.folder)


def _train_and_test(*arguments: Any) -> tuple[dict[str, float], dict[int, Any]]:
    from harness.training.fit import train_and_test  # Lightning takes seconds to import; floors and checks do without

    return train_and_test(*arguments)


def _train_and_validate(*arguments: Any) -> tuple[dict[str, float], dict[int, Any]]:
    from harness.training.validation import train_and_validate

    return train_and_validate(*arguments)
