"""The part of a report that describes one run: scores, costs, configuration, environment, sampled predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby, zip_longest
from typing import Any

from harness.board.row import replicate_of
from harness.board.tables import BoardTable
from harness.comparison.examples import META
from harness.comparison.scoring import is_right
from harness.configuration.effect import flatten
from harness.records.printable import plain
from harness.records.record import Record
from harness.report.evidence import Folders, Line, samples
from harness.report.mistakes import calibration, label_scores

SAMPLES = 6
"""So many test examples are shown of a run."""

MOST_LABELS = 20
"""The scores of so many labels are told."""

MOST_LETTERS = 600
"""Longer texts are cut."""

FACTS = ("id", "finished", "code_version", "git", "data_source", "data_sizes", "data_fingerprint", "external_memory",
         "text_notes", "language", "attention_notes", "chosen_by", "search")  # fmt: skip
"""What is told of a run besides its scores, costs, configuration and environment."""


def run_view(
    record: Record, line: Line, table: BoardTable, folders: Folders, *, anchor: str, sampled: bool
) -> dict[str, Any]:
    """What the template shows of a run; a hole has its reason instead of scores. ``sampled``: with predictions."""
    predictions = folders.predictions(record) if sampled else None
    lacking = "No predictions lie beside this record." if sampled else "Predictions are shown of the first runs alone."
    done = record["status"] == "done"
    scores = record["scores"] if done else {}
    main = scores.get(table.metric)
    return {
        "anchor": anchor,
        "row": line.number,
        "label": line.name,
        "seed": replicate_of(record),
        "status": record["status"],
        "reason": "" if done else str(record.get("reason") or "no reason given"),
        "main": f"{main:.4f}" if isinstance(main, int | float) else "",
        "scores": [
            (plain(key), f"{value:.4f}" if isinstance(value, float) else str(value)) for key, value in scores.items()
        ],
        "told": {
            "Labels": _labels(record),
            "Costs": _pairs(record.get("costs")),
            "Run": _pairs(_told(record)),
            "Environment": _pairs(record.get("environment")),
            "Configuration": _pairs(record["config"]),
        },
        "samples": [_sample(row) for row in samples(predictions or [], SAMPLES)],
        "no_samples": "" if predictions or not done else lacking,
        "floor": line.row.floor,
    }


Pairs = dict[str, list[tuple[str, str]]]
"""Under a heading, keys and values in words."""


def shared_by_networks(views: Sequence[dict[str, Any]]) -> Pairs:
    """What all networks of a table have in common is told once, and leaves the parts of its runs."""
    return _taken_out([view["told"] for view in views if not view["floor"]])


def by_row(views: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The runs of each row, and what they have in common, told once likewise."""
    return [
        {"row": row, "label": runs[0]["label"], "shared": _taken_out([run["told"] for run in runs]), "runs": runs}
        for row, runs in ((row, list(found)) for row, found in groupby(views, key=lambda view: view["row"]))
    ]


def _taken_out(told: Sequence[Pairs]) -> Pairs:
    """The pairs that all of several runs have; these lose them."""
    if len(told) < 2:
        return {}
    shared = {}
    for title in told[0]:
        common = set(told[0][title]).intersection(*(set(one[title]) for one in told[1:]))
        shared[title] = [pair for pair in told[0][title] if pair in common]
        for one in told:
            one[title] = [pair for pair in one[title] if pair not in common]
    return {title: pairs for title, pairs in shared.items() if pairs}


def _pairs(value: Any) -> list[tuple[str, str]]:
    """Dotted keys and values in words."""
    if not isinstance(value, Mapping):
        return []
    return [(plain(key), plain(_text(found))) for key, found in flatten(value).items()]


def _labels(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The scores of the most frequent labels, and how far the run is calibrated, in words."""
    found = label_scores(record)
    pairs = [
        (
            plain(label),
            f"precision {one['precision']:.4f}, recall {one['recall']:.4f}, F1 {one['f1']:.4f} of {one['support']:g}",
        )
        for label, one in list(found.items())[:MOST_LABELS]
    ]
    pairs += [("further labels", f"{len(found) - MOST_LABELS}, see the record")] if len(found) > MOST_LABELS else []
    calibrated = calibration(record)
    error = [] if calibrated is None else [f"{calibrated['expected_calibration_error']:.4f}"]
    return pairs + [("expected calibration error", value) for value in error]


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)


def _sample(row: Mapping[str, Any]) -> dict[str, Any]:
    """A test example: its texts, and reference and prediction; of tags, the tokens with both."""
    gold, predicted = row["gold"], row["predicted"]
    texts = {key: value for key, value in row.items() if key not in META}
    tokens = next(iter(texts.values()), None)
    view: dict[str, Any] = {"row": row["row"], "right": is_right(row), "tokens": [], "texts": [], "written": False}
    if isinstance(gold, list) and isinstance(predicted, list) and isinstance(tokens, list) and len(gold) == len(tokens):
        view["tokens"] = [
            {"token": plain(str(token)), "gold": str(g), "predicted": str(p)}
            for token, g, p in zip_longest(tokens, gold, predicted, fillvalue="")
        ]
        return view
    view["texts"] = [(key, _cut(" ".join(map(str, v)) if isinstance(v, list) else str(v))) for key, v in texts.items()]
    if isinstance(gold, list) and isinstance(predicted, list):  # several labels
        return view | {
            "gold": [_cut(", ".join(gold) or "no label")],
            "predicted": _cut(", ".join(predicted) or "no label"),
        }
    references = gold if isinstance(gold, list) else [gold]
    return view | {"gold": [_cut(str(text)) for text in references], "predicted": _cut(str(predicted))}


def _cut(text: str) -> str:
    return plain(text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]} …")


def _told(record: Mapping[str, Any]) -> dict[str, Any]:
    return {key: record[key] for key in FACTS if record.get(key) is not None}
