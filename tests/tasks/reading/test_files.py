import gzip

import pytest

from tasks.reading.columns import Wanted
from tasks.reading.files import line_of, read_rows
from tasks.reading.split_files import USUAL


def read(folder, name, text):
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return [tuple(row.values()) for row in read_rows(path, layout=USUAL, wanted=Wanted(()))]


@pytest.mark.parametrize("name", ["rows.tsv", "rows.tsv.gz"])
def test_quotes_in_tsv_are_text(tmp_path, name):
    rows = [('"it is', "1"), ('foo "bar" b', "0"), ('"quoted"', "01"), ('end"', "NA")]
    assert read(tmp_path, name, "text\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in rows)) == rows
    assert [line_of(tmp_path / name, row, layout=USUAL) for row in (0, 3)] == ["line 2", "line 5"]


def test_a_row_of_tsv_ends_with_its_line(tmp_path):
    with pytest.raises(
        ValueError, match=r"rows.tsv, line 3: expected 3 columns .* got 2 \(in TSV quotes are text; .*csv"
    ):
        read(tmp_path, "rows.tsv", 'label\ttext\tid\n1\t"a\t7\nb"\t7\n')


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "a.csv",
            "text,label\nx,a,b\ny,c,d\n",
            "a.csv, line 2: expected 2 columns as in the first line, got 3; correct",
        ),
        (
            "a.csv",
            'text,label\n"x\n",a\n\n"y\n"\n',
            "a.csv, line 5: expected 2 columns as in the first line, got 1; corr",
        ),
        (
            "a.tsv",
            "text\tlabel\nx\ta\tb\ny\tc\td\n",
            "a.tsv, line 2: expected 2 columns as in the first line, got 3 (in",
        ),
    ],
)
def test_rows_wider_or_narrower_than_the_header_are_named(tmp_path, name, text, message):
    with pytest.raises(ValueError, match=r"expected 2 columns") as error:
        read(tmp_path, name, text)
    assert message in str(error.value)


@pytest.mark.parametrize("name", ["rows.csv", "rows.tsv"])
def test_blank_lines_are_no_rows_and_texts_may_be_long(tmp_path, name):
    separator = "," if name == "rows.csv" else "\t"
    long = "a" * 140_000
    text = f"\ntext{separator}label\n  \n{long}{separator}b\n\nx{separator}c\n"
    assert read(tmp_path, name, text) == [(long, "b"), ("x", "c")]
    assert [line_of(tmp_path / name, row, layout=USUAL) for row in (0, 1)] == ["line 4", "line 6"]
