"""One run: configuration, data, id, folder, lock, training, record. Whatever happens, a record says it."""

from __future__ import annotations

import errno
import shutil
import traceback
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing, suppress

from hydra.errors import InstantiationException
from omegaconf import DictConfig

from harness.build import checks
from harness.build import data as run_data
from harness.build.checks import UnsupportedError
from harness.build.data import make_task
from harness.build.factories import is_floor
from harness.build.matching import check_match
from harness.build.trainer import MakeCallback
from harness.records import files
from harness.records.record import Answers, Facts, Record, Status
from harness.run.answers import answer_facts
from harness.run.floor import fit_and_test
from harness.run.folder import FULL, clear, leave_nothing, leave_record, locked, record_there, set_aside, written_to
from harness.run.predictions import describe_predictions
from harness.run.run import BusyError, Outcome, Run, begins_anew, make_run, stands
from harness.run.stopping import TimeLimitError, limited, terminable
from tasks.base import Task
from tasks.reading.source import Corpus
from tasks.reading.survey import survey

Announce = Callable[[Run], None]


def execute(
    config: DictConfig,
    *,
    announce: Announce = lambda run: None,
    begun: Announce = lambda run: None,
    callbacks: Sequence[MakeCallback] = (),
) -> Outcome:
    """Run one configuration and return its outcome; errors become a record with the status ``failed``.

    What is refused before there is anything to train is told in the outcome, and no record is kept of it.
    KeyboardInterrupt and SIGTERM leave an ``interrupted`` record and are raised again; the same command resumes.
    ``announce`` is called whenever the run's id and folder become known: before and after its data are read.
    ``begun`` is called once its data are known and it is about to be computed.
    ``callbacks``: of training, besides those that every run has.
    """
    run = make_run(config)
    announce(run)
    with ExitStack() as held:  # the folder's lock, until the record is written: nobody begins anew before
        try:
            with terminable():
                return _run(config, run, announce, begun, callbacks, held)
        except BusyError:
            raise
        except (KeyboardInterrupt, SystemExit):
            leave_record(run.folder, run.record("interrupted", "stopped from outside; the same command resumes it"))
            raise
        except (Exception, TimeLimitError) as error:
            return _failed(config, run, error)


def _run(
    config: DictConfig,
    run: Run,
    announce: Announce,
    begun: Announce,
    callbacks: Sequence[MakeCallback],
    held: ExitStack,
) -> Outcome:
    """The way of a run from its configuration to its record."""
    before = record_there(run.folder)  # of an attempt that ended before its data were read
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
    found = _found(config, run)
    if found is not None:
        return Outcome(found, run.folder, found=True)
    run.facts |= _data_facts(task, corpus)
    begun(run)
    with limited(config.max_minutes):
        tested = _computed(config, run, task, corpus, callbacks)
    run.facts |= {"main_score": task.main_score, "score_definitions": task.definitions(corpus.splits["test"])}
    if not _is_trial(config):
        described = list(describe_predictions(task, corpus, tested))
        files.write_predictions(run.folder, described)
        run.facts |= answer_facts(task, described)
    record = run.record("done", None)
    files.write_record(run.folder, record)
    clear(run.folder)
    return Outcome(record, run.folder)


def _data_facts(task: Task, corpus: Corpus) -> Facts:
    """What the record says of the data."""
    found = survey(corpus, task)
    dropped = dict.fromkeys(corpus.splits, 0) if corpus.unseen_labels == "error" else found.unlearnt_rows
    facts: Facts = {
        "data_sizes": {split: len(rows) for split, rows in corpus.splits.items()},
        "data_source": corpus.source,
        "drawn_splits": [{"splits": list(drawn.splits), "seed": drawn.seed} for drawn in corpus.drawn],
        "label_counts": found.label_counts,
        "repeated_rows": found.repeated_rows,
        "similar_labels": found.similar_labels,
        "dropped_rows": dropped,
        "deduplicated_rows": corpus.deduplicated,
        "text_notes": list(corpus.notes),
    }
    return facts if task.language is None else facts | {"language": task.language}


def _found(config: DictConfig, run: Run) -> Record | None:
    """The record that stands, if one does; else what an earlier attempt left is set aside, but for its checkpoints."""
    existing = record_there(run.folder)
    if existing is not None and stands(existing, config):
        if existing["status"] == "done":
            clear(run.folder)
        return existing
    if begins_anew(config):
        set_aside(run.folder)
    elif existing is not None and existing["status"] == "failed":
        set_aside(run.folder, only=("record.json", "error.txt"))  # what it left to resume from stays
    return None


def _computed(config: DictConfig, run: Run, task: Task, corpus: Corpus, callbacks: Sequence[MakeCallback]) -> Answers:
    """Compute the run, noting each part of its facts as it comes; returns what is said of the test split."""
    parts: Generator[Facts, None, Answers]
    if is_floor(config):
        parts = fit_and_test(config, task, corpus)
    elif _is_trial(config):
        parts = _train_and_validate(config, run, task, corpus, callbacks)
    else:
        parts = _train_and_test(config, run, task, corpus, callbacks)
    with closing(parts):
        while True:
            try:
                run.facts |= next(parts)
            except StopIteration as end:
                tested: Answers = end.value
                return tested


def _is_trial(config: DictConfig) -> bool:
    """Whether it is a trial of a search, for which the test split is not read."""
    return "trial" in config.search


def _train_and_test(
    config: DictConfig, run: Run, task: Task, corpus: Corpus, callbacks: Sequence[MakeCallback]
) -> Generator[Facts, None, Answers]:
    from harness.training.fit import train_and_test  # Lightning takes seconds to import; floors and checks do without

    return train_and_test(config, run.folder, task, corpus, callbacks)


def _train_and_validate(
    config: DictConfig, run: Run, task: Task, corpus: Corpus, callbacks: Sequence[MakeCallback]
) -> Generator[Facts, None, Answers]:
    from harness.training.validation import train_and_validate

    return train_and_validate(config, run.folder, task, corpus, callbacks)


def _failed(config: DictConfig, run: Run, error: Exception | TimeLimitError) -> Outcome:
    """Leave the record and the trace of a run that failed, or that cannot be; nothing of one that was refused."""
    status: Status = "unsupported" if isinstance(error, UnsupportedError) else "failed"
    if config.trace:
        traceback.print_exc()
    if _is_refusal(error) and not run.begun and not _is_trial(config):
        leave_nothing(run.folder)
        return Outcome(run.record(status, _reason(error, run)), run.folder, kept=False)
    with suppress(OSError):  # on a full disk; the record is worth more
        run.folder.mkdir(parents=True, exist_ok=True)
        (run.folder / "error.txt").write_text(traceback.format_exc(), encoding="utf-8")
    record = run.record(status, _reason(error, run))
    return Outcome(record, run.folder, kept=leave_record(run.folder, record))


def _is_refusal(error: BaseException) -> bool:
    """Whether it says what is wrong with what was asked for; combinations that cannot be are holes of a board."""
    return isinstance(error, ValueError | OSError | InstantiationException) and not isinstance(error, UnsupportedError)


def _reason(error: BaseException, run: Run) -> str:
    """What went wrong in words; of what Hydra could not make, why that is."""
    if isinstance(error, InstantiationException) and error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, OSError) and error.errno in (*FULL, errno.EROFS):
        return written_to(error, run.folder)
    said = " ".join(str(error).split())
    # These say what to do, so that their type would only distract.
    return (
        said
        if isinstance(error, ValueError | FileNotFoundError | TimeLimitError)
        else f"{type(error).__name__}: {said}"
    )
