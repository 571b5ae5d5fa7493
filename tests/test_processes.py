"""Two processes with two devices each do what one process with four does: a training, and the search for neighbours."""

import os
import socket
import subprocess
import sys

import jax
import numpy as np
import optax

from reid_jax.methods.ide import ide
from tests.test_contract import Run

CHILD = """
import sys
import jax
import numpy as np
jax.config.update("jax_cpu_collectives_implementation", "gloo")
jax.distributed.initialize(sys.argv[1], 2, int(sys.argv[2]))
from tests import test_processes
leaves = getattr(test_processes, sys.argv[3])(None)
np.savez(sys.argv[4] + sys.argv[2], *leaves)
"""


def trained(devices):
    """The leaves of the state after two epochs; None: all devices of all processes."""
    from reid_jax import parallel
    from reid_jax.data import batch as batching
    from tests import test_contract, tiny

    run = Run(lambda model: ide(model, persons=4, per_person=4), optimiser=optax.sgd(0.05))
    if devices is None:
        run.devices = jax.local_devices()
        run.step = parallel.build_step(run.method, run.optimiser, seed=run.seed)
        run._batches = lambda plan, epoch, start: batching.batches(
            run.records, plan, views=test_contract.VIEWS, size=tiny.SIZE, seed=run.seed, epoch=epoch, start=start,
            share=parallel.share(),
        )  # fmt: skip
    state = run.end(count=2)
    return [*jax.tree.leaves(state), run.embedded(state)]


def clustered(devices):
    """Neighbours, labels exact and approximate; None: all devices of all processes."""
    from reid_jax.cluster import approximate, dbscan, jaccard, neighbours, products
    from tests.cluster.drawn import people

    products.GATHERED = 10_000  # several exchanges
    rows = people(700)[0]
    near = neighbours.sweep(rows, 30, farthest=True, devices=devices, tile=64)
    few = neighbours.sweep(rows, 30, devices=devices, tile=64, reduce=True)
    labels = dbscan.labels(jaccard.distance(rows), eps=(0.5, 0.6))
    rough = approximate.labels(rows, eps=0.6, how=approximate.Search(above=0, index="PCA32", pool=60, recall=0.0))[0]
    flat = approximate.labels(rows, eps=0.6, how=approximate.Search(above=0, index="Flat", pool=60))[0]
    return [*near, *few[:2], labels, rough, flat]


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
    children = [subprocess.Popen([*command, str(which), *tail], env=environment) for which in (0, 1)]
    assert [child.wait(timeout=240) for child in children] == [0, 0]
    held = [np.load(tmp_path / f"leaves{which}.npz") for which in (0, 1)]
    return [[one[name] for name in one.files] for one in held]


def test_two_processes_train_as_one(tmp_path):
    for mine, theirs in zip(trained(4), _together("trained", tmp_path)[0], strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)


def test_two_processes_cluster_as_one(tmp_path):
    first, second = _together("clustered", tmp_path)
    for mine, one, other in zip(clustered(jax.devices()[:4]), first, second, strict=True):
        np.testing.assert_array_equal(one, other)
        np.testing.assert_allclose(mine, one, rtol=1e-6)
