"""Training and search of a translation model against JoeyNMT and OpenNMT-py, side by side in one run.

    python benchmarks/peers.py --data_dir FOLDER --joeynmt PYTHON --opennmt PYTHON [--threads 1 2] [--output]

FOLDER holds multi30k_en_de/ (train, validation and test as JSON Lines with source and target). PYTHON is the
interpreter of an environment that the peer alone lives in, with Python 3.11 and the version of torch used here:

    pip install joeynmt==2.3.0 importlib_metadata
    pip install --no-deps OpenNMT-py==3.5.1;  pip install configargparse sentencepiece subword-nmt sacrebleu pyonmttok
        six tensorboard waitress rapidfuzz pyyaml flask ctranslate2 spacy pyahocorasick fasttext-wheel

All sides get the same symbols (our BPE's, already split), one table of symbols for everything, 4 + 4 pre-norm layers of
width 128 with 4 heads and feed-forward width 256, dropout 0.3 (0.1 of attention weights; JoeyNMT knows one dropout),
label smoothing 0.1, Adam, float32, batches of at most 4,096 tokens (rows x longest row; JoeyNMT does not sort rows by
length), and the same number of threads.

- Training: target tokens a second (padding not counted), loading included. Ours runs in the harness's trainer with all
  its callbacks; the peers' rates are those that their training programs log. The first report is warm-up.
- Search: seconds for 64 sentences of test, exactly 60 symbols each, encoder included, the second time in a row.
  Weights do not matter, since the length is fixed. JoeyNMT's beam search is left out: as its greedy one, it reads the
  whole prefix at each step, here for 320 rows.

Each measurement of a peer stands beside one of ours taken right before it; the ratio is above 1 where ours is faster.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from drivers.reporting import RESULTS, machine, make_parser, publish
from drivers.toolkits import REPORT, SENTENCES, SYMBOLS, JoeyNMT, OpenNMT, speed

from harness.build import data as run_data
from harness.build.data import encode, make_task
from harness.build.model import make_model
from harness.build.trainer import make_trainer, optimisation
from harness.configuration.compose import compose_configuration
from harness.training.callbacks import Averaging, History, RandomStates
from harness.training.memory import keep_freed_memory
from harness.training.module import TrainingModule
from harness.training.session import quiet_libraries
from tasks.base import IGNORED
from tasks.heads.generation import TextSearch

RESULT = RESULTS / "peers.md"

OURS = [
    *("task=translation", "data=multi30k_en_de", "model=self", "backbone=transformer", "logger=none"),
    *("backbone.layers=4", "decoder.layers=4", "task.vocabulary_size=9700"),
    *("backbone.dropout=0.3", "embedding.dropout=0.3", "task.dropout=0.3"),
    *("training.batch_tokens=4096", "training.batch_rows=512"),
    *("trainer.accelerator=cpu", "trainer.enable_progress_bar=false"),
]


class Clock(pl.Callback):
    """Target tokens a second of each ``REPORT`` updates."""

    def __init__(self) -> None:
        self.rates: list[float] = []
        self._tokens, self._started = 0, time.perf_counter()

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Count, and report now and then."""
        self._tokens += int((batch.labels != IGNORED).sum())
        if (batch_idx + 1) % REPORT == 0:
            now = time.perf_counter()
            self.rates.append(self._tokens / (now - self._started))
            self._tokens, self._started = 0, now


class Ours:
    """The harness, in this process."""

    def __init__(self, data_dir: Path, folder: Path, reports: int) -> None:
        updates = (1 + reports) * REPORT
        options = [f"data_dir={data_dir}", f"results_dir={folder}", f"+trainer.limit_train_batches={updates}"]
        self.config = compose_configuration([*OURS, *options, f"training.steps={updates}"])
        task = make_task(self.config)
        self.data = encode(self.config, task, run_data.load_corpus(self.config, task))
        self.folder, self.updates = folder, updates

    def train(self, threads: int) -> float:
        """Target tokens a second."""
        torch.set_num_threads(threads)
        config, clock = self.config, Clock()
        module = TrainingModule(
            make_model(config, self.data),
            scorer=self.data.score,
            main_score=self.data.task.main_score,
            validate_by=self.data.task.validate_by,
            **optimisation(config),
        )
        stopping = pl.callbacks.EarlyStopping("train/loss", mode="min", check_on_train_epoch_end=True)
        checkpoint = pl.callbacks.ModelCheckpoint(self.folder, save_last=True, save_on_train_epoch_end=True)
        averaging = Averaging(config.training.average_decay)
        callbacks = [averaging, History(), RandomStates(), stopping, checkpoint, clock]
        trainer = make_trainer(config, batches=self.updates, callbacks=callbacks, logger=False, folder=self.folder)
        trainer.fit(module, self.data.loader("train"))
        return speed(clock.rates)

    def search(self, threads: int, beam: int) -> float:
        """Seconds for the sentences."""
        torch.set_num_threads(threads)
        model = make_model(self.config, self.data).eval()
        head: Any = model.head
        options = replace(head.text_search.options, beam=beam, min_length=SYMBOLS)
        head.text_search = TextSearch(options, length_factor=0, length_extra=SYMBOLS)
        batch = self.data.batch("test", list(range(SENTENCES)))
        for _ in range(2):
            started = time.perf_counter()
            with torch.no_grad():
                found = model.predict(batch)
            seconds = time.perf_counter() - started
        assert {len(text.ids) for text in found} == {SYMBOLS}
        return seconds

    def write_corpus(self) -> None:
        """The symbols of train, those of the sentences to be translated, and the vocabulary."""
        encoded, corpus = self.data.encoded, self.data.corpus
        for split, rows in (("train", corpus.splits["train"]), ("test", corpus.splits["test"][:SENTENCES])):
            for side in ("source", "target"):
                texts = encoded.encoding.writer.segmenter.split([row[side] for row in rows])
                write_lines(self.folder / f"{split}.{side}", [" ".join(symbols) for symbols in texts])
        write_lines(
            self.folder / "vocabulary", [form for form in encoded.encoding.codec.words.symbols if " " not in form]
        )


def write_lines(path: Path, lines: list[str]) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Measurement:
    """What is measured of us and of a peer: ``take(side, threads)``; ``faster_is`` says what a good number is."""

    name: str
    unit: str
    faster_is: str
    take: Callable[[Any, int], float]
    targets: dict[str, float]

    def row(self, ours: Ours, peer: Any, threads: int, repeats: int) -> str:
        """One row of the table."""
        name = type(peer).__name__
        pairs = [(self.take(ours, threads), self.take(peer, threads)) for _ in range(repeats)]
        ratios = [a / b if self.faster_is == "more" else b / a for a, b in pairs]
        mine, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
        digits = 0 if self.faster_is == "more" else 2
        return (
            f"| {self.name} | {threads} | {name} | {mine:,.{digits}f} | {theirs:,.{digits}f} | {self.unit} "
            f"| {statistics.median(ratios):.1f} | {min(ratios):.1f} to {max(ratios):.1f} | {self.targets[name]} |"
        )


MEASUREMENTS = (
    Measurement("training", "tokens/s", "more", lambda side, n: side.train(n), {"JoeyNMT": 2, "OpenNMT": 1.1}),
    Measurement("greedy search", "s", "less", lambda side, n: side.search(n, 1), {"JoeyNMT": 8, "OpenNMT": 1}),
    Measurement("beam 5", "s", "less", lambda side, n: side.search(n, 5), {"OpenNMT": 1}),
)


def compare(ours: Ours, peers: list[Any], *, counts: list[int], repeats: int) -> list[str]:
    rows = []
    for threads in counts:
        for measurement in MEASUREMENTS:
            for peer in peers:
                if type(peer).__name__ in measurement.targets:
                    rows.append(measurement.row(ours, peer, threads, repeats))
                    print(rows[-1], flush=True)
    return rows


def main() -> None:
    parser = make_parser(__doc__, RESULT)
    parser.add_argument("--data_dir", type=Path, help="the folder that holds multi30k_en_de/")
    parser.add_argument("--joeynmt", type=Path, metavar="PYTHON", help="interpreter of JoeyNMT's environment")
    parser.add_argument("--opennmt", type=Path, metavar="PYTHON", help="interpreter of OpenNMT-py's environment")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="numbers of threads (default: 1 2)")
    parser.add_argument("--repeats", type=int, default=2, help="measurements of each side (default: 2)")
    parser.add_argument("--reports", type=int, default=4, help=f"of {REPORT} updates each, after the warm-up's")
    options = parser.parse_args()
    if options.smallest:
        options.threads, options.repeats, options.reports = [1], 1, 1
    given = {peer: python for peer, python in ((JoeyNMT, options.joeynmt), (OpenNMT, options.opennmt)) if python}
    if options.data_dir is None or not given:
        print("nothing to compare with: --data_dir and the interpreter of at least one peer are needed; see --help")
        return
    quiet_libraries()
    warnings.filterwarnings("ignore", ".*no `val_dataloader`.*")
    keep_freed_memory()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours = Ours(options.data_dir.absolute(), folder, options.reports)
        ours.write_corpus()
        peers = [peer(python.absolute(), folder, ours.updates) for peer, python in given.items()]
        rows = compare(ours, peers, counts=options.threads, repeats=options.repeats)
    missing = [peer.__name__ for peer in (JoeyNMT, OpenNMT) if peer not in given]
    rows += [f"| all | | {name} | | | | | not measured: no interpreter was given | |" for name in missing]
    head = "| what | threads | peer | ours | peer's | | ratio | range | target |\n|---|--:|---|--:|--:|---|--:|--:|--:|"
    made = (
        f"{machine(load)} {options.repeats} measurements of each side, {options.reports * REPORT} updates each. "
        "Made by the command above with `--output`."
    )
    text = f"# Translation against JoeyNMT and OpenNMT-py\n\n{__doc__}\n{made}\n\n{head}\n" + "\n".join(rows) + "\n"
    publish(text, RESULT, write=options.output)


if __name__ == "__main__":
    main()
