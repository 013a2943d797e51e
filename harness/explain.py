"""``python -m harness.explain RUN "a text"``: what a trained run predicts for a text, and where its attention looks.

RUN is the folder of a run or its record. Nothing else is needed: the folder may have moved, and the data set need not
be there. ``--save`` writes the maps of a few test examples beside the
record anew, as each run does by itself at its end (``attention_maps=false`` switches that off): the same examples for
every run of a data set, which the HTML report shows side by side.

H heads, T tokens that look, S tokens that are looked at
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.explanation.choice import chosen_maps, find_trusted_run
from harness.explanation.saved_maps import save_maps
from harness.records.pipes import ended
from harness.records.printable import plain
from harness.records.record import Record

if TYPE_CHECKING:
    from harness.explanation.example import Explained


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, predict, show; 2 if that is impossible, with the reason."""
    options = _parser().parse_args(arguments)
    try:
        run(options)
    except (ValueError, FileNotFoundError) as error:
        print(f"error: {plain(str(error))}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m harness.explain", description=__doc__.split("\n\nH heads")[0])
    parser.add_argument("run", type=Path, help="the folder of a run, or its record.json")
    parser.add_argument("texts", nargs="*", help="the text; of tasks on pairs both")
    parser.add_argument("--external", help="the external text, where the data set has such a column")
    parser.add_argument("--site", help="only sites whose name has this in it (default: the last one of each kind)")
    parser.add_argument("--head", type=int, help="one head, from 1 (default: their mean)")
    parser.add_argument("--png", type=Path, help="write the maps there as an image")
    parser.add_argument("--html", type=Path, help="write the maps there as a page")
    parser.add_argument("--save", action="store_true", help="write attention.json for test examples into the folder")
    parser.add_argument("--rows", type=int, default=3, help="so many test examples with --save (default: 3)")
    parser.add_argument("--trust", action="store_true", help="run code of others that the record names")
    return parser


def run(options: argparse.Namespace) -> None:
    """Do what the command line asks for. Raises ValueError with what is wrong."""
    if not options.texts and not options.save:
        raise ValueError("expected a text, or --save to keep the maps of test examples")
    if options.rows < 1:
        raise ValueError(f"expected at least one of --rows, got {options.rows}")
    folder, record = find_trusted_run(options.run, trust=options.trust)
    from harness.build.saved import SavedNetwork  # torch: after what can be refused without it
    from harness.explanation.finished import explain_some, explain_texts

    network = SavedNetwork.load(record, folder)
    if options.texts:
        show(explain_texts(network, options.texts, external=options.external), record, options)
    if options.save:
        print(save_maps(explain_some(network, folder, options.rows), folder))


def show(explained: Explained, record: Record, options: argparse.Namespace) -> None:
    """Print prediction and maps, and write the files that were asked for."""
    from rich.console import Console
    from rich.text import Text

    from harness.explanation.maps import terminal_lines, write_png
    from harness.report.map_page import html_page

    maps = chosen_maps(explained.maps, options.site)
    title = f"{record['task']} on {record['data']}: model={record['model']} seed={record['seed']}"
    console = Console()
    lines = [title, f"prediction: {explained.words}"]
    for made in maps:
        lines += ["", *terminal_lines(made, options.head)]
    if not maps:
        lines += ["", "nothing attends here: no site of this network kept weights for this text"]
    for line in lines:
        console.print(Text(plain(line)), soft_wrap=True)
    if options.png and maps:
        write_png(options.png, maps, options.head)
    if options.html:
        options.html.parent.mkdir(parents=True, exist_ok=True)
        options.html.write_text(html_page(title, explained.words, maps, options.head), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(ended(main))
