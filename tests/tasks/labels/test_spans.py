from __future__ import annotations

from tasks.labels.spans import spans_of


def test_a_span_ends_where_another_begins_and_an_orphan_is_none():
    assert spans_of(["B-X", "B-X", "I-X", "I-Y"]) == {("X", 0, 1), ("X", 1, 3)}
    assert spans_of(["I-X", "O"]) == set()
