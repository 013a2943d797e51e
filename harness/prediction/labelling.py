"""From files of texts to lines of predictions: read in chunks, predicted by length, written in order."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from harness.build.saved import SavedNetwork
from harness.configuration.effect import flatten, with_effect
from harness.explanation.example import Explained, explain_example
from harness.explanation.finished import explain_texts
from harness.explanation.maps import last_of_each_part
from harness.prediction.predictor import Answer, Asked, Predictor
from harness.prediction.reading import Chunk, Reading
from harness.prediction.writing import Format, check_format, shown, shown_blank, usual_format
from harness.records.record import Record
from tasks.base import Row, Task
from tasks.reading.csv_rows import checked_separator
from tasks.reading.text_files import checked_encoding

Text = str | list[str] | tuple[str, ...] | Mapping[str, Any]
"""A text, its tokens, several texts, or the columns of a row."""


@dataclass
class Labeller:
    """Finished runs, ready to predict. ``runs``: the folder and the record of each."""

    runs: Sequence[tuple[Path, Record]]
    predictor: Predictor

    @classmethod
    def load(cls, runs: Sequence[tuple[Path, Record]], *, device: str) -> Labeller:
        """Raises ValueError for files that are damaged, runs that cannot vote together, and a device that is not."""
        networks = [SavedNetwork.load(record, folder) for folder, record in runs]
        torch.set_num_threads(int(networks[0].config.trainer.threads))
        return cls(runs, Predictor(networks, device=checked_device(device)))

    @property
    def labels(self) -> list[str]:
        """The labels, or tags, that are chosen among; empty where texts are written."""
        return list(self.predictor.first.encoding.labels)

    def __repr__(self) -> str:
        """Which runs these are; their records would fill a screen."""
        return f"Labeller({', '.join(folder.name for folder, _ in self.runs)})"

    def predict(self, texts: Sequence[Text], *, probabilities: bool = False, n_best: int = 0) -> list[Answer]:
        """What is predicted for each text, in their order.

        A text is a string; of a task on pairs a tuple of two; of taggers also a list of tokens; or a mapping of
        columns, such as a row of a data set (its label is not looked at). ``probabilities``: of every label, of tags
        for each token. ``n_best``: so many of the most probable predictions. Raises ValueError for a text that cannot
        be read.
        """
        if isinstance(texts, str | Mapping) or hasattr(texts, "to_dict"):
            kind = type(texts).__name__
            raise ValueError(
                f"expected a list of texts, got a {kind}; put a text in brackets, or use .to_dict('records')"
            )
        asked = Asked(probabilities, n_best)
        self.predictor.check(asked)
        if not len(texts):
            return []
        chunk = self.reading().chunk([self._row(text) for text in texts])
        return list(self.predictor.answers(chunk.rows, chunk.place, asked))

    def explain(self, *texts: str, external: str | None = None) -> Explained:
        """What the first run makes of a text (of a pair: of two), with its attention maps."""
        return explain_texts(self.predictor.first, texts, external=external)

    def reading(self, options: Any = None) -> Reading:
        """How rows are read: as the data of the run were, unless the ``options`` of a command line say otherwise."""
        first, asked = self.predictor.first, getattr(options, "separator", None)
        data, given = first.config.data, _columns(getattr(options, "columns", ()), first.task)
        layout = {
            "token_column": data.get("token_column"),
            "tag_column": data.get("tag_column"),
            "separator": checked_separator(asked or data.get("separator")),
            "encoding": checked_encoding(getattr(options, "encoding", None)),
        }
        return Reading(
            first.task,
            first.config.encoding.normalize,
            first.encoding.tokenizer,
            layout,
            {**(data.get("columns") or {}), **given},
            any(network.encoding.external_source == "column" for network in self.predictor.networks),
            separator=checked_separator(asked),
            asked=frozenset(given),
            tag_names=data.get("tag_names"),
            keep=tuple(getattr(options, "keep", ())),
        )

    def _row(self, text: Text) -> Mapping[str, Any]:
        if isinstance(text, Mapping):
            return text
        columns = self.predictor.first.task.text_columns
        parts = text if isinstance(text, tuple) else (text,)
        if isinstance(text, list) and not self.predictor.first.task.tokenized:
            raise ValueError(
                f"expected texts, got a list ({str(text)[:60]}); only taggers read tokens, pairs are tuples"
            )
        if len(parts) != len(columns):
            raise ValueError(f"expected {len(columns)} text(s) ({', '.join(columns)}), got {len(parts)}: {text!r}")
        return dict(zip(columns, parts, strict=True))


@dataclass
class Labelling:
    """From files of texts to lines of predictions.

    ``gold``, ``predicted``: of all rows with labels so far, for the scores at the end. ``counts``: how many rows there
    were, how many without a text or a label, and how many whose label was never learnt.
    """

    labeller: Labeller
    reading: Reading
    asked: Asked
    chosen: Format
    attention: bool
    gold: list[Row] = field(default_factory=list)
    predicted: list[Any] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of_options(cls, found: Sequence[tuple[Path, Record]], options: Any) -> Labelling:
        """As the command line has it. Raises ValueError for options that do not go together."""
        labeller = Labeller.load(found, device=options.device)
        task = labeller.predictor.first.task
        asked = Asked(options.probabilities, options.n_best)
        if options.attention and len(found) > 1:
            raise ValueError(f"--attention shows that of one run, got {len(found)}; give one")
        labeller.predictor.check(asked)
        more = asked.probabilities or asked.ranked > 0 or options.attention or bool(options.keep)
        chosen: Format = options.format or ("jsonl" if more else usual_format(task))
        check_format(chosen, task, more=more)
        return cls(labeller, labeller.reading(options), asked, chosen, options.attention)

    def files(self, paths: Sequence[Path]) -> Iterator[str]:
        """What is written for each row of the files. Raises ValueError, with file and line, for what cannot be read."""
        self.reading.check_files(paths)
        for path in paths:
            before = self.counts["rows"]
            for chunk in _shown_progress(self.reading.chunks(path), path):
                yield from self._lines(chunk)
            if self.counts["rows"] == before:
                self.counts[f"no rows in {path}"] += 1

    def line(self, text: str, number: int) -> str:
        """What is written for a line of a stream."""
        return "".join(self._lines(self.reading.line(text, number)))

    def scores(self) -> Mapping[str, float]:
        """Of all rows that had labels, by the definitions of the task; empty if none had."""
        if not self.gold:
            return {}
        first = self.labeller.predictor.first
        return first.task.score_rows(self.gold, self.predicted, labels=first.encoding.labels)

    def notes(self) -> list[str]:
        """What whoever reads the predictions should know of them, in words."""
        counts, rows = self.counts, self.counts["rows"]
        told = [name for name in counts if name.startswith("no rows in ")]
        if counts["blank"]:
            told.append(f"{counts['blank']} of {rows} rows have no text, so that nothing is predicted for them")
        if counts["unlabelled"] and self.gold:
            told.append(f"{counts['unlabelled']} of {rows} rows have no label; the scores leave them out")
        if counts["unlearnt"]:
            told.append(
                f"{counts['unlearnt']} of {rows} rows have a label that the run never saw; the scores leave them out"
            )
        return told

    def _lines(self, chunk: Chunk) -> Iterator[str]:
        task = self.labeller.predictor.first.task
        self.counts.update(rows=len(chunk.order), blank=chunk.order.count(None))
        answers, maps = self._answers(chunk), self._maps(chunk)
        for number, kept in zip(chunk.order, chunk.kept, strict=True):
            if number is None:
                yield shown_blank(self.chosen, task, kept)
                continue
            gold = chunk.gold[number]
            label = None if gold is None else gold[task.label_column]
            yield shown(self.chosen, task, chunk.rows[number], next(answers), gold=label, maps=next(maps), kept=kept)

    def _answers(self, chunk: Chunk) -> Iterator[Answer]:
        first = self.labeller.predictor.first
        known = set(first.encoding.labels)
        answers = self.labeller.predictor.answers(chunk.rows, chunk.place, self.asked) if chunk.rows else iter(())
        for gold, answer in zip(chunk.gold, answers, strict=True):
            if gold is None:
                self.counts["unlabelled"] += 1
            elif first.task.unseen_label(gold, known) is not None:
                self.counts["unlearnt"] += 1
            else:
                self.gold.append(gold)
                self.predicted.append(answer.predicted)
            yield answer

    def _maps(self, chunk: Chunk) -> Iterator[Any]:
        if not self.attention:
            yield from [None] * len(chunk.rows)
            return
        network = self.labeller.predictor.first
        data = network.data(chunk.rows, chunk.place)
        for number in range(len(chunk.rows)):
            explained = explain_example(data, network.model, number, row=number)
            yield [found.as_dict() for found in last_of_each_part(explained.maps)]


def differing(runs: Sequence[tuple[Path, Record]]) -> list[str]:
    """The settings in which runs that vote differ, but for their seeds: a glob may have chosen more than was meant."""
    flat = [flatten(with_effect(record["config"])) for _, record in runs]
    names = sorted({name for one in flat for name in one})
    return [
        name for name in names if name.rpartition(".")[2] != "seed" and len({str(one.get(name)) for one in flat}) > 1
    ]


def _columns(given: Iterable[str], task: Task) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in given]
    known = (*task.text_columns, *task.optional_columns, task.label_column)
    for name, sign, column in pairs:
        if not (name and sign and column):
            raise ValueError(f"expected --columns NAME=COLUMN, got {name}{sign}{column}")
        if name not in known:
            raise ValueError(
                f"expected --columns of {', '.join(known)}, which task={task.name} knows, got {name}={column}"
            )
    return {name: column for name, _, column in pairs}


def checked_device(name: str) -> str:
    """The device of this name. Raises ValueError for what is none, or is not here."""
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"expected --device cpu, cuda or cuda:<number>, got {name!r}") from error
    if device.type not in ("cpu", "cuda"):
        raise ValueError(f"expected --device cpu, cuda or cuda:<number>, got {name!r}")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"--device {name}: there is no GPU here; use --device cpu")
    return name


def _shown_progress(chunks: Iterator[Chunk], path: Path) -> Iterator[Chunk]:
    """The chunks, with the number of rows on the terminal while they are worked on, if it is one."""
    if not sys.stderr.isatty():
        yield from chunks
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    counted = TextColumn("{task.completed:,.0f} rows, {task.fields[speed]:,.0f}/s")
    columns = (SpinnerColumn(), TextColumn("{task.description}"), counted, TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(path.name, total=None, speed=0.0)
        for chunk in chunks:
            yield chunk
            done = progress.tasks[0]
            progress.update(bar, advance=len(chunk.rows))
            progress.update(bar, speed=done.completed / max(1e-9, done.elapsed or 0.0))
