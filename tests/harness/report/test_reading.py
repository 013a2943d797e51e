"""The report is read from the top: contents, one open task, filters on the overview, columns, keys, paper."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.harness.handmade import write_run
from tests.harness.report.test_overview import answered_board
from tests.harness.report.test_report import (  # noqa: F401
    Tags,
    accuracy,
    browser,
    filter_board,
    opened,
    report,
    small_board,
)


def shown_tasks(page: Any) -> list[str]:
    found: list[str] = page.locator("section.board:visible").evaluate_all("all => all.map(s => s.dataset.task)")
    return found


@pytest.mark.slow
def test_every_table_and_run_has_a_link_and_every_link_a_target(tmp_path: Path):
    tags = Tags(report(filter_board(tmp_path))).found
    ids = [str(attributes["id"]) for _tag, attributes in tags if attributes.get("id")]
    links = {str(attributes["href"])[1:] for tag, attributes in tags if tag == "a"}
    assert len(ids) == len(set(ids))
    assert links <= set(ids)
    assert {name for name in ids if re.match(r"(table|run|task)-", name)} <= links


def test_what_runs_share_is_told_once(tmp_path: Path):
    for model in ("self", "dot"):
        for seed in (1, 2):
            config = {"data": {"name": "reviews"}, "model": {"name": model, "heads": 4 if model == "self" else 1}}
            write_run(tmp_path / f"{model}{seed}", accuracy(model, 0.5, seed, config=config))
    page = report(tmp_path)
    assert page.count("<dt>data.name</dt><dd>reviews</dd>") == 1  # of the table
    assert page.count("<dt>model.heads</dt><dd>4</dd>") == 1  # of the row
    assert page.count("<dt>seed</dt><dd>1</dd>") == 2  # of each run
    assert page.index("What all networks of this table share") < page.index("what all its runs share")


@pytest.mark.slow
def test_in_a_browser_one_task_is_open_and_links_open_the_right_one(browser: Any, tmp_path: Path):  # noqa: F811
    page, wrong = opened(browser, filter_board(tmp_path))
    assert shown_tasks(page) == ["ner", "ner"]
    page.click(".contents a.of-task:has-text('Sentiment')")
    assert shown_tasks(page) == ["sentiment", "sentiment"]
    assert page.get_attribute(".contents a.of-task:has-text('Sentiment')", "aria-current") == "true"
    page.click(".glance tr[data-search='self'] td a >> nth=0")
    assert shown_tasks(page) == ["ner", "ner"]
    assert page.locator("tr:target").inner_text().startswith("self")
    page.click("#everything")
    assert shown_tasks(page) == ["ner", "ner", "sentiment", "sentiment"]
    assert wrong == []


@pytest.mark.slow
def test_in_a_browser_filters_act_on_the_overview_and_the_answers(browser: Any, tmp_path: Path):  # noqa: F811
    page, wrong = opened(browser, filter_board(tmp_path))
    page.fill("#filter", "sentiment self")
    heads = ".glance thead th[data-search]:visible"
    assert set(page.locator(heads).evaluate_all("all => all.map(h => h.dataset.task)")) == {"sentiment"}
    assert page.locator(".glance tbody tr:visible th").all_inner_texts() == ["self"]
    assert page.locator(".answers li:visible a").first.inner_text().startswith("sentiment")
    assert shown_tasks(page) == ["sentiment", "sentiment"]
    page.fill("#filter", "")
    page.select_option("#task", "ner")
    assert set(page.locator(heads).evaluate_all("all => all.map(h => h.dataset.task)")) == {"ner"}
    assert shown_tasks(page) == ["ner", "ner"]
    assert wrong == []


@pytest.mark.slow
def test_in_a_browser_few_or_all_columns_are_shown(browser: Any, tmp_path: Path):  # noqa: F811
    page, wrong = opened(browser, answered_board(tmp_path))
    seconds = page.locator(".board:visible th:has-text('train s')").first
    assert not seconds.is_visible()
    page.click("#columns")
    assert seconds.is_visible()
    assert wrong == []


@pytest.mark.slow
def test_in_a_browser_keys_filter_change_the_task_and_walk_the_overview(browser: Any, tmp_path: Path):  # noqa: F811
    page, wrong = opened(browser, answered_board(tmp_path))
    page.keyboard.press("/")
    page.keyboard.type("sent")
    assert shown_tasks(page) == ["sentiment"]
    page.keyboard.press("Escape")
    page.keyboard.press("p")
    page.wait_for_function("location.hash === '#task-1'")
    assert shown_tasks(page) == ["matching"]
    page.focus(".glance td a >> nth=0")
    page.keyboard.press("ArrowRight")
    assert "sentiment" in page.evaluate("document.activeElement.title")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.closest('tr').rowIndex") == 2
    assert page.locator(".glance td a[tabindex='0']").count() == 1
    assert wrong == []


@pytest.mark.slow
def test_in_a_browser_without_scripts_and_on_paper_all_tasks_are_there(browser: Any, tmp_path: Path):  # noqa: F811
    context = browser.new_context(java_script_enabled=False)
    report(filter_board(tmp_path))
    plain = context.new_page()
    plain.goto(f"file://{tmp_path / 'report.html'}")
    assert plain.locator("section.board:visible").count() == 4
    assert plain.locator(".contents nav").is_visible()
    page, wrong = opened(browser, tmp_path, color_scheme="dark")
    page.emulate_media(media="print")
    assert page.locator("section.board:visible").count() == 4
    assert not page.locator(".bar").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert wrong == []


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_a_browser_of_a_phone_nothing_is_cut_off(browser: Any, tmp_path: Path, scheme: str):  # noqa: F811
    size = {"width": 360, "height": 740}
    page, wrong = opened(browser, small_board(tmp_path), viewport=size, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    beyond = page.evaluate("""Array.from(document.querySelectorAll('main *, .bar *')).filter((e) =>
        !e.closest('.scroll, .hidden, .hidden *') && e.getBoundingClientRect().right > 360.5).length""")
    assert beyond == 0
    assert wrong == []
