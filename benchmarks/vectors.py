"""Reading word vectors from a text file: seconds and memory, beside gensim's ``KeyedVectors`` where there is one.

    python benchmarks/vectors.py [--gensim PYTHON] [--words 400000] [--output]

Each row is a process of its own. Seconds of the processor leave out what other work takes of the machine; memory is the
peak above what was there once everything was imported. ``PYTHON`` is the interpreter of an environment with gensim;
nothing else here needs it. The file is made for it: random numbers of five digits behind the point, as in GloVe, in
word2vec's text format. It was read once before, so that no disk is measured.
"""

from __future__ import annotations

import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from drivers.reporting import RESULTS, machine, make_parser, publish

RESULT = RESULTS / "vectors.md"
WIDTH = 300
ROOT = Path(__file__).resolve().parent.parent

MEASURED = """
import json, resource, sys, time
from pathlib import Path
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
{imports}
before, busy, started = peak(), time.process_time(), time.perf_counter()
{action}
print(json.dumps([time.perf_counter() - started, time.process_time() - busy, peak() - before]))
"""

OURS = MEASURED.format(
    imports="""
sys.path.insert(0, {root!r})
import pyarrow.csv
from harness.configuration.content import content_of
from tasks.encoding.vectors import FileOfVectors, Vectors
path, words, cache = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]) if len(sys.argv) > 3 else None
content = content_of(path)
forms = [f"word{{number * {step}}}" for number in range(words)]
""",
    action="""
vectors = Vectors(FileOfVectors(path, content, "nfc"), {width}, cache)
vectors.learn(forms)
assert vectors.learnt == words
""",
)

HASHED = MEASURED.format(
    imports="sys.path.insert(0, {root!r})\nfrom harness.configuration.content import content_of",
    action="content_of(sys.argv[1])",
)

GENSIM = MEASURED.format(
    imports="from gensim.models import KeyedVectors",
    action="vectors = KeyedVectors.load_word2vec_format(sys.argv[1])",
)


def make_file(file: Path, words: int) -> None:
    """Vectors of ``word0``, ``word1``, …, a thousand different ones in turn: to draw more takes longer than to read."""
    generator = np.random.default_rng(0)
    rows = [" ".join(f"{x:.5f}" for x in 0.4 * generator.normal(size=WIDTH)) for _ in range(1000)]
    with file.open("w") as stream:
        stream.write(f"{words} {WIDTH}\n")
        stream.writelines(f"word{number} {rows[number % 1000]}\n" for number in range(words))


def measured(python: str, code: str, *arguments: object) -> list[float]:
    """Seconds, those of the processor, and MiB."""
    done = subprocess.run(
        [python, "-c", code, *map(str, arguments)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: list[float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = make_parser(__doc__, RESULT)
    parser.add_argument("--gensim", metavar="PYTHON", help="the interpreter of an environment with gensim")
    parser.add_argument("--words", type=int, default=400_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    load = os.getloadavg()[0]
    if options.smallest:
        options.words, options.repeats = 2000, 1
    few = options.words // 20
    with tempfile.TemporaryDirectory() as folder:
        file, packed = Path(folder, "vectors.txt"), Path(folder, "vectors.txt.gz")
        make_file(file, options.words)
        if options.smallest:
            packed.write_bytes(gzip.compress(file.read_bytes(), 1))
        else:
            subprocess.run(["gzip", "-1", "-k", str(file)], check=True)
        size = file.stat().st_size
        own = OURS.format(root=str(ROOT), step=1, width=WIDTH)
        sparse = OURS.format(root=str(ROOT), step=20, width=WIDTH)
        runs = {
            f"all {options.words:,} words kept": (sys.executable, own, file, options.words),
            f"{few:,} words kept, spread over the file": (sys.executable, sparse, file, few),
            "the same from .gz": (sys.executable, sparse, packed, few),
            "the same once more, from the cache": (sys.executable, sparse, file, few, Path(folder, "cache")),
            "SHA-256 of the file, once a command": (sys.executable, HASHED.format(root=str(ROOT)), file),
        }
        if options.gensim:
            runs["gensim, which keeps all words"] = (options.gensim, GENSIM, file)
        measured(*runs["the same once more, from the cache"])
        turns = [{name: measured(*run) for name, run in runs.items()} for _ in range(options.repeats)]
    lines = ["| | seconds | of the processor | memory, MiB |", "|---|--:|--:|--:|"]
    for name in runs:
        seconds, busy, memory = (statistics.median(turn[name][which] for turn in turns) for which in range(3))
        lines.append(f"| {name} | {seconds:.2f} | {busy:.2f} | {memory:,.0f} |")
    text = (
        f"# Word vectors\n\n{__doc__}\n{options.words:,} vectors of width {WIDTH}, {size / 1e9:.2f} GB; medians of "
        f"{options.repeats} turns; one thread. {machine(load)}\n\n" + "\n".join(lines) + "\n"
    )
    publish(text, RESULT, write=options.output)


if __name__ == "__main__":
    main()
