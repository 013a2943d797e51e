"""Attempts that end in between: what they leave, and that the next one comes to the numbers of an uninterrupted run."""

from __future__ import annotations

import math
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from harness.build import data as run_data
from harness.configuration.compose import compose_configuration
from harness.records import code, files
from harness.run import execute as running
from harness.run.execute import execute
from harness.run.run import Outcome
from harness.training import checkpoints, fit, validation
from harness.training.callbacks import RandomStates
from harness.training.checkpoints import WholeFiles
from tasks.model import TaskModel
from tests.harness.conftest import TINY

Overrides = Callable[..., list[str]]

pytestmark = pytest.mark.xdist_group("resumed runs")  # the uninterrupted one is made once
SHORT = [
    "task=sentiment",
    "model=none",
    "training.steps=60",
    "training.patience=3",
    "training.schedule=cosine",
    "training.learning_rate=1e-9",
    "training.embedding_learning_rate=1e-9",
]
"""A run that early stopping ends after two epochs of three steps, because nothing improves."""


def run(overrides: list[str]) -> Outcome:
    return execute(compose_configuration(overrides))


@pytest.fixture(scope="module", autouse=True)
def same_code_and_data() -> Iterator[None]:
    """Attempts are at the same run although somebody edits the code meanwhile; and corpora are loaded once."""
    corpora: dict[str, Any] = {}
    load = run_data.load_corpus

    def load_once(config: Any, task: Any) -> Any:
        if config.names.task not in corpora:
            corpora[config.names.task] = load(config, task)
        return corpora[config.names.task]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(code, "code_version", lambda **_: "v")
        patched.setattr(run_data, "load_corpus", load_once)
        yield


@pytest.fixture(scope="module")
def whole(same_code_and_data: None, quick_measures: None, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The uninterrupted run."""
    outcome = run([*TINY, *SHORT, f"results_dir={tmp_path_factory.mktemp('whole')}"])
    assert outcome.record["costs"]["train_steps"] == 6, outcome.record["reason"]
    return outcome


def once(function: Callable[..., Any], *, ends_well: bool = False) -> Callable[..., Any]:
    """The function, but its first call is interrupted: before it does anything, or after it has ended well."""
    calls = []

    def call(*arguments: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) > 1:
            return function(*arguments, **named)
        if ends_well:
            function(*arguments, **named)
        raise KeyboardInterrupt

    return call


def raising(error: type[BaseException]) -> Callable[..., Any]:
    def call(*_: Any, **__: Any) -> Any:
        raise error

    return call


def spoil_loss(
    monkeypatch: pytest.MonkeyPatch,
    *,
    training: bool,
    at: int,
    spoil: Callable[[Any], Any] = lambda loss: loss * math.nan,
) -> list[int]:
    """Let the loss be no number the ``at``-th time (from 0) that training, or validation, computes it; the count."""
    loss, calls = TaskModel.loss, list[int]()

    def spoiling(model: TaskModel, batch: Any) -> torch.Tensor:
        value = loss(model, batch)
        if model.training == training:
            calls.append(len(calls))
            return spoil(value) if calls[-1] == at else value  # type: ignore[no-any-return]
        return value

    monkeypatch.setattr(TaskModel, "loss", spoiling)
    return calls


def interrupted(overrides: list[str]) -> Path:
    """The folder of a run that is interrupted."""
    with pytest.raises(KeyboardInterrupt):
        run(overrides)
    results = next(Path(option.partition("=")[2]) for option in overrides if option.startswith("results_dir="))
    (folder,) = (results / "runs").iterdir()
    return folder


def numbers(outcome: Outcome) -> tuple[Any, ...]:
    """What must not depend on how often a run was resumed."""
    record = outcome.record
    assert record["status"] == "done", record["reason"]
    curve = [{key: value for key, value in point.items() if key != "train_seconds"} for point in record["curves"]]
    return record["scores"], curve, record["costs"]["train_steps"], files.read_predictions(outcome.folder)


def left_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if ".ckpt" in path.name or path.name == "error.txt"}


# When training is over


@pytest.mark.slow
def test_a_run_killed_after_early_stopping_trains_no_further_epoch(
    tiny: Overrides, whole: Outcome, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(fit, "_test", once(fit._test))
    interrupted(tiny(*SHORT))
    computed = spoil_loss(monkeypatch, training=True, at=-1)
    resumed = run(tiny(*SHORT))
    assert computed == []
    assert resumed.record["resumed"]
    assert numbers(resumed) == numbers(whole)


@pytest.mark.slow
def test_a_run_resumes_after_its_last_epoch_though_an_earlier_one_was_better(
    tiny: Overrides, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    overrides = tiny(*SHORT, "training.patience=6")
    with monkeypatch.context() as patched:
        spoil_loss(patched, training=True, at=7, spoil=raising(KeyboardInterrupt))
        interrupted(overrides)
    computed = spoil_loss(monkeypatch, training=True, at=-1)
    resumed = run(overrides)
    assert len(computed) == 3
    assert numbers(resumed) == numbers(run([*overrides, f"results_dir={tmp_path / 'whole'}"]))
    assert [point["epoch"] for point in resumed.record["curves"]] == [1, 2, 3]


class Pruner(pl.Callback):
    """Ends a trial after its first epoch, as the pruner of a study does."""

    def __init__(self, monitor: str, mode: str) -> None:
        self.pruned = False

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        trainer.should_stop = self.pruned = True

    def state_dict(self) -> dict[str, Any]:
        return {"pruned": self.pruned}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.pruned = state_dict["pruned"]


def test_a_trial_killed_after_it_was_pruned_stays_pruned(tiny: Overrides, monkeypatch: pytest.MonkeyPatch):
    config = compose_configuration(
        tiny("task=sentiment", "model=none", "search=random", "+search.study=s", "+search.trial=0")
    )
    monkeypatch.setattr(validation, "_best_point", once(validation._best_point))
    with pytest.raises(KeyboardInterrupt):
        execute(config, callbacks=[Pruner])
    record = execute(config, callbacks=[Pruner]).record
    assert record["status"] == "done", record["reason"]
    assert record["resumed"]
    assert record["search"]["pruned"]
    assert record["costs"]["train_steps"] == 3


@pytest.mark.slow
def test_checkpoints_stay_until_the_record_is_written(tiny: Overrides, whole: Outcome, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(files, "write_predictions", once(files.write_predictions))
    folder = interrupted(tiny(*SHORT))
    assert left_in(folder) == {"best.ckpt", "last.ckpt"}
    resumed = run(tiny(*SHORT))
    assert resumed.record["resumed"]
    assert numbers(resumed) == numbers(whole)
    assert left_in(folder) == set()


# Records of finished runs


FLOOR = ["task=pos", "model=majority"]


def test_an_interrupt_after_the_record_leaves_a_finished_run_that_is_found_and_cleared(
    tiny: Overrides, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(files, "write_record", once(files.write_record, ends_well=True))
    folder = interrupted(tiny(*FLOOR))
    before = files.read_record(folder)
    assert before is not None
    assert before["status"] == "done"
    for name in ("best.ckpt", "last.ckpt", "last.ckpt.part", "error.txt"):
        (folder / name).touch()
    again = run(tiny(*FLOOR))
    assert again.found
    assert again.record == before
    assert left_in(folder) == set()


@pytest.mark.slow
def test_what_ends_a_second_attempt_before_it_begins_leaves_the_record_of_the_first(
    tiny: Overrides, monkeypatch: pytest.MonkeyPatch
):
    first = run(tiny(*FLOOR))
    for moment, error in product(("stands", "set_aside"), (KeyboardInterrupt, SystemExit, OSError)):
        with monkeypatch.context() as patched:
            patched.setattr(running, moment, raising(error))
            with nullcontext() if error is OSError else pytest.raises(error):
                assert run(tiny(*FLOOR, "force=true")).record["status"] == "failed"
        assert files.read_record(first.folder) == first.record, (moment, error)


@pytest.mark.parametrize("content", [b'{"format": 1, "sta', b"[]", b'{"format": 1}', b'{"format": 99}', b"\xff\xfe"])
def test_a_damaged_record_is_set_aside_and_the_run_runs(
    tiny: Overrides, capsys: pytest.CaptureFixture[str], content: bytes
):
    first = run(tiny(*FLOOR))
    path = first.folder / "record.json"
    path.write_bytes(content)
    again = run(tiny(*FLOOR))
    assert (again.record["status"], again.found) == ("done", False)
    assert again.record["scores"] == first.record["scores"]
    (aside,) = (first.folder.parent.parent / "superseded").glob("*/record.json")
    assert aside.read_bytes() == content
    (warning,) = capsys.readouterr().err.splitlines()
    assert warning.startswith(f"warning: {path} is no ")
    assert warning.endswith(f"; it is set aside in {first.folder.parent.parent / 'superseded'}")


def test_a_damaged_record_is_not_written_over_by_an_attempt_that_fails(
    tiny: Overrides, monkeypatch: pytest.MonkeyPatch
):
    path = run(tiny(*FLOOR)).folder / "record.json"
    path.write_bytes(b"half")
    monkeypatch.setattr(running, "_found", raising(RuntimeError))
    assert run(tiny(*FLOOR)).record["status"] == "failed"
    (aside,) = (path.parent.parent.parent / "superseded").glob("*/record.json")
    assert aside.read_bytes() == b"half"


def test_a_forced_run_that_is_interrupted_says_so(tiny: Overrides, monkeypatch: pytest.MonkeyPatch):
    first = run(tiny(*FLOOR))
    monkeypatch.setattr(running, "fit_and_test", once(running.fit_and_test))
    with pytest.raises(KeyboardInterrupt):
        run(tiny(*FLOOR, "force=true"))
    left = files.read_record(first.folder)
    assert left is not None
    assert left["status"] == "interrupted"


# Losses that are no numbers


def check_divergence(outcome: Outcome, which: str, epochs: int) -> None:
    record = outcome.record
    assert record["status"] == "failed"
    assert f"the {which} loss became nan at step" in record["reason"]
    assert "try a smaller training.learning_rate" in record["reason"]
    assert len(record["curves"]) == epochs


def test_a_lost_training_loss_late_in_an_epoch_fails(tiny: Overrides, monkeypatch: pytest.MonkeyPatch):
    spoil_loss(monkeypatch, training=True, at=7)  # the second of three batches of the last epoch
    check_divergence(run(tiny("task=sentiment", "model=none")), "training", 2)


@pytest.mark.slow
def test_a_lost_validation_loss_fails_where_it_chooses_the_epoch(writing: Overrides, monkeypatch: pytest.MonkeyPatch):
    spoil_loss(monkeypatch, training=False, at=2)  # the split is one batch
    check_divergence(run(writing("task=correction", "model=dot")), "validation", 2)


# Checkpoints


@pytest.mark.slow
@pytest.mark.parametrize("name", ["last.ckpt", "best.ckpt"])
@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:2000]), "is damaged (BadZipFile: "),
        (lambda path: torch.save({"weights": 1}, path), "is no checkpoint of this run"),
        (lambda path: torch.save(torch.load(path) | {"run": "that of another seed"}, path), "is no checkpoint of this"),
    ],
    ids=["damaged", "foreign", "of another run"],
)
def test_a_checkpoint_that_cannot_be_used_is_set_aside_and_the_run_begins_anew(
    tiny: Overrides,
    whole: Outcome,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    spoil: Callable[[Path], Any],
    said: str,
):
    monkeypatch.setattr(fit, "_test", once(fit._test))
    path = interrupted(tiny(*SHORT)) / name
    spoil(path)
    find = fit.last_checkpoint
    seen: list[set[str]] = []
    monkeypatch.setattr(fit, "last_checkpoint", lambda folder: (find(folder), seen.append(left_in(folder)))[0])
    anew = run(tiny(*SHORT))
    warning = capsys.readouterr().err
    assert f"warning: {path} {said}" in warning
    assert f"; {name} is set aside, the run begins anew\n" in warning
    assert seen == [{"best.ckpt.damaged", "last.ckpt.damaged"}]
    assert not anew.record["resumed"]
    assert numbers(anew) == numbers(whole)
    assert left_in(path.parent) == set()


@pytest.mark.slow
def test_a_lost_best_epoch_does_not_fail_a_run_for_ever(
    tiny: Overrides, whole: Outcome, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(fit, "_test", once(fit._test))
    (interrupted(tiny(*SHORT)) / "best.ckpt").unlink()
    assert numbers(run(tiny(*SHORT))) == numbers(whole)
    assert "best.ckpt is lost; " in capsys.readouterr().err


def test_whatever_a_damaged_checkpoint_holds_it_is_set_aside(tmp_path: Path):
    last, aside = tmp_path / "last.ckpt", tmp_path / "last.ckpt.damaged"
    assert checkpoints.last_checkpoint(tmp_path) is None
    for path in (last, tmp_path / "best.ckpt"):
        torch.save({"weights": torch.rand(2000), "step": 1, "run": tmp_path.name}, path)
    whole, best = last.read_bytes(), path.read_bytes()
    assert checkpoints.last_checkpoint(tmp_path) == last
    cuts = [whole[:length] for length in range(0, len(whole), 97)]
    for content in (*cuts, b"of the run before", bytes(len(whole)), whole.replace(b"step", b"\xff" * 4)):
        last.write_bytes(content)
        path.write_bytes(best)
        assert checkpoints.last_checkpoint(tmp_path) is None
        assert aside.read_bytes() == content
        assert not last.exists()


def spoilt(content: bytes) -> st.SearchStrategy[bytes]:
    """The bytes of a file with some of them changed, a part of them, or others."""
    places = st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), max_size=8)

    def change(changes: list[tuple[int, int]]) -> bytes:
        made = bytearray(content)
        for place, byte in changes:
            made[place] = byte
        return bytes(made)

    cut = st.integers(0, len(content)).map(lambda length: content[:length])
    return st.one_of(places.map(change), cut, st.binary(max_size=300))


@pytest.mark.slow
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_bytes_a_checkpoint_holds_it_is_as_it_was_written_or_named(tmp_path: Path, data: st.DataObject):
    path = tmp_path / "best.ckpt"
    torch.save({"weights": torch.arange(20), "step": 1, "run": tmp_path.name}, path)
    path.write_bytes(data.draw(spoilt(path.read_bytes())))
    with suppress(ValueError):
        found = checkpoints.load(path)
        assert found["weights"].tolist() == list(range(20))
        assert (found["run"], found["step"]) == (tmp_path.name, 1)


@pytest.mark.slow
def test_whatever_the_checkpoints_hold_the_run_comes_to_the_same(
    tiny: Overrides, whole: Outcome, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    with monkeypatch.context() as patched:
        patched.setattr(fit, "_test", once(fit._test))
        folder = interrupted(tiny(*SHORT))
    left = {name: (folder / name).read_bytes() for name in ("last.ckpt", "best.ckpt", "record.json")}

    @settings(max_examples=20, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def resume(data: st.DataObject) -> None:
        for name, content in left.items():
            (folder / name).write_bytes(content)
        name = data.draw(st.sampled_from(["last.ckpt", "best.ckpt"]))
        (folder / name).write_bytes(data.draw(spoilt(left[name])))
        resumed = run(tiny(*SHORT))
        warned = capsys.readouterr().err.splitlines()
        assert numbers(resumed) == numbers(whole)
        assert (len(warned), resumed.record["resumed"]) in ((0, True), (1, False)), warned
        assert left_in(folder) == set()

    resume()


# Moved results


@pytest.mark.slow
def test_a_run_in_a_moved_folder_tests_the_epoch_that_was_best(
    tiny: Overrides, whole: Outcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The best epoch is the first; both are left, and the second attempt has another one to train."""
    overrides = tiny(*SHORT, "training.patience=6")
    with monkeypatch.context() as patched:
        spoil_loss(patched, training=True, at=7, spoil=raising(KeyboardInterrupt))
        folder = interrupted(overrides)
    for name in ("best.ckpt", "last.ckpt"):
        assert not [text for text in texts_in(checkpoints.load(folder / name)) if str(tmp_path) in text]
    first = torch.load(folder / "best.ckpt")["state_dict"]
    moved = tmp_path / "moved"
    folder.parent.parent.rename(moved)
    resumed = run([*overrides, f"results_dir={moved}"])
    assert resumed.record["resumed"]
    assert numbers(resumed) == numbers(run([*overrides, f"results_dir={tmp_path / 'whole'}"]))
    tested = load_file(resumed.folder / "model.safetensors")
    assert all(torch.equal(weight, first[f"model.{name}"]) for name, weight in tested.items())


def texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    if isinstance(value, list | tuple):
        for inner in value:
            yield from texts_in(inner)
    elif isinstance(value, str | Path):
        yield str(value)


# Signals that find a library at work


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "stop", "code"), [(signal.SIGTERM, SystemExit, 143), (signal.SIGINT, KeyboardInterrupt, None)]
)
def test_a_signal_while_a_checkpoint_is_written_interrupts(
    tiny: Overrides,
    whole: Outcome,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
    stop: type[BaseException],
    code: int | None,
):
    with monkeypatch.context() as patched:
        signalled_in_writing(patched, number)
        with pytest.raises(stop) as ended:
            run(tiny(*SHORT))
    assert getattr(ended.value, "code", None) == code
    (folder,) = (path.parent for path in Path(tiny()[-1].partition("=")[2]).glob("runs/*/record.json"))
    left = files.read_record(folder)
    assert left is not None
    assert left["status"] == "interrupted"
    assert not list(folder.glob("*.part"))
    assert numbers(run(tiny(*SHORT))) == numbers(whole)


def test_a_limit_that_ends_while_a_checkpoint_is_written_is_told(tiny: Overrides, monkeypatch: pytest.MonkeyPatch):
    signalled_in_writing(monkeypatch, signal.SIGALRM)
    record = run(tiny(*SHORT, "max_minutes=9")).record
    assert (record["status"], "took longer than max_minutes=9" in record["reason"]) == ("failed", True)


def signalled_in_writing(monkeypatch: pytest.MonkeyPatch, number: signal.Signals) -> None:
    """A signal as torch's writer, in C++, hands over its 20th piece."""
    pieces = []

    def write(self: Any, content: bytes) -> int:
        pieces.append(1)
        if len(pieces) == 20:
            signal.raise_signal(number)
        return self._file.write(content)  # type: ignore[no-any-return]

    monkeypatch.setattr(checkpoints._Noting, "write", write)


def test_a_checkpoint_that_is_cut_short_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    files, path = WholeFiles(), tmp_path / "new" / "last.ckpt"
    files.save_checkpoint({"step": 1}, path)

    def cut(checkpoint: Any, file: Any) -> None:
        file.write(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(torch, "save", cut)
        with pytest.raises(KeyboardInterrupt):
            files.save_checkpoint({"step": 2}, path)
    assert files.load_checkpoint(path, weights_only=True) == {"step": 1}
    files.save_checkpoint({"step": 3}, path)
    assert files.load_checkpoint(path, weights_only=True) == {"step": 3}
    assert [found.name for found in path.parent.iterdir()] == ["last.ckpt"]


def test_a_run_writes_its_checkpoints_without_the_folder_of_temporary_files(
    tiny: Overrides, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none such"))
    outcome = run(tiny("task=sentiment", "model=none", "training.steps=3"))
    assert outcome.record["status"] == "done", outcome.record["reason"]


# Random states


class FakeGPUs:
    """Two GPUs whose random states are the numbers in ``states``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, states: list[int]) -> None:
        self.states = states
        monkeypatch.setattr(torch.cuda, "get_rng_state", lambda device: torch.tensor(self.states[device.index]))
        monkeypatch.setattr(torch.cuda, "set_rng_state", self.set)

    def set(self, state: torch.Tensor, device: torch.device) -> None:
        self.states[device.index] = int(state)


def states_on(device: str) -> RandomStates:
    states = RandomStates()
    trainer: Any = SimpleNamespace(strategy=SimpleNamespace(root_device=torch.device(device)))
    states.setup(trainer, None, "fit")  # type: ignore[arg-type]
    return states


def resume(device: str, saved: dict[str, Any]) -> None:
    states = states_on(device)
    states.load_state_dict(saved)
    states.on_train_batch_start(None, None, None, 0)  # type: ignore[arg-type]


def test_a_run_resumes_with_the_random_state_of_its_gpu_whichever_others_there_are(monkeypatch: pytest.MonkeyPatch):
    gpus = FakeGPUs(monkeypatch, [10, 11])
    saved = states_on("cuda:1").state_dict()
    gpus.states = [20]
    resume("cuda:0", saved)
    assert gpus.states == [11]


def test_random_states_of_a_gpu_do_not_keep_a_run_from_a_cpu_nor_the_other_way(monkeypatch: pytest.MonkeyPatch):
    gpus = FakeGPUs(monkeypatch, [10])
    torch.manual_seed(3)
    both = [states_on(device).state_dict() for device in ("cpu", "cuda:0")]
    drawn = torch.rand(2)
    for device, saved in zip(("cuda:0", "cpu"), both, strict=True):
        resume(device, saved)
        assert torch.equal(torch.rand(2), drawn)
    assert gpus.states == [10]
