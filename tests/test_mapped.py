"""The two maps over devices are one; `test_parallel.py` runs with each of them."""

import jax
import numpy as np
import pytest

from reid_jax import mapped, parallel
from reid_jax.methods.ide import ide
from reid_jax.methods.remix import remix
from tests import tiny

MIXED = {"multi": (3, 4), "single": (2, 2), "iterations": 3, "images": 30}


@pytest.mark.parametrize(
    "method",
    [
        lambda model: ide(model, persons=4, per_person=4),
        (lambda model: remix(model, **MIXED), tiny.mixture),
    ],
    ids=["ide", "remix"],
)
def test_both_train_and_embed_alike_bit_for_bit(method, monkeypatch):
    """For two epochs, so that ReMix also embeds and renews its state in between."""
    made = []
    for name in mapped.MAPS:
        monkeypatch.setenv("REID_MAP", name)
        run = tiny.Run(method)
        state = run.end(count=2)
        made.append((state, run.last.metrics, run.embedded(state)))
    assert made[0][0].step > 5 and tiny.difference(*(state for state, _, _ in made)) == 0
    assert made[0][1] == made[1][1]
    np.testing.assert_array_equal(made[0][2], made[1][2])


def test_which_map_is_in_use(monkeypatch):
    def use():
        parallel.first(parallel.replicate(np.arange(3)))
        return mapped.kind()

    for name in mapped.MAPS:
        monkeypatch.setenv("REID_MAP", name)
        assert use() == name
    monkeypatch.setenv("REID_MAP", "xmap")
    with pytest.raises(ValueError, match="REID_MAP is 'xmap'; set it to pmap or shard_map, or"):
        use()
    monkeypatch.delenv("REID_MAP")
    assert use() == "pmap"
    monkeypatch.delattr(jax, "pmap")  # as a later jax may
    assert use() == "shard_map"
    assert tiny.Run(lambda model: ide(model, persons=2, per_person=2)).end(count=1).step > 1
