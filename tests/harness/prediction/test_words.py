"""What readers say of training, told to who predicts: the messages are those that the readers raise."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from harness.prediction.words import in_options_of_predict
from tasks.classification import Classification
from tasks.labels.bio import check_tags, split_tag
from tasks.reading.checks import check_rows, tags_problem
from tasks.reading.columns import Wanted
from tasks.reading.csv_rows import checked_separator
from tasks.reading.files import read_rows
from tasks.reading.split_files import USUAL
from tasks.reading.text_files import checked_encoding


def told(call: Callable[[], Any]) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        call()
    assert any(group in str(caught.value) for group in ("data.", "task."))
    return in_options_of_predict(str(caught.value))


def task(*, multi_label: bool) -> Classification:
    options = {"hidden": 0, "dropout": 0.0, "label_smoothing": 0.0, "class_weights": "none", "focal_gamma": 0.0}
    return Classification(name="classification", multi_label=multi_label, label_separator=None, **options)


@pytest.mark.parametrize(
    ("name", "content", "end"),
    [
        ("a.csv", "text\nMa\xdf\n", "as in --encoding cp1252 (Windows and Excel in western Europe; or latin-1, "
         "cp1251, gb18030, shift_jis, …), or save the file as UTF-8"),
        ("a.csv", "t\0e\0x\0t\0", "if it is in UTF-16, set --encoding utf-16-le (or utf-16-be)"),
        ("a.conll", "a X\nb\n", "'b'; correct the line, or name what parts its columns with --separator"),
        ("a.conll", "1 a\n2 b\n3 c\n", "column 0 and one more column; add the tokens"),
    ],
)  # fmt: skip
def test_files(tmp_path: Path, name: str, content: str, end: str):
    (tmp_path / name).write_bytes(content.encode("latin-1"))
    message = told(partial(read_rows, tmp_path / name, layout=USUAL, wanted=Wanted(())))
    assert message.startswith(str(tmp_path / name))
    assert message.endswith(end)


@pytest.mark.parametrize(
    ("row", "multi_label", "end"),
    [
        ({"review": "x", "label": "a"}, False, "rename it in the file, or set --columns text=<column of the file>"),
        ({"text": "x", "label": "a|b"}, True, "got the text 'a|b'; give a list, as the data of the run had"),
        ({"text": "x", "label": ["a"]}, False, "(['a']); the run was trained on one label a row"),
    ],
)
def test_rows(row: dict[str, Any], multi_label: bool, end: str):
    message = told(lambda: check_rows([row], task=task(multi_label=multi_label), place=lambda _: "a.csv, line 2"))
    assert message.startswith("a.csv, line 2: ")
    assert message.endswith(end)


def test_options():
    assert told(lambda: checked_separator("ab")).startswith("expected --separator as one character")
    assert told(lambda: checked_encoding("no")).startswith("expected --encoding as the name of an encoding")


def test_remedies_that_a_finished_run_no_longer_takes_are_left_out():
    assert told(lambda: split_tag("X")).endswith("got 'X'; convert the tags to BIO")
    assert told(lambda: check_tags(["I-X"])).endswith("; correct the tags")
    numbers = tags_problem("tags", [1], "tokens", ["a"])
    assert numbers is not None
    assert "data.tag_names" in numbers
    assert "data." not in in_options_of_predict(numbers)


@pytest.mark.parametrize("message", ["my/data.columns.csv, line 2: data.text", "choose a or b; or use the old data."])
def test_other_words_stay(message: str):
    assert in_options_of_predict(message) == message
