"""Paths as people write them on a command line, before Hydra parses it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from harness.configuration.paths import with_quoted_paths


def parsed(*arguments: str) -> list[object]:
    """What Hydra reads of the last argument: its value, or its values if it is a sweep."""
    override = OverridesParser.create().parse_override(with_quoted_paths(arguments)[-1])
    if override.is_sweep_override():
        return [getattr(value, "text", value) for value in override.sweep_iterator(lambda value: value)]
    return [override.value()]


@pytest.mark.parametrize(
    "path",
    [
        *("Käse/Straße", "my data/reviews.csv", "a=b.csv", "a(b", "(a)", "~/x", "2024", "007", "1e3", "a:b", "true"),
        *(
            "it's",
            'a"b',
            "a, b",
            "#a",
            "a&b",
            "@x",
            "C:\\Users\\me",
            "a\\'b",
            "日本/データ",
            "[a",
            "a]",
            "100%",
            "-",
            "a;b",
        ),
    ],
)
@pytest.mark.parametrize("key", ["data.path", "results_dir", "embedding.path", "++data.train", "data.train_from.path"])
def test_a_path_is_what_was_typed(key: str, path: str):
    assert parsed(f"{key}={path}") == [path]


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1))
def test_whatever_is_no_grammar_is_a_path(path: str):
    quoted = with_quoted_paths([f"data.path={path}"])
    if quoted != [f"data.path={path}"]:
        assert OverridesParser.create().parse_override(quoted[0]).value() == path
        assert with_quoted_paths(quoted) == quoted


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("'a b'", "'a b'"),
        ("null", "None"),
        ("", "''"),
        ("[a,b]", "['a', 'b']"),
        ("{a:1}", "{'a': 1}"),
    ],
)
def test_hydras_grammar_stays(value: str, read: str):
    assert with_quoted_paths([f"data.path={value}"]) == [f"data.path={value}"]
    (found,) = parsed(f"data.path={value}")
    assert str(found) == read.strip("'") or repr(found) == read


def test_what_an_interpolation_stands_for_is_left_to_omegaconf():
    assert parsed("data.path=${oc.env:HOME}/Käse") == ["${oc.env:HOME}/Käse"]


def test_commas_sweep_with_m_alone_and_each_value_is_a_path():
    assert parsed("-m", "data.path=a b,'c,d',2024,Käse") == ["a b", "c,d", "2024", "Käse"]
    assert with_quoted_paths(["-m", "data.path=choice(a,b)"])[-1] == "data.path=choice(a,b)"
    assert parsed("data.path=a,b") == ["a,b"]


def test_a_path_that_is_there_is_that_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "[a],b").mkdir()
    assert parsed("-m", "data.path=[a],b") == ["[a],b"]


@pytest.mark.parametrize("key", ["data.separator", "+data.separator", "task.label_separator"])
@pytest.mark.parametrize("sign", [";", "|", ",", "\t", "'", '"', "\\", "=", "#"])
def test_a_sign_is_what_was_typed(key: str, sign: str):
    assert parsed(f"{key}={sign}") == [sign]
    assert parsed(f"{key}=tab") == ["tab"]
    assert parsed(f"{key}=\\t") == ["\\t"]


def test_other_options_are_left_alone():
    words = ["-m", "--config-dir", "a b", "data.columns={text:a b}", "seed=1,2", "data.tokenizer=;", "data.path"]
    assert with_quoted_paths(words) == words
