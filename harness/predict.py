"""``python -m harness.predict RUN FILE``: label new texts with a trained run, or with several that vote.

RUN is the folder of a finished run, or its record; it needs nothing else, and may have moved. FILE is in any format of
``data=files``, with or without labels (also ``.txt``: a text a line, of taggers CoNLL); ``-`` reads lines from standard
input and answers each at once. Several runs, such as the seeds of a row, predict by the mean of their probabilities.
Predictions go to standard output or ``--output``; where the file has labels, the scores are printed at the end.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from harness.explanation.choice import find_trusted_run
from harness.records.printable import plain

if TYPE_CHECKING:
    from harness.prediction.labelling import Labelling


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, predict, write; 2 if that is impossible, with the reason; 130 after Ctrl-C."""
    options = _parser().parse_args(arguments)
    try:
        run(options)
    except (ValueError, FileNotFoundError) as error:
        print(f"error: {plain(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; what was written until then is whole lines", file=sys.stderr)
        return 130
    except BrokenPipeError:  # who reads has seen enough, as head does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m harness.predict", description=__doc__)
    parser.add_argument("places", nargs="+", metavar="RUN… FILE…", help="folders of runs, then files, or - for lines")
    parser.add_argument("--output", type=Path, help="write there (default: standard output)")
    parser.add_argument(
        "--format", choices=("jsonl", "conll", "lines"), help="default: conll for tags, lines for texts, else jsonl"
    )
    parser.add_argument("--probabilities", action="store_true", help="of every label, of tags for each token")
    parser.add_argument("--n-best", type=int, default=0, metavar="N", help="the N most probable predictions")
    parser.add_argument("--attention", action="store_true", help="the attention maps of each text (one run alone)")
    parser.add_argument(
        "--columns", action="append", default=[], metavar="NAME=COLUMN", help="where the file calls a column otherwise"
    )
    parser.add_argument("--separator", help="of CSV and CoNLL (default: as the run's data, or as the file shows)")
    parser.add_argument("--encoding", help="of the files (default: UTF-8, or what their mark says)")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:0 (default: cpu)")
    parser.add_argument("--trust", action="store_true", help="run code of others that a record names")
    return parser


def run(options: argparse.Namespace) -> None:
    """Do what the command line asks for. Raises ValueError with what is wrong."""
    runs, files = _divided(options.places)
    found = [find_trusted_run(place, trust=options.trust) for place in runs]
    from harness.prediction.labelling import Labelling  # torch: after what can be refused without it

    labelling = Labelling.of_options(found, options)
    with _output(options.output) as output:
        if files == ["-"]:
            _answer_lines(labelling, output)
            return
        for line in labelling.files([Path(file) for file in files]):
            output.write(line)
    for name, value in labelling.scores().items():
        print(f"{name}: {value:.4f}", file=sys.stderr)


def _divided(places: Sequence[str]) -> tuple[list[Path], list[str]]:
    """The runs, which come first, and the files. Raises ValueError unless there are both."""
    runs = []
    for place in places:
        path = Path(place)
        if not ((path / "record.json").is_file() or path.name == "record.json"):
            break
        runs.append(path)
    files = list(places[len(runs) :])
    if not runs:
        raise ValueError(f"{places[0]} is neither the folder of a run nor its record.json; runs are in results/runs")
    if not files or ("-" in files and len(files) > 1):
        got = f", got {' '.join(files)}" if files else ", got none"
        raise ValueError(f"expected files with texts after the run, or - alone for lines of standard input{got}")
    return runs, files


@contextmanager
def _output(path: Path | None) -> Iterator[TextIO]:
    if path is None:
        yield sys.stdout
        sys.stdout.flush()
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        yield file


def _answer_lines(labelling: Labelling, output: TextIO) -> None:
    for number, line in enumerate(sys.stdin, start=1):
        if line.strip():
            output.write(labelling.line(line, number))
            output.flush()


if __name__ == "__main__":
    sys.exit(main())
