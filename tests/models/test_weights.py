"""Reading weights files: those that torch, safetensors and onnx wrote, and broken or bad ones."""

import os
import pickle
import zipfile

import numpy as np
import pytest

from reid_jax.files import pickled
from reid_jax.models import weights


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


def _state(torch):
    """Every type, non-contiguous views, a shared storage, a scalar, an empty tensor."""
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    state = {
        "whole": base,
        "turned": base.T,
        "part": base[1:3, ::2],
        "scalar": torch.tensor(3.5),
        "empty": torch.zeros(0, 3),
    }
    kinds = ["float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"]
    return state | {kind: torch.tensor([0, 1, 3]).to(getattr(torch, kind)) for kind in kinds}


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("ending", [".pth", ".pt", ".tar", ".bin"])
def test_both_formats_of_torch(torch, tmp_path, zipped, ending):
    state = _state(torch)
    torch.save(state, tmp_path / f"w{ending}", _use_new_zipfile_serialization=zipped)
    read = weights.read(tmp_path / f"w{ending}")
    assert set(read) == set(state)
    for name, tensor in state.items():
        want = tensor.float() if tensor.is_floating_point() else tensor
        np.testing.assert_array_equal(read[name], want.numpy())
        assert read[name].dtype == want.numpy().dtype and read[name].shape == tuple(tensor.shape)


@pytest.mark.parametrize("zipped", [True, False])
def test_where_training_codes_store_their_tensors(torch, tmp_path, zipped):
    """Under state_dict or model, as parameters, beside objects of unknown classes."""
    from argparse import Namespace

    net = torch.nn.Linear(3, 2)
    for content in (
        {
            "state_dict": net.state_dict(),
            "epoch": 7,
            "best": np.float64(0.5),
            "options": Namespace(rate=1),
        },
        {"model": dict(net.named_parameters())},
        {"model": {"state_dict": net.state_dict()}},
        net.state_dict(),
    ):
        torch.save(content, tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
        read = weights.read(tmp_path / "w.pth")
        assert set(read) == {"weight", "bias"}
        np.testing.assert_array_equal(read["weight"], net.weight.detach().numpy())


class _Bomb:
    """An object that makes a folder when pickle itself unpickles it."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def _zipped(path, content):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("w/data.pkl", pickle.dumps(content, protocol=2))


def test_nothing_in_a_file_is_called(torch, tmp_path):
    torch.save({"bomb": _Bomb(tmp_path / "made"), "w": torch.ones(2)}, tmp_path / "w.pth")
    assert set(weights.read(tmp_path / "w.pth")) == {"w"}
    _zipped(tmp_path / "b.pth", {"bomb": _Bomb(tmp_path / "made")})
    with pytest.raises(ValueError, match="holds no arrays by name"):
        weights.read(tmp_path / "b.pth")
    (tmp_path / "c.pth").write_bytes(pickle.dumps(_Bomb(tmp_path / "made")))
    with pytest.raises(ValueError, match="none of torch's formats"):
        weights.read(tmp_path / "c.pth")
    assert not (tmp_path / "made").exists()


def test_a_tensor_that_reaches_outside_its_storage(tmp_path):
    for offset, size, stride in (
        (0, (5,), (1,)),
        (3, (2,), (1,)),
        (0, (2, 2), (1, 4)),
        (-1, (1,), (1,)),
        (0, (2,), (-1,)),
    ):
        storage = pickled.Storage(np.float32, 4)
        storage.data = np.zeros(4, np.float32)
        with pytest.raises(ValueError, match="outside its storage"):
            pickled.Tensor(storage, offset, size, stride).array()


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_cut_short(torch, tmp_path, zipped):
    torch.save(_state(torch), tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
    whole = (tmp_path / "w.pth").read_bytes()
    for size in (0, 3, 40, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.pth").write_bytes(whole[:size])
        with pytest.raises(ValueError, match="cut short or no .pth file"):
            weights.read(tmp_path / "cut.pth")


def test_npz_and_half_precision(tmp_path):
    np.savez(tmp_path / "w.npz", a=np.ones(3, np.float16), b=np.arange(2))
    read = weights.read(tmp_path / "w.npz")
    assert read["a"].dtype == np.float32 and read["b"].tolist() == [0, 1]
    (tmp_path / "cut.npz").write_bytes((tmp_path / "w.npz").read_bytes()[:50])
    with pytest.raises(ValueError, match="cut short"):
        weights.read(tmp_path / "cut.npz")


def test_safetensors(tmp_path):
    save = pytest.importorskip("safetensors.numpy").save_file
    save(
        {"a.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "h": np.ones(2, np.float16)},
        tmp_path / "w.safetensors",
    )
    read = weights.read(tmp_path / "w.safetensors")
    np.testing.assert_array_equal(read["a.weight"], [[0, 1, 2], [3, 4, 5]])
    assert read["h"].dtype == np.float32
    (tmp_path / "cut.safetensors").write_bytes((tmp_path / "w.safetensors").read_bytes()[:30])
    with pytest.raises(ValueError, match="cut short"):
        weights.read(tmp_path / "cut.safetensors")


def test_onnx_names_folded_arrays_after_their_module(tmp_path):
    onnx = pytest.importorskip("onnx")
    from onnx import helper, numpy_helper

    arrays = {
        "onnx::Conv_7": np.ones((2, 3, 1, 1), np.float32),
        "onnx::Conv_8": np.arange(2, dtype=np.float32),
        "conv2.0.gate.fc1.weight": np.ones((2, 2, 1, 1), np.float32),
        "onnx::MatMul_9": np.arange(6, dtype=np.float32).reshape(2, 3),
        "/Constant_1_output_0": np.ones(1, np.float32),
    }
    nodes = [
        helper.make_node(
            "Conv",
            ["x", "onnx::Conv_7", "onnx::Conv_8"],
            ["/conv2/conv2.0/conv1/conv/Conv_output_0"],
        ),
        helper.make_node(
            "Conv", ["x", "conv2.0.gate.fc1.weight"], ["/conv2/conv2.0/gate/fc1/Conv_output_0"]
        ),
        helper.make_node("MatMul", ["y", "onnx::MatMul_9"], ["/head/MatMul_output_0"]),
    ]
    tensors = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    onnx.save(
        helper.make_model(helper.make_graph(nodes, "g", [], [], tensors)), tmp_path / "w.onnx"
    )
    read = weights.read(tmp_path / "w.onnx")
    assert set(read) == {
        "conv2.0.conv1.conv.weight",
        "conv2.0.conv1.conv.bias",
        "conv2.0.gate.fc1.weight",
        "head.weight",
    }
    np.testing.assert_array_equal(read["head.weight"], arrays["onnx::MatMul_9"].T)
    (tmp_path / "cut.onnx").write_bytes((tmp_path / "w.onnx").read_bytes()[:60])
    with pytest.raises(ValueError, match=r"cut short|no arrays"):
        weights.read(tmp_path / "cut.onnx")


def test_missing_files_endings_and_readers(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*none\.pth"):
        weights.read(tmp_path / "none.pth")
    (tmp_path / "w.h5").write_bytes(b"")
    with pytest.raises(ValueError, match="weights are .pth"):
        weights.read(tmp_path / "w.h5")
    (tmp_path / "w.onnx").write_bytes(b"")
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(ImportError, match=r"pip install 'reid_jax\[onnx\]'"):
        weights.read(tmp_path / "w.onnx")


def test_the_digest_is_the_files(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    # SHA-256 of "abc", the example of FIPS 180-4
    assert weights.digest(tmp_path / "a") == "ba7816bf8f01cfea"
