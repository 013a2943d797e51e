"""Labelling new texts: `harness.predict` from file to file beside the bare network, and the memory that it takes.

    python benchmarks/predict.py [--rows 100000] [--output]

The bare network predicts batches that are made already. Both take turns; memory is that of processes of their own.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from drivers.reporting import RESULTS, make_parser, publish, table_of

from harness import api, predict
from harness.prediction.reading import CHUNK

RESULT = RESULTS / "predict.md"
TASKS = {"sentiment": "text", "ner": "tokens"}
TURNS = 5

PEAK = """
import resource, sys
from harness import predict
assert predict.main(sys.argv[1:]) == 0
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def train(task: str, folder: Path) -> Path:
    """The folder of a run of the usual sizes, whose weights hardly learnt."""
    outcome = api.run(
        [
            f"task={task}",
            "training.steps=4",
            "logger=none",
            "trainer.enable_progress_bar=false",
            f"results_dir={folder}",
        ]
    )
    assert outcome.record["status"] == "done", outcome.record["reason"]
    return outcome.folder


def write_rows(path: Path, run: Path, column: str, rows: int) -> Path:
    """A file of so many of the texts that the run was tested on, again and again."""
    from harness.records.files import read_predictions

    texts = [json.dumps({column: row[column]}) + "\n" for row in read_predictions(run)]
    with path.open("w", encoding="utf-8") as file:
        file.writelines(texts[number % len(texts)] for number in range(rows))
    return path


def batches_of(labeller: Any, path: Path, rows: int) -> list[Any]:
    """The batches that the first rows are read in."""
    chunk = next(labeller.reading().chunks(path, min(rows, CHUNK)))
    return list(labeller.predictor.first.data(chunk.rows, chunk.place).loader("test"))


def seconds_of(action: Any) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def measure(task: str, column: str, rows: int, folder: Path) -> dict[str, float]:
    run = train(task, folder / task)
    few, many = (
        write_rows(folder / f"{task}-{count}.jsonl", run, column, count) for count in (max(1, rows // 10), rows)
    )
    labeller = api.load(run)
    batches, model = batches_of(labeller, few, rows), labeller.predictor.first.model
    read = sum(len(batch) for batch in batches)
    output = str(folder / "out")

    @torch.inference_mode()
    def bare() -> None:
        for batch in batches:
            model.predict(batch)

    def whole() -> None:
        assert predict.main([str(run), str(few), "--output", output]) == 0

    bare(), whole()
    turns = [(seconds_of(bare) / read, seconds_of(whole) / max(1, rows // 10)) for _ in range(TURNS)]
    peaks = [
        int(subprocess.run([sys.executable, "-c", PEAK, str(run), str(file), "--output", output], check=True,
                           capture_output=True, text=True).stdout)
        for file in (few, many)
    ]  # fmt: skip
    return {
        "network alone, texts/s": statistics.median(1 / alone for alone, _ in turns),
        "file to file, texts/s": statistics.median(1 / all_of_it for _, all_of_it in turns),
        "ratio": statistics.median(alone / all_of_it for alone, all_of_it in turns),
        f"peak memory, {max(1, rows // 10):,} texts, MiB": peaks[0],
        f"peak memory, {rows:,} texts, MiB": peaks[1],
    }


def main() -> None:
    parser = make_parser(__doc__, RESULT)
    parser.add_argument("--rows", type=int, default=100_000)
    arguments = parser.parse_args()
    if arguments.smallest:
        arguments.rows = 20
    with TemporaryDirectory() as folder:
        results = {task: measure(task, column, arguments.rows, Path(folder)) for task, column in TASKS.items()}
    lines = [
        "# Predicting",
        "",
        f"`harness.predict` over short texts, file to file (read, checked, tokenised, numbered, predicted, written), "
        f"beside the network alone on batches that are made already; one thread, model=self, medians of {TURNS} turns "
        f"over a tenth of the texts. Made by `python benchmarks/predict.py --rows {arguments.rows} --output`.",
        "",
        *table_of(results),
    ]
    publish("\n".join(lines) + "\n", RESULT, write=arguments.output)


if __name__ == "__main__":
    main()
