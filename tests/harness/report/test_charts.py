"""The charts: what they show, that they escape, and, in a real browser, that they tell and switch."""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from harness import leaderboard
from harness.report.charts import Interval, Point, Series, ends_of, forest, forest_ends, line_chart, scatter
from harness.report.names import series_style
from tests.harness.handmade import write_run
from tests.harness.report.test_report import (  # noqa: F401
    EVIL,
    Tags,
    accuracy,
    browser,
    curves,
    evil_board,
    opened,
    report,
    small_board,
)


def interval(*scores: float, half_width: float | None = None, floor: bool = False, label: str = "row") -> Interval:
    return Interval(label, sum(scores) / len(scores), half_width, scores, floor, "1-2", False, 3)


def test_a_forest_plot_of_fractions_ends_at_0_and_1():
    ends = forest_ends([interval(0.97, 0.99, half_width=0.3), interval(0.6, half_width=0.9)])
    assert ends == pytest.approx((0.21 - 0.06 * 0.79, 1.0))
    assert forest_ends([interval(30.0, 40.0, half_width=20.0)])[1] > 50


def test_floors_take_no_room_from_a_forest_plot():
    near = [interval(0.90, 0.92, half_width=0.01), interval(0.89, 0.91)]
    assert forest_ends([*near, interval(0.1, floor=True)]) == forest_ends(near)
    assert "‹" in forest([*near, interval(0.1, floor=True)], title="t").in_page()
    wide = [interval(0.80, 0.90, half_width=0.5), interval(0.72, floor=True)]
    assert forest_ends(wide)[0] == pytest.approx(0.70 - 0.06 * 0.30)  # as far as the networks are apart


def test_a_forest_plot_tells_means_intervals_seeds_and_places():
    drawn = forest([interval(0.7, 0.8, half_width=0.04)], title="scores").in_page()
    assert 'aria-label="row: 0.7500 ± 0.0400; seeds 0.7000, 0.8000; place 1-2" data-row="3"' in drawn
    assert 'aria-label="row, a seed: 0.8000" data-row="3"' in drawn
    assert ">1-2</text>" in drawn


def test_rows_of_one_name_stay_apart():
    long = "a name that is far longer than a chart has room for"
    rows = [Interval(f"{long} {n}", 0.5, None, [0.5], False, "–", False, n) for n in range(3)]
    assert forest(rows, title="t").in_page().count(">a name that is far lo") == 3


def test_points_without_room_for_a_name_are_told():
    points = [Point(f"mechanism {n}", 1000 + n, 0.5 + n / 10_000, n == 8, n) for n in range(9)]
    points.append(Point("mechanism 9", 9000, 0.1, False, 9))
    made = scatter(points, cost="parameters", floor=("majority", 0.5004), higher_is_better=True)
    shown = re.findall(r">(mechanism \d)</text>", made.chart.in_page())
    assert made.floor
    assert made.unnamed
    assert sorted([*shown, *made.unnamed]) == sorted(point.label for point in points)


def test_a_chart_of_costs_has_intervals_on_both_axes():
    points = [Point("self", 2000, 0.8, True, 0, 300.0, 0.02), Point("dot", 1000, 0.6, True, 1)]
    drawn = scatter(points, cost="seconds", floor=None, higher_is_better=True).chart.in_page()
    told = 'aria-label="self: 0.8000 ± 0.0200 at 2.00k ± 300, on the front"'
    assert drawn.count(f"<line {told}") == 2
    assert drawn.count(told) == 3
    assert "dot: 0.6000 at 1.00k, on the front" in drawn


def test_an_axis_of_one_value_has_room_around_it():
    assert ends_of([5.0]) == pytest.approx((4.75, 5.25))
    assert ends_of([5.0], log=True) == pytest.approx((5 / 1.5, 7.5))


def test_lines_of_one_colour_differ_in_their_dashes():
    styles = [series_style(n) for n in range(16)]
    assert len({(style.colour, style.dash) for style in styles}) == 16
    drawn = line_chart([Series("a", styles[1], 0, [(1, 0.5), (2, 0.6)])], x_name="step", title="t").in_page()
    assert 'stroke-dasharray="6,3"' in drawn


def test_a_learning_curve_is_the_mean_and_band_over_seeds(tmp_path: Path):
    for seed, losses in enumerate(((0.8, 0.4), (0.6, 0.2, 0.1)), start=1):
        write_run(tmp_path / str(seed), accuracy("self", 0.5, seed, curves=curves(*losses)))
    page = report(tmp_path)
    assert 'aria-label="self, 2 seeds: 0.3000 at 20.0"' in page  # as far as both have come
    assert "seeds_pathgroup" in page
    assert "Single seeds</button>" in page


def test_hostile_names_are_escaped_in_charts(tmp_path: Path):
    rows = [interval(0.5, label=EVIL), interval(0.6, label='"5|x" role="img" </svg>')]
    series = [Series(EVIL, series_style(0), 0, [(1, 0.5), (2, 0.6)])]
    points = [Point(EVIL, 1, 0.5, True, 0), Point("b", 2, 0.4, False, 1)]
    for drawing in (
        forest(rows, title=EVIL),
        line_chart(series, x_name=EVIL, title=EVIL),
        scatter(points, cost=EVIL, floor=(EVIL, 0.45), higher_is_better=True).chart,
    ):
        drawn = drawing.in_page()
        assert {name for name, _ in Tags(drawn).found} <= {"svg", "g", "path", "line", "text", "rect"}
        assert {a for _name, attributes in Tags(drawn).found for a in attributes if a.startswith("on")} == set()
        ElementTree.fromstring(drawn)
        drawing.write(tmp_path, "x")
        ElementTree.fromstring((tmp_path / "x.svg").read_text(encoding="utf-8"))


@pytest.mark.slow
def test_the_figures_are_written_as_svg_png_and_pdf(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    board = evil_board(small_board(tmp_path / "board"))
    assert leaderboard.main([str(board), "--answer", "--figures", str(tmp_path / "figures")]) == 0
    names = sorted(path.name for path in (tmp_path / "figures").iterdir())
    assert all(re.fullmatch(r"[a-z0-9-]+\.(svg|png|pdf)", name) for name in names)
    assert any("sentiment-reviews-scores.png" in name for name in names)
    assert any("sentiment-reviews-by-length.pdf" in name for name in names)
    assert f"{len(names) // 3} figures in" in capsys.readouterr().err
    starts = {".svg": b"<svg", ".png": b"\x89PNG", ".pdf": b"%PDF"}
    for path in (tmp_path / "figures").iterdir():
        assert path.read_bytes().startswith(starts[path.suffix])


def test_the_leaderboard_in_a_terminal_imports_no_charts(tmp_path: Path):
    write_run(tmp_path / "a", accuracy("self", 0.7))
    code = f"from harness import leaderboard; leaderboard.main([{str(tmp_path)!r}]); import sys; " + (
        "assert not {'altair', 'vl_convert', 'jinja2'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def learning(page: Any) -> Any:
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    return page.locator(".part", has_text="Learning curves").first


@pytest.mark.slow
def test_in_a_browser_a_legend_switches_rows_and_a_button_single_seeds(browser: Any, tmp_path: Path):  # noqa: F811
    page, wrong = opened(browser, small_board(tmp_path))
    part = learning(page)
    hidden = "all => all.map(e => getComputedStyle(e).display === 'none')"
    marks = part.locator(".chart [data-row='0']")
    part.locator(".legend button:has-text('self')").click()
    assert all(marks.evaluate_all(hidden))
    assert not any(part.locator(".chart .layer_2_marks [data-row='1']").evaluate_all(hidden))
    assert part.locator(".legend button:has-text('self')").get_attribute("aria-pressed") == "false"
    seeds = part.locator(".chart .seeds_pathgroup")
    assert all(seeds.evaluate_all(hidden))
    part.locator(".seeds-switch").click()
    assert not any(seeds.evaluate_all(hidden))
    assert wrong == []


@pytest.mark.slow
def test_in_a_browser_a_mark_tells_its_values_in_the_colours_of_the_theme(browser: Any, tmp_path: Path):  # noqa: F811
    page, wrong = opened(browser, small_board(tmp_path), color_scheme="dark")
    mark = page.locator(".board:visible .chart [aria-label^='self: 0.8150']").first
    mark.hover(force=True)
    assert page.inner_text("#tip").startswith("self: 0.8150 ± ")
    text = page.locator(".board:visible .chart text").first
    assert text.evaluate("e => getComputedStyle(e).fill") == "rgb(155, 159, 167)"
    assert wrong == []
