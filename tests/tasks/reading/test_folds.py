"""Cross-validation: what is dealt to which fold, and what is refused."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.reading.folds import Folds
from tests.tasks.test_corpora import load, rows, write


def folds(count: int = 5, fold: int = 0, *, seed: int = 1, over: Any = None) -> Folds:
    return Folds(count, fold, seed, over, 0.1)


@given(st.lists(st.sampled_from("abc"), min_size=5, max_size=60), st.integers(2, 5), st.integers(0, 3))
def test_no_fold_has_more_than_one_row_more_than_another_of_any_label(labels: list[str], count: int, seed: int):
    dealt = folds(count, seed=seed).deal([[label] for label in labels])
    for label in (None, *"abc"):
        sizes = Counter(fold for fold, own in zip(dealt, labels, strict=True) if label in (None, own))
        counts = [sizes[fold] for fold in range(count)]
        assert max(counts) - min(counts) <= 1, (label, counts)
    assert dealt == folds(count, count - 1, seed=seed).deal([[label] for label in labels])


def test_other_seeds_deal_otherwise_and_rows_without_labels_are_dealt_too():
    labels = [["a"]] * 30
    assert folds(seed=1).deal(labels) != folds(seed=2).deal(labels)
    assert Counter(folds().deal([[]] * 10)) == dict.fromkeys(range(5), 2)


def test_each_row_of_a_file_is_test_once_and_the_run_s_seed_changes_nothing(tmp_path: Path):
    file = tmp_path / "all.jsonl"
    write(file, rows(43))
    tested: list[str] = []
    for fold in range(4):
        corpus = load(file, folds=4, fold=fold)
        splits = corpus.splits
        assert sum(map(len, splits.values())) == 43
        assert len(splits["validation"]) == round(0.1 * (43 - len(splits["test"])))
        assert Counter(row["label"] for row in splits["test"])["a"] in (5, 6)
        assert corpus.fingerprint == load(file, folds=4, fold=fold, seed=7).fingerprint
        assert corpus.place("test", 0).endswith(f"line {int(splits['test'][0]['text'].split()[1]) + 1}")
        assert (
            f"fold {fold} of 4 is test, dealt label by label by data.fold_seed=1; 10 % of the others" in corpus.source
        )
        tested += [row["text"] for row in splits["test"]]
    assert sorted(tested) == sorted(row["text"] for row in rows(43))
    assert load(file, folds=4, fold_seed=2).fingerprint != load(file, folds=4).fingerprint
    assert len(load(file, folds=4, validation_fraction=0.5).splits["validation"]) == 16


def test_splits_of_its_own_are_folded_only_if_somebody_says_how(tmp_path: Path):
    folder = tmp_path / "toy"
    for name, (count, start) in {"train": (20, 0), "validation": (4, 20), "test": (6, 24)}.items():
        write(folder / f"{name}.jsonl", rows(count, start))
    with pytest.raises(
        ValueError, match=r"validation and test of its own, on which others report; data\.folds_over=train"
    ):
        load(folder, folds=5)
    train = [load(folder, folds=5, fold=fold, folds_over="train").splits for fold in range(5)]
    assert sorted(row["text"] for splits in train for row in splits["test"]) == sorted(r["text"] for r in rows(20))
    everything = [load(folder, folds=5, fold=fold, folds_over="all") for fold in range(5)]
    assert sorted(row["text"] for c in everything for row in c.splits["test"]) == sorted(r["text"] for r in rows(30))
    files = {corpus.place("test", n).split(",")[0].split("/")[-1] for corpus in everything for n in range(6)}
    assert files == {"train.jsonl", "validation.jsonl", "test.jsonl"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"fold": 2}, r"data\.fold=2 is of cross-validation: it needs data\.folds="),
        ({"folds_over": "all"}, r"data\.folds_over=all is of cross-validation"),
        ({"folds": 5, "fold": 5}, r"data\.fold=5: expected 0 to 4, as data\.folds=5"),
        ({"folds": 1}, r"data\.folds=1: expected at least 2"),
        ({"folds": 5, "test_fraction": 0.1}, r"data\.folds=5 says what test is; leave out data\.test_fraction"),
        ({"folds": 50}, r"data\.folds=50 needs at least as many rows, got 20"),
    ],
)
def test_what_cannot_be_folded_is_refused(tmp_path: Path, options: dict[str, Any], said: str):
    write(tmp_path / "all.jsonl", rows(20))
    with pytest.raises(ValueError, match=said):
        load(tmp_path / "all.jsonl", **options)
