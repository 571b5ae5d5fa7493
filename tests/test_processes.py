"""Two processes with two devices each train as one process with four does."""

import os
import socket
import subprocess
import sys

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
from tests.test_processes import trained
leaves = trained(None)
if jax.process_index() == 0:
    np.savez(sys.argv[3], *leaves)
"""


def trained(devices):
    """The leaves of the state after two epochs; None: all devices of all processes."""
    import jax

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


def test_two_processes_equal_one(tmp_path):
    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = f"localhost:{free.getsockname()[1]}"
    environment = {
        **os.environ,
        "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
        "PYTHONPATH": os.pathsep.join([os.getcwd(), *sys.path]),
    }
    out = tmp_path / "state.npz"
    command = [sys.executable, "-c", CHILD, address]
    children = [subprocess.Popen([*command, str(which), str(out)], env=environment) for which in (0, 1)]
    assert [child.wait(timeout=240) for child in children] == [0, 0]
    together = [np.load(out)[name] for name in np.load(out).files]
    for mine, theirs in zip(trained(4), together, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)
