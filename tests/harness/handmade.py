"""Records and runs made by hand, for tests of what reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.records import files
from harness.records.record import FORMAT


def record(**changes: Any) -> dict[str, Any]:
    """A finished run of ner on the bundled corpus, with ``changes``; ``config`` adds to the configuration."""
    base = {
        "format": FORMAT, "id": "x", "status": "done", "reason": None, "debug": False, "task": "ner",
        "data": "generated", "model": "self", "backbone": "recurrent", "position": "none", "seed": 1,
        "data_fingerprint": "f", "code_version": "v", "finished": "2026-01-01T00:00:00+00:00", "main_score": "f1",
        "scores": {"f1": 0.5}, "costs": {"parameters": {"total": 1000}, "train_seconds": 2.0, "latency_seconds": 0.001},
    }  # fmt: skip
    changed = base | changes
    config = {"model": {"name": changed["model"]}, "seed": changed["seed"]} | changed.get("config", {})
    return changed | {"config": config}


def runs(scores: Sequence[float], **changes: Any) -> list[dict[str, Any]]:
    """A finished run for each score, with the seeds 1, 2, …"""
    return [record(seed=seed, scores={"f1": score}, **changes) for seed, score in enumerate(scores, start=1)]


def floor(model: str = "majority", **changes: Any) -> dict[str, Any]:
    """A run of a floor."""
    return record(**{"model": model, "config": {"model": {"floor": {"_target_": model}}}, "costs": {}} | changes)


def write_run(folder: Path, made: Mapping[str, Any], predictions: Sequence[Mapping[str, Any]] | None = None) -> Path:
    """Write the record and its predictions as a run does; returns the folder."""
    files.write_record(folder, made)
    if predictions is not None:
        files.write_predictions(folder, predictions)
    return folder
