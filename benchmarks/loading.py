"""Time of cutting batches out of an encoded split: one batch, and an epoch over many rows.

    python benchmarks/loading.py [--rows 50000] [--output]

Texts are drawn from a Zipf-like distribution of words, so that a batch holds about as many distinct forms as English.
"""

from __future__ import annotations

import platform
import time

import numpy as np
from drivers.reporting import RESULTS, make_parser, publish, table_of

from tasks.encoding.arrays import EncodedSplit, TagLabels
from tasks.encoding.batching import BatchLoader, BatchPlan
from tasks.encoding.codec import TextCodec
from tasks.encoding.collation import collate
from tasks.encoding.vocabulary import EncodingOptions

RESULT = RESULTS / "loading.md"


def drawn_texts(rows: int, *, mean_length: int, seed: int) -> list[list[str]]:
    """Texts of 1 to about three times ``mean_length`` words, from 30,000 invented words."""
    generator = np.random.default_rng(seed)
    words = [
        "".join(generator.choice(list("abcdefghijklmnoprstuvwy"), size=size))
        for size in generator.integers(2, 12, 30_000)
    ]
    lengths = np.maximum(1, generator.gamma(3, mean_length / 3, rows).astype(int))
    ranks = np.minimum(generator.zipf(1.2, lengths.sum()) - 1, len(words) - 1)
    return [[words[rank] for rank in part] for part in np.split(ranks, np.cumsum(lengths)[:-1])]


def best_of(repeats: int, action) -> float:
    """The shortest of several runs, in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times)


def measure(rows: int, *, ngram_buckets: int) -> dict[str, float]:
    texts = drawn_texts(rows, mean_length=20, seed=0)
    options = EncodingOptions(
        normalize="nfc",
        lowercase=True,
        min_count=1,
        max_characters=20,
        ngram_min=3,
        ngram_max=5,
        ngram_buckets=ngram_buckets,
    )
    start = time.perf_counter()
    encoded = TextCodec.fit(texts, options).encode(texts)
    encoding = time.perf_counter() - start
    split = EncodedSplit(np.arange(rows), (encoded,), None, TagLabels(encoded.forms_K, encoded.offsets))
    typical = np.argsort(np.abs(split.lengths - 20), kind="stable")[:64]
    plan = BatchPlan(split.lengths, batch_tokens=1024, batch_rows=64, shuffle=True, seed=0)
    loader = BatchLoader(split, plan)
    epoch = best_of(3, lambda: sum(1 for _ in loader))
    return {
        "fit and encode once, s": encoding,
        "collate 64 x 20 tokens, ms": 1e3 * best_of(200, lambda: collate(split, typical)),
        "plan of an epoch, ms": 1e3 * best_of(5, lambda: plan.epoch(1)),
        "epoch, s": epoch,
        "batches of an epoch": len(loader),
        "collate in an epoch, ms a batch": 1e3 * epoch / len(loader),
        "million tokens a second": split.tokens / epoch / 1e6,
    }


def main() -> None:
    parser = make_parser(__doc__, RESULT)
    parser.add_argument("--rows", type=int, default=50_000)
    arguments = parser.parse_args()
    if arguments.smallest:
        arguments.rows = 100
    kinds = {"words and characters": 0, "with character n-grams": 12_000}
    results = {name: measure(arguments.rows, ngram_buckets=buckets) for name, buckets in kinds.items()}
    lines = [
        "# Loading",
        "",
        f"{arguments.rows:,} rows of about 20 tokens, batches of at most 1,024 tokens and 64 rows; one process, "
        f"Python {platform.python_version()}, {platform.machine()}. Made by `python benchmarks/loading.py "
        f"--rows {arguments.rows} --output`.",
        "",
        *table_of(results),
    ]
    publish("\n".join(lines) + "\n", RESULT, write=arguments.output)


if __name__ == "__main__":
    main()
