"""``python -m harness.publish NAME``: make a board that can be committed from the records of this machine.

Writes ``results/boards/<NAME>/records.jsonl`` (the records without what speaks of one machine's folders),
``overview-light.svg`` and ``overview-dark.svg`` (a picture of the answer) and ``README.md`` (the command that made it,
the picture and the leaderboard). A board that is published again keeps its
title and command unless others are given. Predictions stay where they are: they quote the data.

``--excerpt FILE`` also writes some of its tables into a Markdown file, between two comments that name them:

    <!-- board NAME: ner/wnut17, sentiment/sst2 -->
    <!-- end of board NAME -->
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.board.board import make_board
from harness.board.markdown import markdown
from harness.board.rows import group_records
from harness.configuration.effect import WITHOUT_EFFECT, every_source, without_folder
from harness.records.pipes import ended
from harness.records.printable import plain
from harness.records.reading import read_records
from harness.records.record import Record
from harness.report.picture import overview_pictures

_FILES = ("path", "train", "validation", "test")
"""Of ``data=files``, what may name folders of this machine; the last part of the name stays."""

PICTURE = """<picture>
  <source media="(prefers-color-scheme: dark)" srcset="overview-dark.svg">
  <img alt="The overview below as a picture: rows are mechanisms, columns are tables." src="overview-light.svg">
</picture>"""


def compact(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record without paths, command line and logger settings."""
    kept = {key: value for key, value in record.items() if key not in ("command", "kept_files")}
    kept["config"] = {key: value for key, value in record["config"].items() if key not in WITHOUT_EFFECT}
    if str(record.get("data_source", "")).startswith("files"):
        kept["data_source"] = "files"
    embedding = record["config"].get("embedding")
    if isinstance(embedding, Mapping) and embedding.get("content") is not None:
        kept["config"]["embedding"] = {**embedding, "path": Path(str(embedding.get("path"))).name}
    for pretrained in ("vectors", "encoder"):
        found = record.get(pretrained)
        if isinstance(found, Mapping):
            kept[pretrained] = {**found, "path": Path(str(found.get("path"))).name}
    kept["config"]["data"] = every_source(without_folder(record["config"].get("data", {})), _without_paths)
    return kept


def _without_paths(source: dict[str, Any]) -> dict[str, Any]:
    if "_target_" not in source:
        return source
    return {k: Path(v).name if k in _FILES and isinstance(v, str) else v for k, v in source.items()}


def publish(name: str, records: Sequence[Record], *, title: str, command: str, folder: Path) -> Path:
    """Write the board; returns its folder."""
    tables = group_records(records)
    kept = [record for table in tables.values() for row in table.values() for record in (*row.records, *row.holes)]
    kept.sort(key=lambda r: (r["task"], r["data"], r["model"], r["backbone"], r["seed"], r["id"]))
    board = folder / name
    board.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(compact(record), ensure_ascii=False, sort_keys=True) + "\n" for record in kept)
    (board / "records.jsonl").write_text(lines, encoding="utf-8")
    whole = make_board(tables)
    for theme, picture in overview_pictures(whole).items():
        (board / f"overview-{theme}.svg").write_text(picture, encoding="utf-8")
    made = f"Made by\n\n```\n{command}\npython -m harness.publish {name}\n```\n"
    legend = "Scores on the test split; the weights tested are those of the best epoch by validation."
    text = f"# {title}\n\n{made}\n{PICTURE}\n\n{legend}\n\n{markdown(whole)}\n"
    (board / "README.md").write_text(text, encoding="utf-8")
    return board


def _made_before(readme: Path) -> tuple[str, str] | None:
    """Title and command of a board that was published before."""
    text = readme.read_text(encoding="utf-8") if readme.exists() else ""
    found = re.match(r"# (.*)\n\nMade by\n\n```\n(.*?)\npython -m harness\.publish [^\n]*\n```\n", text, re.DOTALL)
    return None if found is None else (found[1], found[2])


def excerpt(name: str, records: Sequence[Record], *, file: Path) -> None:
    """Put the tables that ``file`` asks for between its comments.

    Raises ValueError if it has no such comments, or asks for a table that the board lacks.
    """
    text = file.read_text(encoding="utf-8")
    marks = re.compile(
        rf"(<!-- board {re.escape(name)}: (.*?) -->\n).*?(<!-- end of board {re.escape(name)} -->)", re.DOTALL
    )
    found = marks.search(text)
    if found is None:
        raise ValueError(
            f"{file} has no '<!-- board {name}: task/data, … -->' and '<!-- end of board {name} -->'; add them"
        )
    asked = [tuple(title.strip().split("/")) for title in found[2].split(",")]
    tables = group_records(records)
    missing = ["/".join(key) for key in asked if key not in tables]
    if missing:
        raise ValueError(
            f"{file} asks for {', '.join(missing)}; the board has {', '.join('/'.join(k) for k in tables)}"
        )
    board = replace(make_board({key: tables[key] for key in asked}), across=[], overviews=[])
    file.write_text(text[: found.end(1)] + "\n" + markdown(board) + "\n\n" + text[found.start(3) :], encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, read, write; 1 if there is nothing to publish, 2 if there is no place for an excerpt."""
    parser = argparse.ArgumentParser(prog="python -m harness.publish", description=__doc__)
    parser.add_argument("name", help="the board's name, a folder under results/boards")
    parser.add_argument("places", nargs="*", default=["results/runs"], help="where the records are")
    parser.add_argument("--title", help="the board's heading (default: as it was)")
    parser.add_argument("--command", help="what made the records, a command or lines of them (default: as it was)")
    parser.add_argument("--boards", type=Path, default=Path("results/boards"), help="the folder of boards")
    parser.add_argument("--excerpt", type=Path, metavar="FILE", help="also write the tables that FILE asks for into it")
    options = parser.parse_args(arguments)
    title, command = (options.title, options.command)
    if title is None or command is None:
        before = _made_before(options.boards / options.name / "README.md")
        if before is None:
            print(f"there is no board {options.name} yet: give it --title and --command", file=sys.stderr)
            return 2
        title, command = title or before[0], command or before[1]
    found, left_out = read_records(options.places)
    for message in left_out:
        print(f"left out: {plain(message)}", file=sys.stderr)
    records = [record for _path, record in found if not record["debug"]]
    if not records:
        print(f"no records in {', '.join(options.places)}", file=sys.stderr)
        return 1
    board = publish(options.name, records, title=title, command=command, folder=options.boards)
    if options.excerpt is not None:
        try:
            excerpt(options.name, records, file=options.excerpt)
        except ValueError as error:
            print(error, file=sys.stderr)
            return 2
    print(board / "README.md")
    return 0


if __name__ == "__main__":
    sys.exit(ended(main))
