"""Runs with a pretrained encoder: frozen and fine-tuned, of each kind of task; what they record, alone in a folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from harness.build.checks import check_combination
from harness.build.data import encode, load_corpus, make_task
from harness.build.model import make_model
from harness.build.room import measured_need
from harness.build.saved import SavedNetwork
from harness.configuration.compose import compose_configuration
from harness.configuration.values import check_settings
from harness.prediction.predictor import Asked, Predictor
from harness.records.files import ENCODING, WEIGHTS, read_predictions, read_record
from harness.run.execute import execute
from harness.training.module import TrainingModule
from models.pieces import TokenPieces, TokenStates
from tasks.encoding import text_encoder
from tests.harness.conftest import TINY, WRITING
from tests.tiny_encoder import make_encoder

pytestmark = pytest.mark.xdist_group("runs with encoders")  # made once

SMALL = ["data.size=few", "data.max_train=16", "data.max_validation=8", "data.max_test=8", "training.steps=2"]
CASES = {
    "classification": [*TINY, "task=classification", "model=self"],
    "matching": [*TINY, "task=matching", "model=cross"],
    "ner": [*TINY, "task=ner", "model=cross"],
    "translation": [*WRITING, "task.search.beam=2", "task=translation", "model=additive", "task.tie=false"],
}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_encoder(tmp_path_factory.mktemp("encoder"))


def options_of(task: str, encoder: Path, *further: str) -> list[str]:
    usual = [option for option in CASES[task] if not option.startswith("embedding")]
    return [*usual, *SMALL, "logger=none", "embedding=encoder", f"embedding.path={encoder}", *further]


def done(options: list[str]) -> Any:
    outcome = execute(compose_configuration(options))
    assert outcome.record["status"] == "done", outcome.record["reason"]
    return outcome


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, quick_measures: None, encoder: Path) -> Callable[..., Any]:
    """The outcome of a tiny run, trained once."""
    outcomes: dict[tuple[str, bool], Any] = {}

    def outcome(task: str, *, fine_tune: bool) -> Any:
        if (task, fine_tune) not in outcomes:
            place = tmp_path_factory.mktemp(task)
            learnt = f"embedding.parts.encoder.fine_tune={str(fine_tune).lower()}"
            outcomes[task, fine_tune] = done(options_of(task, encoder, f"results_dir={place}", learnt))
        return outcomes[task, fine_tune]

    return outcome


@pytest.mark.slow
@pytest.mark.parametrize("fine_tune", [False, True])
@pytest.mark.parametrize("task", CASES)
def test_a_run_predicts_alone_what_it_predicted(
    trained: Callable[..., Any], tmp_path: Path, encoder: Path, task: str, fine_tune: bool
):
    outcome = trained(task, fine_tune=fine_tune)
    folder = Path(shutil.copytree(outcome.folder, tmp_path / "run"))
    record, kept = read_record(folder), read_predictions(folder)
    assert record is not None
    if fine_tune:  # all of it is in the run's folder
        record["config"]["embedding"]["path"] = "/nowhere/at/all"
    network = SavedNetwork.load(record, folder)
    rows = [{column: row[column] for column in network.task.text_columns} for row in kept]
    answers = list(Predictor([network]).answers(rows, str, Asked()))
    assert [answer.predicted for answer in answers] == [row["predicted"] for row in kept]


@pytest.mark.slow
def test_the_record_says_what_the_encoder_is_and_costs(trained: Callable[..., Any], encoder: Path):
    frozen, learnt = (trained("ner", fine_tune=fine_tune).record for fine_tune in (False, True))
    for record in (frozen, learnt):
        assert record["encoder"]["path"] == str(encoder)
        assert record["encoder"]["content"] == record["config"]["embedding"]["content"]
        assert record["encoder"]["kind"] == "bert"
        assert record["costs"]["parameters"]["encoder"] == 6144
        assert record["costs"]["encoder_flops_per_token"] > 2 * 8192 * 0.5
    assert (frozen["encoder"]["fine_tuned"], learnt["encoder"]["fine_tuned"]) == (False, True)
    assert frozen["encoder"]["pieces"] > 0
    assert learnt["encoder"]["pieces"] == 0
    more = learnt["costs"]["parameters"]["total"] - frozen["costs"]["parameters"]["total"]
    assert more == 6144
    # on the meta device the pieces of a batch are padded
    flops = learnt["costs"]["flops_per_token"] - frozen["costs"]["flops_per_token"]
    assert flops >= learnt["costs"]["encoder_flops_per_token"] > 0.3 * flops


@pytest.mark.slow
def test_weights_that_are_kept_are_those_that_learnt(trained: Callable[..., Any]):
    def names(fine_tune: bool) -> list[str]:
        with safe_open(trained("ner", fine_tune=fine_tune).folder / WEIGHTS, framework="pt") as file:
            return [name for name in file.keys() if ".network." in name]  # noqa: SIM118

    assert names(False) == []
    assert len(names(True)) > 30
    kept = json.loads((trained("ner", fine_tune=False).folder / ENCODING).read_text())
    assert set(kept["encoder"]) == {"content"}


@pytest.mark.slow
def test_a_frozen_encoder_that_is_gone_or_another_is_said_in_one_line(
    trained: Callable[..., Any], tmp_path: Path, encoder: Path
):
    record = json.loads(json.dumps(trained("ner", fine_tune=False).record))
    other = Path(shutil.copytree(encoder, tmp_path / "other"))
    (other / "config.json").write_text((other / "config.json").read_text() + " ")
    for path, said in ((tmp_path / "nowhere", "expected the folder of an encoder"), (other, "expected that content")):
        record["config"]["embedding"]["path"] = str(path)
        with pytest.raises(ValueError, match=rf"frozen encoder of the content .*{said}.*put it back") as refused:
            SavedNetwork.load(record, trained("ner", fine_tune=False).folder)
        assert "\n" not in str(refused.value)


@pytest.mark.slow
def test_other_seeds_and_mechanisms_find_the_states(
    trained: Callable[..., Any], encoder: Path, monkeypatch: pytest.MonkeyPatch
):
    first = trained("ner", fine_tune=False)
    monkeypatch.setattr(text_encoder, "compute", None)
    results = first.record["config"]["results_dir"]
    other = done(options_of("ner", encoder, f"results_dir={results}", "seed=7"))
    assert other.record["encoder"] == first.record["encoder"]
    without_names = done(options_of("ner", encoder, f"results_dir={results}", "model=none"))
    assert without_names.record["encoder"]["pieces"] < first.record["encoder"]["pieces"]


@pytest.mark.slow
def test_the_same_encoder_elsewhere_is_the_same_run_and_another_is_not(
    trained: Callable[..., Any], encoder: Path, tmp_path: Path
):
    first = trained("ner", fine_tune=False)
    results = f"results_dir={first.record['config']['results_dir']}"
    learnt = "embedding.parts.encoder.fine_tune=false"
    moved = Path(shutil.copytree(encoder, tmp_path / "moved"))
    found = done(options_of("ner", moved, results, learnt))
    assert found.found
    assert found.record["id"] == first.record["id"]
    another = done(options_of("ner", make_encoder(tmp_path / "another", seed=1), results, learnt))
    assert another.record["id"] != first.record["id"]


def test_an_encoder_learns_at_a_rate_of_its_own(encoder: Path, tmp_path: Path):
    config = compose_configuration(
        options_of("ner", encoder, f"results_dir={tmp_path}", "embedding.parts.encoder.fine_tune=true")
    )
    task = make_task(config)
    data = encode(config, task, load_corpus(config, task))
    rates = {"learning_rate": 1.0, "embedding_learning_rate": 2.0, "encoder_learning_rate": 3.0}
    rest = {"schedule": "cosine", "warmup_steps": 1, "final_learning_rate_fraction": 0.1, "decay_share": 0.1}
    model = make_model(config, data)
    module = TrainingModule(
        model, scorer=data.score, main_score="x", validate_by="score", weight_decay=0.5, **rates, **rest
    )
    groups = module._parameter_groups()
    network = model.embeddings.parts["encoder"].network
    own = {id(p) for p in network.parameters()}
    for group in groups:
        inside = {id(p) in own for p in group["params"]}
        assert len(inside) <= 1  # the tables of the encoder are its own, too
        if True in inside:
            assert group["lr"] == 3.0
    assert sum(len(group["params"]) for group in groups) == len(list(model.parameters()))
    need = measured_need(model, data.batch("train", [0]), None)
    plain = compose_configuration(options_of("ner", encoder, f"results_dir={tmp_path}"))
    states = encode(plain, task, data.corpus)
    kept = measured_need(make_model(plain, states), states.batch("train", [0]), None)
    assert need.of(200, training=True) > 1.2 * kept.of(200, training=True)


def test_batches_bring_states_or_pieces(encoder: Path, tmp_path: Path):
    for fine_tune, kind in (("false", TokenStates), ("true", TokenPieces)):
        config = compose_configuration(
            options_of(
                "classification", encoder, f"results_dir={tmp_path}", f"embedding.parts.encoder.fine_tune={fine_tune}"
            )
        )
        task = make_task(config)
        data = encode(config, task, load_corpus(config, task))
        batch = data.batch("train", [0, 1, 2])
        assert isinstance(batch.texts[0].pretrained, kind)
        model = make_model(config, data).eval()
        with torch.no_grad():
            together = model(batch)
            alone = torch.cat([model(data.batch("train", [row])) for row in (0, 1, 2)])
        torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("further", "message"),
    [
        (["embedding.parts.encoder.fine_tune=true", "embedding.parts.encoder.half=true"], "set one of them to false"),
        (["embedding.parts.encoder.layers=middle"], "expected mix or last, got 'middle'"),
        (["embedding.content=" + "0" * 64], "and embedding.content is 000"),
        (["task=translation", "model=additive"], "task.tie=true shares .* or set task.tie=false"),
    ],
)
def test_what_does_not_fit_is_refused_before_data_are_read(encoder: Path, tmp_path: Path, further, message):
    def check() -> None:
        config = compose_configuration(options_of("classification", encoder, f"results_dir={tmp_path}", *further))
        check_settings(config)
        check_combination(config, make_task(config))

    with pytest.raises(ValueError, match=message):
        check()


def test_an_embedding_without_a_path_says_what_to_give():
    with pytest.raises(ValueError, match=r"embedding.path has no value; give it one: embedding.path=…"):
        check_settings(compose_configuration(["embedding=encoder"]))
