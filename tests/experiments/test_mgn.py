"""MGN's experiment: its trunk rests before it learns, at the rates of LUPerson's code."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import traverse_util

from experiments import mgn
from reid_jax import encoders, parallel
from reid_jax.models.mgn import TRUNKS
from reid_jax.models.resnet import ResNet
from reid_jax.types import Batch, Tags
from tests.experiments.test_encoders import kept


def _job(data, **options):
    given = {
        "data": f"csv:{data}/source.csv",
        "test": f"csv:{data}/target.csv",
        "persons": 2,
        "per_person": 2,
    }
    return mgn.build(mgn.Config(**{**given, "iterations": 1, **options}))


def test_while_it_rests_the_trunk_keeps_its_statistics(data, tmp_path, monkeypatch):
    """Of the heads all move; on a trunk that is compiled in a moment."""
    tiny = partial(ResNet, depths=(0, 0, 2), width=4, bottleneck=False, stem="fold")
    monkeypatch.setitem(encoders.BACKBONES, "resnet_small", tiny)
    small = {"backbone": "mgn_small", "size": "96x48"}
    kept(tmp_path / "run", mgn.Config(**small))
    job = _job(data, **small, weights=str(tmp_path / "run"), freeze=2)
    variables, carry = job.method.init(jax.random.key(0), job.train)
    image = np.random.default_rng(0).integers(0, 256, (1, 4, 1, 96, 48, 3), np.uint8)
    batch = Batch(image, Tags(*[np.zeros((1, 4), np.int32)] * 5))
    forward = parallel.mapped(
        lambda batch, carry: job.method.forward(variables, carry, batch, jax.random.key(0))[1][
            "encoder"
        ],
        (0, None),
        devices=jax.devices()[:1],
    )
    for step in range(3):
        stats = _flat(parallel.first(forward(batch, carry)))
        for name, before in _flat(variables["batch_stats"]["encoder"]).items():
            held = step < 2 and name.split("/")[0] in TRUNKS
            assert np.array_equal(stats[name], before) == held, (step, name)
        carry = job.method.update(carry, variables, None)


def test_what_rests_and_at_what_rate_the_rest_learns(data):
    """Adam moves a weight whose gradient stays by the rate."""
    job = _job(data, size="96x48", backbone="mgn_small", weight_decay=0.0, iterations=2)
    parts = {name: {"w": jnp.ones(())} for name in (*TRUNKS, "neck", "neck1")}
    params = {"encoder": parts, "classifiers": jnp.ones(())}
    one = jax.tree.map(jnp.ones_like, params)

    @partial(jax.jit, donate_argnums=0)
    def step(state, params):
        change, state = job.optimiser.update(one, state, params)
        return state, optax.apply_updates(params, change), change

    state, moved = job.optimiser.init(params), []
    for _ in range(120):
        state, params, change = step(state, params)
        moved.append({name: -float(part["w"]) for name, part in change["encoder"].items()})
        moved[-1]["classifiers"] = -float(change["classifiers"])
    for at, rate in {
        0: 3.5e-6,
        10: 1.7675e-4,
        20: 3.5e-4,
        60: 3.5e-4,
        90: 1.75385e-4,
        119: 1.00929e-6,
    }.items():
        wanted = {name: 0.0 if name in TRUNKS and at < 20 else rate for name in moved[at]}
        assert moved[at] == pytest.approx(wanted, rel=0.01), at


def test_another_backbone_is_refused(data):
    with pytest.raises(ValueError, match="the choices are mgn, "):
        _job(data, backbone="resnet50")


def _flat(variables):
    return traverse_util.flatten_dict(dict(variables), sep="/")
