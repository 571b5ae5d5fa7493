"""Which checkpoint is tested on what, and that only what is missing is embedded."""

from types import SimpleNamespace

import numpy as np
import pytest

from reid_jax.app.protocols import compare, targets
from reid_jax.app.protocols.checkpoints import Trained
from reid_jax.app.protocols.named import PROTOCOLS
from reid_jax.types import Input, Model
from tests.app.protocols import made

BIG = ("market1501", "dukemtmc", "cuhk03", "msmt17")


def entry(sources, protocol="dg1", on=BIG, any_sources=False):
    said = []
    names = frozenset(one.partition(",")[0] for one in sources)
    known = Trained(names, frozenset(sources)) if sources else None
    found = compare.entry(
        "runs/a", known, on, PROTOCOLS[protocol], any_sources=any_sources, say=said.append
    )
    return found.targets, said


def test_a_checkpoint_is_tested_on_the_set_that_it_left_out():
    assert entry(BIG[1:]) == (BIG[:1], [])
    assert entry(BIG[:3]) == (BIG[3:], [])
    with pytest.raises(ValueError, match="trained on msmt17 itself.*--any_sources") as told:
        entry(BIG[1:], on=BIG[1:])
    assert "\n" not in str(told.value)
    assert entry(BIG[1:], on=BIG[1:], any_sources=True) == (BIG[1:], [])
    assert entry(BIG[:1], "standard") == (BIG, [])
    assert entry(BIG[:1], "cross") == (BIG[1:], [])


def test_a_test_part_that_was_trained_on_is_no_test_by_any_protocol():
    with pytest.raises(ValueError, match="it was trained on the test part of grid; --any_sources"):
        entry(("grid,train=all",), "standard", ("grid",))
    assert entry(("grid,train=all",), "standard", ("grid", "viper")) == (("viper",), [])
    assert entry(("grid,train=all",), "standard", ("grid",), any_sources=True) == (("grid",), [])


def test_of_what_nobody_knows_it_is_said():
    on, said = entry(())
    assert on == BIG and said == [
        "runs/a: nobody knows what it was trained on; it is tested on every target"
    ]


def test_each_target_is_embedded_once_and_one_program_serves_all(tmp_path, monkeypatch):
    calls, built = [], []

    def embed(embed, model, data, variables, rows):
        calls.append(len(rows))
        return np.random.default_rng(0).normal(size=(len(rows), 4)).astype(np.float32)

    monkeypatch.setattr(compare, "embed_rows", embed)
    monkeypatch.setattr(compare.parallel, "build_embed", lambda model, flip: built.append(flip))
    model = Model(None, None, 4, Input((32, 16)), None, {"backbone": "none"})
    monkeypatch.setattr(
        compare.encoders,
        "trained",
        lambda folder: (SimpleNamespace(), model, {"a": np.full(2, int(folder.name))}),
    )
    folders = [tmp_path / "0", tmp_path / "1"]
    entries = [compare.Entry(folder, None, ("viper",)) for folder in folders]
    viper = made.viper(tmp_path / "viper")
    columns = {"viper": targets.opened("viper", f"viper:{viper}", say=len)}
    results = {}

    def go(**how):
        done = compare.compared(
            entries, columns, results, compare.Options(**how), path=tmp_path / "a", say=len
        )
        return [(one.folder, len(keys)) for one, keys in done]

    assert go() == [(folders[0], 10), (folders[1], 10)]
    assert calls == [len(columns["viper"].pictures.person)] * 2 and built == [False]
    results.pop(next(iter(results)))
    assert go() == [(folders[0], 10), (folders[1], 10)]
    assert len(calls) == 3 and len(results) == 20  # one split was missing
    go(flip=True)
    assert len(calls) == 5 and len(results) == 40
    made.draw(viper / "cam_a" / "050_0.bmp", 50, np.random.default_rng(0))
    columns["viper"] = targets.opened("viper", f"viper:{viper}", say=len)
    with pytest.raises(ValueError, match="the data have changed; choose another --out"):
        go()
