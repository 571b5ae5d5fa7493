"""The options of all experiments: one name means one thing, and every one has its sentence."""

import dataclasses
import re

import pytest

import experiments
from reid_jax import encoders, options
from reid_jax.app import kinds, words
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


@pytest.mark.parametrize("name", CONFIGS)
def test_every_number_has_a_bound_and_every_recipe_keeps_it(name):
    config = CONFIGS[name]
    for field in dataclasses.fields(config):
        if field.type in (int, float):
            least, _, above, _ = options.bounds(config, field.name)
            assert least is not None or above is not None, field.name
    for changed in experiments.find()[name].recipes.values():
        options.checked(config(**changed))


@dataclasses.dataclass
class Bounded:
    share: float = option(0.5, "a share", least=0, most=1)
    heat: float = option(1.0, "a temperature", above=0, below=10)
    count: int = option(1, "a count", least=1)
    first: int = option(0, "the first of them", least=0, below="count")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"first": 2, "count": 2}, "--config.first=2 is not below --config.count=2"),
        ({"share": 3.0}, "--config.share=3.0 is above 1, the most that it can be"),
        ({"share": -0.1}, "--config.share=-0.1 is below 0, the least that it can be"),
        ({"heat": 0.0}, "--config.heat=0.0 is not above 0"),
        ({"heat": 10.0}, "--config.heat=10.0 is not below 10"),
        ({"count": 0}, "--config.count=0 is below 1"),
        ({"share": float("nan")}, "--config.share=nan is no finite number"),
        ({"heat": float("inf")}, "--config.heat=inf is no finite number"),
    ],
)
def test_a_number_out_of_its_range_is_named(values, told):
    with pytest.raises(ValueError, match=re.escape(told)):
        options.checked(Bounded(**values), "--config.")
    text = ",".join(f"{name}={value}" for name, value in values.items())
    with pytest.raises(ValueError, match=re.escape(told.replace("--config.", "--config.source: "))):
        words.changed(Bounded(), "--config.source", text)


def test_the_ends_of_a_range_are_within_it():
    for values in ({"share": 0.0}, {"share": 1.0}, {"count": 1}, {"heat": 9.9}):
        assert options.checked(Bounded(**values)) == Bounded(**values)


@pytest.mark.parametrize("text", ["10000x10000", "0x64", "64", "64x2049", "²x64", "-1x64", "64x"])
def test_a_size_is_refused_at_once(text):
    with pytest.raises(ValueError, match=f"each from 1 to 2048, e.g. 256x128, not '{text}'"):
        encoders.size(text)
    assert encoders.size("2048X1") == (2048, 1)


@pytest.mark.parametrize("text", ["persons=0", "persons=100001", "seed=10000", "persons=-1"])
def test_numbers_of_a_drawn_source_have_ranges(text):
    with pytest.raises(ValueError, match=f"'{text}' in 'synthetic:plaza,{text}': write {text[:4]}"):
        kinds.open_source(f"synthetic:plaza,{text}")
