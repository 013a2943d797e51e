"""What the commands do, for notebooks and scripts: run, predict, explain, read records and boards.

    from harness import api

    outcome = api.run(["task=sentiment", "model=self", "training.steps=200"])
    labeller = api.load(outcome.folder)
    labeller.predict(["not a bad film ."])[0].predicted
    api.records("results")              # a pandas DataFrame, one row a run
    api.board("results").tables[0].answer

Each function stands on what the command of its name stands on; there is no other way beneath.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.configuration.effect import flatten
from harness.records.reading import read_records

if TYPE_CHECKING:
    import pandas  # type: ignore[import-untyped]

    from harness.board.tables import Board
    from harness.prediction.labelling import Labeller
    from harness.run.run import Outcome


COLUMNS = (
    "id",
    "status",
    "reason",
    "task",
    "data",
    "model",
    "backbone",
    "position",
    "experiment",
    "seed",
    "main_score",
)
"""What every row of ``records`` begins with."""


def run(overrides: Sequence[str]) -> Outcome:
    """Run one configuration, as ``python -m harness OVERRIDES`` does; a run that is recorded already is found.

    ``Outcome.record`` is the record, ``Outcome.folder`` where it lies. Errors of the run become a record with the
    status ``failed``. Raises ValueError, or an error of Hydra, for what cannot be composed and values that are none.
    """
    if isinstance(overrides, str):
        raise ValueError(f"expected a list of overrides, got the text {overrides!r}; write {overrides.split()!r}")
    from harness.configuration.compose import compose_configuration
    from harness.configuration.controls import make_results_dir
    from harness.configuration.paths import with_quoted_paths
    from harness.configuration.values import check_settings
    from harness.run.execute import execute

    config = compose_configuration(with_quoted_paths(overrides))
    check_settings(config)
    make_results_dir(config)
    return execute(config)


def load(*runs: str | Path, device: str = "cpu", trust: bool = False) -> Labeller:
    """Finished runs, by their folders, ready to predict: one, or several that vote, as in ``harness.predict``.

    ``trust``: whether code that is not of this repository, which a record may name, is executed.
    Raises ValueError for what is no finished run, and for runs that cannot vote together.
    """
    from harness.explanation.choice import find_trusted_run
    from harness.prediction.labelling import Labeller

    if not runs:
        raise ValueError("expected the folder of a run, or several, got none")
    return Labeller.load([find_trusted_run(Path(place), trust=trust) for place in runs], device=device)


def records(*places: str | Path, settings: Iterable[str] = ()) -> pandas.DataFrame:
    """The records below some folders (none given: ``results``), one row a run.

    Columns: ``COLUMNS``, ``score`` (the main one), then ``scores.…``, ``costs.…`` and ``learning.…`` with their names
    in the record, and each of ``settings``, such as ``training.learning_rate``. What a record has not is missing.
    Damaged records are left out with a warning.
    """
    import warnings

    import pandas

    found, left_out = read_records(places or ("results",))
    for message in left_out:
        warnings.warn(message, stacklevel=2)
    wanted = list(settings)
    return pandas.DataFrame([_row(record, wanted) for _, record in found])


def board(*places: str | Path, metric: str | None = None, margin: float | None = None) -> Board:
    """The records below some folders (none given: ``results``), compared as ``harness.leaderboard`` does.

    Raises ValueError where there is nothing to compare, and for a metric that no run has.
    """
    from harness.board.board import make_board
    from harness.board.rows import group_records, told_trials

    found, left_out = read_records(places or ("results",))
    chosen = [record for _, record in found]
    tables = group_records(chosen)
    if not tables:
        raise ValueError("; ".join(left_out) or "there are no records of runs to compare")
    return make_board(tables, metric=metric, margin=margin, messages=[*left_out, *told_trials(chosen)])


def _row(record: Mapping[str, Any], settings: Sequence[str]) -> dict[str, Any]:
    row: dict[str, Any] = {name: record.get(name) for name in COLUMNS}
    row["score"] = record.get("scores", {}).get(record.get("main_score"))
    for part in ("scores", "costs", "learning"):
        row |= {f"{part}.{name}": value for name, value in flatten(record.get(part) or {}).items()}
    values = flatten(record["config"]) if settings else {}
    return row | {name: values.get(name) for name in settings}
