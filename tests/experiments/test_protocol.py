"""The command: what it measures, keeps, goes on with, and refuses."""

import json

import numpy as np
import pytest

from reid_jax import encoders, evaluate, parallel
from reid_jax.app import kinds
from reid_jax.data import records
from tests.app.protocols import made
from tests.experiments.called import call, refused

FIVE = "+".join(
    f"{name}:/d/{name},train=all"
    for name in ("market1501", "dukemtmc", "cuhk02", "cuhk03", "cuhk_sysu")
)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Two sets below data/, a CSV, and encoders: two seeds, one of unknown data, one of Market."""
    root = tmp_path_factory.mktemp("protocol")
    made.viper(root / "data" / "VIPeR")
    made.ilids(root / "data" / "ilids")
    (root / "own").mkdir()
    made.table(root / "own")
    for seed in (0, 1):
        made.encoder(root / "seeds" / str(seed), seed, data=FIVE)
    made.encoder(root / "unknown", 2)
    made.encoder(root / "market", 3, data="market1501:/d/m")
    return root


def results(path):
    return json.loads(path.read_text())["results"]


@pytest.fixture(scope="module")
def first(place):
    """The first start."""
    out = place / "dg2.json"
    words = ["dg2", f"--root={place}/data", "--targets=viper,ilids", f"--out={out}"]
    return out, words, call("protocol", *words, f"--runs={place}/seeds").stdout


def test_every_figure_is_that_of_evaluate_and_says_where_it_comes_from(place, first):
    out, _, said = first
    found = results(out)
    assert len(found) == 2 * 2 * 10 and "1 of 2" in said and "dg2.md have it" in said
    one = next(
        x for x in found if (x["target"], x["split"]) == ("ilids", 3) and "/1" in x["checkpoint"]
    )
    source = f"ilids:{place}/data/ilids,split=3"
    test = records.where(kinds.open_source(source, say=len), "query", "gallery")
    _, model, variables = encoders.trained(place / "seeds" / "1")
    embed, variables = parallel.build_embed(model), parallel.replicate(variables)
    expected = dict(evaluate.run(embed, variables, test, input=model.input))
    for name, value in one["figures"].items():
        assert value == pytest.approx(expected[name], abs=1e-6), name
    assert one["counts"]["query"] == one["counts"]["gallery"] == 4
    assert one["sources"][0] == "cuhk02,train=all" and len(one["hash"]) == 64
    assert one["about"]["command"].startswith("reid-jax protocol dg2 --root=")
    mean = 100 * np.mean([x["figures"]["mAP"] for x in found if x["target"] == "ilids"])
    row = next(x for x in out.with_suffix(".md").read_text().splitlines() if "seeds |" in x)
    assert f"| {mean:.1f} ± " in row
    assert "no published figure stands beside it" in said  # miniatures


def test_a_second_start_does_what_is_missing(place, first):
    out, words, _ = first
    before = results(out)
    said = call("protocol", *words, f"--runs={place}/seeds,{place}/unknown").stdout
    assert said.count("is there") == 4 and said.count("10 of 10 splits") == 2
    assert f"{place}/unknown: nobody knows what it was trained on" in said
    after = results(out)
    assert after[: len(before)] == before and len(after) == len(before) + 20


def test_encoders_side_by_side_on_own_data_and_by_single_pictures(place):
    out = place / "own.json"
    words = [f"--targets=csv:{place}/own/mine.csv", f"--runs={place}/unknown,{place}/market"]
    said = call("protocol", "--protocol=standard", *words, f"--out={out}").stdout
    assert [x["counts"]["gallery"] for x in results(out)] == [12, 12]
    assert f"| {place}/unknown |" in said and f"| {place}/market |" in said
    call("protocol", "single-shot", *words, "--draws=5", f"--out={place}/single.json")
    assert {x["draws"] for x in results(place / "single.json")} == {5}


def test_what_cannot_be_compared_is_refused_in_a_line(place, first):
    out, words, _ = first
    market = f"--runs={place}/market"
    assert "it was trained on market1501, and viper asks for cuhk02 + " in refused(
        "protocol", *words, market
    )
    assert "did you mean 'dg2'" in refused("protocol", "dg22")
    new = f"--out={place}/new.json"
    assert "no folder grid/" in refused(
        "protocol", "dg2", f"--root={place}/data", "--targets=grid", new, market
    )
    assert "name them with --targets" in refused("protocol", "cross", new, market)
    assert "figures of the protocol 'dg2'" in refused(
        "protocol", "cross", f"--out={out}", "--targets=viper:/x", market
    )
    assert not (place / "new.json").exists()
    (place / "new.md").write_text("mine")
    assert "new.md exists already" in refused("protocol", "cross", new, market)


def test_show_needs_no_data():
    said = call("protocol", "dg1", "--show").stdout
    assert said.count("--config.data=") == said.count("--config.test=") == 4
