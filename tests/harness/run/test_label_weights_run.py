"""Weights of labels, from the option to the record, the kept network and the refusal."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from safetensors.torch import load_file

from harness.configuration.compose import compose_configuration
from harness.records.files import WEIGHTS
from harness.run.execute import execute

Overrides = Callable[..., list[str]]


def test_weights_are_in_the_loss_the_record_and_the_kept_network(tiny: Overrides):
    options = ("task=pos", "model=none", "training.steps=3", "task.label_smoothing=0.1", "task.focal_gamma=2")
    outcome = execute(compose_configuration(tiny(*options, "task.class_weights={NOUN:5}")))
    record = outcome.record
    assert record["status"] == "done", record["reason"]
    (note,) = [note for note in record["text_notes"] if "class_weights" in note]
    counts = record["label_counts"]["train"]
    light = sum(counts.values()) / (sum(counts.values()) + 4 * counts["NOUN"])
    assert f"from {5 * light:.3g} (NOUN) to {light:.3g} (" in note
    kept = load_file(outcome.folder / WEIGHTS)["head.learning.weights_L"]
    assert sorted(kept.tolist())[-2:] == pytest.approx([light, 5 * light])


def test_a_label_that_train_lacks_is_refused_before_anything_is_kept(tiny: Overrides):
    options = ("task=sentiment", "model=none", "task.class_weights={lovely:5}")
    outcome = execute(compose_configuration(tiny(*options)))
    assert not outcome.kept
    assert "task.class_weights names 'lovely', but no row of train has that label; found" in outcome.record["reason"]
