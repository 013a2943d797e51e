"""Symbols give their text back, and BPE is learnt once."""

from __future__ import annotations

import pytest

from tasks.encoding.subwords import Segmenter, word_numbers

TEXTS = ["the lower the newer .", "newest and widest", "low , lower , lowest (wide)"] * 5


@pytest.fixture(params=["bpe", "characters", "words"])
def segmenter(request) -> Segmenter:
    return Segmenter.fit(TEXTS, kind=request.param, size=40, cache=None)


@pytest.mark.parametrize(
    "text", [*TEXTS[:3], "a newer\tone\n here", "Ωmega 中文 ☃", "low\u2581er", "a<unk>b <\u2581> c"]
)
def test_a_text_comes_back_but_for_whitespace(segmenter: Segmenter, text: str):
    (symbols,) = segmenter.split([text])
    assert segmenter.join(symbols) == " ".join(text.replace("\u2581", "_").split())


def test_every_symbol_knows_its_word(segmenter: Segmenter):
    (symbols,) = segmenter.split(["low , widest (newer)"])
    numbers = word_numbers(symbols)
    words: dict[int, str] = {}
    for symbol, number in zip(symbols, numbers, strict=True):
        words[number] = words.get(number, "") + symbol.strip("\u2581")
    assert list(words.values()) == ["low", ",", "widest", "(newer)"]


def test_bpe_joins_what_is_frequent_and_keeps_unknown_characters():
    segmenter = Segmenter.fit(TEXTS, kind="bpe", size=60, cache=None)
    assert segmenter.split(["lower Ω"]) == [["\u2581lower", "\u2581", "Ω"]]


def test_the_same_texts_are_learnt_once(tmp_path, monkeypatch):
    first = Segmenter.fit(TEXTS, kind="bpe", size=40, cache=tmp_path)
    monkeypatch.setattr("tasks.encoding.subwords._learn", lambda *_: pytest.fail("learnt again"))
    again = Segmenter.fit(TEXTS, kind="bpe", size=40, cache=tmp_path)
    assert again.split(TEXTS) == first.split(TEXTS)
    assert len(list(tmp_path.iterdir())) == 1
    with pytest.raises(pytest.fail.Exception, match="learnt again"):
        Segmenter.fit([*TEXTS, "more"], kind="bpe", size=40, cache=tmp_path)


@pytest.mark.parametrize("content", [b"", b"half {", b"[1, 2]", b"\xff\xfe"])
def test_what_was_learnt_and_is_damaged_is_learnt_again(tmp_path, content):
    first = Segmenter.fit(TEXTS, kind="bpe", size=40, cache=tmp_path)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(content)
    assert Segmenter.fit(TEXTS, kind="bpe", size=40, cache=tmp_path).split(TEXTS) == first.split(TEXTS)
    assert file.read_bytes() == whole


def test_what_cannot_be_kept_is_learnt_all_the_same(tmp_path):
    (tmp_path / "cache").write_text("a file where the folder would be")
    assert Segmenter.fit(TEXTS, kind="bpe", size=40, cache=tmp_path / "cache").split(TEXTS)


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match=r"task\.source_symbols .* among bpe, characters, words .* got 'bits'"):
        Segmenter.fit(TEXTS, kind="bits", size=40, cache=None)
