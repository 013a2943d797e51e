"""Sweeps with ``search=``: the trials of every study, the choice, then its runs; all by the engine of the sweep.

A second call finds what is finished: trials and runs have ids like any run, and Optuna's storage keeps what it drew.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from filelock import FileLock
from omegaconf import DictConfig
from rich.console import Console

from harness.engines.base import Engine
from harness.engines.local import LocalWorkers
from harness.records.files import read_record, study_folder
from harness.records.reading import read_records
from harness.run.folder import is_free
from harness.run.stopping import terminable
from harness.search.grouping import make_studies
from harness.search.space import POINTS
from harness.search.study import Study, best_of
from harness.search.trial import Trial
from harness.sweep.cells import Cell
from harness.sweep.dispatch import PRELOAD, make_engine, run_cells
from harness.sweep.display import show_plan
from harness.sweep.forecast import Forecast, plan_cells
from harness.sweep.job import Answer

ATTEMPTS = 3
"""How often a trial is begun whose worker dies; then the study is left unfinished."""


Found = dict[int, Trial]
"""The trials of a study that need not run again, by number."""


def search_cells(cells: Sequence[Cell], config: DictConfig) -> int:
    """Run (or plan) a sweep of which some cells are searched; the exit code: 1 if anything is missing.

    ``config``: any cell's, for how the sweep is driven.
    """
    try:
        ordinary, studies = make_studies(cells)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if config.plan:
        engine = LocalWorkers(1, preload=PRELOAD)
        return show_plan(plan_search(ordinary, studies, engine), workers=int(config.workers))
    with terminable(), ExitStack() as held:
        for folder in sorted({_folder(study) for study in studies}):  # in one order, lest two wait for each other
            held.enter_context(_locked(folder))
        return run_search(ordinary, studies, make_engine(config))


def run_search(ordinary: Sequence[Cell], studies: Sequence[Study], engine: Engine) -> int:
    """Trials and ordinary cells, then the runs of what was chosen, with a line a study at the end."""
    console = Console()
    answers, found = run_trials(ordinary, studies, engine, console)
    told, chosen = [], []
    for study, trials in zip(studies, found, strict=True):
        best, line = choice(study, trials)
        told.append((best is not None, f"{study.label}: {line}"))
        if best is not None:
            chosen += study.chosen([trials[number] for number in sorted(trials)], best)
    if chosen:
        answers += run_cells(chosen, engine, console=console)
    for _made, line in told:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    complete = all(made for made, _line in told) and all(answer.status == "done" for answer in answers)
    return 0 if complete else 1


def run_trials(
    ordinary: Sequence[Cell], studies: Sequence[Study], engine: Engine, console: Console
) -> tuple[list[Answer], list[Found]]:
    """The answers of the ordinary cells, and for each study its trials that ended, whether well or not.

    One whose worker died is begun again, so that a search has as many trials as it says.
    """
    found: list[Found] = [{} for _ in studies]
    answers: list[Answer] = []
    for attempt in range(ATTEMPTS):
        first = list(ordinary) if attempt == 0 else []
        pending = [
            (number, cell) for number, study in enumerate(studies) for cell in pending_trials(study, found[number])
        ]
        if not first and not pending:
            break
        ended = run_cells([*first, *(cell for _number, cell in pending)], engine, console=console)
        answers += ended[: len(first)]
        for (number, _cell), answer in zip(pending, ended[len(first) :], strict=True):
            record = read_record(Path(answer.folder)) if answer.folder is not None else None
            if record is not None and record["status"] != "interrupted" and answer.status != "busy":
                trial = Trial.of(record)
                found[number][trial.number] = trial
    return answers, found


def pending_trials(study: Study, found: Found) -> list[Cell]:
    """The cells of the trials that are not there yet; of Optuna's first those it has drawn already."""
    if study.method in POINTS:
        drawn = study.trials
    else:
        from harness.search.storage import count_drawn

        drawn = min(study.trials, count_drawn(study.trial(None).config))  # type: ignore[arg-type]
    cells = [study.trial(number) for number in range(drawn) if number not in found]
    return cells + [study.trial(None, place=place) for place in range(drawn, study.trials)]


def choice(study: Study, found: Found) -> tuple[Trial | None, str]:
    """The chosen trial and what to tell of it; or None, and why nothing was chosen and what to do.

    A choice needs every trial. Failed ones are missing, unless ``retry=none`` says that they stand as they are.
    """
    stand = {"done"} | ({"failed", "unsupported"} if study.config.retry == "none" else set())
    ended = [trial for _number, trial in sorted(found.items()) if trial.status in stand]
    holes = [trial for _number, trial in sorted(found.items()) if trial.status not in stand]
    if missing := study.trials - len(ended):
        first = f" (trial {holes[0].number} {holes[0].status}: {holes[0].reason})" if holes else ""
        remedy = "the same command runs them" + (", retry=none does without them" if holes else "")
        return None, f"nothing was chosen, for {missing} of {study.trials} trials are missing{first}; {remedy}"
    best = best_of(ended)
    if best is None:
        return None, f"nothing was chosen, for none of {study.trials} trials has a validation score; try another space"
    values = ", ".join(f"{key}={value}" for key, value in best.values.items())
    early = sum(trial.pruned for trial in ended)
    told = f" ({early} ended early)" if early else ""
    return best, f"trial {best.number} of {study.trials}{told} was chosen by validation, {best.score:.4f}: {values}"


def _folder(study: Study) -> Path:
    return study_folder(study.config.results_dir, study.described["study"])


def _locked(folder: Path) -> FileLock:
    """Hold a study: a second command at the same one waits, and then finds its trials, instead of drawing its own."""
    folder.mkdir(parents=True, exist_ok=True)
    if not is_free(folder):
        print(f"waiting for another process, which is at the study in {folder}", file=sys.stderr)
    return FileLock(folder / ".lock")


def plan_search(ordinary: Sequence[Cell], studies: Sequence[Study], engine: Engine) -> list[Forecast]:
    """A forecast for each ordinary cell, and two for each study: of its trials, and of the runs of what they choose.

    Measured at the settings of the cell itself, whose width, batches and so on a trial changes.
    """
    forecasts = plan_cells([*ordinary, *map(_probed, studies)], engine)
    planned = forecasts[: len(ordinary)]
    for study, forecast in zip(studies, forecasts[len(ordinary) :], strict=True):
        if forecast.status in ("unsupported", "would fail", "not composed"):
            planned.append(forecast)
            continue
        done = count_done(study)
        space = f"search={study.method} over {len(study.dimensions)} settings"
        trials = f"{study.label}: {study.trials} trials ({done} done), {space}"
        runs = f"{study.label}: the chosen settings over seeds {', '.join(map(str, study.seeds))}"
        planned += [_times(forecast, trials, study.trials - done), _times(forecast, runs, len(study.seeds))]
    return planned


def _probed(study: Study) -> Cell:
    """The cell whose steps are timed; that its very run is recorded does not matter."""
    cell = study.plain()
    assert cell.config is not None
    cell.config.force = True
    return cell


def _times(forecast: Forecast, label: str, ahead: int) -> Forecast:
    """The forecast of so many runs like that one."""
    if not ahead:
        return Forecast(label, "done")
    minutes = None if forecast.minutes is None else ahead * forecast.minutes
    return Forecast(label, "to run", None, forecast.parameters, minutes, forecast.memory_bytes)


def count_done(study: Study) -> int:
    """How many trials of a study the ledger has."""
    identity, done = study.described["study"], set()
    sound, _left_out = read_records([Path(study.config.results_dir) / "runs"])
    for _path, record in sound:
        search = record.get("search")
        if isinstance(search, dict) and search.get("study") == identity and record["status"] == "done":
            done.add(search.get("trial"))
    return len([number for number in done if number is not None and number < study.trials])
