"""What Hydra refuses is said in one line, with the option as it was typed and what to do."""

from __future__ import annotations

import pytest
from hydra.errors import HydraException

from harness.configuration.compose import compose_configuration
from harness.configuration.refusals import refusal


@pytest.mark.parametrize(
    ("override", "said"),
    [
        (
            "trainig.steps=3",
            "trainig.steps=3: there is no option trainig.steps; did you mean training.steps or training.warmup_steps?",
        ),
        ("learning_rate=1", "learning_rate=1: there is no option learning_rate; did you mean training.learning_rate?"),
        ("modle=self", "modle=self: there is no option modle; did you mean model?"),
        ("data.path=2024", "data.path=2024: there is no option data.path; it is one of data=files"),
        ("model.hops=3", "model.hops=3: there is no option model.hops; it is one of model=memory"),
        ("lr=3", "lr=3: there is no option lr; python -m harness --cfg job shows all there are"),
        ("model=slef", "model=slef: there is no model=slef; did you mean self"),
        ("seed", "seed: expected an option and its value, such as seed=3"),
        ("+model=self", "+model=self: model is chosen already; leave out the plus sign"),
        ("~task", "~task: task needs one choice, as in task=…"),
        ("task=[ner,pos]", "task=[ner,pos]: task needs one choice, as in task=…"),
        ("data=[]", "data=[]: data needs one choice, as in data=…"),
        (
            "data.knobs={length: 8}",
            "data.knobs={length: 8}: there is no option data.knobs.length; to add it write +data.k",
        ),
        ("training={step: 8}", "training={step: 8}: there is no option training.step; did you mean training.steps?"),
        ("engine=foo", "engine=foo: there is no engine=foo; there are: local, ray, submitit"),
        ("task=null", "task=null: expected the name of a choice, such as model=self, or an option, such as seed=3"),
        ("seed=1,2", "seed=1,2: several values are a sweep, which needs -m"),
        ("data.columns={text:Käse}", "data.columns={text:Käse}: this cannot be read (its value has signs that mean"),
        (
            "training=[1]",
            "training=[1]: training is a group of options; give them one by one, as in training.<option>=<v",
        ),
        ("~seed=x", "~seed=x: it has another value; to take it away leave the value out: ~seed"),
        ("model.heads=[1", "model.heads=[1: this cannot be read ("),
    ],
)
def test_each_is_one_line_with_the_option_as_typed(override: str, said: str):
    with pytest.raises((HydraException, ValueError)) as raised:
        compose_configuration([override])
    line = refusal(raised.value, [override], compose_configuration)
    assert line.startswith(said), line
    assert "\n" not in line
    assert "hydra.cc" not in line
