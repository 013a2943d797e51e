"""Searches: trials chosen by validation alone, fresh seeds for what was chosen, nothing computed twice."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any

import pytest
from filelock import FileLock

from harness.build import checks
from harness.build import data as run_data
from harness.build.data import Data
from harness.configuration.compose import compose_configuration
from harness.engines.base import WorkerDied
from harness.records import code, files
from harness.records.record import Answers, Facts
from harness.run import execute as running
from harness.run.execute import execute
from harness.run.run import make_run
from harness.search.grouping import make_studies
from harness.search.search import ATTEMPTS, plan_search, run_search, search_cells
from harness.search.study import Study, best_of
from harness.search.trial import Trial
from harness.sweep.cells import Cell
from harness.sweep.display import show_plan
from harness.sweep.job import write_note
from tests.harness.conftest import command, in_this_process, stop

SPACE = [
    "search_space.backbone=null",
    "search_space.embedding=null",
    "search_space.task=null",
    "search_space.training={learning_rate:{low:1e-3,high:1e-1,log:true},batch_tokens:null,weight_decay:null,embedding_learning_rate:null}",
]
RATE = "training.learning_rate"
Overrides = Callable[..., list[str]]
Function = Callable[[Any], Any]


@pytest.fixture
def searching(tiny: Overrides) -> Overrides:
    """The overrides of a search of three trials, with the runs of seeds 1 and 2."""

    def overrides(*more: str) -> list[str]:
        return tiny("task=pos", "model=dot", "search=random", *SPACE, "search.trials=3", "search.seeds=[1,2]", *more)

    return overrides


def study_of(overrides: Sequence[str], label: str = "model=dot") -> Study:
    ordinary, (study,) = make_studies([Cell(label, compose_configuration(overrides))])
    assert not ordinary
    return study


def ledger(folder: Path) -> list[dict[str, Any]]:
    found = [files.read_record(path.parent) for path in sorted(folder.glob("results/runs/*/record.json"))]
    return [record for record in found if record is not None]


def trials_in(folder: Path) -> list[dict[str, Any]]:
    found = [record for record in ledger(folder) if "trial" in record["search"]]
    return sorted(found, key=lambda record: record["search"]["trial"])


def chosen_in(folder: Path) -> list[dict[str, Any]]:
    return [record for record in ledger(folder) if "chosen" in record["search"]]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Training that takes no time: validation likes a learning rate near 0.01, the test the opposite. What ran."""
    ran: list[str] = []

    def validated(config: Any, *_: Any) -> Iterator[Facts]:
        ran.append(f"trial {config.search.trial}")
        score = 1 / (1 + abs(config.training.learning_rate - 0.01))
        yield {"validation_scores": {"token_accuracy": score}, "scores": {}}

    def tested(config: Any, *_: Any) -> Generator[Facts, None, Answers]:
        ran.append(f"seed {config.seed}")
        yield {"scores": {"token_accuracy": config.training.learning_rate}}
        return Answers({}, {})

    corpora: list[Any] = []
    load = run_data.load_corpus

    def load_once(*arguments: Any) -> Any:
        corpora[:] = corpora or [load(*arguments)]
        return corpora[0]

    monkeypatch.setattr(run_data, "load_corpus", load_once)
    monkeypatch.setattr(checks, "check_combination", lambda *_: None)
    monkeypatch.setattr(code, "code_version", lambda **_: "v")
    monkeypatch.setattr(code, "git_state", dict)
    monkeypatch.setattr(running, "_train_and_validate", validated)
    monkeypatch.setattr(running, "_train_and_test", tested)
    return ran


# Studies


@pytest.mark.slow
def test_cells_that_differ_in_the_seed_alone_are_one_study_over_these_seeds(tiny: Overrides):
    def cell(model: str, seed: int) -> Cell:
        composed = compose_configuration(tiny("search=random", f"model={model}", f"seed={seed}"))
        return Cell(f"model={model} seed={seed}", composed)

    ordinary, studies = make_studies([cell(model, seed) for model in ("dot", "self", "majority") for seed in (3, 4)])
    assert [(study.label, study.seeds) for study in studies] == [("model=dot", (3, 4)), ("model=self", (3, 4))]
    assert [cell.config.seed for cell in ordinary if cell.config] == [3, 4]  # a floor: no trials
    assert all(cell.config.search.method == "none" for cell in ordinary if cell.config)
    plain = execute_id(tiny("model=majority", "seed=3"))
    assert ordinary[0].config is not None
    assert make_run(ordinary[0].config).identity == plain


def execute_id(overrides: Sequence[str]) -> str:
    return make_run(compose_configuration(overrides)).identity


@pytest.mark.slow
@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["search.seeds=[0,1]"], "seed 0 is that of the trials"),
        (["search.seeds=[7]", "search.trial_seed=7"], "seed 7 is that of the trials"),
        (["search.seeds=null", "seed=0"], "seed 0 is that of the trials"),
        (
            ["+search_space.encoding.min_count={choices:[1,0]}"],
            "search_space has what cannot be: encoding.min_count",
        ),
        (["+search_space.model.heads={choices:[1,0]}"], "search_space has what cannot be: model.heads: expected a"),
        (["+search_space.training.speed={low:1,high:2}"], "training.speed is no setting"),
        (["search_space.training.learning_rate.low=1"], "needs numbers low < high"),
        (["data=files", "data.path=x", "data.test_fraction=0.1"], "fix data.seed"),
    ],
)
def test_a_search_that_means_nothing_is_refused_before_anything_runs(
    searching: Overrides, overrides: list[str], message: str
):
    with pytest.raises(ValueError, match=f"model=dot: .*{message}"):
        study_of(searching(*overrides))


@pytest.mark.slow
def test_seeds_twice_a_study_twice_and_what_is_swept_as_well_are_refused(searching: Overrides):
    def cells(*varied: str) -> list[Cell]:
        return [Cell(f"model=dot {words}", compose_configuration(searching(words))) for words in varied]

    with pytest.raises(ValueError, match="keep one of them"):
        make_studies(cells("seed=3", "seed=4"))
    with pytest.raises(ValueError, match="several numbers of trials"):
        make_studies(cells("search.trials=2", "search.trials=3"))
    with pytest.raises(ValueError, match="swept over and searched"):
        make_studies(cells(f"{RATE}=0.1", f"{RATE}=0.2"))
    assert len(make_studies(cells("search.seed=1", "search.seed=2"))[1]) == 2


@pytest.mark.slow
def test_a_search_changes_no_id_but_those_of_its_own_runs(tiny: Overrides, searching: Overrides):
    base = tiny("task=pos", "model=dot")
    assert execute_id(base) == execute_id([*base, *SPACE])
    record = make_run(compose_configuration(base))
    assert not {"search", "search_space"} & set(record.config)
    assert "search" not in record.facts

    def identity(cell: Cell) -> str:
        assert cell.config is not None
        return make_run(cell.config).identity

    study, longer = study_of(searching()), study_of(searching("search.trials=9", "search.seeds=[4]"))
    assert [identity(study.trial(k)) for k in range(3)] == [identity(longer.trial(k)) for k in range(3)]
    other = study_of(searching("search.seed=5"))
    assert identity(other.trial(0)) != identity(study.trial(0))
    default = Trial(0, "done", None, {RATE: float(compose_configuration(base).training.learning_rate)}, 0.5)
    (tuned, _), (after_nine,) = study.chosen([default], default), longer.chosen([default], default)
    assert tuned.config is not None
    assert tuned.config.training == compose_configuration(base).training
    assert identity(tuned) != execute_id(base)
    assert identity(tuned) != identity(after_nine)


def test_what_is_yet_to_be_searched_is_no_run(searching: Overrides):
    with pytest.raises(ValueError, match="search=random is many runs"):
        execute(compose_configuration(searching()))


# The choice


def test_the_best_by_validation_is_chosen_the_first_of_equal_ones_and_none_that_ended_early():
    def trial(number: int, score: float | None, *, pruned: bool = False) -> Trial:
        return Trial(number, "done", None, {}, score, pruned)

    trials = [trial(0, 0.3), trial(1, 0.5), trial(2, None), trial(3, 0.5), trial(4, 0.9, pruned=True)]
    assert best_of(trials) == trials[1]
    assert best_of([trials[2], trials[4]]) is None


@pytest.mark.slow
def test_a_search_chooses_runs_fresh_seeds_and_computes_nothing_twice(
    searching: Overrides, fake: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert run_search([], [study_of(searching())], in_this_process) == 0
    assert fake == ["trial 0", "trial 1", "trial 2", "seed 1", "seed 2"]
    trials = trials_in(tmp_path)
    assert [record["seed"] for record in trials] == [0, 0, 0]
    for record in trials:
        assert record["search"]["values"] == {RATE: record["config"]["training"]["learning_rate"]}
        assert record["search"]["space"] == {RATE: {"low": 1e-3, "high": 1e-1, "log": True}}
        assert record["search"]["method"] == "random"
        assert (record["scores"], record["status"]) == ({}, "done")
        assert "search" not in record["config"]
    scores = [record["validation_scores"]["token_accuracy"] for record in trials]
    best = scores.index(max(scores))
    for record in chosen_in(tmp_path):
        assert record["search"]["study"] == trials[0]["search"]["study"]
        assert (record["search"]["trials"], record["search"]["scores"]) == (3, scores)
        values = trials[best]["search"]["values"]
        assert record["search"]["chosen"] == {"trial": best, "score": max(scores), "values": values}
        assert record["config"]["training"]["learning_rate"] == values[RATE]
    assert sorted(record["seed"] for record in chosen_in(tmp_path)) == [1, 2]
    assert f"model=dot: trial {best} of 3 was chosen by validation" in capsys.readouterr().out

    fake.clear()
    assert run_search([], [study_of(searching())], in_this_process) == 0
    assert fake == []
    assert run_search([], [study_of(searching("search.trials=5", "search.seeds=[1]"))], in_this_process) == 0
    assert fake == ["trial 3", "trial 4", "seed 1"]  # the last: it was chosen from five


@pytest.mark.slow
def test_test_scores_never_influence_the_choice(searching: Overrides, fake: list[str], tmp_path: Path):
    study = study_of(searching())
    assert run_search([], [study], in_this_process) == 0
    before = chosen_in(tmp_path)[0]["search"]["chosen"]
    for path in (tmp_path / "results" / "runs").glob("*-t*/record.json"):
        record = files.read_record(path.parent)
        assert record is not None
        best = record["search"]["trial"] == before["trial"]
        files.write_record(path.parent, record | {"scores": {"token_accuracy": 0.0 if best else 1.0}})
    for path in (tmp_path / "results" / "runs").glob("*-s*/record.json"):
        path.unlink()
    assert run_search([], [study], in_this_process) == 0
    assert [record["search"]["chosen"] for record in chosen_in(tmp_path)] == [before, before]


@pytest.mark.slow
def test_a_trial_never_reads_the_test_split(searching: Overrides, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    real = Data.loader, Data.score, Data.batch

    def guarded(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(self: Data, split: str, *rest: Any, **named: Any) -> Any:
            assert split != "test", "a trial reads the test split"
            return method(self, split, *rest, **named)

        return call

    for name, method in zip(("loader", "score", "batch"), real, strict=True):
        monkeypatch.setattr(Data, name, guarded(method))
    cell = study_of(searching()).trial(1)
    assert cell.config is not None
    outcome = execute(cell.config)
    assert outcome.record["status"] == "done", outcome.record["reason"]
    assert 0 < outcome.record["validation_scores"]["token_accuracy"] <= 1
    best = max(point["validation/token_accuracy"] for point in outcome.record["curves"])
    assert outcome.record["validation_scores"]["token_accuracy"] == best
    left = {path.name for path in outcome.folder.iterdir()}
    assert not {"model.safetensors", "best.ckpt", "last.ckpt", "predictions.jsonl.gz"} & left


@pytest.mark.slow
def test_a_trial_of_a_task_that_writes_is_scored_on_validation(writing: Overrides):
    options = ["task=translation", "model=dot", "search=random", "search_space.backbone.width=null"]
    cell = study_of(writing(*options, "training.steps=3", "data.max_validation=4")).trial(0)
    assert cell.config is not None
    record = execute(cell.config).record
    assert record["status"] == "done", record["reason"]
    assert record["chosen_by"] == "validation/loss"
    assert record["main_score"] in record["validation_scores"]
    assert record["scores"] == {}


@pytest.mark.slow
def test_a_trial_that_diverges_is_spent_without_a_score(searching: Overrides, tmp_path: Path):
    space = "search_space.training.learning_rate={low:1e30,high:1e31}"
    study = study_of(searching(space, "search.trials=1", "training.gradient_clip=null", "training.steps=200",
                               "training.batch_rows=1", "training.average_decay=0"))  # fmt: skip
    assert run_search([], [study], in_this_process) == 1
    (record,) = trials_in(tmp_path)
    assert (record["status"], record["scores"]) == ("done", {})
    assert "the training loss became nan" in record["search"]["diverged"]
    assert Trial.of(record).score is None


# Trials that do not end well


@pytest.mark.slow
def test_a_trial_whose_worker_dies_is_begun_again(
    searching: Overrides, fake: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    deaths = []

    def engine(function: Function, jobs: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        for number, job in enumerate(jobs):
            search = job.config.search
            if "trial" in search and search.trial == 1 and len(deaths) < limit:
                write_note(job, make_run(job.config))
                deaths.append(number)
                yield number, WorkerDied(-9)
            else:
                yield number, function(job)

    limit = 99
    assert run_search([], [study_of(searching())], engine) == 1
    assert len(deaths) == ATTEMPTS
    assert "1 of 3 trials are missing" in capsys.readouterr().out
    assert chosen_in(tmp_path) == []
    assert [record["status"] for record in trials_in(tmp_path)] == ["done", "interrupted", "done"]
    deaths.clear()
    fake.clear()
    limit = 1
    assert run_search([], [study_of(searching())], engine) == 0
    assert fake == ["trial 1", "seed 1", "seed 2"]


@pytest.mark.slow
def test_a_failed_trial_leaves_a_search_unfinished_unless_it_is_to_stand(
    searching: Overrides, fake: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
):
    good = running._train_and_validate

    def bad(config: Any, *rest: Any) -> Any:
        if config.search.trial == 2:
            raise RuntimeError("out of luck")
        return good(config, *rest)

    monkeypatch.setattr(running, "_train_and_validate", bad)
    assert run_search([], [study_of(searching())], in_this_process) == 1
    said = capsys.readouterr().out
    assert "nothing was chosen, for 1 of 3 trials are missing (trial 2 failed: RuntimeError: out of luck)" in said
    assert "retry=none does without them" in said
    assert run_search([], [study_of(searching("retry=none"))], in_this_process) == 0
    assert chosen_in(tmp_path)[0]["search"]["scores"][2] is None
    assert chosen_in(tmp_path)[0]["search"]["trials"] == 3


# Optuna


@pytest.fixture
def optuna(searching: Overrides) -> Overrides:
    return lambda *more: searching("search=optuna", "search.trials=6", "search.seeds=[1]", *more)


def states(study: Study) -> list[str]:
    from harness.search.storage import open_study

    config = study.trial(None).config
    assert config is not None
    return [trial.state.name for trial in open_study(config).get_trials(deepcopy=False)]


@pytest.mark.slow
def test_an_optuna_study_that_is_stopped_goes_on_to_the_very_number_of_trials(
    optuna: Overrides, fake: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    good = running._train_and_validate

    def stopped(config: Any, *rest: Any) -> Any:
        if config.search.trial == 3:
            raise KeyboardInterrupt
        return good(config, *rest)

    def engine(function: Function, jobs: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        for number, job in enumerate(jobs):
            answer = function(job)
            if answer.status == "interrupted":
                raise KeyboardInterrupt
            yield number, answer

    monkeypatch.setattr(running, "_train_and_validate", stopped)
    with pytest.raises(KeyboardInterrupt):
        run_search([], [study_of(optuna())], engine)
    study = study_of(optuna())
    assert states(study) == ["COMPLETE"] * 3 + ["RUNNING"]
    begun = trials_in(tmp_path)[3]
    assert begun["status"] == "interrupted"
    (journal,) = (tmp_path / "results" / "studies").glob("*/optuna.log")
    with journal.open("ab") as file:
        file.write(b'{"op_code":')  # killed while it wrote

    monkeypatch.setattr(running, "_train_and_validate", good)
    fake.clear()
    assert run_search([], [study], in_this_process) == 0
    assert fake == ["trial 3", "trial 4", "trial 5", "seed 1"]
    assert states(study) == ["COMPLETE"] * 6
    trials = trials_in(tmp_path)
    assert [record["search"]["trial"] for record in trials] == list(range(6))
    assert trials[3]["search"]["values"] == begun["search"]["values"]
    assert len({str(record["search"]["values"]) for record in trials}) == 6
    fake.clear()
    assert run_search([], [study], in_this_process) == 0
    assert fake == []
    assert states(study) == ["COMPLETE"] * 6
    assert run_search([], [study_of(optuna("search.trials=7"))], in_this_process) == 0
    assert fake == ["trial 6", "seed 1"]


def test_workers_that_begin_at_once_draw_different_trials(optuna: Overrides):
    from harness.search.storage import distribution, open_study

    study = study_of(optuna())
    drawn = []
    for place in (0, 1, 2):
        config = study.trial(None, place=place).config
        assert config is not None
        opened = open_study(config, seed=place)
        drawn.append(opened.ask({key: distribution(d) for key, d in config.search.space.items()}).params[RATE])
    assert len(set(drawn)) == 3
    assert all(1e-3 <= rate <= 1e-1 for rate in drawn)


def test_a_hopeless_trial_ends_early_and_is_told_so(optuna: Overrides, tmp_path: Path):
    from harness.search.pruning import Pruning
    from harness.search.storage import open_study, tell

    study = study_of(optuna("search.startup_trials=1", "search.prune_after=0.2", "training.steps=100"))
    config = study.trial(None).config
    assert config is not None
    opened = open_study(config)

    def train(number: int, scores: Sequence[float], steps_each: int) -> tuple[int, bool]:
        opened.ask()
        config.search.trial = number
        pruning = Pruning(config, "validation/f1", "max")
        trainer = SimpleNamespace(should_stop=False, global_step=0, callback_metrics={})
        for epoch, score in enumerate(scores, start=1):
            trainer.global_step = epoch * steps_each
            trainer.callback_metrics = {"validation/f1": score}
            pruning.on_train_epoch_end(trainer, None)  # type: ignore[arg-type]
            if trainer.should_stop:
                break
        return epoch, pruning.pruned

    assert train(0, [0.1, 0.2, 0.3, 0.4, 0.5], 20) == (5, False)
    opened.tell(0, 0.5)
    assert opened.trials[0].intermediate_values == {r: pytest.approx(0.1 * ((r + 1) // 2)) for r in range(1, 11)}
    assert train(1, [0.0, 0.05, 0.0, 0.0], 10) == (2, True)  # at a fifth of the steps, not before
    assert train(2, [0.0, 0.3, 0.0, 0.4, 0.5], 20) == (1, True)
    assert train(3, [0.3, 0.0, 0.3, 0.4, 0.5], 20) == (5, False)  # it counts what was its best so far
    tell(opened, 1, score=0.05, pruned=True)
    tell(opened, 2, score=None, pruned=False)
    assert [trial.state.name for trial in opened.trials] == ["COMPLETE", "PRUNED", "FAIL", "RUNNING"]
    tell(opened, 1, score=0.05, pruned=True)  # once more is no error


# The plan and the command


def test_a_plan_of_a_search_runs_nothing(
    searching: Overrides, tmp_path: Path, fake: list[str], capsys: pytest.CaptureFixture[str]
):
    study = study_of(searching())
    cell = study.trial(0)
    assert cell.config is not None
    execute(cell.config)
    before = [path.name for path in (tmp_path / "results" / "runs").iterdir()]
    forecasts = plan_search([], [study], in_this_process)
    assert show_plan(forecasts, workers=1) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert [forecast.status for forecast in forecasts] == ["to run", "to run"]
    assert "3 trials (1 done), search=random over 1 settings" in forecasts[0].label
    assert forecasts[1].label == "model=dot: the chosen settings over seeds 1, 2"
    assert forecasts[0].minutes == pytest.approx(forecasts[1].minutes)  # two trials and two runs
    assert "2 to run" in said
    assert [path.name for path in (tmp_path / "results" / "runs").iterdir()] == before


def test_a_second_command_at_the_same_study_waits_for_the_first(
    searching: Overrides, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    from harness.search import search

    cells = [Cell("model=dot", compose_configuration(searching()))]
    (study,) = make_studies(cells)[1]
    folder = search._folder(study)
    folder.mkdir(parents=True)
    begun, ended = Event(), Event()

    def first() -> None:
        with FileLock(folder / ".lock"):
            begun.set()
            time.sleep(0.3)
            ended.set()

    monkeypatch.setattr(search, "run_search", lambda *_: 0 if ended.is_set() else 1)
    other = Thread(target=first)
    other.start()
    begun.wait()
    assert search_cells(cells, study.config) == 0
    other.join()
    assert f"waiting for another process, which is at the study in {folder}\n" in capsys.readouterr().err


@pytest.mark.slow
def test_one_wrong_space_ends_the_command_before_anything_runs(searching: Overrides, tmp_path: Path):
    for mode in ([], ["-m"]):
        done = command(*mode, *searching("+search_space.training.speed={low:1,high:2}"))
        assert done.returncode == 1
        assert done.stderr.startswith("error: ")
        assert "search_space.training.speed is no setting of this configuration" in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert not list((tmp_path / "results").rglob("*"))


@pytest.mark.slow
@pytest.mark.timeout(1800)  # three commands, on a machine that may be busy
def test_a_random_search_from_the_command_line_ends_with_its_choice(searching: Overrides, tmp_path: Path):
    first = command("-m", *searching("model=dot,none", "workers=2"))
    assert first.returncode == 0, first.stdout + first.stderr
    assert len(trials_in(tmp_path)) == 6
    chosen = chosen_in(tmp_path)
    assert sorted((record["model"], record["seed"]) for record in chosen) == [
        (model, seed) for model in ("dot", "none") for seed in (1, 2)
    ]
    for record in chosen:
        assert record["scores"]["token_accuracy"] > 0
        assert max(record["search"]["scores"]) == record["search"]["chosen"]["score"]
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "results").glob("runs/*/record.json")}
    single = command(*searching())  # the same study, as a command without -m
    assert single.returncode == 0, single.stdout + single.stderr
    assert single.stdout.count("(found)") == 5
    assert times == {path: path.stat().st_mtime_ns for path in (tmp_path / "results").glob("runs/*/record.json")}


@pytest.mark.slow
@pytest.mark.timeout(1800)  # three commands, on a machine that may be busy
def test_an_optuna_study_killed_halfway_ends_with_the_very_number_of_trials_by_two_workers(
    optuna: Overrides, tmp_path: Path
):
    sweep = ["-m", *optuna("workers=2", "training.steps=60", "training.patience=60", "search.startup_trials=2")]
    stop(sweep, tmp_path / "log", after=lambda: len(done_trials(tmp_path)) >= 3, number=signal.SIGKILL)
    before = {record["id"]: record for record in done_trials(tmp_path)}
    assert 3 <= len(before) < 6, (tmp_path / "log").read_text()

    again = command(*sweep)
    assert again.returncode == 0, again.stdout + again.stderr
    trials = trials_in(tmp_path)
    assert [record["search"]["trial"] for record in trials] == list(range(6))
    assert all(record["status"] == "done" for record in trials)
    assert {record["id"]: record for record in trials if record["id"] in before} == before
    assert set(states(study_of(optuna(*sweep[-3:], "workers=2")))) <= {"COMPLETE", "PRUNED"}
    (chosen,) = chosen_in(tmp_path)
    full = [r["validation_scores"]["token_accuracy"] for r in trials if not r["search"].get("pruned")]
    assert chosen["search"]["chosen"]["score"] == max(full)
    assert len(chosen["search"]["scores"]) == 6


def done_trials(folder: Path) -> list[dict[str, Any]]:
    return [record for record in trials_in(folder) if record["status"] == "done"]
