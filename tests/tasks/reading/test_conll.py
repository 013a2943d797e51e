from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.reading.conll import ConllColumns, read_conll

FIRST_AND_LAST = {"token": None, "tag": -1, "separator": None, "universal": False}


def read(text, said=None, **columns):
    columns = ConllColumns(**(FIRST_AND_LAST | columns))
    sentences = read_conll(text.splitlines(keepends=True), path=Path("a.conll"), columns=columns, said=said)
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
    ("text", "columns"),
    [
        ("# sent_id 1\nThe DET\n", {}),
        ("# sent_id 1\nThe DET\n", {"tag": 1}),
        ("# newdoc\n# text = The\nThe DET\n", {}),
        ("#\nThe DET\n", {}),
        ("#\n\nThe DET\n", {}),
        ("# id 0\tdomain=en\nThe _ _ DET\n\n", {}),
        ("# id 0\nThe DET\n", {"separator": "\t"}),
        ("# id 0\tdomain=en\nThe\tDET\n", {"separator": "\t"}),
    ],
)
def test_a_comment_before_a_sentence_is_no_token_and_told(text, columns):
    text, columns = text.replace("The DET", "The\tDET") if columns.get("separator") else text, columns
    said = []
    (sentence,) = read(text, said=said, **columns)
    assert sentence[1] == [("The", "DET")]
    assert said[0].startswith("a.conll: ")
    assert said[0].endswith(" lines from line 1 on are taken for comments (#)")


def test_a_comment_within_a_sentence_is_refused_with_its_remedy():
    for text, columns in (("The DET\n# sent_id 1\n", {}), ("The\tDET\n# sent_id 1\n", {"separator": "\t"})):
        with pytest.raises(ValueError, match=r"line 2: expected .*; if it is a comment, put it before"):
            read(text, **columns)


def test_tokens_may_begin_with_a_hash():
    assert read("#tag X\n# SYM\n\nThe DET\n# SYM\n") == [
        (1, [("#tag", "X"), ("#", "SYM")]),
        (4, [("The", "DET"), ("#", "SYM")]),
    ]


def test_a_sign_with_a_known_tag_is_a_token_wherever_it_stands():
    said = []
    assert read("# O\nThe O\n\n# O\n#tag B-X\n\n#only B-Y\n", said=said) == [
        (1, [("#", "O"), ("The", "O")]),
        (4, [("#", "O"), ("#tag", "B-X")]),
        (7, [("#only", "B-Y")]),
    ]
    assert said == []


def test_a_document_ends_the_sentence_before_it():
    text = "-DOCSTART- -X- O\nThe x DET\n-DOCSTART- -X- O\nA x DET\n"
    assert read(text) == [(2, [("The", "DET")]), (4, [("A", "DET")])]


@pytest.mark.parametrize(
    ("text", "starts"),
    [
        ("1 The DET\n2 dog NOUN\n\n1 A DET\n2 cat NOUN\n", [1, 4]),
        ("1 The DET\n2 dog NOUN\n1 A DET\n2 cat NOUN\n", [1, 3]),
        ("0\tThe\tDET\n1\tdog\tNOUN\n\n2\tA\tDET\n3\tcat\tNOUN\n", [1, 4]),
    ],
)
def test_a_column_that_counts_lines_is_none_of_tokens(text, starts):
    said = []
    assert read(text, said=said) == [
        (starts[0], [("The", "DET"), ("dog", "NOUN")]),
        (starts[1], [("A", "DET"), ("cat", "NOUN")]),
    ]
    assert said == ["a.conll: column 0 counts the lines, so the tokens are taken from column 1 (data.token_column)"]
    assert read(text, token=0)[0][1][0][0] in ("0", "1")


def test_numbers_that_do_not_count_lines_are_tokens():
    for text in ("1 x NUM\n3 x NUM\n4 x NUM\n", "1 x A\n\n1 x A\n\n1 x B\n", "5 x A\n6 x A\n7 x A\n", "1 x A\n2 x A\n"):
        assert read(text)[0][1][0][0] in "15"
    with pytest.raises(ValueError, match=r"a\.conll, line 1: expected a token and its tag .* set data.token_column=0"):
        read("1 DET\n2 NOUN\n3 VERB\n")


def test_a_long_file_without_empty_lines_is_no_sentence():
    with pytest.raises(ValueError, match=r"^a\.conll: expected an empty line after each sentence, got 201 tok"):
        read("The DET\n" * 201)
    assert len(read("The DET\n" * 200)) == 1
    assert len(read("The DET\n" * 200 + "\nA DET\n")) == 2
    numbered = "".join(f"{number % 3 + 1} The x DET\n" for number in range(300))
    assert len(read(numbered)) == 100


def test_what_is_no_token_has_no_width():
    text = "-DOCSTART-\n \t \n-DOCSTART- -X- -X- O\n\nThe x DET\n  \nA x\tDET  \r\n"
    assert read(text) == [(5, [("The", "DET")]), (7, [("A", "DET")])]
    universal = {"token": 1, "tag": 2, "separator": "\t", "universal": True}
    assert read("# sent_id 1\n1-2\tDá\n1\tda\tVERB\n2\tme\tPRON\n2.1\t_\n", **universal) == [
        (3, [("da", "VERB"), ("me", "PRON")])
    ]


def test_only_blanks_and_tabs_part_columns():
    assert read("1\u00a0000 NUM\ncars  \tNOUN\n") == [(1, [("1\u00a0000", "NUM"), ("cars", "NOUN")])]


ODD = ["\u00a0", "\u2028", "٣", "# id=1\n"]
PIECES = st.sampled_from(["#", " ", "\t", "\n", "\n\n", "1", "2", "a", "O", "B-X", "-DOCSTART-", *ODD])


@given(st.lists(PIECES, max_size=60).map("".join), st.sampled_from([None, "\t"]), st.booleans())
def test_any_lines_are_read_or_refused_in_one_line(text, separator, universal):
    sentences, refusal = [], "a.conll"
    try:
        sentences = read(text, separator=separator, universal=universal)
    except ValueError as error:
        refusal = str(error)
    assert refusal.isprintable()
    assert refusal.startswith("a.conll")
    starts = [start for start, _ in sentences]
    assert starts == sorted(set(starts))
    assert all(pairs for _, pairs in sentences)
