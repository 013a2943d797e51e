import gzip
import json
import os
from collections import Counter

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from tasks.base import Task
from tasks.corpora import FileData, GeneratedData, PublishedData
from tasks.kinds.one_label import PoolingTask
from tasks.kinds.tags import TaggingTask
from tasks.reading.columns import Wanted
from tasks.reading.parquet_rows import read_parquet
from tasks.reading.splits import Drawn

COMMON = {
    "tokenizer": "words",
    "language": "en",
    "normalize": "nfc",
    "unseen_labels": "error",
    "deduplicate": "none",
    "exclude": {},
    "max_train": None,
    "max_validation": None,
    "max_test": None,
}
FILES = COMMON | {
    "path": None,
    "train": None,
    "validation": None,
    "test": None,
    "columns": {},
    "validation_fraction": None,
    "test_fraction": None,
    "seed": 1,
    "folds": None,
    "fold": 0,
    "fold_seed": 1,
    "folds_over": None,
    "tag_names": None,
    "token_column": None,
    "tag_column": None,
    "separator": None,
    "encoding": None,
}
PUBLISHED = COMMON | {
    "name": "toy",
    "tag_names": None,
    "data_dir": None,
    "hub": None,
    "columns": {},
    "validation_fraction": None,
    "test_fraction": None,
    "seed": 1,
    "folds": None,
    "fold": 0,
    "fold_seed": 1,
    "folds_over": None,
    "extra_tests": [],
    "train_from": None,
}
HUB = {
    "path": "nobody/toy",
    "config": None,
    "revision": "abc",
    "splits": {"train": "train", "validation": None, "test": "test"},
    "columns": {"label": "intent"},
}


class Sorting:
    name, text_columns, label_column, tokenized = "sentiment", ("text",), "label", False
    label_problem, optional_columns = PoolingTask.label_problem, Task.optional_columns
    labels_of, checking = PoolingTask.labels_of, Task.checking

    def check(self, row):
        if row[self.label_column] in ("forbidden", ["forbidden"]):
            raise ValueError("the task forbids this label")
        return row


class Tagging:
    name, text_columns, label_column, tokenized = "ner", ("tokens",), "tags", True
    label_problem, optional_columns = TaggingTask.label_problem, Task.optional_columns
    labels_of, checking = TaggingTask.labels_of, Task.checking

    def check(self, row):
        if row[self.label_column] in ("forbidden", ["forbidden"]):
            raise ValueError("the task forbids this label")
        return row


def rows(count, start=0):
    return [{"text": f"text {number}", "label": "ab"[number % 2]} for number in range(start, start + count)]


def write(path, rows):
    text = "".join(json.dumps(row) + "\n" for row in rows)
    path.parent.mkdir(exist_ok=True, parents=True)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "toy"
    write(folder / "train.jsonl.gz", rows(20))
    write(folder / "validation.jsonl", rows(4, 20))
    write(folder / "test.jsonl", rows(6, 24))
    return folder


def load(folder=None, task=Sorting, **options):
    path = None if folder is None else str(folder)
    return FileData(**(FILES | {"path": path} | options)).load(task())


def test_a_folder_of_files_is_read_in_order(folder):
    corpus = load(folder)
    assert {split: len(rows) for split, rows in corpus.splits.items()} == {"train": 20, "validation": 4, "test": 6}
    assert corpus.splits["train"] == rows(20)
    assert corpus.name == "toy"
    assert corpus.place("train", 4) == f"{folder / 'train.jsonl.gz'}, line 5"


def test_the_fingerprint_follows_the_content(folder):
    before = load(folder)
    assert load(folder).fingerprint == before.fingerprint
    assert len(before.fingerprint) == 64
    write(folder / "test.jsonl", [*rows(5, 24), {"text": "other", "label": "a"}])
    assert load(folder).fingerprint != before.fingerprint


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_a_file_that_was_replaced_is_read_anew_whatever_its_time(tmp_path, suffix):
    import pandas

    def put(rows):
        table, path = pandas.DataFrame(rows), tmp_path / f"test.{suffix}"
        made = table.to_csv(index=False) if suffix == "csv" else table.to_json(orient="records", lines=True)
        table.to_parquet(path) if suffix == "parquet" else path.write_text(made)
        os.utime(path, (1_700_000_000, 1_700_000_000))

    write(tmp_path / "train.jsonl", rows(4))
    write(tmp_path / "validation.jsonl", rows(4))
    put(rows(4))
    before = load(tmp_path)
    swapped = [row | {"label": {"a": "b", "b": "a"}[row["label"]]} for row in rows(4)]
    put(swapped)
    after = load(tmp_path)
    assert after.splits["test"] == swapped
    assert after.fingerprint != before.fingerprint


@pytest.mark.slow
def test_columns_that_the_task_does_not_need_are_left_alone(tmp_path):
    """One that is null but for the last row, of a type that changes, or that is new in a later row."""
    others = [{"meta": None}] * 7_000 + [{"meta": 1}, {"meta": {"a": [1]}, "new": "x"}, {"meta": "2 March 1999"}]
    named = [row | other for row, other in zip(rows(7_003), others, strict=True)]
    for split in ("train", "validation", "test"):
        write(tmp_path / f"{split}.jsonl", named)
    corpus = load(tmp_path)
    assert corpus.splits["test"] == rows(7_003)
    assert len(load(tmp_path, exclude={"meta": 1}).splits["train"]) == 7_002
    write(tmp_path / "test.jsonl", rows(7_003))
    assert load(tmp_path).fingerprint == corpus.fingerprint


def test_a_column_of_parquet_that_the_task_does_not_need_is_not_read(tmp_path):
    import pandas

    for split in ("train", "validation", "test"):
        pandas.DataFrame([row | {"vector": [0.5] * 3} for row in rows(2)]).to_parquet(tmp_path / f"{split}.parquet")
    assert load(tmp_path).splits["test"] == rows(2)
    assert read_parquet(tmp_path / "test.parquet", Wanted(("text", "label"), ("external",))) == rows(2)
    with pytest.raises(ValueError, match=r"from a column 'body', but found text, label, vector"):
        load(tmp_path, columns={"text": "body"})
    (tmp_path / "test.parquet").write_bytes(b"PAR1 and more")
    with pytest.raises(ValueError, match=r"test.parquet: .*; correct the file"):
        load(tmp_path)


DATES = ["1999-03-02", "2 March 1999", "1999-03-02T10:00:00Z", "12:30", "1e5", "NaN", "true", "007", "null", "-0"]


@pytest.mark.parametrize("suffix", ["jsonl", "json", "csv", "tsv"])
def test_texts_that_look_like_something_else_stay_texts(tmp_path, suffix):
    made = [{"text": text, "label": text} for text in DATES]
    for split in ("train", "validation", "test"):
        path = tmp_path / f"{split}.{suffix}"
        if suffix in ("csv", "tsv"):
            path.write_text(
                "".join(
                    {"csv": ",", "tsv": "\t"}[suffix].join(row) + "\n" for row in [made[0], *map(dict.values, made)]
                )
            )
        else:
            write(path, made)
    assert load(tmp_path).splits["test"] == made


def test_numbers_are_texts_where_texts_are_needed(tmp_path):
    lines = [
        '{"text": 1999, "label": 4.50}',
        '{"text": ["in", 1999, 2.50], "label": 1e2}',
        '{"text": "x", "label": true}',
    ]
    for split in ("train", "validation", "test"):
        (tmp_path / f"{split}.jsonl").write_text("\n".join(lines))
    assert load(tmp_path).splits["test"] == [
        {"text": "1999", "label": "4.50"},
        {"text": ["in", "1999", "2.50"], "label": "1e2"},
        {"text": "x", "label": "True"},
    ]


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "json", "parquet"])
def test_other_formats_give_the_same_rows(tmp_path, kind):
    import pandas

    table = pandas.DataFrame([{"text": 'a "b", c\nd', "label": "01"}, {"text": "NA", "label": "1"}])
    for split in ("train", "validation", "test"):
        path = tmp_path / f"{split}.{kind}"
        if kind == "parquet":
            table.to_parquet(path)
        elif kind == "json":
            path.write_text(json.dumps(table.to_dict("records")))
        else:
            table.to_csv(path, index=False)
    corpus = load(tmp_path)
    assert corpus.splits["test"] == table.to_dict("records")
    expected = "line 4" if kind not in ("json", "parquet") else "row 2"
    assert corpus.place("test", 1).endswith(f"test.{kind}, {expected}")


def test_numbers_as_labels_become_names_and_class_labels_too(tmp_path):
    from datasets import ClassLabel, Dataset, Features, Value

    features = Features({"text": Value("string"), "label": ClassLabel(names=["bad", "good"])})
    Dataset.from_list([{"text": "x", "label": 1}], features=features).to_parquet(tmp_path / "train.parquet")
    write(tmp_path / "validation.jsonl", [{"text": "x", "label": 3}])
    write(tmp_path / "test.jsonl", [{"text": "x", "label": "3"}])
    corpus = load(tmp_path)
    assert [corpus.splits[split][0]["label"] for split in corpus.splits] == ["good", "3", "3"]


CONLL = "-DOCSTART- -X- O\n\nJohn NNP B-PER\n#tag NN O\n\n\nlives VBZ O\n"
CONLLU = (
    "# text = Dámelo\n1-2\tDá\t_\t_\t_\n1\tda\tdar\tVERB\t_\n2\tme\tyo\tPRON\t_\n2.1\t_\t_\t_\t_\n\n1\t#\t#\tSYM\t_\n"
)


def test_conll_columns_are_read(tmp_path):
    for split in ("train", "validation"):
        (tmp_path / f"{split}.conll").write_text(CONLL, encoding="utf-8")
    (tmp_path / "test.conllu").write_text(CONLLU, encoding="utf-8")
    corpus = load(tmp_path, Tagging)
    assert corpus.splits["train"] == [
        {"tokens": ["John", "#tag"], "tags": ["B-PER", "O"]},
        {"tokens": ["lives"], "tags": ["O"]},
    ]
    assert corpus.splits["test"] == [
        {"tokens": ["da", "me"], "tags": ["VERB", "PRON"]},
        {"tokens": ["#"], "tags": ["SYM"]},
    ]
    assert corpus.place("train", 1).endswith("train.conll, line 7")
    middle = load(
        None,
        Tagging,
        train=str(tmp_path / "train.conll"),
        validation=str(tmp_path / "train.conll"),
        test=str(tmp_path / "train.conll"),
        tag_column=1,
    )
    assert middle.splits["train"][0]["tags"] == ["NNP", "NN"]


def test_a_conll_line_with_too_few_columns_is_named(tmp_path):
    for split in ("train", "validation", "test"):
        (tmp_path / f"{split}.bio").write_text("John NNP B-PER\nlives\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"train.bio, line 2: .* tag in column 2, got 1 column.*data.tag_column"):
        load(tmp_path, Tagging, tag_column=2)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"text": "x", "label": }', "train.jsonl, line 3: not valid JSON"),
        ('["text"]', "line 3: expected a JSON object such as {...}, got list"),
        (
            '{"text": "x", "label": ["a"]}',
            "line 3: expected one label in the column 'label', got a list of 1 (['a']); for",
        ),
        (
            f'{{"text": "x", "label": {"[" * 100_000}',
            "train.jsonl, line 3: too many brackets inside each other; correct",
        ),
        (
            '{"text": "x", "label": "a", "text": "y"}',
            "line 3: expected each key once, got 'text' twice; take one of the",
        ),
        (f'{{"text": "x", "label": {"1" * 5_000}}}', "train.jsonl, line 3: not valid JSON (Exceeds the limit"),
        ('{"text": "", "label": "a"}', "line 3: the column 'text' is empty; remove the row or add its text"),
        ('{"text": " \\n", "label": "a"}', "line 3: the column 'text' is empty"),
        ('{"label": "a"}', "line 3: the column 'text' is missing in this row; expected a text"),
        ('{"text": "x", "label": null}', "line 3: the column 'label' is missing in this row"),
        ('{"text": "x", "label": ""}', "line 3: expected a label"),
        ('{"text": "x", "label": NaN}', "line 3: expected a label (text or a number) in the column 'label', got float"),
        ('{"text": true, "label": "a"}', "line 3: expected a text in the column 'text', got bool"),
        ('{"text": "ab \\ud83d", "label": "a"}', "the column 'text' holds half a character (\\ud83d at place 4)"),
        ('{"text": "x", "label": "\\ude00"}', "the column 'label' holds half a character (\\ude00 at place 1)"),
    ],
)
@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz"])
def test_a_bad_line_is_named(tmp_path, folder, line, message, suffix):
    (folder / "train.jsonl.gz").unlink()
    text = f'{{"text": "x", "label": "a"}}\n\n{line}\n{{"text": "y", "label": "a"}}\n'.encode()
    (folder / f"train{suffix}").write_bytes(gzip.compress(text) if suffix.endswith("gz") else text)
    with pytest.raises(ValueError, match=r"line 3") as error:
        load(folder)
    assert message.replace(".jsonl", suffix) in str(error.value)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"tokens": ["a", "b"], "tags": ["O"]}, "line 2: expected as many 'tags' as 'tokens', got 1 and 2"),
        ({"tokens": [], "tags": []}, "line 2: the column 'tokens' holds no tokens"),
        ({"tokens": ["a", " "], "tags": ["O", "O"]}, "line 2: token 2 of 'tokens' is blank; remove it with"),
        ({"tokens": ["a", None], "tags": ["O", "O"]}, "line 2: expected a list of tokens in the column 'tokens', got"),
    ],
)
def test_a_bad_sentence_is_named(tmp_path, row, message):
    for split in ("train", "validation", "test"):
        write(tmp_path / f"{split}.jsonl", [{"tokens": ["a"], "tags": ["O"]}, row])
    with pytest.raises(ValueError, match="line 2") as error:
        load(tmp_path, Tagging)
    assert message.removesuffix("with") in str(error.value)


def test_number_tags_and_plain_text_are_refused_for_tagging(tmp_path):
    for wrong, message in (
        ({"tokens": ["a"], "tags": [3]}, r"expected a list of tags in the column 'tags', got a list of int"),
        ({"tokens": "a b", "tags": ["O"]}, r"expected a list of tokens in the column 'tokens', got str"),
    ):
        for split in ("train", "validation", "test"):
            write(tmp_path / f"{split}.jsonl", [wrong])
        with pytest.raises(ValueError, match=message):
            load(tmp_path, Tagging)


def test_what_the_task_refuses_is_named_with_its_line(folder):
    write(folder / "test.jsonl", [*rows(1), {"text": "x", "label": "forbidden"}])
    with pytest.raises(ValueError, match=r"test.jsonl, line 2: the task forbids this label"):
        load(folder)


def test_a_misnamed_column_is_answered_with_those_found_and_the_option(folder):
    write(folder / "train.jsonl.gz", [{"review": "x", "stars": 3}])
    with pytest.raises(ValueError, match=r"line 1: expected a column 'text' .* found review, stars; .*data.columns="):
        load(folder)
    with pytest.raises(ValueError, match=r"data.columns takes 'text' from a column 'body', but found review, stars"):
        load(folder, columns={"text": "body"})
    with pytest.raises(
        ValueError, match=r"first the name that the task needs.* data.columns='{text:review,label:stars}'"
    ):
        load(folder, columns={"review": "text", "stars": "label"})
    write(folder / "validation.jsonl", [{"review": "x", "stars": 3}])
    write(folder / "test.jsonl", [{"review": "x", "stars": 3}])
    assert load(folder, columns={"text": "review", "label": "stars"}).splits["train"][0]["label"] == "3"


def test_missing_things_are_answered_with_what_is_there(folder, tmp_path):
    (folder / "validation.jsonl").unlink()
    with pytest.raises(
        ValueError, match=r"expected a split 'validation'; .*holds test.jsonl, train.jsonl.gz; name its"
    ):
        load(folder)
    with pytest.raises(ValueError, match=r"expected a file at .*dev.jsonl, found none; .* holds test.jsonl"):
        load(folder, validation="dev.jsonl")
    with pytest.raises(ValueError, match=r"toys: expected a folder or a file; .* holds toy"):
        load(tmp_path / "toys")
    with pytest.raises(ValueError, match=r"needs data.path=<folder or file> or data.train=<file>, got"):
        load()
    (folder / "dev.docx").write_text("x")
    with pytest.raises(ValueError, match=r"expected a file that ends in .jsonl"):
        load(folder, validation="dev.docx")


def test_empty_and_doubled_files_are_refused(folder):
    (folder / "test.jsonl").write_text("\n\n")
    with pytest.raises(ValueError, match=r"expected rows in .*test.jsonl, got an empty file"):
        load(folder)
    (folder / "test.csv").write_text("text,label\n")
    with pytest.raises(ValueError, match=r"expected one file for the split 'test' .* got test.csv, test.jsonl; remove"):
        load(folder)
    (folder / "test.jsonl").unlink()
    with pytest.raises(ValueError, match=r"expected rows in .*test.csv"):
        load(folder)


def test_a_truncated_archive_and_another_encoding_are_named(folder):
    whole = (folder / "train.jsonl.gz").read_bytes()
    (folder / "train.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"train.jsonl.gz: .*correct the file"):
        load(folder)
    (folder / "train.jsonl.gz").unlink()
    (folder / "train.jsonl").write_bytes('{"text": "é", "label": "a"}\n'.encode("latin-1"))
    with pytest.raises(ValueError, match=r"train.jsonl, line 1: byte 11 of it .*save the file as UTF-8"):
        load(folder)


def test_a_broken_csv_line_is_named(folder):
    (folder / "test.jsonl").unlink()
    (folder / "test.csv").write_text("text,label\nx,a\nx,a,b,c\n")
    with pytest.raises(ValueError, match=r"test.csv, line 3: expected 2 columns as in the first line, got 4"):
        load(folder)


def test_missing_splits_are_drawn_from_train_by_the_seed(folder):
    (folder / "validation.jsonl").unlink()
    corpora = [load(folder, validation_fraction=0.2, seed=seed) for seed in (1, 1, 2)]
    assert [len(corpus.splits["train"]) for corpus in corpora] == [16, 16, 16]
    assert corpora[0].fingerprint == corpora[1].fingerprint != corpora[2].fingerprint
    parts = corpora[0].splits
    assert sorted(row["text"] for row in parts["train"] + parts["validation"]) == sorted(r["text"] for r in rows(20))
    assert parts["test"] == rows(6, 24)
    for number, row in enumerate(parts["validation"]):
        line = int(row["text"].split()[1]) + 1
        assert corpora[0].place("validation", number).endswith(f"train.jsonl.gz, line {line}")


def test_impossible_fractions_are_refused(folder):
    (folder / "validation.jsonl").unlink()
    with pytest.raises(ValueError, match=r"expected data.validation_fraction between 0 and 1, got 2"):
        load(folder, validation_fraction=2)
    with pytest.raises(ValueError, match="20 rows of train leave none for the split 'validation'"):
        load(folder, validation_fraction=0.01)


@pytest.mark.parametrize("seed", range(1, 7))
def test_a_rare_label_stays_in_train_whatever_the_seed(tmp_path, seed):
    made = [*rows(40), {"text": "odd", "label": "rare"}, {"text": "odder", "label": "rarer"}]
    write(tmp_path / "train.jsonl", made)
    corpus = load(tmp_path, validation_fraction=0.2, test_fraction=0.2, seed=seed)
    assert [Counter(row["label"] for row in corpus.splits[split]) for split in ("train", "validation", "test")] == [
        {"a": 12, "b": 12, "rare": 1, "rarer": 1},
        {"a": 4, "b": 4},
        {"a": 4, "b": 4},
    ]


@pytest.mark.parametrize("given", ["path", "train"])
def test_a_single_file_is_divided_and_says_so(tmp_path, given):
    write(tmp_path / "reviews.jsonl", rows(100))
    file = str(tmp_path / "reviews.jsonl")
    corpus = load(**{given: file})
    assert {split: Counter(row["label"] for row in rows) for split, rows in corpus.splits.items()} == {
        "train": {"a": 40, "b": 40},
        "validation": {"a": 5, "b": 5},
        "test": {"a": 5, "b": 5},
    }
    assert corpus.name == "reviews.jsonl"
    assert corpus.source == (
        f"files ({file}); 10 % for validation and 10 % for test drawn from train by seed 1, label by label"
    )
    assert corpus.drawn == (Drawn(("validation", "test"), 1),)
    assert load(**{given: file}, seed=2).drawn == (Drawn(("validation", "test"), 2),)
    assert len(load(**{given: file}, test_fraction=0.3).splits["test"]) == 30
    with pytest.raises(ValueError, match=r"expected a split 'validation'; found train, test; name its file"):
        load(**{given: file}, test=file)


def test_labels_that_are_too_rare_to_be_drawn_are_told(tmp_path):
    rare = [{"text": f"rare {number}", "label": f"r{number}"} for number in range(7)]
    write(tmp_path / "reviews.jsonl", [*rows(100), *rare])
    assert load(tmp_path / "reviews.jsonl").source.endswith(
        "label by label; 7 of 9 labels have too few rows for that and stand in train alone: "
        "'r0', 'r1', 'r2', 'r3', 'r4' and 2 more"
    )


def test_a_file_for_train_is_not_given_twice(tmp_path):
    write(tmp_path / "reviews.jsonl", rows(10))
    with pytest.raises(ValueError, match=r"data.path=.*reviews.jsonl is a file, which is train; give no data.train=x"):
        load(tmp_path / "reviews.jsonl", train="x")


def test_rows_are_excluded_before_splits_are_drawn(tmp_path):
    write(
        tmp_path / "train.jsonl", [row | {"label": "oos" if n % 2 else row["label"]} for n, row in enumerate(rows(40))]
    )
    corpus = load(tmp_path, exclude={"label": "oos"}, validation_fraction=0.1, test_fraction=0.1)
    assert [len(corpus.splits[split]) for split in corpus.splits] == [16, 2, 2]


def test_a_limit_of_train_keeps_as_many_labels_as_it_can(folder, tmp_path):
    made = [*rows(200), {"text": "odd", "label": "rare"}, {"text": "odder", "label": "rarer"}]
    write(folder / "train.jsonl.gz", made)
    for limit in (4, 50):
        corpus = load(folder, max_train=limit)
        assert {row["label"] for row in corpus.splits["train"]} == {"a", "b", "rare", "rarer"}
        assert corpus.left_out == {}
    assert set(map(str, load(folder, max_train=4).splits["train"])) < set(map(str, corpus.splits["train"]))
    few = load(folder, max_train=3)
    assert few.left_out.keys() == {"a", "b", "rare", "rarer"} - {row["label"] for row in few.splits["train"]}
    assert list(few.left_out.values()) == ["data.max_train"]


def test_rows_can_be_excluded_and_limited(folder):
    corpus = load(folder, exclude={"label": ["a"]}, max_train=3)
    assert len(corpus.splits["train"]) == 3
    assert {row["label"] for row in corpus.splits["train"]} == {"b"}
    assert len(corpus.splits["test"]) == 3
    for number, row in enumerate(corpus.splits["train"]):
        assert corpus.place("train", number).endswith(f"line {int(row['text'].split()[1]) + 1}")
    smaller = load(folder, exclude={"label": ["a"]}, max_train=2)
    assert all(row in corpus.splits["train"] for row in smaller.splits["train"])
    with pytest.raises(ValueError, match=r"no row of the split 'train' is left of 20; check data.exclude"):
        load(folder, exclude={"label": ["a", "b"]})
    with pytest.raises(ValueError, match=r"data.exclude names the column 'topic', but .*line 1 has text, label"):
        load(folder, exclude={"topic": ["a"]})


def numbered(column, values):
    return [{"text": f"text {number}", "label": "a", column: value} for number, value in enumerate(values)]


@pytest.mark.parametrize("excluded", [[3], 3, ["3"], "3"])
@pytest.mark.parametrize("labels", [[1, 2, 3, 23], ["1", "2", "3", "23"]])
def test_numbers_and_texts_exclude_alike(tmp_path, excluded, labels):
    for split in ("train", "validation", "test"):
        write(tmp_path / f"{split}.jsonl", numbered("label", labels))
    corpus = load(tmp_path, exclude={"label": excluded})
    assert [row["label"] for row in corpus.splits["test"]] == ["1", "2", "23"]
    corpus = load(tmp_path, exclude={"label": "23"})
    assert [row["label"] for row in corpus.splits["test"]] == ["1", "2", "3"]


@pytest.mark.parametrize("column", ["label", "other"])
@pytest.mark.parametrize(
    ("values", "excluded", "left"),
    [([True, False], True, [False]), ([0, 1], [1], [0]), (["1.50", "1.5"], 1.5, ["1.50"])],
)
def test_whatever_is_no_text_is_excluded_as_labels_are_written(tmp_path, column, values, excluded, left):
    for split in ("train", "validation", "test"):
        write(tmp_path / f"{split}.jsonl", numbered(column, values))
    rows = load(tmp_path, exclude={column: excluded}).splits["train"]
    assert [row["text"] for row in rows] == [f"text {values.index(value)}" for value in left]
    assert column == "other" or [row["label"] for row in rows] == [str(value) for value in left]


def test_a_value_to_exclude_may_be_in_one_split_only(folder):
    write(folder / "test.jsonl", [*rows(3), {"text": "unknown", "label": "oos"}])
    corpus = load(folder, exclude={"label": ["oos"]}, max_train=1, max_test=1)
    assert [len(corpus.splits[split]) for split in corpus.splits] == [1, 4, 1]
    write(folder / "train.jsonl.gz", [*rows(20), {"text": "unknown", "label": "oos"}])
    (folder / "test.jsonl").unlink()
    assert "oos" not in [
        row["label"] for row in load(folder, test_fraction=0.2, exclude={"label": "oos"}).splits["test"]
    ]


@pytest.mark.parametrize("excluded", ["c", ["a", "c"], ["c", 3]])
def test_a_value_that_no_row_has_is_answered_with_those_there_are(folder, excluded):
    with pytest.raises(
        ValueError, match=r"names 'c'(, '3')? in the column 'label', but no row of .* test has .* found 'a', 'b'; write"
    ):
        load(folder, exclude={"label": excluded})


def test_unknown_words_for_unseen_labels_are_refused():
    with pytest.raises(ValueError, match=r"expected data.unseen_labels to be error or drop, got 'ignore'"):
        FileData(**(FILES | {"unseen_labels": "ignore"}))


def test_a_cache_of_the_hub_that_cannot_be_written_is_explained(monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied", "/home/me/.cache")

    monkeypatch.setattr("datasets.load_dataset", refuse)
    with pytest.raises(ValueError, match=r"cannot write the cache .* /home/me/.cache; set .* HF_HOME"):
        PublishedData(**(PUBLISHED | {"hub": HUB, "validation_fraction": 0.1})).load(Sorting())


def test_a_folder_is_not_read_in_the_place_of_the_hub(tmp_path, monkeypatch):
    (tmp_path / "nobody" / "toy").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"data.hub.path=nobody/toy: .* is a folder or a file here; .* data=files"):
        PublishedData(**(PUBLISHED | {"hub": HUB, "validation_fraction": 0.1})).load(Sorting())


def test_a_published_set_is_read_from_its_folder_if_one_is_given(folder):
    corpus = PublishedData(**(PUBLISHED | {"data_dir": str(folder.parent)})).load(Sorting())
    assert corpus.splits["train"] == rows(20)
    assert corpus.source == f"files ({folder})"


def test_a_published_set_never_falls_back(folder, tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise ConnectionError("Couldn't reach 'nobody/toy' on the Hub (offline)")

    monkeypatch.setattr("datasets.load_dataset", refuse)
    elsewhere = PUBLISHED | {"data_dir": str(tmp_path), "name": "other", "hub": HUB}
    with pytest.raises(ValueError, match=r"expected a folder 'other' in it; .*toy"):
        PublishedData(**elsewhere).load(Sorting())
    hub = PUBLISHED | {"hub": HUB, "validation_fraction": 0.1}
    with pytest.raises(
        ValueError, match=r"could not read nobody/toy from the .* hub \(Couldn't reach .*data_dir=<folder>"
    ):
        PublishedData(**hub).load(Sorting())
    with pytest.raises(ValueError, match=r"toy is not on the Hugging Face hub in this form; pass data_dir=<folder>"):
        PublishedData(**PUBLISHED).load(Sorting())


@pytest.mark.slow
def test_the_hub_is_asked_for_the_pinned_revision_and_its_columns_renamed(monkeypatch):
    from datasets import Dataset

    asked = []

    def answer(path, config, *, split, revision):
        asked.append((path, config, split, revision))
        return Dataset.from_list([{"text": f"{split} {number}", "intent": "a"} for number in range(10)])

    monkeypatch.setattr("datasets.load_dataset", answer)
    corpus = PublishedData(**(PUBLISHED | {"hub": HUB, "validation_fraction": 0.2})).load(Sorting())
    assert asked == [("nobody/toy", None, "train", "abc"), ("nobody/toy", None, "test", "abc")]
    assert [len(corpus.splits[split]) for split in corpus.splits] == [8, 2, 10]
    assert corpus.splits["test"][0]["label"] == "a"
    assert corpus.source == "hub (nobody/toy @ abc); 20 % for validation drawn from train by seed 1, label by label"
    with pytest.raises(ValueError, match=r"expected a split 'validation'; found train, test; draw it from train"):
        PublishedData(**(PUBLISHED | {"hub": HUB})).load(Sorting())


def test_what_is_lent_is_what_the_lender_selects_and_may_be_divided(tmp_path):
    for name, count in (("lender", 20), ("exam", 4)):
        (tmp_path / name).mkdir()
        for split in ("train", "validation", "test") if name == "lender" else ("test",):
            write(tmp_path / name / f"{split}.jsonl", rows(count))
    common = PUBLISHED | {"data_dir": str(tmp_path)}
    lender = PublishedData(**(common | {"name": "lender", "max_train": 8, "exclude": {"label": "a"}}))
    exam = common | {"name": "exam", "train_from": lender}
    with pytest.raises(ValueError, match=r"expected a split 'validation'.*draw it from train with data.validation_f"):
        PublishedData(**exam).load(Sorting())
    corpus = PublishedData(**(exam | {"validation_fraction": 0.25})).load(Sorting())
    assert {split: len(found) for split, found in corpus.splits.items()} == {"train": 6, "validation": 2, "test": 4}
    assert {row["label"] for split in ("train", "validation") for row in corpus.splits[split]} == {"b"}
    for split in ("validation", "test"):
        (tmp_path / "lender" / f"{split}.jsonl").unlink()
    lender = PublishedData(**(common | {"name": "lender", "seed": 5, "validation_fraction": 0.2, "test_fraction": 0.2}))
    corpus = PublishedData(**(exam | {"train_from": lender, "validation_fraction": 0.25})).load(Sorting())
    assert corpus.drawn == (Drawn(("validation", "test"), 5), Drawn(("validation",), 1))


@pytest.mark.slow
def test_a_set_on_the_hub_without_train_may_be_lent_one(monkeypatch):
    from datasets import Dataset

    asked = []

    def answer(path, config, *, split, revision):
        asked.append(split)
        return Dataset.from_list([{"text": f"{split} {number}", "intent": "a"} for number in range(10)])

    monkeypatch.setattr("datasets.load_dataset", answer)
    lender = GeneratedData(**(COMMON | {"size": "small", "seed": 1, "knobs": {}, "max_train": 50}))
    for train in (None, "train"):
        hub = HUB | {"splits": {"train": train, "validation": "dev", "test": "test"}}
        corpus = PublishedData(**(PUBLISHED | {"hub": hub, "train_from": lender})).load(Sorting())
        assert [len(corpus.splits[split]) for split in corpus.splits] == [50, 10, 10]
    assert asked == ["dev", "test"] * 2  # its own train is not read


@pytest.mark.slow
def test_generated_corpora_are_made_by_the_task_of_their_name():
    options = COMMON | {"size": "small", "seed": 1, "knobs": {}, "max_train": 50}
    corpus = GeneratedData(**options).load(Sorting())
    assert len(corpus.splits["train"]) == 50
    assert corpus.name == "generated_sentiment"
    assert corpus.place("test", 2) == "generated_sentiment, test, row 3"

    class Unknown(Sorting):
        name = "haiku"

    with pytest.raises(ValueError, match="there is no generated corpus for the task 'haiku'; choose a data set"):
        GeneratedData(**options).load(Unknown())


@pytest.mark.slow
def test_every_data_file_makes_a_source(request):
    conf = request.config.rootpath / "conf"
    for path in sorted((conf / "data").glob("*.yaml")):
        missing = ["+data.name=x", "+data.hub.path=y/x"] if path.stem == "hub" else []
        with initialize_config_dir(str(conf), version_base="1.3"):
            config = compose(
                overrides=[f"+data={path.stem}", "+data_dir=null", "+seed=1", "+encoding.normalize=nfc", *missing]
            )
        source = instantiate(config.data)
        assert source.tokenizer in ("words", "whitespace", "characters")
        assert type(source).__module__ == "tasks.corpora"


NFD_ROWS = [{"text": "Cafe\u0301 de\u0301ja\u0300", "label": "Zu\u0308rich"}, {"text": "\ufb01n", "label": "b"}]


def test_texts_and_labels_are_brought_into_one_unicode_form(tmp_path):
    nfc = [{"text": "Caf\u00e9 d\u00e9j\u00e0", "label": "Z\u00fcrich"}, {"text": "\ufb01n", "label": "b"}]
    for split in ("train", "validation", "test"):
        write(tmp_path / "nfd" / f"{split}.jsonl", NFD_ROWS)
        write(tmp_path / "nfc" / f"{split}.jsonl", nfc)
    corpus = load(tmp_path / "nfd")
    assert corpus.splits["train"] == nfc
    assert corpus.fingerprint == load(tmp_path / "nfc").fingerprint
    assert load(tmp_path / "nfd", normalize="none").splits["train"] == NFD_ROWS
    assert load(tmp_path / "nfd", normalize="nfkc").splits["train"] == [nfc[0], {"text": "fin", "label": "b"}]
    for typed in ("Zu\u0308rich", "Z\u00fcrich"):
        assert load(tmp_path / "nfd", exclude={"label": [typed]}).splits["test"] == nfc[1:]


def test_names_of_columns_are_found_however_their_letters_are_stored(tmp_path):
    for split in ("train", "validation", "test"):
        write(tmp_path / f"{split}.jsonl", [{"U\u0308bung": "ja", "label": "a"}])
    assert load(tmp_path, columns={"text": "\u00dcbung"}).splits["train"] == [{"text": "ja", "label": "a"}]


def test_an_unknown_unicode_form_is_refused():
    with pytest.raises(ValueError, match=r"expected encoding\.normalize among none, nfc, nfkc, got 'nfd'"):
        load(normalize="nfd")


def test_tags_that_are_numbers_get_their_names(tmp_path):
    for split, tags in (("train", [0, 1, 2]), ("validation", ["B-X", "0", 0]), ("test", [0])):
        write(tmp_path / f"{split}.jsonl", [{"tokens": list("abc")[: len(tags)], "tags": tags}])
    corpus = load(tmp_path, task=Tagging, tag_names=["O", "B-X", "I-X"])
    assert [corpus.splits[split][0]["tags"] for split in ("train", "validation", "test")] == [
        ["O", "B-X", "I-X"],
        ["B-X", "O", "O"],
        ["O"],
    ]
    with pytest.raises(ValueError, match=r"train\.jsonl, line 1: expected a tag among the 2 of data\.tag_names .*'2'"):
        load(tmp_path, task=Tagging, tag_names=["O", "B-X"])
    with pytest.raises(ValueError, match=r"train\.jsonl, line 1: .*a list of int .* or name them by data\.tag_names"):
        load(tmp_path, task=Tagging)
    with pytest.raises(ValueError, match=r"data\.tag_names names the tags of tokens, but task=sentiment has none"):
        load(tmp_path, tag_names=["O"], columns={"text": "tokens", "label": "tags"})


def test_what_was_decided_while_reading_is_said(tmp_path):
    for split in ("train", "validation", "test"):
        (tmp_path / f"{split}.conll").write_text("# id 1\tx=y\n1 The _ DET\n2 dog _ NOUN\n3 runs _ VERB\n")
    corpus = load(tmp_path, task=Tagging)
    assert corpus.splits["train"] == [{"tokens": ["The", "dog", "runs"], "tags": ["DET", "NOUN", "VERB"]}]
    assert "; train.conll: 1 lines from line 1 on are taken for comments (#); " in corpus.source
    assert "test.conll: column 0 counts the lines, so the tokens are taken from column 1" in corpus.source
