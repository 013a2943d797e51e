"""What the report begins with: the board at a glance, and what each table says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.report.overview import MOST_COLUMNS
from tests.harness.handmade import record, write_run
from tests.harness.report.test_report import EVIL, Tags, accuracy, evil_board, report


def answered_board(place: Path) -> Path:
    """Two tasks: ``self`` is better than none in both, ``dot`` is undecided, ``gated`` has failed in one."""
    scores = {"self": (0.90, 0.91, 0.92), "dot": (0.50, 0.62, 0.55), "none": (0.50, 0.51, 0.52)}
    for task in ("sentiment", "matching"):
        for model, found in scores.items():
            for seed, score in enumerate(found, start=1):
                made = accuracy(model, score, seed, task=task, score_definitions={"accuracy": "0-1, higher is better"})
                write_run(place / f"{task}{model}{seed}", made)
    failed = record(task="sentiment", data="reviews", model="gated", status="failed", reason="no <b>memory</b>")
    write_run(place / "failed", failed)
    return place


def cell(page: str, row: str, column: int = 0) -> str:
    """The cell of a row of the overview."""
    overview = page[page.index('<section class="overview"') : page.index("</section>")]
    (found,) = re.findall(rf'<tr data-search="{row}">(.*?)</tr>', overview, re.DOTALL)
    return str(re.findall(r"<td .*?</td>", found, re.DOTALL)[column])


def test_the_overview_and_the_answers_stand_before_all_tables(tmp_path: Path):
    page = report(answered_board(tmp_path))
    table = page.index('<section class="board"')
    assert page.index('<section class="overview"') < page.index('<section class="answers"') < table


def test_a_cell_has_score_places_difference_verdict_shade_and_a_link_to_its_row(tmp_path: Path):
    page = report(answered_board(tmp_path))
    best = cell(page, "self")
    assert 'class="best"' in best
    for part in ("<b>0.9100</b>", '<span class="rank">1<', "+0.4000 better", "82% of the error of none removed"):
        assert part in best
    assert "--share: 0.82; --tone: var(--gain)" in best
    (link,) = re.findall(r'href="#([^"]+)"', best)
    assert re.search(rf'<tr id="{link}"[^>]*data-search="self ', page)
    assert "undecided" in cell(page, "dot")
    assert "more seeds would decide" in cell(page, "dot")


def test_a_hole_has_its_reason_as_tooltip_and_as_text(tmp_path: Path):
    page = report(answered_board(tmp_path))
    reason = "failed: no &lt;b&gt;memory&lt;/b&gt;"
    hole = cell(page, "gated", 1)
    assert 'class="hole"' in hole
    assert reason in hole
    assert 'class="empty"' in cell(page, "gated", 0)
    assert f"<li>gated, sentiment / reviews: {reason}</li>" in page


def test_each_table_is_told_in_words_and_linked(tmp_path: Path):
    page = report(answered_board(tmp_path))
    told = re.findall(r'<li data-answer="([^"]+)" data-task="\w+"><a href="#([^"]+)">([^<]+)</a>(.*?)</li>', page)
    assert [(link, place) for link, _href, place, _words in told] == [
        ("table-1", "matching / reviews"), ("table-2", "sentiment / reviews"),
    ]  # fmt: skip
    assert " (accuracy): the best is among: self (95 %)" in told[0][3]
    assert "Over none, self gains +0.4000" in told[0][3]


@pytest.mark.slow
def test_tables_of_other_networks_and_too_many_stand_in_blocks_of_their_own(tmp_path: Path):
    for number in range(MOST_COLUMNS + 1):
        for model in ("self", "none"):
            write_run(tmp_path / f"{number}{model}", accuracy(model, 0.5, data=f"data{number}"))
    write_run(tmp_path / "other", accuracy("dot", 0.5, data="other"))
    page = report(tmp_path)
    blocks = re.findall(r'<table class="glance">(.*?)</table>', page, re.DOTALL)
    assert [block.count("<th scope") for block in blocks] == [5, 5, 1]
    assert '<tr data-search="dot">' not in blocks[0]


def test_hostile_texts_in_the_overview_are_escaped(tmp_path: Path):
    page = report(evil_board(tmp_path))
    tags = Tags(page[page.index('<section class="overview"') : page.index('<section class="board"')]).found
    assert {name for name, _ in tags} <= {
        "section", "header", "h2", "div", "table", "thead", "tbody", "tr", "th", "td", "a", "small", "span", "b", "p",
        "ul", "li", "nav", "strong",
    }  # fmt: skip
    assert any(EVIL in (attributes.get("title") or "") for _tag, attributes in tags)
