from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch import Tensor, nn

from models.architecture import Architecture
from models.embeddings import (
    UNKNOWN,
    BigramVectors,
    CharacterConvolution,
    IdCounts,
    NgramBag,
    ShapeVectors,
    TextTensors,
    TokenEmbedding,
    WordVectors,
)
from models.pieces import TokenStates

CONF = Path(__file__).parents[2] / "conf" / "embedding"
SIZES = IdCounts(vocabulary=9, characters=7, ngram_buckets=11)
MASK = torch.tensor([[True, True, True], [True, False, False]])


def texts() -> TextTensors:
    return TextTensors(
        words_BT=torch.tensor([[2, 5, 1], [8, 0, 0]]),
        mask_BT=MASK,
        forms_BT=torch.tensor([[0, 1, 2], [1, 0, 0]]),
        characters_UC=torch.tensor([[2, 3, 4, 5], [6, 2, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]),
        shapes_U=torch.tensor([5, 0, 63, 1]),
        ngrams_N=torch.tensor([0, 4, 4, 10, 3]),
        ngram_offsets_U=torch.tensor([0, 2, 5, 5]),
    )


def embedding(**changes: object) -> TokenEmbedding:
    torch.manual_seed(0)
    options = {
        "parts": {
            "words": partial(WordVectors, width=4, word_dropout=0.0, std=0.1),
            "characters": partial(CharacterConvolution, character_width=3, width=5, kernel=3),
            "ngrams": partial(NgramBag, width=6),
            "bigrams": partial(BigramVectors, buckets=13, width=2),
        },
        "combine": "concatenate",
        "width": None,
        "dropout": 0.0,
        "shared_dropout": False,
        "token_dropout": 0.0,
    } | changes
    return TokenEmbedding(vocabulary_size=9, character_count=7, ngram_buckets=11, **options)


def test_parts_are_concatenated_and_padding_is_zero() -> None:
    module = embedding()
    x = module(texts())
    assert x.shape == (2, 3, module.width)
    assert module.width == 4 + 5 + 6 + 2
    assert (x[~MASK] == 0).all()
    torch.testing.assert_close(x[0, 1, :4], module.parts["words"].table.weight[5])


def test_parts_are_summed() -> None:
    words = partial(WordVectors, width=6, word_dropout=0.0, std=0.1)
    module = embedding(parts={"words": words, "ngrams": partial(NgramBag, width=6)}, combine="sum")
    expected = module.parts["words"](texts()) + module.parts["ngrams"](texts())
    torch.testing.assert_close(module(texts())[0], expected[0])
    assert module.width == 6


def test_a_width_adds_a_projection() -> None:
    module = embedding(width=3)
    assert module.width == 3
    assert module(texts()).shape == (2, 3, 3)
    assert (module(texts())[~MASK] == 0).all()


def test_a_part_of_width_zero_is_left_out() -> None:
    parts = {
        "words": partial(WordVectors, width=4, word_dropout=0.0, std=0.1),
        "ngrams": partial(NgramBag, width=0),
    }
    assert list(embedding(parts=parts).parts) == ["words"]


def test_characters_match_loops() -> None:
    torch.manual_seed(1)
    module = CharacterConvolution(SIZES, character_width=3, width=5, kernel=3)
    given = texts()
    x = module(given)
    weight, bias = module.convolution.weight, module.convolution.bias
    for b, t in MASK.nonzero().tolist():
        characters = [c for c in given.characters_UC[given.forms_BT[b, t]].tolist() if c != 0]
        vectors = [torch.zeros(3), *(module.table.weight[c] for c in characters), torch.zeros(3)]
        responses = [
            torch.relu(bias + sum(weight[:, :, k] @ vectors[i + k] for k in range(3))) for i in range(len(characters))
        ]
        torch.testing.assert_close(x[b, t], torch.stack(responses).amax(0))


def test_ngrams_match_loops() -> None:
    torch.manual_seed(1)
    module = NgramBag(SIZES, width=6)
    x = module(texts())
    bags = [[0, 4], [4, 10, 3], [], []]
    for (b, t), form in (((0, 0), 0), ((0, 1), 1), ((0, 2), 2), ((1, 0), 1)):
        expected = sum((module.table.weight[n] for n in bags[form]), torch.zeros(6)) / max(1, len(bags[form])) ** 0.5
        torch.testing.assert_close(x[b, t], expected)


def test_bigrams_depend_on_the_word_and_its_left_neighbour_alone() -> None:
    module = BigramVectors(SIZES, buckets=1000, width=8)
    given = texts()
    x = module(replace(given, words_BT=torch.tensor([[2, 5, 7, 2, 5], [3, 5, 7, 5, 2]])))
    assert torch.equal(x[0, 1], x[0, 4])
    assert torch.equal(x[0, 2], x[1, 2])
    assert not torch.equal(x[0, 1], x[1, 1])
    assert not torch.equal(x[0, 1], x[1, 4])


def test_hashed_bigrams_spread_over_the_buckets() -> None:
    module = BigramVectors(SIZES, buckets=4096, width=1)
    with torch.no_grad():
        module.table.weight.copy_(torch.arange(4096.0)[:, None])
    words = torch.randint(2, 5000, (64, 64), generator=torch.Generator().manual_seed(0))
    used = module(replace(texts(), words_BT=words)).unique().numel()
    # 4096 throws into 4096 buckets leave 1/e of them empty.
    assert used == pytest.approx(4096 * (1 - 1 / 2.718), rel=0.05)


def test_padding_unused_forms_and_company_change_nothing() -> None:
    module = embedding()
    given, expected = texts(), module(texts())
    larger = TextTensors(
        words_BT=nn.functional.pad(given.words_BT, (0, 2)),
        mask_BT=nn.functional.pad(given.mask_BT, (0, 2)),
        forms_BT=nn.functional.pad(given.forms_BT, (0, 2)),
        characters_UC=nn.functional.pad(torch.cat([given.characters_UC, torch.tensor([[5, 6, 5, 6]])]), (0, 3)),
        shapes_U=torch.cat([given.shapes_U, torch.tensor([7])]),
        ngrams_N=torch.cat([given.ngrams_N, torch.tensor([9, 9])]),
        ngram_offsets_U=torch.cat([given.ngram_offsets_U, torch.tensor([5])]),
    )
    torch.testing.assert_close(module(larger)[:, :3], expected)
    first = replace(given, words_BT=given.words_BT[:1], mask_BT=MASK[:1], forms_BT=given.forms_BT[:1])
    torch.testing.assert_close(module(first), expected[:1])


def test_padding_gets_no_gradient_and_every_parameter_does() -> None:
    module = embedding(width=3)
    module(texts()).square().sum().backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
    assert (module.parts["words"].table.weight.grad[0] == 0).all()
    assert (module.parts["characters"].table.weight.grad[0] == 0).all()


def test_word_dropout_forgets_words_in_training_only_and_never_the_spelling() -> None:
    parts = {
        "words": partial(WordVectors, width=4, word_dropout=0.5, std=0.1),
        "ngrams": partial(NgramBag, width=6),
    }
    module = embedding(parts=parts)
    many = replace(
        texts(),
        words_BT=torch.full((50, 40), 5),
        mask_BT=torch.ones(50, 40, dtype=torch.bool),
        forms_BT=torch.zeros(50, 40, dtype=torch.long),
    )
    x, table = module.train()(many), module.parts["words"].table.weight
    forgotten = (x[..., :4] == table[UNKNOWN]).all(-1)
    assert forgotten.float().mean().item() == pytest.approx(0.5, abs=0.05)
    assert (x[~forgotten][:, :4] == table[5]).all()
    assert (x[..., 4:] == x[0, 0, 4:]).all()
    assert (module.eval()(many)[..., :4] == table[5]).all()


@pytest.mark.parametrize("shared", [True, False])
def test_dropout_may_be_shared_by_the_tokens_of_a_text(shared: bool) -> None:
    parts = {"words": partial(WordVectors, width=64, word_dropout=0.0, std=0.1)}
    module = embedding(parts=parts, dropout=0.5, shared_dropout=shared).train()
    full = torch.ones(2, 3, dtype=torch.bool)
    dropped = module(replace(texts(), words_BT=torch.tensor([[2, 5, 1], [8, 2, 2]]), mask_BT=full)) == 0
    assert dropped.float().mean().item() == pytest.approx(0.5, abs=0.15)
    assert (dropped == dropped[:, :1]).all().item() is shared
    assert not torch.equal(dropped[0], dropped[1])


def test_token_dropout_takes_whole_vectors_and_leaves_the_others_as_they_are() -> None:
    torch.manual_seed(0)
    parts = {"words": partial(WordVectors, width=4, word_dropout=0.0, std=0.1), "ngrams": partial(NgramBag, width=6)}
    module = embedding(parts=parts, token_dropout=0.3)
    many = replace(
        texts(),
        words_BT=torch.full((50, 40), 5),
        mask_BT=torch.ones(50, 40, dtype=torch.bool),
        forms_BT=torch.zeros(50, 40, dtype=torch.long),
    )
    whole, x = module.eval()(many), module.train()(many)
    gone = (x == 0).all(-1)
    assert gone.float().mean().item() == pytest.approx(0.3, abs=0.05)
    assert torch.equal(x[~gone], whole[~gone])


@pytest.mark.parametrize("path", sorted(CONF.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_configuration_builds(path: Path) -> None:
    config = OmegaConf.create({"embedding": OmegaConf.load(path), "backbone": {"width": 8}})
    given, pretrained = texts(), {}
    if "encoder" in config.embedding.parts:
        config.embedding.path, pretrained = "folder", {"encoder": Architecture({}, width=5, depth=2)}
        given = replace(given, pretrained=TokenStates(torch.tensor([[0, 1, 2], [3, 0, 0]]), torch.rand(4, 3, 5)))
    elif "path" in config.embedding.keys():  # noqa: SIM118  (it has no value yet)
        config.embedding.path, pretrained = "vectors.txt", {"vectors": 3, "vector_width": 5}
        given = replace(given, vectors_UD=torch.rand(4, 5), vector_ids_U=torch.tensor([1, 0, 7, 3]))
    module = instantiate(config.embedding)(vocabulary_size=9, character_count=7, **pretrained)
    x: Tensor = module(given)
    assert x.shape == (2, 3, module.width)
    assert x.isfinite().all()


def test_bad_options_are_refused() -> None:
    with pytest.raises(ValueError, match="expects an odd kernel, got 4; use 5"):
        CharacterConvolution(SIZES, character_width=3, width=5, kernel=4)
    with pytest.raises(ValueError, match=r"at least one bucket, got embedding\.ngram_buckets=0"):
        NgramBag(SIZES._replace(ngram_buckets=0), width=3)
    with pytest.raises(ValueError, match=r"word_dropout expects a probability in \[0, 1\), got 1.5"):
        WordVectors(SIZES, width=3, word_dropout=1.5, std=0.1)
    with pytest.raises(ValueError, match="at least one part of a width above 0, got none"):
        embedding(parts={})
    with pytest.raises(ValueError, match=r"expects parts of one width, got \{'words': 4"):
        embedding(combine="sum")
    with pytest.raises(ValueError, match="'concatenate' or 'sum', got 'mean'"):
        embedding(combine="mean")
    with pytest.raises(ValueError, match=r"no part of the embedding reads embedding\.path=v; choose embedding=vectors"):
        embedding(path="v")


def test_shape_vectors_belong_to_the_form() -> None:
    part = ShapeVectors(SIZES, width=3)
    x_BTD, given = part(texts()), texts()
    for row, position in ((0, 0), (0, 1), (0, 2), (1, 0)):
        form = given.forms_BT[row, position]
        assert torch.equal(x_BTD[row, position], part.table.weight[given.shapes_U[form]])
