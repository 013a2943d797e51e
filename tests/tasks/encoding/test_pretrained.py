"""Words to the pieces of an encoder and back, its windows, its frozen states and what is kept of them."""

from __future__ import annotations

import json
import shutil
import threading
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.architecture import layer_states
from models.pieces import TokenPieces
from tasks.encoding import states as states_module
from tasks.encoding import text_encoder as text_encoder_module
from tasks.encoding.pieces import Cut, Tokenizer, windows_of
from tasks.encoding.pretrained import Description, describe
from tasks.encoding.spelling import spell_symbols, spell_words
from tasks.encoding.states import FrozenStates
from tasks.encoding.text_encoder import Setting, TextEncoder
from tasks.reading.encoder_files import content_of_encoder
from tests.tiny_encoder import VOCABULARY, make_encoder

FROZEN = Setting(layers="mix", pieces="mean", fine_tune=False, half=False)
TEXTS = [
    ["The", "dog", "sees", "a", "running", "cat", "."],
    ["Berlin"],
    ["a", "\x07", "good", "film"],
    ["not", "very", "bad"],
    ["the", "cat", "runs"],
]
LONG = ["dog" if number % 3 else "running" for number in range(60)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return make_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def description(folder) -> Description:
    return describe(folder, content=content_of_encoder(folder), cache=None)


@pytest.fixture
def encoder(folder, description, tmp_path) -> TextEncoder:
    return TextEncoder(description, FROZEN, folder, cache=tmp_path / "cache")


def shown(cut: Cut) -> list[str]:
    return [VOCABULARY[piece] for piece in cut.ids_P]


# Words, symbols, pieces


def test_words_are_parted_by_spaces_but_in_scripts_without_any():
    spelt = spell_words([["字", "符", "dog", "字", "."], ["a", "b"]])
    assert spelt.texts == ["字符 dog 字 .", "a b"]
    assert [spelt.texts[n][s:e] for n, s, e in zip([0] * 5 + [1] * 2, spelt.starts_K, spelt.ends_K, strict=True)] == [
        *("字", "符", "dog", "字", "."),
        *("a", "b"),
    ]


def test_symbols_are_joined_and_a_space_alone_stands_for_what_follows():
    spelt = spell_symbols([["▁The", "▁do", "g", "▁", "."], ["▁a"]])
    assert spelt.texts == ["The dog .", "a"]
    assert list(zip(spelt.starts_K.tolist(), spelt.ends_K.tolist(), strict=True)) == [
        *((0, 3), (4, 6), (6, 7), (8, 9), (8, 9)),
        (0, 1),
    ]


def test_a_piece_belongs_to_all_symbols_that_it_covers(encoder):
    reading = replace(encoder, symbols=True).reading([["▁do", "g", "▁run", "ning"]])
    assert shown(reading.cut) == ["dog", "run", "##ning"]
    assert reading.cut.starts_K.tolist() == [0, 0, 1, 2]
    assert reading.cut.counts_K.tolist() == [1, 1, 1, 1]


words_of_texts = (
    st.text("adogNR.,字\x07🎉 é[", min_size=1, max_size=6).map(lambda word: "".join(word.split())).filter(bool)
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(words_of_texts, min_size=1, max_size=6), min_size=1, max_size=4))
def test_each_word_has_the_pieces_that_it_has_alone(texts):
    tokenizer = Tokenizer(SAVED.read())
    lengths = np.array([len(tokens) for tokens in texts])
    cut = tokenizer.cut(spell_words(texts), lengths)
    alone = [tokenizer.cut(spell_words([[token]]), np.array([1])) for tokens in texts for token in tokens]
    assert cut.ids_P.tolist() == [piece for one in alone for piece in one.ids_P.tolist()]
    assert cut.counts_K.tolist() == [len(one.ids_P) for one in alone]
    firsts = [start + offset for offset, start in zip(np.repeat(cut.offsets[:-1], lengths), cut.starts_K, strict=True)]
    assert firsts == np.cumsum([0, *cut.counts_K[:-1]]).tolist()


class SAVED:
    """The tiny tokenizer, made once: hypothesis and fixtures of a function do not go together."""

    text = ""

    @classmethod
    def read(cls) -> str:
        if not cls.text:
            import tempfile

            from tests.tiny_encoder import write_tokenizer

            with tempfile.TemporaryDirectory() as place:
                write_tokenizer(Path(place))
                cls.text = (Path(place) / "tokenizer.json").read_text()
        return cls.text


def test_texts_are_read_whole_and_names_of_special_pieces_mean_nothing(encoder):
    reading = encoder.reading([["[SEP]", *["dog"] * 9]])
    assert shown(reading.cut) == ["[", "sep", "]", *["dog"] * 9]


def test_a_word_without_pieces_is_an_unknown_one(encoder):
    assert shown(encoder.reading([["\x07", "dog", "\x07"], ["\x07"], ["cat"]]).cut) == [
        *("[UNK]", "dog", "[UNK]", "[UNK]", "cat")
    ]


# Windows


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=30), min_size=1, max_size=4), st.integers(3, 12))
def test_each_token_is_read_where_it_stands_farthest_from_a_cut(counts, limit):
    lengths = [sum(text) for text in counts]
    token_offsets = np.cumsum([0, *map(len, counts)])
    starts = np.concatenate([np.cumsum([0, *text[:-1]]) for text in counts])
    cut = Cut(np.zeros(sum(lengths), int), np.cumsum([0, *lengths]), starts, np.concatenate(counts))
    windows = windows_of(cut, token_offsets, limit=limit)
    for text, length in enumerate(lengths):
        own = range(windows.offsets[text], windows.offsets[text + 1])
        spans = [(windows.starts_W[w], windows.ends_W[w]) for w in own]
        assert spans[0][0] == 0
        assert spans[-1][1] == length
        assert all(a < c <= b for (a, b), (c, _) in pairwise(spans))
        assert all(end - start == min(limit, length) for start, end in spans)
        for token in range(token_offsets[text], token_offsets[text + 1]):
            first, after = starts[token], starts[token] + cut.counts_K[token]

            def room(span, first=first, after=after, length=length):
                if not span[0] <= first < span[1]:
                    return -1000
                left = limit if span[0] == 0 else first - span[0]
                return min(left, limit if span[1] == length else span[1] - after)

            chosen = windows.of_K[token] - windows.offsets[text]
            assert room(spans[chosen]) == max(map(room, spans))


def test_pieces_of_a_batch_are_those_of_its_texts_with_special_ones_around(encoder):
    reading = encoder.reading([*TEXTS, LONG])
    indices = np.array([5, 1, 2])
    mask_BT = np.arange(60) < np.array([[60], [1], [4]])
    given = reading.collate(indices, mask_BT)
    windows = given.ids_WP[given.mask_WP].tolist()
    assert windows.count(VOCABULARY.index("[CLS]")) == windows.count(VOCABULARY.index("[SEP]")) == len(given.ids_WP)
    assert (given.mask_WP.sum(dim=1) <= 24).all()
    tokens = [token for index in indices for token in [*TEXTS, LONG][index]]
    flat, ends = given.ids_WP.flatten(), [*given.offsets_K[1:].tolist(), len(given.members_M)]
    for token, start, end in zip(tokens, given.offsets_K.tolist(), ends, strict=True):
        pieces = [VOCABULARY[flat[member]] for member in given.members_M[start:end]]
        assert "".join(piece.removeprefix("##") for piece in pieces) == token.lower().replace("\x07", "[UNK]")
    assert given.places_BT[0].tolist() == list(range(60))
    assert given.places_BT[2, :4].tolist() == [61, 62, 63, 64]


# Frozen states


def by_hand(encoder: TextEncoder, tokens: list[str]) -> torch.Tensor:
    """The states of one short text, (T, J, D), from the library's own tokenizer and network."""
    from transformers import AutoModel, AutoTokenizer

    from models.architecture import quiet

    with quiet():
        tokenizer = AutoTokenizer.from_pretrained(encoder.weights, local_files_only=True)
        network = AutoModel.from_pretrained(encoder.weights, local_files_only=True).eval()
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    read = tokenizer(tokens, is_split_into_words=True, return_tensors="pt")
    with torch.no_grad():
        layers = torch.stack(network(**read, output_hidden_states=True).hidden_states)[:, 0]
    words = torch.tensor([-1 if word is None else word for word in read.word_ids()])
    return torch.stack([layers[:, words == word].mean(dim=1) for word in range(len(tokens))])


def test_states_are_those_of_the_library_averaged_over_pieces(encoder):
    found = encoder.read(TEXTS)
    for number in (0, 1, 3, 4):  # the library has nothing for a control character
        start, end = found.token_offsets[number : number + 2]
        torch.testing.assert_close(
            torch.tensor(found.states_KJD[start:end]), by_hand(encoder, TEXTS[number]), rtol=0, atol=2e-6
        )


def differences(encoder: TextEncoder, texts: list[list[str]]) -> list[float]:
    """How far the states of each text, read alone, are from those that it has among the others."""
    together = encoder.read(texts)
    among = [together.states_KJD[a:b] for a, b in pairwise(together.token_offsets)]
    return [float(np.abs(encoder.read([own]).states_KJD - one).max()) for own, one in zip(texts, among, strict=True)]


def test_a_state_depends_on_its_text_alone(encoder):
    assert max(differences(replace(encoder, cache=None), [*TEXTS, LONG, *TEXTS[::-1]])) < 2e-6


def test_a_state_of_a_real_encoder_depends_on_its_text_to_the_last_bit(shared_models):
    folder = shared_models / "all-minilm-l6-v2"
    encoder = TextEncoder(describe(folder, content=content_of_encoder(folder), cache=None), FROZEN, folder)
    texts = [*TEXTS, *TEXTS, *([word] for word in TEXTS[0]), *(["dog"] * length for length in (2, 5, 9, 14, 30))]
    assert max(differences(encoder, texts)) == 0


def test_a_network_that_learns_gives_the_states_that_are_kept(encoder):
    texts = [*TEXTS, LONG]
    kept = encoder.read(texts)
    reading = replace(encoder, setting=replace(FROZEN, fine_tune=True)).read(texts)
    network = encoder.architecture.build().eval()
    mask_BT = np.arange(60) < np.array([[len(tokens)] for tokens in texts])
    given = reading.collate(np.arange(6), mask_BT)
    with torch.no_grad():
        layers = layer_states(network, given.ids_WP, given.mask_WP, last=False)
    states_KJD = torch.stack([given.pooled(layer) for layer in layers], dim=1)
    torch.testing.assert_close(states_KJD, torch.tensor(kept.states_KJD), rtol=0, atol=2e-6)


@pytest.mark.parametrize(("change", "shape"), [({"layers": "last"}, (1, 16)), ({"pieces": "first"}, (3, 16))])
def test_settings_choose_layers_and_pieces(encoder, change, shape):
    whole, found = encoder.read(TEXTS), replace(encoder, setting=replace(FROZEN, **change)).read(TEXTS)
    assert found.states_KJD.shape[1:] == shape
    same = (found.states_KJD[:, -1] == whole.states_KJD[:, -1]).all(axis=-1)
    tokens = [token for text in TEXTS for token in text]
    several = ("running", "runs") if "pieces" in change else ()
    assert np.flatnonzero(~same).tolist() == [number for number, token in enumerate(tokens) if token in several]


def test_half_the_bits_are_half_the_room(encoder):
    whole, half = encoder.read(TEXTS), replace(encoder, setting=replace(FROZEN, half=True)).read(TEXTS)
    assert half.states_KJD.nbytes * 2 == whole.states_KJD.nbytes
    np.testing.assert_allclose(half.states_KJD.astype(np.float32), whole.states_KJD, rtol=2e-3, atol=1e-3)


def test_states_are_computed_once_and_mapped_afterwards(encoder, monkeypatch):
    first = encoder.read(TEXTS)
    monkeypatch.setattr(text_encoder_module, "compute", None)
    again = replace(encoder, work=[])
    found = again.read(TEXTS)
    assert isinstance(found.states_KJD, np.memmap)
    assert np.array_equal(found.states_KJD, first.states_KJD)
    assert again.work == encoder.work  # what it took, whoever computed it
    assert again.work[0].pieces == 30
    with pytest.raises(TypeError):
        encoder.read(TEXTS[1:])  # other texts are others


@pytest.mark.parametrize("kept", [-4, 0])
def test_damaged_states_are_computed_anew(encoder, kept):
    first = np.array(encoder.read(TEXTS).states_KJD)
    (file,) = encoder.cache.glob("states-*.npy")
    file.write_bytes(file.read_bytes()[:kept])
    assert np.array_equal(encoder.read(TEXTS).states_KJD, first)


def test_two_at_once_compute_states_once(encoder, monkeypatch):
    computed, compute = [], text_encoder_module.compute
    monkeypatch.setattr(
        text_encoder_module, "compute", lambda *args, **kwargs: (computed.append(1), compute(*args, **kwargs))[1]
    )
    others = [replace(encoder, work=[]) for _ in range(3)]
    threads = [threading.Thread(target=other.read, args=(TEXTS,)) for other in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(computed) == 1
    assert all(other.work == others[0].work for other in others)


def test_what_does_not_fit_on_the_disk_is_refused_before_it_is_computed(encoder, monkeypatch):
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(states_module.shutil, "disk_usage", lambda _: usage._replace(free=states_module.SPARE + 10))
    with pytest.raises(ValueError, match=r"states of the encoder take .* embedding.parts.encoder.layers=last"):
        encoder.read(TEXTS)
    assert [path.suffix for path in encoder.cache.iterdir()] == [".lock"]


def test_batches_bring_the_states_of_their_texts(encoder):
    found: FrozenStates = encoder.read(TEXTS)
    given = found.collate(np.array([4, 1]), np.arange(3) < np.array([[3], [1]]))
    assert torch.equal(given.states_KJD, torch.tensor(np.concatenate([found.states_KJD[15:18], found.states_KJD[7:8]])))
    assert given.places_BT.tolist() == [[0, 1, 2], [3, 0, 0]]


# What is known of an encoder


def test_a_description_is_kept_and_read_without_the_library(folder, description, tmp_path, monkeypatch):
    kept = describe(folder, content=description.content, cache=tmp_path)
    assert kept == description
    assert (kept.limit, kept.width, kept.depth, kept.padding) == (22, 16, 2, 0)
    monkeypatch.setattr("tasks.encoding.pretrained._described", None)
    assert describe(folder, content=description.content, cache=tmp_path) == description
    with pytest.raises(TypeError):
        describe(folder, content="0" * 64, cache=tmp_path)


def test_a_description_survives_json(description):
    assert Description.from_saved(json.loads(json.dumps(description.saved()))) == description
    with pytest.raises(ValueError, match="damaged"):
        Description.from_saved({"format": 1})


def test_flops_are_those_of_the_layers(description):
    # two layers: four matrices of 16 x 16 and two of 16 x 32; attention compares all pieces, and takes their mean
    assert description.flops == (2 * 2 * 2 * 16, 2 * 2 * (4 * 16 * 16 + 2 * 16 * 32), 0)


def test_pieces_stretch_to_a_longer_text(encoder):
    given: TokenPieces = encoder.reading([["The", "running", "dog"]]).collate(np.array([0]), np.ones((1, 3), bool))
    longer = given.stretched(7)
    assert longer.places_BT.tolist() == [[0, 1, 2, 3, 4, 5, 6]]
    assert longer.ids_WP.shape == (3, 6)
    states = torch.arange(18.0).reshape(3, 6, 1)
    assert longer.pooled(states)[:, 0].tolist() == [1, 2.5, 4, 7, 8.5, 10, 13, 14.5, 16]


def test_the_real_encoder(shared_models, tmp_path):
    """What its README says, and that texts that mean the same are alike."""
    encoder_folder = shared_models / "all-minilm-l6-v2"
    description = describe(encoder_folder, content=content_of_encoder(encoder_folder), cache=None)
    assert (description.width, description.depth, description.limit) == (384, 6, 510)
    assert description.parameters == 22_565_376  # without the pooler
    encoder = TextEncoder(description, replace(FROZEN, layers="last"), encoder_folder)
    texts = ["A man plays the guitar .", "Someone is playing an instrument .", "The stock market fell today ."]
    found = encoder.read([text.split() for text in texts])
    means = [found.states_KJD[a:b, 0].mean(axis=0) for a, b in pairwise(found.token_offsets)]
    u, v, w = (mean / np.linalg.norm(mean) for mean in means)
    assert u @ v > 0.5 > 0.2 > u @ w
