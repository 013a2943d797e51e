"""The files of an encoder: what is missing, odd or not safe is refused by name; the same files are the same encoder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from tasks.encoding.pretrained import describe
from tasks.reading.encoder_files import content_of_encoder, encoder_folder
from tests.tiny_encoder import make_encoder


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    return make_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture
def folder(made, tmp_path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "encoder"))


def rewrite(folder: Path, **changes) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))


def anew(folder: Path, **settings) -> None:
    (folder / "config.json").write_text(json.dumps(settings))


def without(*names):
    return lambda folder: [(folder / name).unlink() for name in names]


def pickled(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def no_folder(folder):
    shutil.rmtree(folder)


REFUSED = {
    "no folder": (no_folder, "expected the folder of an encoder, or its id on the hub"),
    "no config": (
        without("config.json"),
        r"expected config.json in the folder of an encoder, found model.safetensors, ",
    ),
    "pickle": (pickled, r"pytorch_model.bin is no safetensors file, and to read a pickle is to run .*save_pretrained"),
    "no weights": (without("model.safetensors"), r"expected weights in model.safetensors, found config.json"),
    "no tokenizer": (without("tokenizer.json"), "the tokenizer is missing: expected tokenizer.json"),
    "no JSON": (lambda folder: (folder / "config.json").write_text("{"), "config.json is no JSON"),
    "a list": (lambda folder: (folder / "config.json").write_text("[]"), "config.json holds no settings, got a list"),
    "unknown kind": (
        lambda folder: rewrite(folder, model_type="mine"),
        r"model_type='mine', which transformers .* not",
    ),
    "own code": (
        lambda folder: rewrite(folder, model_type="mine", auto_map={"AutoModel": "code.Mine"}),
        "code that comes with an encoder is never run",
    ),
    "reads and writes": (lambda folder: anew(folder, model_type="t5"), "of the kind 't5' reads and writes"),
    "pictures": (lambda folder: anew(folder, model_type="vit"), "no vocab_size, so that 'vit' is no encoder of texts"),
    "odd settings": (lambda folder: rewrite(folder, hidden_size="wide"), "does not fit model_type='bert'"),
    "odd tokenizer": (lambda folder: (folder / "tokenizer.json").write_text("{}"), "the tokenizer cannot be read"),
    "another tokenizer": (lambda folder: rewrite(folder, vocab_size=30), "they do not belong together"),
    "too short": (lambda folder: rewrite(folder, max_position_embeddings=2), "reads 2 pieces, of which 2 are special"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_used_is_refused_in_one_line(folder, what):
    spoil, message = REFUSED[what]
    spoil(folder)
    with pytest.raises(ValueError, match=message) as refused:
        describe(encoder_folder(str(folder)), content="", cache=None)
    assert "\n" not in str(refused.value)


def test_an_id_without_a_network_is_refused_with_a_remedy():
    with pytest.raises(
        ValueError, match=r"embedding.path=nobody/has-this: there is no such folder, and the hub did not"
    ):
        encoder_folder("nobody/has-this")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "model.safetensors").write_bytes(b"12345678901234567890"), "cannot be read"),
        (lambda folder: rewrite(folder, num_hidden_layers=3), r"lack \d+ that its config.json asks for \(.*layer.2"),
        (lambda folder: rewrite(folder, intermediate_size=64), "the weights in .* cannot be read|lack"),
    ],
)
def test_weights_that_are_damaged_or_of_another_network_are_refused(folder, spoil, message):
    spoil(folder)
    described = describe(folder, content="", cache=None)
    with pytest.raises(ValueError, match=message):
        described.architecture(folder).build()


def test_the_same_files_are_the_same_encoder_wherever_they_lie(made, folder):
    assert content_of_encoder(made) == content_of_encoder(folder)
    (folder / "README.md").write_text("about it")
    assert content_of_encoder(made) == content_of_encoder(folder)
    rewrite(folder, hidden_dropout_prob=0.2)
    assert content_of_encoder(made) != content_of_encoder(folder)


def test_weights_of_sixteen_bits_are_read_as_thirty_two(folder):
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    save_file({name: tensor.half() for name, tensor in weights.items()}, folder / "model.safetensors", {"format": "pt"})
    rewrite(folder, dtype="float16", torch_dtype="float16")
    network = describe(folder, content="", cache=None).architecture(folder).build()
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}


def test_building_leaves_the_random_state_alone(made):
    described = describe(made, content="", cache=None)
    before = torch.get_rng_state()
    described.architecture(made).build()
    described.architecture(None).build()
    assert torch.equal(torch.get_rng_state(), before)


def test_positions_after_padding_do_not_count(tmp_path, made):
    """RoBERTa numbers positions from after the id of padding."""
    folder = Path(shutil.copytree(made, tmp_path / "roberta"))
    rewrite(folder, model_type="roberta", pad_token_id=1, max_position_embeddings=24)
    assert describe(folder, content="", cache=None).limit == 20
