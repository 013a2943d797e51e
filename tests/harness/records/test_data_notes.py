from harness.records.data_notes import data_notes

SIZES = {"train": 300, "validation": 100, "test": 1_000}


def test_what_two_splits_share_is_told_with_a_warning_where_it_is_much():
    few = {"train": {"text": 3, "text_and_label": 2}, "validation": {"text": 1, "text_and_label": 1}}
    facts = {"data_sizes": SIZES, "label_counts": {"train": {"a": 1}}, "repeated_rows": {"test": few}}
    told = "of 1,000 rows of test 3 also stand in train (2 with the same label) and 1 also stand in validation (1 with"
    assert data_notes([facts]) == [f"{told} the same label)"]
    much = {"data_sizes": SIZES, "repeated_rows": {"test": {"train": {"text": 50, "text_and_label": 0}}}}
    assert data_notes([much]) == [
        "of 1,000 rows of test 50 also stand in train (0 with the same target); "
        "what is scored on these can be learnt by heart"
    ]


def test_runs_that_differ_are_told_by_the_largest_number():
    runs = [{"data_sizes": {"test": 32}, "dropped_rows": {"train": 0, "test": dropped}} for dropped in (3, 28)]
    assert data_notes(runs) == [
        "of 32 rows of test up to 28 are left out, for train never shows their label (data.unseen_labels=drop)"
    ]


def test_labels_that_look_alike_are_named_few_and_short():
    groups = [[f"{number}", f"{number} "] for number in range(9)] + [["a" * 10_000, "A" * 10_000]]
    (told,) = data_notes([{"similar_labels": groups}])
    assert "'0' and '0 '; '1' and '1 '" in told
    assert "and 5 more; if they are meant as one, correct the data" in told
    assert len(told) < 300


def test_records_of_before_and_odd_ones_have_none():
    odd = [
        {"repeated_rows": {"test": 3}, "dropped_rows": None, "data_sizes": []},
        {"repeated_rows": "x", "similar_labels": [1, {}]},
    ]
    assert data_notes([{}, *odd]) == []


def test_overlong_texts_are_counted_by_split():
    assert data_notes([{"overlong_texts": {"test": 3, "train": 0}}, {"overlong_texts": {"test": 3}}]) == [
        "3 texts of test are longer than encoding.max_length, and were read as encoding.overlong says "
        "(in windows unless it says otherwise)"
    ]
    assert data_notes([{"overlong_texts": {}}, {}]) == []
