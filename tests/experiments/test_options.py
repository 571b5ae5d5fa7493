"""The options of all experiments: one name means one thing, and every one has its sentence."""

import dataclasses

import pytest

import experiments
from reid_jax import options
from reid_jax.options import option, renewed, sentence

CONFIGS = {name: experiment.config for name, experiment in experiments.find().items()}


def test_an_option_has_one_type_in_every_experiment():
    types: dict[str, set] = {}
    assert len(CONFIGS) > 8
    for config in CONFIGS.values():
        for field in dataclasses.fields(config):
            types.setdefault(field.name, set()).add(field.type)
    assert not {name: kinds for name, kinds in types.items() if len(kinds) > 1}


@pytest.mark.parametrize("name", CONFIGS)
def test_every_option_has_a_sentence(name):
    config = CONFIGS[name]
    lacking = [one.name for one in dataclasses.fields(config) if not sentence(config, one.name)]
    assert not lacking


@pytest.mark.parametrize("name", CONFIGS)
def test_no_old_name_is_a_new_one(name):
    fields = {field.name for field in dataclasses.fields(CONFIGS[name])}
    old = [options._about(CONFIGS[name], field).get("was") for field in fields]
    old = [one for one in old if one]
    assert not fields & set(old) and len(set(old)) == len(old)


@dataclasses.dataclass
class Parent:
    learning_rate: float = option(1.0, "how fast", was="rate")
    when: str = option("each_epoch", "how often", values={"morning": "each_epoch"})
    plain: int = option(3, "a number")
    first: str = option("", "of another", inner={"rate": "learning_rate"})


@dataclasses.dataclass
class Child(Parent):
    learning_rate: float = 2.0


def test_a_changed_default_keeps_sentence_and_old_name():
    assert Child().learning_rate == 2.0 and sentence(Child, "learning_rate") == "how fast"
    old = {"rate": 5.0, "when": "morning", "plain": 4, "unknown": 1, "first": "rate=1,b_rate=2"}
    new = {"learning_rate": 5.0, "when": "each_epoch", "plain": 4, "unknown": 1}
    new["first"] = "learning_rate=1,b_rate=2"
    assert renewed(Child, old) == new == renewed(Child, new)
    assert sentence(Child, "nothing") == ""
