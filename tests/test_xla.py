"""The faulty fusions of jaxlib are switched off in any order of imports; user flags are kept."""

import importlib.metadata
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from reid_jax import xla

VERSION = importlib.metadata.version("jaxlib")
# The squared length of each of many vectors; the last one is 32768^2 (jax issue 39103).
SUMS = """
import jax
import jax.numpy as jnp
import numpy as np
x = np.zeros((32769, 3), np.float32)
x[:, 0] = np.arange(32769)
print(float(jax.jit(jax.vmap(lambda row: jnp.sum((jnp.eye(3) @ row) ** 2)))(x)[-1]))
"""


def test_flags_of_a_user_are_kept():
    other = "--xla_cpu_multi_thread_eigen=false"
    for version in xla.FAULTY:
        assert xla.mended("", version) == f"{xla.FLAG}="
        assert xla.mended(other, version) == f"{other} {xla.FLAG}="
        for own in (f"{xla.FLAG}=dot", f"{other} {xla.FLAG}="):
            assert xla.mended(own, version) == own
    # Versions without the fault, where an unknown flag would end the process.
    for version in ("0.9.2", "0.10.1", "0.11.1", "0.12.0", "0.12.1"):
        assert xla.mended(other, version) == other
    for own in ("", other, f"{xla.FLAG}=dot", f"{other} {xla.ONEDNN}=false"):
        mended = xla.mended(own, "0.12.0.1").split()
        assert mended[: len(own.split())] == own.split()
        assert [flag.split("=")[0] for flag in mended if flag != other] in (
            [xla.FLAG, xla.ONEDNN],
            [xla.ONEDNN, xla.FLAG],
        )


def test_convolutions_and_gradients_are_those_of_another_way():
    """With the flags of this version: products and convolutions against numpy's float64."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(16, 10, 6, 32)).astype(np.float32)
    kernel = rng.normal(size=(3, 3, 32, 16)).astype(np.float32)

    def convolve(x, kernel):
        return jax.lax.conv_general_dilated(
            x, kernel, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )

    y, back = jax.vjp(jax.jit(convolve), x, kernel)
    gradient = rng.normal(size=y.shape)
    to_x, to_kernel = jax.jit(back)(gradient.astype(np.float32))
    windows = np.lib.stride_tricks.sliding_window_view(x.astype(np.float64), (3, 3), (1, 2))
    expected = np.einsum("bhwcij,ijcd->bhwd", windows, kernel)
    np.testing.assert_allclose(y, expected, atol=1e-5 * np.abs(expected).max())
    expected = np.einsum("bhwcij,bhwd->ijcd", windows, gradient)
    np.testing.assert_allclose(to_kernel, expected, atol=1e-5 * np.abs(expected).max())
    expected = np.zeros(x.shape)
    for i, j in np.ndindex(3, 3):
        expected[:, i : i + 8, j : j + 4] += np.einsum("bhwd,cd->bhwc", gradient, kernel[i, j])
    np.testing.assert_allclose(to_x, expected, atol=1e-5 * np.abs(expected).max())
    np.testing.assert_allclose(
        jax.jit(jnp.matmul)(y.reshape(-1, 16), kernel[0, 0].T),
        np.asarray(y, np.float64).reshape(-1, 16) @ kernel[0, 0].T.astype(np.float64),
        atol=1e-5 * float(jnp.abs(y).max()) * 16,
    )


@pytest.mark.parametrize("first", ["", "import jax\nimport reid_jax", "import reid_jax"])
def test_sums_are_right_where_the_library_was_imported(first):
    environment = {
        **os.environ,
        "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
        "JAX_PLATFORMS": "cpu",
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "0",
    }
    done = subprocess.run(
        [sys.executable, "-c", first + SUMS],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    right = float(done.stdout) == 32768.0**2
    # Without the library the faulty version gives a wrong sum, so the test detects the fault.
    assert right == bool(first or VERSION != "0.10.2")


def test_sums_are_right_here():
    x = np.random.default_rng(0).normal(size=(40_001, 3)).astype(np.float32)
    got = jax.jit(jax.vmap(lambda row: jnp.sum((jnp.eye(3) @ row) ** 2)))(x)
    np.testing.assert_allclose(got, (x.astype(np.float64) ** 2).sum(1), rtol=1e-5)


@pytest.mark.skipif(
    VERSION != "0.10.2", reason="this jaxlib has no such fault, or cannot survive it"
)
def test_a_late_import_warns_once(monkeypatch):
    jax.devices()
    monkeypatch.setenv("XLA_FLAGS", "")
    with pytest.warns(RuntimeWarning, match="computes wrong sums on a CPU.*import reid_jax first"):
        xla.mend()
    xla.mend()
