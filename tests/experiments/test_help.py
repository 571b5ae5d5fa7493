"""What the command line says of itself."""

import re
import subprocess
import sys

import pytest

import experiments
import reid_jax
from experiments import __main__ as door
from reid_jax.app import help, info, memory
from tests.experiments.called import ROOT, call


@pytest.mark.parametrize("name", experiments.find())
def test_help_has_every_option_once_with_its_default(name):
    experiment = experiments.find()[name]
    for changed in experiment.recipes.values():
        config = experiment.config(**changed)
        lines = list(help._options(experiment.config, config))
        shown = dict(
            re.match(r"  --config\.(\w+)=?(.*)", line).groups()
            for line in lines
            if line.startswith("  --")
        )
        assert shown == {
            option: str(value).lower() if isinstance(value, bool) else str(value)
            for option, value in vars(config).items()
        }
        assert sum(line.startswith("  --") for line in lines) == len(shown)
        titles = [line.strip() for line in lines if line.startswith("\n")]
        assert titles[:2] == ["data", "model"] and set(titles) <= set(help.GROUPS)


def test_help_is_answered_by_each_kind_of_script(monkeypatch):
    said = call("ide", "--recipe=paper", "--help").stdout
    assert said.startswith("Train the supervised baseline.")
    assert "Defaults are those of --recipe=paper; " in said
    assert "--config.backbone=resnet50\n" in said and "\nrun\n" in said and "--workdir\n" in said
    assert "\nMemory: 1 to 1.5 GB with the small networks" in said
    said = call("prepare", "-h").stdout
    assert "\nMemory: 0.5 GB and 0.5 KB for each picture" in said
    assert "--detector" in said and "--source" in said and "\n  --config" not in said
    assert call("tables", "--version").stdout == f"reid_jax {reid_jax.__version__}\n"


def test_every_tool_has_a_sentence_on_its_memory():
    assert {*memory.OF} == {*experiments.files(), "tables"} - {*experiments.find()}


def test_the_door_lists_every_script_with_a_line(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["reid-jax"])
    door.main()
    said = capsys.readouterr().out
    for name in [*experiments.files(), "tables"]:
        assert re.search(rf"^  {name} +\S.*", said, re.M), name
    trainings, tools = said.split("\ntools\n")
    assert all(f"  {name} " in trainings for name in experiments.find()) and "  embed " in tools


def test_the_door_names_the_nearest(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["reid-jax", "evalate"])
    with pytest.raises(SystemExit) as ended:
        door.main()
    assert ended.value.code == 2 and "did you mean 'evaluate'?" in capsys.readouterr().err


def test_info_tells_what_a_bug_report_needs():
    told = dict(info.told())
    assert told["reid_jax"] == reid_jax.__version__ and told["devices"].startswith("4 x")
    assert {"Python", "jaxlib", "extra torch", "JAX_COMPILATION_CACHE_DIR"} <= set(told)


def test_the_first_line_does_not_wait_for_what_is_not_needed_yet():
    """The libraries that take longest to import, and no training's first step needs."""
    code = """
import sys
import experiments
experiments.find()
slow = ("sklearn", "matplotlib.pyplot", "tensorflow_datasets", "torch", "tensorflow")
print([name for name in slow if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stdout + done.stderr
