from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.labels.schemes import checked_scheme, scheme_of, to_bio


@pytest.mark.parametrize(
    ("sequences", "scheme"),
    [
        ([["O", "B-A", "I-A"], ["B-B"]], "bio"),
        ([["O"]], "bio"),
        ([], "bio"),
        ([["I-A", "I-A", "O", "I-B"], ["I-A", "B-A", "I-B"]], "iob1"),
        ([["I-A", "O"], ["I-B"]], "iob1"),
        ([["I-A"], ["O", "B-A"]], "bio"),  # invalid: B stands where IOB1 has I
        ([["S-A", "B-A", "I-A", "E-A"]], "bioes"),
        ([["S-A"], ["O"]], "bioes"),
        ([["B-A", "M-A", "E-A", "S-B"]], "bioes"),
        ([["B-A", "I-A", "L-A", "U-A"]], "bilou"),
        ([["X-A", "S-A"]], "bio"),
        ([["NOUN", "B-A"]], "bio"),
    ],
)
def test_a_scheme_is_told_by_the_tags_of_a_split(sequences: list[list[str]], scheme: str):
    assert scheme_of(sequences) == scheme


@pytest.mark.parametrize(
    ("scheme", "tags", "bio"),
    [
        ("bioes", ["S-A", "O", "B-A", "I-A", "E-A", "S-B"], ["B-A", "O", "B-A", "I-A", "I-A", "B-B"]),
        ("bioes", ["S-A", "S-A", "B-A", "E-A"], ["B-A", "B-A", "B-A", "I-A"]),
        ("bioes", ["B-A", "M-A", "E-A"], ["B-A", "I-A", "I-A"]),
        ("bioes", ["B-x-y", "E-x-y"], ["B-x-y", "I-x-y"]),
        ("bilou", ["U-A", "B-A", "I-A", "L-A", "O"], ["B-A", "B-A", "I-A", "I-A", "O"]),
        ("iob1", ["I-A", "I-A", "B-A", "I-B", "O", "I-A"], ["B-A", "I-A", "B-A", "B-B", "O", "B-A"]),
        ("bio", ["B-A", "I-A"], ["B-A", "I-A"]),
    ],
)
def test_spans_stay_what_they_are_in_bio(scheme: str, tags: list[str], bio: list[str]):
    assert to_bio(tags, scheme, remedy="error") == bio


@pytest.mark.parametrize(
    ("tags", "said", "repaired"),
    [
        (["E-A"], r"expected E-A to continue a span, got it at the start \(tag 0, BIOES\)", ["B-A"]),
        (["O", "I-A", "E-A"], r"expected I-A to continue a span, got it after O \(tag 1, BIOES\)", ["O", "B-A", "I-A"]),
        (["B-A", "O"], r"expected B-A to be continued or ended, got O after B-A \(tag 1, BIOES\)", ["B-A", "O"]),
        (["B-A"], r"expected B-A to be continued or ended, got O after B-A \(tag 1, BIOES\)", ["B-A"]),
        (["B-A", "E-B"], r"expected B-A to be continued or ended, got E-B after B-A \(tag 1", ["B-A", "B-B"]),
        (["S-A", "E-A"], r"expected E-A to continue a span, got it after S-A \(tag 1", ["B-A", "B-A"]),
        (["B-A", "E-A", "I-A"], r"expected I-A to continue a span, got it after E-A \(tag 2", ["B-A", "I-A", "B-A"]),
    ],
)
def test_what_is_no_span_is_refused_or_repaired(tags: list[str], said: str, repaired: list[str]):
    with pytest.raises(ValueError, match=rf"{said}.*; correct the tags, or set task\.invalid_bio=repair"):
        to_bio(tags, "bioes", remedy="error")
    assert to_bio(tags, "bioes", remedy="repair") == repaired


def test_tags_of_no_scheme_are_refused():
    for scheme in ("bioes", "iob1", "bio"):
        with pytest.raises(ValueError, match=r"expected BIO tags .* got 'X-A'; .* data\.tag_names"):
            to_bio(["X-A"], scheme, remedy="error")


def test_an_unknown_scheme_is_refused():
    with pytest.raises(ValueError, match=r"expected task\.tag_scheme among auto, bio, iob1, bioes, bilou, got 'io'"):
        checked_scheme("io")


SPANS = st.lists(st.tuples(st.sampled_from(["A", "B-", "-C", ""]), st.integers(1, 4)), max_size=8)


def written(spans: list[tuple[str, int]], scheme: str) -> list[str]:
    """Tags of spans, one after the other; those without a type are outside."""
    tags: list[str] = []
    before = ""
    for kind, length in spans:
        begin, inside, end, single = {"bio": "BIIB", "iob1": "IIII", "bioes": "BIES", "bilou": "BILU"}[scheme]
        if scheme == "iob1" and kind == before:
            begin = single = "B"
        prefixes = single if length == 1 else begin + inside * (length - 2) + end
        tags += [f"{prefix}-{kind}" if kind else "O" for prefix in prefixes]
        before = kind
    return tags


@given(SPANS)
def test_whatever_the_scheme_the_spans_are_the_same(spans: list[tuple[str, int]]):
    bio = written(spans, "bio")
    for scheme in ("iob1", "bioes", "bilou"):
        tags = written(spans, scheme)
        assert to_bio(tags, scheme, remedy="error") == bio
        if any(kind for kind, _ in spans):
            assert to_bio(tags, scheme_of([tags]), remedy="error") == bio
