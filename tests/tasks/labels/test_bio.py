from __future__ import annotations

import pytest

from tasks.labels.bio import check_tags, checked_remedy, inventory, legal, repaired, type_words, valid_tags


@pytest.mark.parametrize(
    "tags",
    [["O"], ["B-A", "I-A", "I-A"], ["B-A", "B-A"], ["O", "B-B", "O", "B-A", "I-A"], ["B-PER.NOM", "I-PER.NOM"]],
)
def test_valid_sequences_pass_unchanged(tags: list[str]):
    check_tags(tags)
    assert repaired(tags) == tags


@pytest.mark.parametrize(
    ("tags", "where", "repaired"),
    [
        (["I-A"], r"I-A to continue a span of type A, got it at the start \(tag 0\)", ["B-A"]),
        (["O", "I-A", "I-A"], r"I-A to continue a span of type A, got it after O \(tag 1\)", ["O", "B-A", "I-A"]),
        (["B-A", "I-B"], r"I-B to continue a span of type B, got it after B-A \(tag 1\)", ["B-A", "B-B"]),
    ],
)
def test_invalid_sequences_are_refused_by_tag_and_place_and_can_be_repaired(
    tags: list[str], where: str, repaired: list[str]
):
    with pytest.raises(ValueError, match=f"expected {where}.*set task.invalid_bio=repair"):
        valid_tags(tags, remedy="error")
    assert valid_tags(tags, remedy="repair") == repaired
    check_tags(repaired)


@pytest.mark.parametrize("tag", ["S-A", "PER", "B-", "o", "B"])
def test_other_schemes_are_refused(tag: str):
    with pytest.raises(ValueError, match=rf"expected BIO tags \(O, B-TYPE, I-TYPE\), got '{tag}'"):
        check_tags([tag])


def test_an_unknown_remedy_is_refused():
    with pytest.raises(ValueError, match=r"expected task\.invalid_bio to be error or repair, got 'ignore'"):
        checked_remedy("ignore")


def test_the_inventory_has_both_tags_of_every_type_and_outside_first():
    assert inventory([["B-B", "O"], ["B-A", "I-A"]]) == ["O", "B-A", "I-A", "B-B", "I-B"]
    assert inventory([["O"]]) == ["O"]


def test_types_are_named_once_and_in_words():
    labels = ["O", "B-PER", "I-PER", "B-creative-work", "I-creative-work"]
    assert type_words(labels) == [["person"], ["creative", "work"]]
    assert type_words(["O"]) == [["other"]]


def test_legal_transitions_are_those_that_keep_a_sequence_valid():
    labels = ["O", "B-A", "I-A", "B-B", "I-B"]
    found = legal(labels)
    for i, first in enumerate(labels):
        assert bool(found.start_K[i]) == (first[0] != "I")
        for j, second in enumerate(labels):
            allowed = second[0] != "I" or (first != "O" and first[2:] == second[2:])
            assert bool(found.transitions_KK[i, j]) == allowed
