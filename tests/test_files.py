"""Files that mean harm: no claim is allocated, no code runs, and the line says why."""

import os
import pickle
import struct
import time
import zipfile

import numpy as np
import pytest

from reid_jax.files import bound, jsons, npz, sums
from reid_jax.models import weights


class _Harm:
    def __reduce__(self):
        return os.mkdir, ("harmed",)


def _npy(shape, content=b"", dtype="<f4"):
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}}}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + content


def _zipped(path, members, **options):
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (_npy((2**60,)), "claims 4.61e+18 bytes and has 0"),
        (_npy((2**31, 2**31), b"abcd"), "claims"),
        (_npy((-1,), b"abcd"), "has the shape"),
        (_npy((1,), pickle.dumps(_Harm()), "|O"), "no numbers or texts"),
        (_npy((2**40,), b"", "<U0"), "empty texts"),
        (_npy((1,), b"\xff\xff\xff\x7f", "<U1"), "no text"),
        (b"", "not an .npz of tests: "),
    ],
)
def test_an_npz_is_no_more_than_it_holds(tmp_path, monkeypatch, content, told):
    monkeypatch.chdir(tmp_path)
    path = _zipped(tmp_path / "a.npz", {"a.npy": content})
    with pytest.raises(ValueError, match=told.replace("+", r"\+")) as caught:
        npz.read(path, "an .npz of tests")
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "harmed").exists()


def test_an_archive_that_unpacks_to_far_more_is_refused(tmp_path):
    size = bound.LEAST + (8 << 20)
    content = _npy((size,), bytes(size), "|u1")
    path = _zipped(tmp_path / "a.npz", {"a.npy": content}, compression=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 1 << 20
    with pytest.raises(ValueError, match="far more than it can hold"):
        npz.read(path, "an .npz of tests")


@pytest.mark.parametrize("order", ["C", "F"])
def test_an_npz_is_what_numpy_wrote(tmp_path, order):
    wanted = {
        "a": np.arange(6.0).reshape(2, 3, order=order),
        "b": np.array(["x", "yé"]),
        "c": np.float32(3),
        "d": np.zeros((0, 4)),
        "e": np.array([True]),
        "f": np.array(["", ""]),
    }
    np.savez_compressed(tmp_path / "a.npz", **wanted)
    found = npz.read(tmp_path / "a.npz", "an .npz of tests")
    assert found.keys() == wanted.keys()
    for name, array in wanted.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype


@pytest.mark.parametrize(
    "header",
    [
        b'{"a": {"dtype": "F32", "shape": [1152921504606846976], "data_offsets": [0, 4]}}',
        b'{"a": {"dtype": "F32", "shape": [-1, -1], "data_offsets": [0, 4]}}',
        b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}',
        b'{"a": {"dtype": "F9", "shape": [1], "data_offsets": [0, 4]}}',
        b'{"a": 3}',
        b"[" * 100_000,
        b"",
    ],
)
def test_a_header_of_safetensors_is_compared_with_the_file(tmp_path, header):
    path = tmp_path / "w.safetensors"
    for length in (len(header), 2**60):
        path.write_bytes(length.to_bytes(8, "little") + header + b"abcd")
        with pytest.raises(ValueError, match=r"w\.safetensors cannot be read"):
            weights.read(path)


def _pth(path, pickled):
    return _zipped(path, {"w/data.pkl": pickled, "w/data/0": bytes(4)})


STORAGE = b"(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\x000X\3\0\0\0cpuK\1tQ"


def test_a_pth_can_neither_hang_nor_set_what_it_finds(tmp_path):
    nest = b"\x80\2}(" + b")" + b"2\x86" * 60 + b"K\1u."  # hashed in 2^60 steps
    began = time.monotonic()
    with pytest.raises(ValueError, match="no arrays by name"):
        weights.read(_pth(tmp_path / "a.pth", nest))
    assert time.monotonic() - began < 5
    many = b"ctorch._utils\n_rebuild_tensor_v2\n(" + STORAGE + b"K\0J\0\0\0\x40\x85K\0\x85tR"
    expanded = b"\x80\2}X\1\0\0\0w" + many + b"s."  # 2^30 times one number
    with pytest.raises(ValueError, match="far more than it can hold"):
        weights.read(_pth(tmp_path / "b.pth", expanded))
    state = b"\x80\2ctorch._utils\n_rebuild_tensor_v2\n(N}X\5\0\0\0wrongK\1stb."
    with pytest.raises(ValueError, match="no arrays by name"):
        weights.read(_pth(tmp_path / "c.pth", state))


def test_an_onnx_names_no_other_file(tmp_path):
    pytest.importorskip("onnx")
    from onnx import helper, numpy_helper

    (tmp_path / "secret").write_bytes(bytes(4))
    (tmp_path / "in").mkdir()
    tensor = numpy_helper.from_array(np.ones(1, np.float32), "w")
    tensor.ClearField("raw_data")
    tensor.data_location = tensor.EXTERNAL
    tensor.external_data.add(key="location", value="../secret")
    path = tmp_path / "in" / "w.onnx"
    path.write_bytes(
        helper.make_model(helper.make_graph([], "g", [], [], [tensor])).SerializeToString()
    )
    with pytest.raises(ValueError, match="numbers lie in other files"):
        weights.read(path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"", "it is empty"),
        (b"\0\0\0", "it is empty"),
        (b'{"a": 1', "it is cut short"),
        (b'{"a": "b', "it is cut short"),
        (b'{"a": x}', "no JSON at line 1, column 7"),
        (b"[1]", "it holds a list, not names with values"),
        (b"\xff{}", "no text at byte 0"),
        (b'{"a":' + b"[" * 100_000, "nested too deep"),
        (b'{"a":' + b"9" * 5000 + b"}", "too many digits"),
    ],
)
def test_what_is_wrong_with_a_json_file(tmp_path, text, told):
    path = tmp_path / "a.json"
    path.write_bytes(text)
    with pytest.raises(ValueError, match=f"is not a test: .*{told}; again$") as caught:
        jsons.read(path, "a test", "again")
    assert str(path) in str(caught.value) and "Expecting" not in str(caught.value)


def test_the_lines_that_are_sound(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a": 1}\n\0\xffgarbage\n{"a": true}\n[]\n\n{"a": 2}\n{"a": ')
    assert jsons.lines(path, {"a": int}) == ([{"a": 1}, {"a": 2}], 4)
    assert jsons.lines(tmp_path / "none") == ([], 0)


def test_sums(tmp_path):
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    kept = sums.of_array(array)
    assert kept == sums.of_array(np.asfortranarray(array)) != sums.of_array(array.reshape(3, 2))
    array.view(np.uint8)[0, 3] ^= 1
    assert kept != sums.of_array(array)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(b"abc")
    kept = sums.of_files(tmp_path)
    # SHA-256 of "abc", the example of FIPS 180-4
    assert kept["a/b"].startswith("ba7816bf8f01cfea")
    sums.check_files(tmp_path, "a", kept)
    (tmp_path / "a" / "c").touch()
    with pytest.raises(ValueError, match="c is cut short, damaged or another file"):
        sums.check_files(tmp_path, "a", kept)
    (tmp_path / "a" / "b").unlink()
    with pytest.raises(ValueError, match="b is missing"):
        sums.check_files(tmp_path, "a", kept)
