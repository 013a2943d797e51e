"""Whatever bytes a data file holds: it is read, or refused in one line that names the file."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.classification import Classification
from tasks.corpora import FileData

ROWS = [{"text": f"text {number} é", "label": "ab"[number % 2], "meta": None} for number in range(12)]
OPTIONS = {
    "tokenizer": "words",
    "language": "en",
    "normalize": "nfc",
    "unseen_labels": "drop",
    "deduplicate": "none",
    "seed": 1,
    "fold": 0,
    "fold_seed": 1,
    **dict.fromkeys(("folds", "folds_over")),
    **dict.fromkeys(("exclude", "columns")),
    **dict.fromkeys(("max_train", "max_validation", "max_test", "path", "validation", "test", "token_column")),
    **dict.fromkeys(("tag_column", "tag_names", "separator", "encoding", "validation_fraction", "test_fraction")),
}
LABELS = Classification(
    name="classification",
    multi_label=False,
    label_separator=None,
    hidden=0,
    dropout=0.0,
    label_smoothing=0.0,
    class_weights="none",
    focal_gamma=0.0,
)


def sound(suffix: str) -> bytes:
    """A file of this format as it should be."""
    if suffix.endswith(".gz"):
        return gzip.compress(sound(suffix.removesuffix(".gz")))
    if suffix == ".parquet":
        import pandas

        made = io.BytesIO()
        pandas.DataFrame(ROWS).to_parquet(made)
        return made.getvalue()
    if suffix == ".xlsx":
        book, made = pytest.importorskip("openpyxl").Workbook(), io.BytesIO()
        for cells in (list(ROWS[0]), *(list(row.values()) for row in ROWS)):
            book.active.append(cells)
        book.save(made)
        return made.getvalue()
    between = {".csv": ",", ".tsv": "\t"}.get(suffix)
    if between is not None:
        return "\n".join(between.join(map(str, row)) for row in [ROWS[0], *(row.values() for row in ROWS)]).encode()
    return json.dumps(ROWS).encode() if suffix == ".json" else "".join(json.dumps(row) + "\n" for row in ROWS).encode()


ODD = st.one_of(
    st.binary(max_size=12),
    st.sampled_from(
        [b'"', b"{", b"[" * 3_000, b"null", b"NaN", b"\\ud800", b"\x00", b"\xff\xfe", b"\r", b",,", b"\n\n"]
    ),
    st.sampled_from([b'{"text": {}}\n', b'["x"]\n', b"1" * 5_000, b"\xef\xbb\xbf", "\u2028".encode(), b"\t"]),
)
CUTS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 20), ODD), max_size=3)


def spoilt(content: bytes, cuts: list[tuple[float, int, bytes]]) -> bytes:
    """At some places some bytes are taken out and others put in."""
    for place, length, odd in cuts:
        start = int(place * len(content))
        content = content[:start] + odd + content[start + length :]
    return content


def read(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    refusal = ""
    try:
        corpus = FileData(**OPTIONS, train=str(path)).load(LABELS)
    except ValueError as error:
        refusal = str(error)
    if refusal:
        assert refusal.isprintable(), repr(refusal)
        assert path.name in refusal or "rows of train" in refusal, refusal
        return
    assert all(corpus.splits.values())
    json.dumps(corpus.splits).encode()


SUFFIXES = [".jsonl", ".json", ".csv", ".tsv", ".parquet", ".xlsx", ".jsonl.gz", ".csv.gz"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_sound_file_is_read(tmp_path: Path, suffix: str):
    path = tmp_path / f"rows{suffix}"
    path.write_bytes(sound(suffix))
    corpus = FileData(**OPTIONS, train=str(path)).load(LABELS)
    assert {split: len(rows) for split, rows in corpus.splits.items()} == {"train": 10, "validation": 1, "test": 1}


def check_spoilt(folder: Path, suffix: str, examples: int, *, same: bool) -> None:
    """``same``: the same files each time."""
    whole = sound(suffix)

    @settings(
        max_examples=examples, derandomize=same, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(content=st.one_of(CUTS.map(lambda cuts: spoilt(whole, cuts)), st.binary(max_size=200)))
    def spoil(content: bytes) -> None:
        read(folder / f"rows{suffix}", content)

    spoil()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_spoilt_file_is_read_or_refused(tmp_path: Path, suffix: str):
    check_spoilt(tmp_path, suffix, 30, same=True)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_many_spoilt_files_are_read_or_refused(tmp_path: Path, suffix: str):
    check_spoilt(tmp_path, suffix, 500, same=False)
