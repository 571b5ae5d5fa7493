"""The options of all experiments: one name means one thing."""

import dataclasses
import importlib
from pathlib import Path

from tests.experiments.called import ROOT


def _configs():
    for path in sorted(Path(ROOT, "experiments").glob("*.py")):
        if "class Config" in path.read_text():
            yield importlib.import_module(f"experiments.{path.stem}").Config


def test_an_option_has_one_type_in_every_experiment():
    types: dict[str, set] = {}
    configs = list(_configs())
    assert len(configs) > 8
    for config in configs:
        for field in dataclasses.fields(config):
            types.setdefault(field.name, set()).add(field.type)
    assert not {name: found for name, found in types.items() if len(found) > 1}
