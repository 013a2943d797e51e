"""Every refusal, wherever it is raised: it says what came, and what was expected or what to do; and a test has it.

The messages are read from the source: each ``raise`` of an error with a message is a refusal, but for those that a user
cannot meet (``INTERNAL``). That it is one line as the user sees it, the tests of commands and of options show.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]

INTERNAL = {
    "harness/engines/ray.py _wait": "a signal",
    "harness/explanation/saved_maps.py _checked": "caught in the same file, which says what to do",
    "harness/run/folder.py locked": "BusyError has its own words, and is waited for",
    "harness/statistics/answers.py calibration": "our own probabilities",
    "harness/statistics/over_examples.py _paired": "our own statistics",
    "harness/training/checkpoints.py load": "where it is shown, the run begins anew",
    "harness/training/checkpoints.py _check_sums": "caught in the same file",
    "models/attention/bidirectional.py forward": "how we build it",
    "models/vectors.py forward": "how our model calls it",
    "models/crf.py": "shapes of our own tensors",
    "models/forward_backward.py": "shapes of our own tensors",
    "models/pointer.py _parts": "how our decoders are called",
    "models/projection.py": "shapes of our own tensors",
    "tasks/encoding/batching.py __init__": "the schema has the options; ranks are Lightning's",
    "tasks/floors.py": "fit comes before predict in the one place that calls them",
    "tasks/base.py": "what a head of somebody else's lacks, by its class",
    "tasks/encoding/stored.py read_arrays": "harness/build/saved.py completes it with the file and what to do",
    "tasks/encoding/vectors.py __init__": "the same",
    "tasks/encoding/subwords.py load": "harness/build/saved.py completes it with the file and what to do",
    "tasks/heads/generation.py forward": "how our model calls it",
    "tasks/heads/pooled.py forward": "how our model calls it",
    "tasks/model.py": "how our module calls it",
    "tasks/reading/json_rows.py": "tasks/reading/files.py completes it with the file and what to do",
    "tasks/reading/parquet_rows.py": "tasks/reading/files.py completes it with the file and what to do",
}
"""File, or file and function, of refusals that no user meets as they stand -> why."""

CAME = re.compile(
    r"\{|\bgot\b|=\w|\bno row of\b|\bseveral\b|\ba comparison\b|\bexpected a text\b"
    r"|\beach label\b|\bevery seed\b|\bempty\b"
)
"""What came: a value, or words for what it is."""

TO_DO = re.compile(
    r"; |: (use|give|start|set|run) |\bexpect|\bneeds?\b|\btakes?\b|\breads\b|\bneither\b|\bone of\b|\b(is|are) .*got\b"
)
"""What was expected, or what to do."""


class Refusal(NamedTuple):
    """Where it is raised, and its message with ``{…}`` for values."""

    file: str
    function: str
    line: int
    message: str

    @property
    def passed_on(self) -> bool:
        """Whether it is the message of another one, perhaps with its place before."""
        return not re.sub(r"\{.*\}", "", self.message).strip(": ,")


@cache
def refusals() -> list[Refusal]:
    """Those of all files, but for internal ones."""
    found: dict[tuple[str, int], Refusal] = {}
    for folder in ("harness", "tasks", "models"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for refusal in _raised_in(path):
                found[refusal.file, refusal.line] = refusal  # inner functions come after outer ones
    return [r for r in found.values() if not {r.file, f"{r.file} {r.function}"} & INTERNAL.keys()]


def _raised_in(path: Path) -> Iterator[Refusal]:
    for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(function, ast.FunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
                    file = str(path.relative_to(ROOT))
                    yield Refusal(file, function.name, node.lineno, _message(node.exc.args[0]))


def _message(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(map(_message, node.values))
    if isinstance(node, ast.BinOp):
        return _message(node.left) + _message(node.right)
    return "{…}"


def test_every_refusal_is_one_line_that_says_what_came_and_what_to_do():
    short = [r for r in refusals() if not r.passed_on and not (CAME.search(r.message) and TO_DO.search(r.message))]
    assert short == []
    assert [r for r in refusals() if "\n" in r.message] == []
    assert len(refusals()) > 200


def test_every_refusal_is_said_in_a_test():
    """Three words in a row of each, or all where it has fewer, stand in some test."""
    tests = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))
    tests = re.sub(r"\\(.)", r"\1", tests)  # patterns escape
    unsaid = [r for r in refusals() if not r.passed_on and not any(words in tests for words in _triples(r.message))]
    assert unsaid == []


def _triples(message: str) -> Iterator[str]:
    pieces = [piece.split() for piece in message.split("{…}")]
    most = min(3, max(map(len, pieces)))
    for words in pieces:
        yield from (" ".join(words[n : n + most]) for n in range(len(words) - most + 1))


def test_what_is_internal_is_still_there():
    places = {path for r in _all() for path in (r.file, f"{r.file} {r.function}")}
    assert INTERNAL.keys() - places == set()


def _all() -> list[Refusal]:
    return [
        r for folder in ("harness", "tasks", "models") for p in (ROOT / folder).rglob("*.py") for r in _raised_in(p)
    ]
