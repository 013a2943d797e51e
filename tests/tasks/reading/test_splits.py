from collections import Counter
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.reading.splits import Split, split_off

LABELS = st.lists(st.sampled_from("aaaaaaaabbbbccd"), min_size=20, max_size=200)


def divided(labels, *, seed=1, validation=0.1, test=0.1):
    rows = [{"number": number, "labels": found} for number, found in enumerate(labels)]
    whole = {"train": Split(rows, str)}
    fractions = {"validation": validation, "test": test}
    return split_off(whole, fractions, seed=seed, labels_of=lambda row: row["labels"])


@settings(deadline=None, max_examples=60)
@given(labels=LABELS, seed=st.integers(0, 99), share=st.sampled_from([0.1, 0.2, 0.25]))
def test_every_label_has_its_share_in_every_split(labels, seed, share):
    splits = divided(labels, seed=seed, validation=share, test=share)
    assert sorted(row["number"] for split in splits.values() for row in split.rows) == list(range(len(labels)))
    found = {name: Counter(label for row in split.rows for label in row["labels"]) for name, split in splits.items()}
    for label, rows in Counter(labels).items():
        assert found["train"][label] >= 1
        for name in ("validation", "test"):
            assert abs(found[name][label] - share * rows) <= 1.5
    for name in ("validation", "test"):
        assert len(splits[name].rows) == round(share * len(labels))
        numbers = [row["number"] for row in splits[name].rows]
        assert numbers == sorted(numbers)


@settings(deadline=None, max_examples=60)
@given(rows=st.lists(st.sets(st.sampled_from("ABCDEFGH")), min_size=30, max_size=60), seed=st.integers(0, 99))
def test_every_tag_is_shown_to_train(rows, seed):
    splits = divided([sorted(found) for found in rows], seed=seed)
    shown = {label for row in splits["train"].rows for label in row["labels"]}
    assert shown == set().union(*rows)
    assert len(splits["test"].rows) == round(0.1 * len(rows))


def test_texts_are_drawn_by_lot_alone():
    """And as they were before labels had a say: the first of a permutation."""
    splits = divided([[]] * 100, seed=3)
    order = np.random.default_rng([3, crc32(b"split")]).permutation(100).tolist()
    drawn = [[row["number"] for row in splits[name].rows] for name in ("validation", "test", "train")]
    assert drawn == [sorted(order[:10]), sorted(order[10:20]), sorted(order[20:])]


def test_other_seeds_draw_other_rows():
    drawn = [[row["number"] for row in divided("ab" * 50, seed=seed)["test"].rows] for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (
            "abcdefghij" * 2,
            "data.validation_fraction=0.5 and data.test_fraction=0.4 leave 2 of 20 rows to train, but 10 are needed to "
            "show each label there; lower the fractions, or leave out rows of rare labels with data.exclude",
        ),
        ("ab", "2 rows of train leave none for the split 'train' by data.validation_fraction=0.5 and data.test_"),
    ],
)
def test_what_cannot_be_divided_blames_the_fractions(labels, message):
    with pytest.raises(ValueError, match="fraction") as error:
        divided(labels, validation=0.5, test=0.4)
    assert message in str(error.value)
