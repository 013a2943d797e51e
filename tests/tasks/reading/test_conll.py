from pathlib import Path

import pytest

from tasks.reading.conll import ConllColumns, read_conll

FIRST_AND_LAST = {"token": 0, "tag": -1, "separator": None, "universal": False}


def read(text, **columns):
    columns = ConllColumns(**(FIRST_AND_LAST | columns))
    sentences = read_conll(text.splitlines(keepends=True), path=Path("a.conll"), columns=columns)
    return [(start, list(zip(sentence["tokens"], sentence["tags"], strict=True))) for start, sentence in sentences]


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        ("The DET\nwalks\n", {}, "line 2: expected a token in column 0 and, beside it, a tag in column -1, got 1 col"),
        ("The\nwalks\n", {}, "line 1: expected a token in column 0 and, beside it, a tag in column -1, got 1 col"),
        ("The x DET\n", {"tag": -3}, "line 1: expected a token in column 0 and, beside it, a tag in column -3, got 3"),
        (
            "The DET\n\nx walks VERB\n",
            {},
            "line 3: expected 2 columns as in line 1, got 3 column(s): 'x walks VERB'; co",
        ),
        ("The DET\nNew York X\n", {"tag": 1}, "line 2: expected 2 columns as in line 1, got 3 column(s): 'New York X'"),
        (
            "The x DET\nwalks VERB\n",
            {"tag": 1},
            "line 2: expected 3 columns as in line 1, got 2 column(s): 'walks VERB'",
        ),
        ("The DET\nwalks\t\tV\n", {"separator": "\t"}, "line 1: expected a token in column 0 and, beside it, a tag"),
        ("The\tDET\nwalks\t\tV\n", {"separator": "\t"}, "line 2: expected 2 columns as in line 1, got 3"),
    ],
)
def test_a_line_of_another_width_is_named_and_never_read_askew(text, columns, message):
    with pytest.raises(
        ValueError, match=r"^a\.conll, line \d: .*; correct the line, or set data.token_column"
    ) as error:
        read(text, **columns)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        ("# sent_id 1\nThe DET\n", {}, "line 1: expected 2 columns as in line 2, got 3 column(s): '# sent_id 1'; if"),
        ("# sent_id 1\nThe DET\n", {"tag": 1}, "line 1: expected 2 columns as in line 2, got 3"),
        ("The DET\n\n# sent_id 1\nA DET\n", {}, "line 3: expected 2 columns as in line 1, got 3"),
        ("# O\nThe DET\n\n# sent_id 1\n", {}, "line 4: expected 2 columns as in line 2, got 3"),
        ("#\nThe DET\n", {}, "line 1: expected a token in column 0 and, beside it, a tag in column -1, got 1"),
        ("The\tDET\n# sent_id 1\n", {"separator": "\t"}, "line 2: expected a token in column 0"),
    ],
)
def test_a_comment_is_refused_with_its_remedy(text, columns, message):
    with pytest.raises(ValueError, match=r"; if it is a comment, remove it, or name the file \.conllu") as error:
        read(text, **columns)
    assert message in str(error.value)


def test_tokens_may_begin_with_a_hash():
    assert read("#tag X\n# SYM\n\nThe DET\n# SYM\n") == [
        (1, [("#tag", "X"), ("#", "SYM")]),
        (4, [("The", "DET"), ("#", "SYM")]),
    ]


def test_what_is_no_token_has_no_width():
    text = "-DOCSTART-\n \t \n-DOCSTART- -X- -X- O\n\nThe x DET\n  \nA x\tDET  \r\n"
    assert read(text) == [(5, [("The", "DET")]), (7, [("A", "DET")])]
    universal = {"token": 1, "tag": 2, "separator": "\t", "universal": True}
    assert read("# sent_id 1\n1-2\tDá\n1\tda\tVERB\n2\tme\tPRON\n2.1\t_\n", **universal) == [
        (3, [("da", "VERB"), ("me", "PRON")])
    ]


def test_only_blanks_and_tabs_part_columns():
    assert read("1\u00a0000 NUM\ncars  \tNOUN\n") == [(1, [("1\u00a0000", "NUM"), ("cars", "NOUN")])]
