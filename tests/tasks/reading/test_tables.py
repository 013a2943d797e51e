"""Spreadsheets as people have them: separators, names of columns, quotes, encodings, .xlsx."""

import gzip
from dataclasses import replace
from datetime import date, datetime

import pytest

from tasks.corpora import FileData
from tasks.reading.columns import Wanted
from tasks.reading.csv_rows import checked_separator
from tasks.reading.files import line_of, read_rows
from tasks.reading.split_files import USUAL
from tasks.reading.text_files import checked_encoding
from tests.tasks.test_corpora import FILES, Sorting

TWO = [{"text": "gut, ja", "label": "1"}, {"text": "Maß", "label": "0"}]


def read(path, content, said=None, **layout):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_rows(path, layout=replace(USUAL, **layout), wanted=Wanted(()), said=said)


@pytest.mark.parametrize(
    ("content", "separator"),
    [
        ('text,label\n"gut, ja",1\nMaß,0\n', None),
        ("text;label\ngut, ja;1\nMaß;0\n", ";"),
        ("text\tlabel\ngut, ja\t1\nMaß\t0\n", "\t"),
        ("text|label\ngut, ja|1\nMaß|0\n", "|"),
        ("sep=;\r\ntext;label\r\ngut, ja;1\r\nMaß;0\r\n", ";"),
        (' text ; label\n"gut, ja";"1"\nMaß;0\n', ";"),
        (';text;label\n0;"gut, ja";1\n1;Maß;0\n', ";"),
        ("text;label;;\ngut, ja;1;;\nMaß;0;;\n", ";"),
    ],
)
def test_the_separator_of_csv_is_what_the_first_rows_show(tmp_path, content, separator):
    said = []
    assert read(tmp_path / "a.csv", content, said) == TWO
    assert said == ([] if separator is None else [f"a.csv: cells are parted by {separator!r} (data.separator)"])


def test_a_separator_can_be_given(tmp_path):
    text = "text,label|x\na,b|c\n"
    assert read(tmp_path / "a.csv", text) == [{"text": "a", "label|x": "b|c"}]
    assert read(tmp_path / "a.csv", text, separator="|") == [{"text,label": "a,b", "x": "c"}]
    assert [checked_separator(given) for given in ("tab", "\\t", "\t", ";", "semicolon", "comma", "bar", None)] == [
        *("\t", "\t", "\t", ";", ";", ",", "|", None)
    ]
    for wrong in ("ab", "", '"', 3):
        with pytest.raises(
            ValueError, match=r"expected data\.separator as one character, or tab, comma, semicolon or bar, got"
        ):
            FileData(**(FILES | {"separator": wrong}))


def test_two_columns_of_one_name_are_refused(tmp_path):
    with pytest.raises(
        ValueError, match=r"a\.csv, line 2: expected a name of its own .* 'text' for the columns 1 and 3"
    ):
        read(tmp_path / "a.csv", "\ntext,label,text\na,b,c\n")


def test_rows_with_line_breaks_keep_the_number_of_their_line(tmp_path):
    path = tmp_path / "a.csv"
    rows = read(path, 'text;label\r\n"a\r\nb";1\r\n"c ""d""\n\n";2\r\ne;3\r\n')
    assert [row["text"] for row in rows] == ["a\r\nb", 'c "d"\n\n', "e"]
    assert [line_of(path, row, layout=USUAL) for row in range(3)] == ["line 2", "line 4", "line 7"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('text,label\na,1\nb,"open\nc,2\n', "line 3: a quote that opens a cell in this row is never closed; "),
        ('text,label\na,1\n"b" c,2\n', "line 3: in this row a cell goes on after the quote that closes it; "),
    ],
)
def test_quotes_that_are_not_closed_are_named_by_the_line_that_opens_them(tmp_path, content, said):
    with pytest.raises(ValueError, match=r'write quotes within quotes twice \(""\)') as caught:
        read(tmp_path / "a.csv", content)
    assert f"a.csv, {said}" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", "text,label\n", "got a header and no rows below it; add rows"),
        ("a.tsv", "\n\ntext\tlabel\n\n", "got a header and no rows below it; add rows"),
        ("a.csv", " \n\n", "got an empty file; write it again"),
        ("a.jsonl", "", "got an empty file; write it again"),
        ("a.json", "[]", "got none; add rows"),
        ("a.conll", "-DOCSTART- O\n", "got none; add rows"),
    ],
)
def test_a_file_without_rows_is_told_as_what_it_is(tmp_path, name, content, said):
    with pytest.raises(ValueError, match=f"expected rows in .*{name}, {said}$"):
        read(tmp_path / name, content)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".conll", ".csv.gz"])
def test_what_is_no_utf_8_is_named_by_line_and_byte_with_the_option(tmp_path, suffix):
    texts = {".csv": "text,label\na,1\nMaß,0\n", ".jsonl": '{"text": "a"}\n\n{"text": "ß"}\n', ".conll": "a X\n\nß X\n"}
    text = texts[suffix.removesuffix(".gz")].encode("cp1252")
    path = tmp_path / f"a{suffix}"
    path.write_bytes(gzip.compress(text) if suffix.endswith(".gz") else text)
    with pytest.raises(
        ValueError, match=r"a\.\S+, line 3: byte \d+ of it \(0xdf\) is no utf-8; .*data\.encoding=cp1252"
    ):
        read_rows(path, layout=USUAL, wanted=Wanted(()))
    found = read_rows(path, layout=replace(USUAL, encoding="cp1252"), wanted=Wanted(()))
    assert "ß" in str(found[-1])
    if suffix != ".conll":
        assert line_of(path, 1, layout=replace(USUAL, encoding="cp1252")) == "line 3"


def test_a_far_byte_is_named_too(tmp_path):
    text = "text,label\n" + "x,1\n" * 50_000 + "Ma\u00df,0\n"
    with pytest.raises(ValueError, match=r"a\.csv, line 50002: byte 3 of it \(0xdf\)"):
        read(tmp_path / "a.csv", text.encode("latin-1"))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_a_byte_order_mark_tells_the_encoding(tmp_path, encoding):
    assert read(tmp_path / "a.csv", "text;label\ngut, ja;1\nMaß;0\n".encode(encoding)) == TWO


def test_utf_16_without_a_mark_is_refused_with_the_option(tmp_path):
    content = "text;label\ngut, ja;1\nMaß;0\n".encode("utf-16-le")
    with pytest.raises(ValueError, match=r"a\.csv: expected text, got zero bytes; .* data\.encoding=utf-16-le"):
        read(tmp_path / "a.csv", content)
    assert read(tmp_path / "a.csv", content, encoding="utf-16-le") == TWO


def test_what_is_no_encoding_is_refused():
    assert checked_encoding("Latin-1") == "iso8859-1"
    for wrong in ("windows", "base64", "", 7):
        with pytest.raises(ValueError, match=r"expected data\.encoding as the name of an encoding \(utf-8, cp1252"):
            FileData(**(FILES | {"encoding": wrong}))


def excel(path, *sheets):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for number, rows in enumerate(sheets):
        sheet = book.active if number == 0 else book.create_sheet(f"more {number}")
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_a_spreadsheet_is_read_as_text(tmp_path):
    day, moment = datetime(1999, 3, 2), datetime(1999, 3, 2, 12, 30)
    head = [None, "text", "label"]
    rows = [[0, "NA", 1], [1, 4.5, "01"], [], [2, date(1999, 3, 2), True], [3, day, None], [4, moment, 3.0]]
    path = excel(tmp_path / "a.xlsx", [head, *rows], [["other"]])
    said = []
    found = read_rows(path, layout=USUAL, wanted=Wanted(()), said=said)
    assert [tuple(row.values()) for row in found] == [
        *(("NA", "1"), ("4.5", "01"), ("1999-03-02", "TRUE"), ("1999-03-02", "")),
        ("1999-03-02 12:30:00", "3"),
    ]
    assert list(found[0]) == ["text", "label"]
    assert said == ["a.xlsx: of 2 sheets the first, 'Sheet', is read"]
    assert [line_of(path, row, layout=USUAL) for row in (0, 2)] == ["row 2", "row 5"]


def test_a_spreadsheet_that_is_none_is_refused(tmp_path):
    pytest.importorskip("openpyxl")
    with pytest.raises(ValueError, match=r"a\.xlsx: expected a spreadsheet, got what cannot be read .*; save it anew"):
        read(tmp_path / "a.xlsx", b"no zip")
    with pytest.raises(ValueError, match=r"b\.xlsx, row 1: expected a name of its own for each column, got 'a'"):
        read_rows(excel(tmp_path / "b.xlsx", [["a", "a"], [1, 2]]), layout=USUAL, wanted=Wanted(()))
    with pytest.raises(ValueError, match=r"c\.xlsx, row 2: expected 1 columns as in row 1, got 2"):
        read_rows(excel(tmp_path / "c.xlsx", [["a"], [1, 2]]), layout=USUAL, wanted=Wanted(()))
    with pytest.raises(ValueError, match=r"expected rows in .*d\.xlsx"):
        read_rows(excel(tmp_path / "d.xlsx", [["a"]]), layout=USUAL, wanted=Wanted(()))


def test_without_openpyxl_the_remedy_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    with pytest.raises(ValueError, match=r"a\.xlsx: reading \.xlsx needs openpyxl, .* or save the sheet as \.csv$"):
        read(tmp_path / "a.xlsx", b"")


def test_a_german_spreadsheet_is_a_data_set(tmp_path):
    rows = "".join(f"{n};Maß {n};{n % 3},5\r\n" for n in range(30))
    (tmp_path / "umfrage.csv").write_bytes(f";Text;Note\r\n{rows}".encode("cp1252"))
    options = {
        "path": str(tmp_path / "umfrage.csv"),
        "columns": {"text": "Text", "label": "Note"},
        "encoding": "cp1252",
    }
    corpus = FileData(**(FILES | options)).load(Sorting())
    assert {split: len(rows) for split, rows in corpus.splits.items()} == {"train": 24, "validation": 3, "test": 3}
    assert {row["label"] for row in corpus.splits["test"]} == {"0,5", "1,5", "2,5"}
    assert "umfrage.csv: cells are parted by ';' (data.separator)" in corpus.source
    assert corpus.place("train", 0).endswith("umfrage.csv, line 2")
