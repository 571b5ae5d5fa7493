"""The commands of README and of docs/ have flags and options that there are."""

import re
from pathlib import Path

import pytest

import experiments
from reid_jax.app import words
from tests import readme

ROOT = Path(experiments.__file__).parent
SHARED = ("command.py", "run.py", "loaded.py")
BESIDE = {"prepare": "footage.py", **dict.fromkeys(("gallery", "search", "serve"), "filters.py")}


def _flags(*files):
    """The flags that files define."""
    text = "".join(file.read_text() for file in files)
    return set(re.findall(r'DEFINE_\w+\(\s*"(\w+)"', text))


@pytest.mark.parametrize("given", readme.commands(), ids=" ".join)
def test_a_command_of_a_page_is_one(given):
    name, *arguments = given
    assert name in [*experiments.files(), "tables"]
    script = ROOT / "tables" / "__main__.py" if name == "tables" else ROOT / f"{name}.py"
    app = ROOT.parent / "reid_jax" / "app"
    known = _flags(script, *(app / file for file in SHARED)) | {"recipe"}
    known |= _flags(app / BESIDE[name]) if name in BESIDE else set()
    options = [word for word in arguments if word.startswith("--config.")]
    for word in set(arguments) - set(options):
        assert not word.startswith("--") or word[2:].partition("=")[0] in known, word
    if name in experiments.find():
        experiment = experiments.find()[name]
        recipe = [word.partition("=")[2] for word in arguments if word.startswith("--recipe=")]
        assert set(recipe) <= set(experiment.recipes)
        words.parsed(experiment.config, experiment.recipes, options)
    else:
        assert name == "tables" or not options


def test_readme_has_the_journey():
    names = [one[0] for one in readme.commands()]
    assert len(names) > 50 and set(readme.JOURNEY) <= set(names)
