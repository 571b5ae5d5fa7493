"""Runs beside each other: what differs, verdicts, and what cannot be compared."""

import dataclasses
import html
import json
import re

import numpy as np
import pytest
import scipy.stats

from experiments import compare, ide
from reid_jax.app import seeds, workdirs
from reid_jax.app.results import groups, shown, verdict
from tests.app.results import made
from tests.experiments.called import QUICK, call, refused, two_domains


def compared(*paths):
    named = [groups.opened(str(path)) for path in paths]
    groups.check(named)
    return verdict.compared(named)


def test_what_differs_and_by_how_much(tmp_path):
    a = made.run(tmp_path / "a", 0.9)
    b = made.run(tmp_path / "b", 0.3, learning_rate=0.2, weights=str(tmp_path / "b" / "source"))
    one, other = compared(tmp_path / "a", tmp_path / "b")
    assert groups.differences([one.group, other.group]) == {
        "learning_rate": (0.1, 0.2),
        "weights": ("", "./source"),
    }
    difference = b.ap - a.ap
    theirs = scipy.stats.bootstrap(
        (difference,), np.mean, n_resamples=10_000, rng=np.random.default_rng(0),
        method="percentile",
    )  # fmt: skip
    ahead = other.ahead["mAP"]
    assert ahead.mean == pytest.approx(difference.mean())
    assert (ahead.low, ahead.high) == pytest.approx(tuple(theirs.confidence_interval))
    assert ahead.half == pytest.approx(1.96 * theirs.standard_error, rel=1e-3)
    size = f"{100 * ahead.mean:.1f} ± {100 * ahead.half:.1f} mAP"
    assert other.verdict.startswith(f"{tmp_path}/b is better than {tmp_path}/a by {size}; ")
    assert "of one seed each, so whether seeds explain it is not known" in other.verdict
    back = compared(tmp_path / "b", tmp_path / "a")[1]
    assert f"{tmp_path}/a is worse than {tmp_path}/b by {size}" in back.verdict
    text = shown.markdown([one, other])
    assert "| learning_rate | 0.1 | 0.2 |" in text and "80 gallery" not in text
    assert "| weights | (empty) | ./source |" in text and "1:01:01" not in text


def test_noise_alone_cannot_be_told_apart(tmp_path):
    made.run(tmp_path / "a", 0.6, draw=3)
    made.run(tmp_path / "b", 0.6, draw=4)
    told = compared(tmp_path / "a", tmp_path / "b")[1].verdict
    assert "cannot be told apart: " in told and told.endswith("which other queries explain.")


def test_seeds_are_a_group_and_decide(tmp_path):
    for seed in range(4):
        made.run(tmp_path / "a" / f"seed{seed}", 0.8, seed=seed)
        made.run(tmp_path / "b" / f"seed{seed}", 0.4, seed=seed, learning_rate=0.2)
        # one of these seeds is lucky
        made.run(tmp_path / "c" / f"seed{seed}", 0.75 if seed else 0.1, seed=seed, epochs=3)
    made.run(tmp_path / "a" / "seed0-source", 0.1, epochs=9)  # a first stage is no seed
    a, b, c = compared(*(tmp_path / name for name in "abc"))
    assert [len(one.group.results) for one in (a, b, c)] == [4, 4, 4]
    assert b.verdict.endswith("; not explained by seeds.")
    assert "cannot be told apart" in c.verdict and "other seeds explain it" in c.verdict
    per_seed = a.group.values()[..., 0].mean(1)
    assert a.figures["mAP"].mean == pytest.approx(per_seed.mean())
    # the interval is at least as wide as Student's over the seeds alone
    wide = scipy.stats.t.ppf(0.975, 3) * per_seed.std(ddof=1) / 2
    c_seeds = c.group.values()[..., 0].mean(1)
    wide_c = scipy.stats.t.ppf(0.975, 3) * c_seeds.std(ddof=1) / 2
    assert a.figures["mAP"].half > 0.5 * wide and c.figures["mAP"].half > 0.9 * wide_c
    text = shown.seeds(a.group)
    assert "(4 seeds)" in text and "standard deviation" in text and text.count("seed ") >= 4
    kept = json.loads(json.dumps(shown.plain([a, b, c])))
    assert kept["groups"][1]["seeds"] == [0, 1, 2, 3]


def test_one_encoder_twice_is_said(tmp_path):
    made.run(tmp_path / "x" / "a", 0.5)
    made.run(tmp_path / "y" / "a", 0.5)
    told = compared(tmp_path / "x" / "a", tmp_path / "y" / "a")[1].verdict
    assert "are the same encoder" in told


def test_what_cannot_be_compared_is_refused_in_a_line(tmp_path):
    made.run(tmp_path / "a")
    made.run(tmp_path / "b", draw=3)
    made.run(tmp_path / "untested", figures=False)
    made.run(tmp_path / "else", test=made.data_of(first=9))
    made.run(tmp_path / "near", how={"same_camera": True})
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / "config.json").write_text("{}")
    (tmp_path / "empty").mkdir()
    for seed, rate in ((0, 0.1), (1, 0.3)):
        made.run(tmp_path / "mixed" / f"seed{seed}", seed=seed, learning_rate=rate)
        made.run(tmp_path / "twice" / f"run{seed}")
    for names, told in (
        ([], "takes two runs or more, and none is named"),
        (["a"], "takes two runs or more, and only .*/a is named"),
        (["a", "a"], "the run .*/a is named twice"),
        (["a", "b/../a"], "the run .*/a is named twice"),
        (["a", "none"], "there is no .*/none"),
        (["a", "empty"], "is no run, no folder of runs"),
        (["a", "begun"], "begun has no figures: it is not finished"),
        (["a", "untested"], "untested has no figures, since it had no test data"),
        (["a", "else"], r"tested on different pictures: `csv:a.csv` \(40 queries"),
        (["a", "near"], "different protocols: without matches by the query's own camera and with"),
        (["a", "mixed"], "differ by more than the seed .learning_rate: 0.1, 0.3"),
        (["a", "twice"], "twice holds the seed 0 twice"),
    ):
        with pytest.raises((ValueError, FileNotFoundError), match=told) as error:
            compared(*(tmp_path / name for name in names))
        assert "\n" not in str(error.value)


def test_the_command_prints_and_writes(tmp_path):
    for name, noise in (("a", 0.9), ("b", 0.3)):
        made.run(tmp_path / name, noise)
    two = [str(tmp_path / "a"), str(tmp_path / "b")]
    said = call("compare", *two, f"--out={tmp_path}/new/x.json").stdout
    assert (tmp_path / "new" / "x.md").read_text().strip() == said.strip()
    kept = json.loads((tmp_path / "new" / "x.json").read_text())
    assert kept["groups"][1]["verdict"] in said and kept["differences"] == {}
    assert "differ in nothing" in said and "is better than" in said
    seen = html.unescape((tmp_path / "new" / "x.html").read_text())
    assert (
        "http:" not in seen
        and "https:" not in seen
        and kept["groups"][1]["verdict"] in re.sub("<[^>]+>", "", seen)
    )
    for title in ("Verdict", "Figures", "What differs", "The runs"):
        assert f"{title}</h2>" in seen
    figure = kept["groups"][1]["figures"]["mAP"]
    assert f"{100 * figure['mean']:.1f} ±" in seen
    told = refused("compare", *two, f"--out={tmp_path}/new/x.json")
    assert "exists already" in told and told.count("\n") == 1
    assert "unknown flag --outt, did you mean '--out'?" in refused("compare", *two, "--outt=x.json")
    assert compare.__doc__


def test_seeds_are_trained_once_each_and_their_mean_is_told(tmp_path, monkeypatch, capsys):
    calls = []

    def trained(call):
        words = dict(one[2:].partition("=")[::2] for one in call if one.startswith("--"))
        assert words["seeds"] == "0"
        calls.append(int(words["config.seed"]))
        folder = tmp_path / "s" / f"seed{calls[-1]}"
        assert words["workdir"] == str(folder)
        made.run(folder, 0.5, seed=calls[-1])
        (folder / "checkpoints" / "1").mkdir(parents=True)

    monkeypatch.setattr(seeds, "call_and_wait", trained)
    config = ide.Config(seed=5)

    def train(count, config=config):
        seeds.train(config, tmp_path / "s", count, finished=lambda _, folder: folder.exists())

    train(2)
    assert calls == [5, 6] and "(2 seeds)" in capsys.readouterr().out
    train(3)
    said = capsys.readouterr().out
    assert calls == [5, 6, 7] and "(3 seeds)" in said and said.count("is finished") == 2
    told = "seeds of another configuration .margin: -1.0 there, 0.5 now"
    with pytest.raises(ValueError, match=told):
        train(3, dataclasses.replace(config, margin=0.5))
    workdirs.write(tmp_path / "run", config)
    with pytest.raises(ValueError, match="run is itself a run; with --seeds choose a new"):
        seeds.train(config, tmp_path / "run", 2, finished=lambda *_: True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x").touch()
    with pytest.raises(ValueError, match="holds other files"):
        seeds.train(config, tmp_path / "other", 2, finished=lambda *_: True)


@pytest.mark.slow
def test_a_command_trains_seeds_that_are_compared(tmp_path):
    data = two_domains(tmp_path)
    given = [
        f"--config.data=csv:{data}/source.csv", "--config.test=", "--config.size=32x16",
        "--config.persons=2", "--config.per_person=2", "--config.epochs=1", "--config.warmup=0",
        "--config.iterations=2", QUICK, "--noreport", "--seeds=2",
    ]  # fmt: skip
    said = call("ide", f"--workdir={tmp_path}/a", *given).stdout
    assert "seeds 0 to 1" in said and "(2 seeds)" in said
    again = call("ide", f"--workdir={tmp_path}/a", *given).stdout
    assert again.count("is finished") == 2 and "(2 seeds)" in again
    call("ide", f"--workdir={tmp_path}/b", *given, "--config.learning_rate=0.01")
    said = call("compare", f"{tmp_path}/a", f"{tmp_path}/b").stdout
    assert "| learning_rate | 0.002 | 0.01 |" in said and "over 2 seeds" in said
    assert "--distributed" in refused("ide", f"--workdir={tmp_path}/c", *given, "--distributed")
