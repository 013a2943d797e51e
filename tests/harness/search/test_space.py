"""The space of a search: what is refused, and points that a seed fixes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import kstest, qmc

from harness.configuration.compose import compose_configuration
from harness.search.space import POINTS, Dimension, draw, read_space

RATE = Dimension("training.learning_rate", low=1e-4, high=1e-1, log=True)
WIDTH = Dimension("backbone.width", low=2, high=5, whole=True)
KIND = Dimension("task.scheme", choices=("crf", "softmax", None))


@pytest.fixture(scope="module")
def config() -> Any:
    return compose_configuration(["task=ner", "model=dot"])


@pytest.mark.slow
@pytest.mark.parametrize("task", ["ner", "pos", "events", "classification", "sentiment", "matching", "translation",
                                  "summarization", "correction"])  # fmt: skip
def test_every_task_has_a_space_that_every_mechanism_has(task: str):
    spaces = []
    for model in ("none", "memory", "cross"):
        made = compose_configuration([f"task={task}", f"model={model}", "search=random"])
        spaces.append(read_space(made.search.space, made))
    assert spaces[0] == spaces[1] == spaces[2]
    assert {"training.learning_rate", "backbone.width"} <= {dimension.key for dimension in spaces[0]}
    assert not any(dimension.key.startswith("model.") for dimension in spaces[0])


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({}, "the search space is empty"),
        ({"training": {"learning_rate": None}}, "the search space is empty"),
        ([1], "is a mapping of settings"),
        ({"training": {"lerning_rate": {"low": 1, "high": 2}}}, r"lerning_rate is no setting .*learning_rate"),
        ({"training": {"steps": {"a": {"low": 1, "high": 2}}}}, r"training.steps.a is no setting"),
        ({"backbone": {"choices": ["recurrent"]}}, "backbone is a group of settings"),
        ({"data": {"size": {"choices": ["small"]}}}, r"data.size cannot be searched; settings of training, .* can"),
        ({"seed": {"low": 1, "high": 3}}, "seed cannot be searched"),
        ({"training": {"learning_rate": 0.1}}, "is a range such as"),
        ({"training": {"learning_rate": {"low": 0.2, "high": 0.1}}}, "low < high, got low=0.2 and high=0.1"),
        ({"training": {"learning_rate": {"low": 0.2}}}, "needs numbers low < high"),
        ({"training": {"learning_rate": {"low": "a", "high": "b"}}}, "needs numbers low < high"),
        ({"training": {"learning_rate": {"low": 0.0, "high": 0.1, "log": True}}}, "needs low above 0"),
        ({"training": {"learning_rate": {"low": 0.1, "high": 0.2, "log": "yes"}}}, "log is true or false"),
        ({"training": {"learning_rate": {"low": 0.1, "high": 0.2, "step": 1}}}, "has step; a range has"),
        ({"training": {"learning_rate": {"low": 0.1, "high": 0.2, "choices": [1]}}}, "keep one of them"),
        ({"backbone": {"width": {"low": 0.5, "high": 8}}}, "is a whole number"),
        ({"backbone": {"width": {"choices": []}}}, "a list of one value or more"),
        ({"backbone": {"width": {"choices": [8, 8]}}}, "a value twice"),
        ({"backbone": {"width": {"choices": [8, "wide"]}}}, "its choices have 'wide'"),
        ({"backbone": {"width": {"choices": [[8]]}}}, "are single values"),
        ({"task": {"scheme": {"low": 0.0, "high": 1.0}}}, "give it choices"),
    ],
)  # fmt: skip
def test_a_hopeless_space_is_refused_with_the_setting(config: Any, space: Any, message: str):
    with pytest.raises(ValueError, match=message):
        read_space(space, config)


def test_the_order_in_which_a_space_is_written_does_not_matter(config: Any):
    space = {"training": {"learning_rate": {"low": 1e-4, "high": 1}}, "backbone": {"width": {"choices": [8, 16]}}}
    assert read_space(space, config) == read_space(dict(reversed(space.items())), config)


def test_values_stay_inside_and_have_their_type():
    for unit in (0.0, 0.5, math.nextafter(1, 0)):
        assert 1e-4 <= RATE.at(unit) <= 1e-1
        assert WIDTH.at(unit) in (2, 3, 4, 5)
        assert isinstance(WIDTH.at(unit), int)
        assert KIND.at(unit) in KIND.choices
    assert RATE.at(0.5) == pytest.approx(10**-2.5, rel=1e-3)
    assert isinstance(Dimension("a", low=0, high=1).at(0.0), float)


@pytest.mark.parametrize("method", POINTS)
def test_trials_are_spread_evenly(method: str):
    drawn = [draw([RATE, WIDTH, KIND], method=method, seed=3, trial=k) for k in range(256)]
    logs = [math.log(values[RATE.key] / RATE.low) / math.log(RATE.high / RATE.low) for values in drawn]
    assert kstest(logs, "uniform").pvalue > 0.01
    for dimension, kinds in ((WIDTH, 4), (KIND, 3)):
        found = [values[dimension.key] for values in drawn]
        assert min(found.count(value) for value in set(found)) > 256 / kinds * 0.7
        assert len(set(found)) == kinds


@pytest.mark.parametrize("method", POINTS)
def test_a_trial_is_a_function_of_space_method_seed_and_number(method: str):
    alone = [draw([RATE, WIDTH], method=method, seed=1, trial=k) for k in (5, 0, 2)]
    assert alone == [draw([RATE, WIDTH], method=method, seed=1, trial=k) for k in (5, 0, 2)]
    assert alone != [draw([RATE, WIDTH], method=method, seed=2, trial=k) for k in (5, 0, 2)]
    assert len({str(values) for values in alone}) == 3


@pytest.mark.parametrize(("method", "sequence"), [("sobol", qmc.Sobol), ("halton", qmc.Halton)])
def test_points_are_those_of_scipy(method: str, sequence: Any):
    units = sequence(2, scramble=True, rng=7).random(8)
    unit = Dimension("a", low=0.0, high=1.0), Dimension("b", low=0.0, high=1.0)
    drawn = [list(draw(unit, method=method, seed=7, trial=k).values()) for k in range(8)]
    assert np.allclose(drawn, units, rtol=1e-3, atol=0)
