"""``python -m harness.predict RUN FILE``: label new texts with a trained run, or with several that vote.

RUN is the folder of a finished run, or its record; it needs nothing else, and may have moved. FILE is in any format of
``data=files``, with or without labels (also ``.txt``: a text a line, of taggers CoNLL); ``-`` reads lines from standard
input and answers each at once. Several runs, such as the seeds of a row, predict by the mean of their probabilities.
Predictions go to standard output or ``--output``; where the file has labels, the scores are printed at the end.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from harness.explanation.choice import find_trusted_run
from harness.prediction.words import in_options_of_predict
from harness.records.pipes import ended
from harness.records.printable import plain

if TYPE_CHECKING:
    from harness.prediction.labelling import Labelling
    from harness.records.record import Record


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, predict, write; 2 if that is impossible, with the reason; 130 after Ctrl-C."""
    options = _parser().parse_args(arguments)
    return ended(lambda: _run_or_say(options))


def _run_or_say(options: argparse.Namespace) -> int:
    try:
        run(options)
    except BrokenPipeError:
        raise
    except UnicodeDecodeError as error:
        print(
            f"error: standard input is no {error.encoding} ({error.reason}); name it with --encoding", file=sys.stderr
        )
        return 2
    except (ValueError, OSError, EOFError) as error:
        print(f"error: {plain(in_options_of_predict(str(error)))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; what was written until then is whole lines", file=sys.stderr)
        return 130
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
    parser.add_argument(
        "--keep", action="append", default=[], metavar="COLUMN", help="a column to hand on, such as an id"
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
    _say_who_votes(found)
    with _output(options.output, [Path(file) for file in files]) as output:
        if files == ["-"]:
            _answer_lines(labelling, output, options.encoding)
        else:
            for line in labelling.files([Path(file) for file in files]):
                output.write(line)
    for name, value in labelling.scores().items():
        print(f"{name}: {value:.4f}", file=sys.stderr)
    for note in labelling.notes():
        print(f"note: {plain(note)}", file=sys.stderr)


def _say_who_votes(found: Sequence[tuple[Path, Record]]) -> None:
    from harness.prediction.labelling import differing

    if len(found) > 1:
        settings = differing(found)
        other = f"; they differ in {', '.join(settings[:8])}, besides their seeds" if settings else ""
        print(f"note: {len(found)} runs vote: {', '.join(folder.name for folder, _ in found)}{other}", file=sys.stderr)


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
def _output(path: Path | None, files: Sequence[Path]) -> Iterator[TextIO]:
    """Where to write: beside the output's place until all is written, so that what lies there stays until then.

    Raises ValueError for an output that is one of the files.
    """
    if path is None or (path.exists() and not path.is_file() and not path.is_dir()):  # a terminal, a pipe
        with contextlib.nullcontext(sys.stdout) if path is None else path.open("w", encoding="utf-8") as file:
            if isinstance(file, io.TextIOWrapper):
                file.reconfigure(encoding="utf-8")
            yield file
            file.flush()
        return
    if path.is_dir() or any(file.exists() and path.exists() and file.samefile(path) for file in files):
        kind = "a folder" if path.is_dir() else "one of the files that are read"
        raise ValueError(f"--output {path} is {kind}; name another file")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            yield file
        part.replace(path)
    except BaseException:
        if part.exists() and not part.stat().st_size:
            part.unlink()
        elif part.exists():
            print(f"note: what was predicted until then is in {part}", file=sys.stderr)
        raise


def _answer_lines(labelling: Labelling, output: TextIO, encoding: str | None) -> None:
    if sys.stdin is None:
        raise ValueError("expected lines on standard input, got none, for it is closed; give a file")
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding=encoding or "utf-8-sig", errors="strict")
    for number, line in enumerate(sys.stdin, start=1):
        output.write(labelling.line(line, number))
        output.flush()


if __name__ == "__main__":
    sys.exit(main())
