"""All ways to write a flag read alike."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from absl import flags

from reid_jax import encoders
from reid_jax.app import mistakes, words
from reid_jax.options import choose, option


@dataclasses.dataclass
class Config:
    rate: float = 0.1
    persons: int = 4
    name: str = "one"
    skip: bool = False


RECIPES = {"street": {"rate": 0.2}, "paper": {"rate": 0.3, "persons": 8}}


def parsed(*arguments):
    """The configuration of a command line, and what is no flag of it."""
    values = flags.FlagValues()
    values.set_gnu_getopt()
    for name in ("workdir", "recipe"):
        flags.DEFINE_string(name, None, "", flag_values=values)
    given = words.normal(arguments, Config, values)
    config = words.defined(Config, RECIPES, given, values)
    strays = values(["script", *given])[1:]
    return config.value, strays


@pytest.mark.parametrize(
    "recipe", [["--recipe=paper"], ["--recipe", "paper"], ["-recipe", "paper"], ["-recipe=paper"]]
)
@pytest.mark.parametrize(
    "rate",
    [
        ["--config.rate=1e-3"],
        ["--config.rate", "1e-3"],
        ["-config.rate", "1e-3"],
        ["-config.rate=1e-3"],
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_a_flag_is_one_word_or_two_with_one_dash_or_two(recipe, rate, turned):
    first, second = (rate, recipe) if turned else (recipe, rate)
    config, strays = parsed("--workdir", "runs/a", *first, *second)
    assert config == Config(rate=1e-3, persons=8) and not strays


def test_the_first_recipe_is_taken_where_none_is_named_and_the_last_of_two():
    assert parsed()[0] == Config(rate=0.2)
    assert parsed("--recipe=paper", "--recipe", "street")[0] == Config(rate=0.2)


def test_booleans_take_no_second_word():
    assert parsed("--config.skip", "--recipe", "paper")[0] == Config(0.3, 8, skip=True)
    assert parsed("--config.skip=true", "--noconfig.skip")[0] == Config(0.2)
    assert parsed("--config.skip", "false")[1] == ["false"]


def test_a_value_may_begin_with_a_dash_or_hold_an_equals_sign():
    assert parsed("--config.rate", "-1")[0].rate == -1
    assert (
        parsed("--config.name", "a=b,c=d")[0].name
        == parsed("--config.name=a=b,c=d")[0].name
        == "a=b,c=d"
    )


def test_nothing_is_a_flag_behind_two_dashes():
    config, strays = parsed("--config.rate", "3", "--", "--recipe=papr", "--config.rte", "4")
    assert config == Config(rate=3) and strays == ["--recipe=papr", "--config.rte", "4"]


def test_a_file_of_flags_is_read_in_its_place(tmp_path):
    (tmp_path / "flags").write_text("--recipe=paper\n# a word\n--config.persons=2\n")
    for file in ([f"--flagfile={tmp_path}/flags"], ["--flagfile", f"{tmp_path}/flags"]):
        assert parsed("--config.rate", "3", *file)[0] == Config(3, 2)
        assert parsed(*file, "--config.persons", "5")[0] == Config(0.3, 5)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--config.rat", "3"], "--config.rat, did you mean '--config.rate'"),
        (["-config.rat=3"], "--config.rat, did you mean '--config.rate'"),
        (["--noconfig.skp"], "did you mean '--config.skip'"),
        (["--persons=3"], "--persons, did you mean '--config.persons'"),
        (["--config.workdir=x"], "--config.workdir, did you mean '--workdir'"),
        (["--workdri", "x"], "--workdri, did you mean '--workdir'"),
        (["--recipe", "papr"], "did you mean 'paper'"),
        (["--recipe="], "--recipe='' is not known"),
        (["--recipe"], "--recipe has no value"),
        (["--recipe", "--config.rate=1"], "--recipe has no value"),
        (["--config.rate"], "--config.rate has no value"),
    ],
)
def test_mistakes_are_named(arguments, told):
    with pytest.raises(ValueError, match=told):
        parsed(*arguments)


def test_a_boolean_of_another_scripts_options_is_one():
    assert words.changed(Config(), "--config.source", "skip=True,rate=1").skip
    with pytest.raises(ValueError, match="skip='treu' is no bool"):
        words.changed(Config(), "--config.source", "skip=treu")


def raised(body):
    with pytest.raises(Exception) as error:
        body()
    return error.value


def test_a_mistake_is_what_this_project_words_or_a_file():
    """A bug shows its traceback, though it may be a ValueError too."""
    worded = [
        lambda: choose("a", "b", {"c": 1}),
        lambda: encoders.size("wide"),
        lambda: encoders.of_run("/nowhere"),
        lambda: Path("/nowhere").read_text(),
    ]
    bugs = [
        lambda: np.zeros(3).reshape(2, 2),
        lambda: int("x"),
        lambda: encoders.size(None),
        lambda: {}["key"],
    ]
    assert all(mistakes.mistake(raised(body)) for body in worded)
    assert not any(mistakes.mistake(raised(body)) for body in bugs)
    assert not mistakes.mistake(ValueError("never raised"))


def test_old_names_and_words_are_read_and_the_new_ones_said(capsys):
    @dataclasses.dataclass
    class Renamed:
        learning_rate: float = option(0.1, "how fast", was="rate")
        when: str = option("first", "how often", values={"morning": "each_epoch"})

    def normal(*arguments):
        return words.normal(arguments, Renamed, flags.FlagValues())

    assert normal("--config.rate", "2") == ["--config.learning_rate=2"]
    assert "--config.rate is --config.learning_rate now" in capsys.readouterr().err
    for given in (["--config.when=morning"], ["--config.when", "morning"]):
        assert normal(*given) == ["--config.when=each_epoch"]
        said = capsys.readouterr().err
        assert said.startswith("--config.when=morning is --config.when=each_epoch now")
        assert said.count("\n") == 1
    changed = words.changed(Renamed(), "--config.source", "rate=3,when=morning")
    assert changed == Renamed(3.0, "each_epoch") and "is --config" in capsys.readouterr().err
    assert normal("--config.learning_rate=2") and not capsys.readouterr().err.count("now")
