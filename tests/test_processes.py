"""Two processes with two devices each compute what one process with four does.

Tested with a training, the search for neighbours and the ranking.
"""

import os
import socket
import subprocess
import sys
from unittest import mock

import jax
import numpy as np
import optax
import pytest

import reid_jax
from reid_jax import mapped
from reid_jax.methods.ide import ide
from reid_jax.methods.remix import remix
from tests.tiny import Run

pytestmark = pytest.mark.slow
CHILD = """
import sys
from unittest import mock
import jax
import numpy as np
jax.config.update("jax_cpu_collectives_implementation", "gloo")
jax.distributed.initialize(sys.argv[1], 2, int(sys.argv[2]))
from tests import test_processes
leaves = getattr(test_processes, sys.argv[3])(None)
np.savez(sys.argv[4] + sys.argv[2], *leaves)
"""


def mixed(devices):
    """The same of a method that embeds, clusters and changes its state at each epoch's start.

    Two processes do it by each of the two maps over devices, which are equal bit for bit.
    """
    from tests import tiny

    options = {"multi": (3, 4), "single": (2, 2), "iterations": 5, "images": 30, "momentum": 0.9}
    method, made = (lambda model: remix(model, **options), tiny.mixture), []
    for kind in mapped.MAPS if devices is None else ["pmap"]:
        with mock.patch.dict(os.environ, REID_MAP=kind):
            made.append(trained(devices, method))
    for one, other in zip(made[0], made[-1], strict=True):
        np.testing.assert_array_equal(one, other)
    return made[-1]


def trained(devices, method=lambda model: ide(model, persons=4, per_person=4)):
    """The leaves of the state after two epochs; None: all devices of all processes."""
    from reid_jax import evaluate, parallel
    from reid_jax.data import batch as batching
    from tests import tiny

    run = Run(method, optimiser=optax.sgd(0.05))
    if devices is None:
        run.devices = jax.local_devices()
        run.step = parallel.build_step(run.method, run.optimiser, seed=run.seed)
        embed = parallel.build_embed(run.model)
        run.embed = lambda variables, rows: evaluate.embed_rows(
            embed, variables, run.records, rows, input=tiny.INPUT, batch=8
        )
        run._batches = lambda plan, epoch, start: batching.batches(
            run.records, plan, views=tiny.VIEWS, input=tiny.INPUT, seed=run.seed, epoch=epoch,
            start=start, share=parallel.share(),
        )  # fmt: skip
    state = run.end(count=2)
    variables = run.method.encoder(state.variables, state.carry)
    encoder = reid_jax.Encoder(run.model, variables, batch=16)
    return [*jax.tree.leaves(state), run.embedded(state), encoder(run.records)]


def clustered(devices):
    """Neighbours, labels exact and approximate; None: all devices of all processes."""
    from reid_jax.clustering import approximate, dbscan, jaccard, neighbours, products
    from tests.clustering.drawn import people

    rows = people(700)[0]
    with mock.patch.object(products, "GATHERED", 10_000):  # several exchanges
        near = neighbours.sweep(rows, 30, farthest=True, devices=devices, tile=64)
    few = neighbours.sweep(rows, 30, devices=devices, tile=64, reduce=True)
    labels = dbscan.dbscan(jaccard.distance(rows), eps=(0.5, 0.6))
    rough = approximate.cluster(
        rows, eps=0.6, how=approximate.Search(above=0, index="PCA32", pool=60, recall=0.0)
    )[0]
    flat = approximate.cluster(
        rows, eps=0.6, how=approximate.Search(above=0, index="Flat", pool=60)
    )[0]
    return [*near, *few[:2], labels, rough, flat]


def ranked(_):
    """Figures of ranking, re-ranking and the operating point; 20 queries at a time are ranked."""
    from reid_jax.retrieval import counting, operating, ranking, rerank
    from tests.retrieval import drawn

    query, gallery, named = drawn.official()
    counted = operating.curves(query, gallery, **named)
    with mock.patch.object(counting, "ROWS", 20):
        return [
            *ranking.rank(query, gallery, **named),
            *rerank.rank(query, gallery, **named),
            *(
                np.asarray(one)
                for one in (counted.own, counted.stranger, counted.fmr, counted.fnmr)
            ),
            counted.other.drawn,
        ]


def _together(what, tmp_path):
    """What two processes of two devices each make of a function of this file."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = f"localhost:{free.getsockname()[1]}"
    environment = {
        **os.environ,
        "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
        "PYTHONPATH": os.pathsep.join([os.getcwd(), *sys.path]),
    }
    command = [sys.executable, "-c", CHILD, address]
    tail = [what, str(tmp_path / "leaves")]
    children = [
        subprocess.Popen([*command, str(which), *tail], env=environment) for which in (0, 1)
    ]
    assert [child.wait(timeout=240) for child in children] == [0, 0]
    held = [np.load(tmp_path / f"leaves{which}.npz") for which in (0, 1)]
    return [[one[name] for name in one.files] for one in held]


@pytest.mark.parametrize("what", ["trained", "mixed"])
def test_two_processes_train_as_one(what, tmp_path):
    for mine, theirs in zip(globals()[what](4), _together(what, tmp_path)[0], strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)


def test_two_processes_cluster_as_one(tmp_path):
    first, second = _together("clustered", tmp_path)
    for mine, one, other in zip(clustered(jax.devices()[:4]), first, second, strict=True):
        np.testing.assert_array_equal(one, other)
        np.testing.assert_allclose(mine, one, rtol=1e-6)


def test_two_processes_rank_as_one(tmp_path):
    first, second = _together("ranked", tmp_path)
    for mine, one, other in zip(ranked(None), first, second, strict=True):
        np.testing.assert_array_equal(one, other)
        np.testing.assert_allclose(mine, one, rtol=1e-12)
