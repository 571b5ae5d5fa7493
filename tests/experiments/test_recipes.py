"""Every option of every recipe is pinned, with its evidence.

tests/experiments/pinned.py writes an intended change.
"""

import dataclasses

import pytest

import experiments
from tests.experiments import pinned

WRECKED = [
    ("remix", "paper", "camera_centroid", 50.0),
    ("remix", "paper", "temperatures", "0.1,0.1,0.05,0.07"),
    ("remix", "paper", "momentum", 0.99),
    ("remix", "paper", "eps", 0.85),
    ("gds", "paper", "rho", 0.5),
    ("gds", "paper", "lambda_h", 5.0),
    ("gds", "code", "source_per_person", 4),
    ("ide", "paper", "learning_rate", 6.0),
    ("ide", "paper", "schedule", "cosine"),
    ("spcl", "adapt", "bn_group", 16),
    ("spcl", "alone", "gap", 0.2),
    ("mmt", "paper", "soft_triplet", 0.5),
    ("domainmix", "paper", "ratio", 1.0),
    ("domainmix", "code", "temperature", 1.0),
    ("cycas", "paper", "bn_frozen", False),
    ("cycas", "canonical", "memory", 65_536),
    ("moco", "paper", "learning_rate", 0.03),
    ("domainmix", "street", "least", 6),
]


def test_the_recipes_are_as_they_are_pinned():
    found = pinned.differences(pinned.now(), pinned.pinned())
    assert not found, "\n".join(
        ["python -m tests.experiments.pinned writes the file anew:", *found]
    )


@pytest.mark.parametrize(("experiment", "recipe", "option", "value"), WRECKED)
def test_another_value_is_seen(experiment, recipe, option, value, monkeypatch):
    monkeypatch.setitem(experiments.find()[experiment].recipes[recipe], option, value)
    (told,) = pinned.differences(pinned.now(), pinned.pinned())
    assert told.startswith(f"{experiment} {recipe} {option}: {value} in the code")


def test_an_option_more_and_one_less_are_seen():
    there, kept = pinned.now(), pinned.pinned()
    gone = kept.pop(("remix", "paper", "eps"))
    assert pinned.differences(there, kept) == ["remix paper eps: 0.8 in the code, absent pinned"]
    kept["remix", "paper", "eps"] = (gone[0], "")
    assert "rests on nothing" in pinned.differences(there, kept)[0]
    kept["remix", "paper", "eps"] = gone
    kept["remix", "paper", "colour"] = ("3", "paper")
    assert pinned.differences(there, kept) == ["remix paper colour: absent in the code, 3 pinned"]


@pytest.mark.parametrize("name", experiments.find())
def test_values_are_of_their_types(name):
    experiment = experiments.find()[name]
    for recipe, changed in experiment.recipes.items():
        for field in dataclasses.fields(experiment.config):
            value = getattr(experiment.config(**changed), field.name)
            assert type(value) is field.type, f"{recipe}: {field.name}={value!r} is no {field.type}"
