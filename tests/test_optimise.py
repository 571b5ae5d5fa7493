"""The optimiser against naive Adam, and the schedules at single steps."""

import jax.numpy as jnp
import numpy as np
import pytest

from reid_jax import optimise


def test_weight_decay_is_l2_in_the_gradient():
    """As in torch.optim.Adam: g <- g + weight_decay * w before the moments."""
    w, m, v = 2.0, 0.0, 0.0
    opt = optimise.adam(0.1, weight_decay=0.3)
    params = {"w": jnp.float32(w)}
    state = opt.init(params)
    for t in range(1, 6):
        change, state = opt.update({"w": jnp.float32(0.5 * t)}, state, params)
        params = {"w": params["w"] + change["w"]}
        g = 0.5 * t + 0.3 * w
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        w -= 0.1 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        assert float(params["w"]) == pytest.approx(w, rel=1e-5)


def test_schedules():
    steps = optimise.schedule(1.0, epochs=120, iterations=10, warmup=10, milestones=(40, 70))
    at = [float(steps(step)) for step in (0, 50, 100, 399, 400, 699, 700, 1199)]
    np.testing.assert_allclose(at, [0.01, 0.505, 1, 1, 0.1, 0.1, 0.01, 0.01], rtol=1e-5)
    cosine = optimise.schedule(2.0, epochs=10, iterations=10, cosine=True)
    np.testing.assert_allclose([float(cosine(step)) for step in (0, 50, 100)], [2, 1, 0], atol=1e-6)
    assert float(optimise.schedule(3.0, epochs=2, iterations=5)(9)) == 3


def test_falls_that_begin_late():
    falling = optimise.schedule(2.0, epochs=150, iterations=10, exponential=0.001, flat=100)
    np.testing.assert_allclose(
        [falling(999), falling(1250), falling(1500)], [2, 2 * 0.001**0.5, 0.002], rtol=1e-5
    )
    ends = optimise.schedule(
        3.5e-4, epochs=60, iterations=10, warmup=10, cosine=True, flat=30, end=7.7e-7
    )
    at = [float(ends(step)) for step in (0, 50, 100, 300, 450, 600)]  # LUPerson's MGN
    np.testing.assert_allclose(
        at, [3.5e-6, 1.7675e-4, 3.5e-4, 3.5e-4, (3.5e-4 + 7.7e-7) / 2, 7.7e-7], rtol=1e-5
    )
    late = optimise.schedule(2.0, epochs=10, iterations=10, warmup=1, cosine=True, flat=6)
    np.testing.assert_allclose(
        [float(late(step)) for step in (10, 60, 80, 100)], [2, 2, 1, 0], atol=1e-6
    )


def test_resting_weights_are_unchanged_and_then_start_anew():
    """After three steps at rest a weight moves as if its optimiser were new; others never rest."""
    plain = optimise.adam(0.1, weight_decay=0.3)
    resting = optimise.adam(0.1, weight_decay=0.3, rest=lambda step: step < 3)
    both = optimise.groups(lambda path: path[0], a=resting, b=plain)
    params = {"a": jnp.float32(2.0), "b": jnp.float32(-1.0)}
    alone, state = dict(params), both.init(params)
    others = {name: plain.init(alone[name]) for name in alone}
    for step in range(6):
        gradient = {"a": jnp.float32(0.5 + step), "b": jnp.float32(1.0 - step)}
        change, state = both.update(gradient, state, params)
        params = {name: params[name] + change[name] for name in params}
        for name in ("b",) if step < 3 else ("a", "b"):
            change, others[name] = plain.update(gradient[name], others[name], alone[name])
            alone[name] = alone[name] + change
        assert (float(params["a"]) == 2.0) == (step < 3)
        assert {name: float(value) for name, value in params.items()} == pytest.approx(
            {name: float(value) for name, value in alone.items()}
        )


def test_the_schedule_advances_while_a_weight_rests():
    rest = optimise.adam(lambda step: 1.0 + step, weight_decay=0.0, rest=lambda step: step < 3)
    state, weight = rest.init(jnp.float32(0.0)), jnp.float32(0.0)
    for _ in range(4):
        change, state = rest.update(jnp.float32(1.0), state, weight)
    assert float(change) == pytest.approx(-4.0, rel=1e-5)


def test_a_schedule_that_contradicts_itself_is_refused():
    with pytest.raises(ValueError, match="milestones or a cosine"):
        optimise.schedule(1.0, epochs=5, iterations=1, milestones=(2,), cosine=True)
    with pytest.raises(ValueError, match="leaves nothing"):
        optimise.schedule(1.0, epochs=5, iterations=1, warmup=5)


def test_a_trunk_that_is_tuned_learns_slower_and_what_is_held_stays():
    """Adam's first step is as long as its rate, whatever the gradient."""
    leaf = np.ones(3, np.float32)
    trunk = {"_blocks_0": {"_bn1": {"scale": leaf}}, "_blocks_1": {"_bn1": {"scale": leaf}}}
    params = {"encoder": {"trunk": trunk, "neck": {"scale": leaf}}, "classifier": leaf}
    opt = optimise.tuned(0.1, weight_decay=0.0, trunk_rate=0.25, hold=["_blocks.0.*", "_bn0.*"])
    change, state = opt.update(params, opt.init(params), params)
    moved = change["encoder"]["trunk"]
    assert not moved["_blocks_0"]["_bn1"]["scale"].any()
    np.testing.assert_allclose(moved["_blocks_1"]["_bn1"]["scale"], -0.025, rtol=1e-4)
    np.testing.assert_allclose(change["encoder"]["neck"]["scale"], -0.1, rtol=1e-4)
    np.testing.assert_allclose(change["classifier"], -0.1, rtol=1e-4)
    falling = optimise.tuned(lambda step: 0.1 / (1 + step), weight_decay=0.0, trunk_rate=0.5)
    state = falling.init(params)
    for rate in (0.05, 0.025):
        change, state = falling.update(params, state, params)
        np.testing.assert_allclose(
            change["encoder"]["trunk"]["_blocks_0"]["_bn1"]["scale"], -rate, rtol=1e-4
        )
