"""ONNX files against the models that they are of, and single translations against JAX."""

import sys
from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import onnx
import pytest
from flax import linen as nn

from reid_jax import forms
from reid_jax.graph import file, half, lean, session, trace
from reid_jax.graph.nodes import Untranslated
from tests.graph import filled


def run(graph, folder, image):
    (folder / "a.onnx").write_bytes(file.written(graph))
    return session.opened(folder / "a.onnx", threads=1)(image)


def pixels(rows, size):
    return np.random.default_rng(rows).integers(0, 256, (rows, *size, 3), np.uint8)


def apart(ours, theirs):
    return np.abs(ours - np.asarray(theirs, np.float64)).max() / np.abs(theirs).max()


@pytest.mark.parametrize("name", filled.FAMILIES)
def test_each_family_of_backbones_agrees_at_any_batch(name, tmp_path):
    model = filled.FAMILIES[name]()
    variables = filled.variables(model)
    graph = forms.encoded(model, variables)
    expected = jax.jit(lambda image: model.apply(variables, image, False)[0].embedding)
    image = pixels(5, model.input.size)
    theirs = np.asarray(expected(image))
    theirs = theirs / np.linalg.norm(theirs, axis=1, keepdims=True)
    (tmp_path / "a.onnx").write_bytes(file.written(graph))
    ours = session.opened(tmp_path / "a.onnx", threads=1)
    assert apart(ours(image), theirs) < 2e-5
    assert apart(ours(image[3:4]), theirs[3:4]) < 2e-5
    if name.startswith("osnet"):  # a sum of shifted images has become a convolution
        kinds = Counter(node.op for node in graph.nodes)
        groups = [node.attributes.get("group", 1) for node in graph.nodes if node.op == "Conv"]
        assert sum(group > 1 for group in groups) == 60  # ten in each of six blocks
        assert not kinds["Slice"] and not kinds["Pad"] and kinds["Transpose"] == 1
        assert kinds["Gemm"] == 1 and kinds["Flatten"] == 1  # the gates are convolutions, too


def test_inverted_residuals_are_convolutions_and_clips():
    graph = forms.encoded(model := filled.FAMILIES["mobilenet_v2_x0_5"](), filled.variables(model))
    kinds = Counter(node.op for node in graph.nodes)
    groups = [node.attributes.get("group", 1) for node in graph.nodes if node.op == "Conv"]
    assert kinds["Conv"] == 52 and sum(group > 1 for group in groups) == 17
    assert kinds["Clip"] == 1 + 16 + 17 + 1 and not {"Min", "Relu", "Slice", "Pad"} & {*kinds}
    assert kinds["Add"] == 1 + 10 + 1 and kinds["Transpose"] == 1  # pixels, residuals, the neck


def test_bfloat16_is_computed_in_float32(tmp_path):
    model = filled.network("resnet_small", dtype="bfloat16")
    whole = filled.network("resnet_small")
    variables = filled.variables(model)
    image = pixels(3, model.input.size)
    theirs = forms._rows(whole, variables, image)
    assert apart(run(forms.encoded(model, variables), tmp_path, image), theirs) < 2e-5


def test_half_precision_takes_half_the_room_and_keeps_the_directions(tmp_path):
    model = filled.FAMILIES["resnet_small"]()
    variables = filled.variables(model)
    graph, image = forms.encoded(model, variables), forms.street(model.input, 4)
    ours = run(graph, tmp_path, image)
    size = (tmp_path / "a.onnx").stat().st_size
    half.halved(graph)
    theirs = run(graph, tmp_path, image)
    assert (tmp_path / "a.onnx").stat().st_size < 0.52 * size
    assert theirs.dtype == np.float32 and (ours * theirs).sum(1).min() > 0.9999
    assert np.abs(ours - theirs).max() > 1e-6  # it is not the same file


def test_a_residual_network_is_convolutions_and_little_else():
    graph = forms.encoded(model := filled.FAMILIES["resnet50"](), filled.variables(model))
    kinds = Counter(node.op for node in graph.nodes)
    assert kinds["Conv"] == 17 and kinds["Relu"] == 13 and kinds["Transpose"] == 1
    # pixels, four shortcuts, the neck, and the length of a row are left
    assert kinds["Add"] == 1 + 4 + 1 and kinds["Mul"] == 1 + 1 + 1, kinds
    assert kinds["GlobalAveragePool"] == 1 and not kinds["Pad"]


def _named(function):
    """Calls of all kinds around a function."""

    @jax.custom_vjp
    def turned(x):
        return function(x)

    turned.defvjp(lambda x: (function(x), None), lambda _, gradient: (gradient,))
    return lambda x: jax.checkpoint(jax.jit(turned))(x)


def _platform(x):
    return jax.lax.platform_dependent(x, cpu=lambda x: x + 1e-6, default=jnp.sin)


KERNEL = np.random.default_rng(0).normal(size=(3, 3, 1, 6)).astype(np.float32)
MATRIX = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)


def _grouped(x):
    return jax.lax.conv_general_dilated(
        x, KERNEL, (2, 1), "SAME", rhs_dilation=(1, 2), feature_group_count=3,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )  # fmt: skip


FUNCTIONS = {
    "calls": _named(lambda x: jnp.tanh(x) * 2),
    "relu6": jax.nn.relu6,
    "gelu": lambda x: jax.nn.gelu(x, approximate=False),
    "gelu by tanh": jax.nn.gelu,
    "silu": jax.nn.silu,
    "softmax": lambda x: jax.nn.softmax(x, axis=2),
    "log of a sum": lambda x: jnp.log(1 + x**2) + jnp.sqrt(0.5 + jnp.abs(x)),
    "where": lambda x: jnp.where(x > 0.1, x, 2 * x**3),
    "flipped": lambda x: x[:, ::-1, :, ::-1],
    "parts": lambda x: x[:, 1:3, ::2, :2] - x[:, 2:4, 1::2, 1:],
    "rolled": lambda x: jnp.roll(x, (1, -2), (1, 2)),
    "windows": lambda x: x.reshape(-1, 2, 2, 3, 2, 3).transpose(0, 1, 3, 2, 4, 5),
    "padded": lambda x: jnp.pad(x, ((0, 0), (1, 0), (0, 2), (0, 0)), constant_values=0.5),
    "pooled": lambda x: nn.max_pool(x, (3, 2), (2, 1), ((1, 1), (0, 1)))[:, :, :4],
    "mean of windows": lambda x: nn.avg_pool(x, (2, 2), (2, 2)),
    "statistics": lambda x: (x - x.mean((1, 2), keepdims=True)) / x.std((1, 3), keepdims=True),
    "greatest": lambda x: x.max((1,)) - x.min((1,)),
    "grouped": _grouped,
    "known matrices": lambda x: jnp.einsum("bhwc,kc->kbhw", x, MATRIX),
    "attention": lambda x: jnp.einsum("bhwc,bhvc,bhvd->bhwd", x, x, x),
    "broadcast": lambda x: jnp.concatenate(
        [jnp.broadcast_to(x.mean(2, keepdims=True), x.shape), x], -1
    ),
    "split": lambda x: jnp.concatenate(jnp.split(x, 2, axis=1)[::-1], axis=3),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_translations(name, tmp_path):
    def function(image):
        x = FUNCTIONS[name](image / 100.0 - 1.2)
        return x.reshape(image.shape[0], -1)

    graph, image = trace.traced(function, (4, 6)), pixels(3, (4, 6))
    expected = jax.jit(function)(image)
    assert apart(run(graph, tmp_path, image), expected) < 5e-6
    lean.made(graph)
    assert apart(run(graph, tmp_path, image), expected) < 5e-6


def test_of_a_choice_by_platform_the_default_is_taken(tmp_path):
    def function(image):
        return _platform(image / 100.0).reshape(image.shape[0], -1)

    image = pixels(2, (4, 6))
    ours = run(trace.traced(function, (4, 6)), tmp_path, image)
    np.testing.assert_allclose(ours, np.sin(image / 100).reshape(2, -1), atol=1e-6)


def test_scales_and_shifts_that_others_need_stay(tmp_path):
    """A value that is taken twice is not folded away."""

    def function(image):
        x = _grouped(image / 100.0)
        y = x * np.arange(1.0, 7.0, dtype=np.float32).reshape(1, 1, 1, 6)
        return jnp.concatenate([x, y, y + 3, (y + 3) * 2 - 1], -1).reshape(image.shape[0], -1)

    graph, image = trace.traced(function, (4, 6)), pixels(2, (4, 6))
    lean.made(graph)
    assert apart(run(graph, tmp_path, image), jax.jit(function)(image)) < 5e-6


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: jnp.sort(x.reshape(x.shape[0], -1)), "JAX's sort has no translation"),
        (lambda x: jnp.zeros((2, 3)), "does not depend on the picture"),
        (lambda x: x.reshape(x.shape[0], -1).astype(jnp.int8), "int8 has no translation"),
    ],
)
def test_what_has_no_translation(function, message):
    with pytest.raises(Untranslated, match=message):
        trace.traced(function, (4, 6))


def test_a_file_with_one_weight_changed_is_found(tmp_path):
    model = filled.FAMILIES["resnet_small"]()
    variables = filled.variables(model)
    (tmp_path / "a.onnx").write_bytes(file.written(forms.encoded(model, variables)))
    image = forms.street(model.input, 5)
    expected = np.asarray(forms._rows(model, variables, image))
    told = forms.compared("onnx", session.opened(tmp_path / "a.onnx"), image, expected)
    assert told["differs"] < 1e-5
    proto = onnx.load(tmp_path / "a.onnx")
    kernel = next(one for one in proto.graph.initializer if list(one.dims[2:]) == [3, 3])
    array = onnx.numpy_helper.to_array(kernel).copy()
    array[0, 0, 1, 1] += 0.1
    kernel.CopyFrom(onnx.numpy_helper.from_array(array, kernel.name))
    onnx.save(proto, tmp_path / "b.onnx")
    changed = session.opened(tmp_path / "b.onnx")
    with pytest.raises(ValueError, match="encoder.onnx differs from the model by .* nothing is"):
        forms.compared("onnx", changed, image, expected)
    with pytest.raises(ValueError, match="int8.onnx is no longer the model: the cosine .* leave"):
        forms.compared("int8", lambda image: np.roll(expected, 1)[: len(image)], image, expected)
    with pytest.raises(ValueError, match="no longer the model"):
        forms.compared("fp16", lambda image: np.nan * expected[: len(image)], image, expected)


def test_files_that_are_none(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        session.opened(tmp_path / "a.onnx")
    (tmp_path / "a.onnx").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="a.onnx cannot be read, cut short or no ONNX file"):
        session.opened(tmp_path / "a.onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError, match=r"pip install 'reid_jax\[onnx\]'"):
        session.opened(tmp_path / "a.onnx")
