"""What a record holds, in one place: the type of every key, and what a board needs of them.

Only the standard library is needed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple, NotRequired, TypedDict

from harness.records.fitting import Misfit, check_of, fields_of
from harness.records.printable import plain

FORMAT = 1
"""Version of the record's layout; readers name and leave out records of another one."""

Status = Literal["done", "failed", "unsupported", "interrupted"]


class Parameters(TypedDict):
    """Trainable parameters: all, those of attention mechanisms, those of the embeddings.

    ``encoder``: those of a pretrained encoder, which are trained, and among the others, where it is fine-tuned alone.
    """

    total: int
    attention: int
    embedding: int
    encoder: NotRequired[int]


class PeakMemory(TypedDict):
    """Bytes. ``process``: resident; ``gpu``: allocated there, None without one."""

    process: int
    gpu: int | None


class Costs(TypedDict, total=False):
    """What a run cost. A floor has its ``train_seconds`` alone; FLOPs are None where they could not be counted.

    ``estimated_memory_bytes``: what it takes at the least, as told before the first step (``build.room.check_room``).
    ``encoder_flops_per_token``: of a pretrained encoder, which the others hold where it is fine-tuned alone.
    """

    parameters: Parameters
    flops_per_token: float | None
    encoder_flops_per_token: float
    train_seconds: float
    train_steps: int
    train_tokens_per_second: float | None
    inference_tokens_per_second: float
    latency_seconds: float
    estimated_memory_bytes: int
    peak_memory_bytes: PeakMemory


class Match(TypedDict):
    """What ``match=`` resized: the width of feed-forward layers, what that counts, and how near the reference it is."""

    by: str
    reference: str
    reference_width: int
    reference_count: float
    width: int
    count: float
    ratio: float
    seconds: float


class Learning(TypedDict):
    """When a network learnt, in optimiser steps, by the score or loss that chose its epoch.

    ``best_step``: of the tested epoch. ``take_off_step``: of the first validation with half of the gain from the first
    one to the best. ``rising``: the budget of steps ended before patience did, so that a longer one may show more.
    """

    best_step: int
    take_off_step: int
    rising: bool


class Calibration(TypedDict):
    """How far confidence holds (``statistics.answers``): ``of`` answers, or of single tags.

    ``counts``, ``confidence``, ``accuracy``: of each bin from low confidence to high; None where it is empty.
    """

    of: str
    expected_calibration_error: float
    counts: list[int]
    confidence: list[float | None]
    accuracy: list[float | None]


class Answers(NamedTuple):
    """Of the test split: row -> prediction, and row -> how probable it is held to be, where that is known."""

    predictions: Mapping[int, Any]
    confidences: Mapping[int, Any]


class Encoder(TypedDict):
    """The pretrained encoder of a run: where it lay, and its content (SHA-256 of its files).

    ``kind``: as ``transformers`` calls it. ``width``, ``layers``: of its states, and how many are kept or mixed.
    ``fine_tuned``: whether it was learnt on; else its states were computed once, from so many ``pieces`` in so many
    ``seconds``, by this run or by one before. ``windowed``: texts that are longer than it can read at once.
    """

    path: str
    content: str
    kind: str
    width: int
    layers: int
    fine_tuned: bool
    pieces: int
    seconds: float
    windowed: int


class WordVectors(TypedDict):
    """The pretrained vectors of a run: the file, by its path and its content (SHA-256), and their width.

    ``kept``: how many words of the run's data have one; ``trained``: whether those that train shows were learnt on;
    else they are frozen, and no parameters. ``rows``: of the file; ``repeated``: whose word stands in an earlier row,
    which counts; ``spaced``: whose word holds a blank, as no token does; ``undecodable``: whose word is no UTF-8.
    ``coverage``: split -> share of its different forms (``types``) and of its ``tokens`` that have a vector.
    """

    path: str
    content: str
    width: int
    kept: int
    trained: bool
    rows: int
    repeated: int
    spaced: int
    undecodable: int
    first_undecodable: str
    coverage: dict[str, dict[str, float]]


class Git(TypedDict):
    """The commit of the code, and whether the source differs from it; None outside a checkout."""

    commit: str | None
    dirty: bool | None


class Environment(TypedDict):
    """Versions and hardware; of a network's run also the device that it was trained on and the threads of a CPU."""

    python: str
    packages: dict[str, str]
    platform: str
    processor: str
    device: NotRequired[str]
    gpu: NotRequired[str | None]
    threads: NotRequired[int]


class DrawnSplits(TypedDict):
    """Splits that the data set lacked and ``seed`` drew from its train."""

    splits: list[str]
    seed: int


class Facts(TypedDict, total=False):
    """What a run finds out while it goes on; whatever is known when it ends, however it ends, stands in its record.

    ``data_sizes``, ``dropped_rows``: rows by split; dropped are those whose label train never shows.
    ``deduplicated_rows``: how many rows of train are left out, for they stand in other splits.
    ``label_counts``, ``repeated_rows``, ``similar_labels``: as in ``tasks.reading.survey.Survey``.
    ``overlong_texts``: texts by split that are longer than ``encoding.max_length``, where there are any.
    ``encoder``: a pretrained one, where the run reads with it.
    ``vectors``: pretrained ones, where the run reads some.
    ``drawn_splits``: an entry a drawing; none is known of older records (``board.drawn`` tells).
    ``data_source``: where the rows come from, in words. ``external_memory``: the same of the external memory, or None.
    ``text_notes``: what is to be known of the texts. ``language``: by whose rules texts were scored.
    ``attention_notes``: what a mechanism does otherwise than its name says at some site.
    ``flops_note``: why FLOPs could not be counted. ``chosen_by``: the value that chose the tested epoch.
    ``resumed``: whether it went on from a checkpoint. ``curves``: a point a validation.
    ``validation_scores``: where these are no part of the curves. ``extra_scores``: by further test set.
    ``search``: which trial of a search this is, or what was chosen from how many.
    ``deterministic``: of a floor, whether no seed changes it.
    ``label_scores``: label, or type of spans -> precision, recall, f1, support and number of predicted ones, on test.
    ``confusions``: gold label -> predicted label -> how often (of spans the types of tokens). ``calibration``: on test.
    ``kept_files``: name -> SHA-256 of the files beside the record from which the network is made again.
    ``scores``, ``score_definitions``: on the test split, fractions by key, and what each key means.
    """

    search: dict[str, Any]
    data_sizes: dict[str, int]
    data_source: str
    drawn_splits: list[DrawnSplits]
    text_notes: list[str]
    language: str
    dropped_rows: dict[str, int]
    deduplicated_rows: int
    label_counts: dict[str, dict[str, int]]
    repeated_rows: dict[str, dict[str, dict[str, int]]]
    similar_labels: list[list[str]]
    overlong_texts: dict[str, int]
    encoder: Encoder
    vectors: WordVectors
    external_memory: str | None
    match: Match | None
    attention_notes: list[str]
    flops_note: str
    costs: Costs
    curves: list[dict[str, float]]
    chosen_by: str
    learning: Learning
    resumed: bool
    validation_scores: dict[str, float]
    extra_scores: dict[str, dict[str, float]]
    environment: Environment
    deterministic: bool
    kept_files: dict[str, str]
    main_score: str
    label_scores: dict[str, dict[str, float]]
    confusions: dict[str, dict[str, int]]
    calibration: Calibration
    scores: dict[str, float]
    score_definitions: dict[str, str]


class Record(Facts):
    """A record as it is written and read: what the run was, and its facts.

    ``debug``: whether it reaches no board. ``task`` to ``experiment``: names, as ``compose.name_choices`` gives them.
    ``started``, ``finished``: ISO 8601 in UTC. ``config``: resolved, without what drives runs or searches.
    """

    format: int
    id: str
    status: Status
    reason: str | None
    debug: bool
    task: str
    data: str
    model: str
    backbone: str
    position: str
    experiment: NotRequired[str]
    seed: int
    data_fingerprint: str | None
    code_version: str
    git: Git
    started: str
    finished: str
    command: list[str]
    config: dict[str, Any]


def written_language(record: Mapping[str, Any]) -> str:
    """The tag of the language by whose rules the texts of a run were scored."""
    task = record["config"].get("task", {})
    return str(record.get("language") or task.get("language") or "und")


FIELDS = ("id", "status", "debug", "task", "data", "model", "backbone", "seed", "finished", "config")
"""What every record has, that of a published board too."""

FIELDS_WHEN_DONE = ("scores", "main_score", "data_fingerprint")
"""What the record of a finished run has besides."""

LARGEST = 1e100
"""No score and no cost is as large; the sum of larger ones may not be finite."""

LARGEST_SEED = 2**64

COUNTED = (
    *("costs", "data_sizes", "dropped_rows", "deduplicated_rows", "overlong_texts", "repeated_rows", "label_counts"),
    "learning",
)
"""Parts whose numbers are finite in every run; the report passes over odd ones of single answers by itself."""

SCORED = ("scores", "extra_scores", "validation_scores", "match", "curves")
"""Parts that may hold what is no number, where training diverged."""


def record_problem(record: Any) -> str | None:
    """Why a JSON value is no record of a run that a board can show, or None if it is one."""
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        found = record.get("format") if isinstance(record, dict) else type(record).__name__
        return f"is no record of format {FORMAT} (found {repr(found)[:40]})"
    done = record.get("status") == "done"
    missing = [name for name in (*FIELDS, *(FIELDS_WHEN_DONE if done else ())) if name not in record]
    if missing:
        return f"is no record of a run: {', '.join(missing)} missing"
    misfit = next(_misfits(record, done=done), None)
    if misfit is not None:
        return f"is no record of a run: {str(misfit)[1:]}"
    odd = next(_odd_numbers(record), None)
    return None if odd is None else f"is no record of a run: {odd}"


def _misfits(record: Mapping[str, Any], *, done: bool) -> Iterator[Misfit]:
    """What is of another type than here, and parts of the configuration that readers go into."""
    checks, anything = fields_of(Record), check_of(Any)
    for name, value in record.items():
        if (found := checks.get(name, anything)(value)) is not None:
            yield found.inside(name)
    if done and record["data_fingerprint"] is None:
        yield Misfit(".data_fingerprint", None, "a text")
    for part in ("task", "data", "model", "trainer"):
        if not isinstance(value := record["config"].get(part, {}), Mapping):
            yield Misfit(f".config.{part}", value, "an object")


def _odd_numbers(record: Mapping[str, Any]) -> Iterator[str]:
    """The numbers that no run can have come to and no board could average. A score that is NaN is one: it diverged."""
    if abs(record["seed"]) > LARGEST_SEED:
        yield f"the seed has {len(str(abs(record['seed'])))} digits"
    for part in (*COUNTED, *SCORED):
        if part in record and (found := _odd_number({part: record[part]}, "", finite=part in COUNTED)):
            yield found


def _odd_number(value: Any, place: str, *, finite: bool) -> str | None:
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(inner, (dict, list)):
            if found := _odd_number(inner, f"{place}{key}.", finite=finite):
                return found
        elif isinstance(inner, (int, float)) and not -LARGEST < inner < LARGEST:
            diverged = isinstance(inner, float) and not math.isfinite(inner)
            if finite or not diverged:
                return f"{plain(f'{place}{key}'[:200])} is {str(inner)[:24]}"
    return None
