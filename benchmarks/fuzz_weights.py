"""Sound weights files for `benchmarks.fuzz`, of each kind that is read; w.ENDING in a folder."""

import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


class _Harm:
    """What makes a file beside the input when pickle itself reads it."""

    def __reduce__(self) -> Any:
        return os.system, ("touch harmed",)


def _state() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {f"layer{n}.weight": rng.normal(size=(4, 3)).astype(np.float32) for n in range(3)}


def pth(folder: Path) -> None:
    """As torch writes it; by hand, so that torch need not be there."""

    with zipfile.ZipFile(folder / "w.pth", "w") as archive:
        archive.writestr("w/data.pkl", _pickle(_state()))
        archive.writestr("w/byteorder", "little")
        for key, array in enumerate(_state().values()):
            archive.writestr(f"w/data/{key}", array.tobytes())


def _pickle(state: dict[str, np.ndarray]) -> bytes:
    """The pickle of torch's newer format of some arrays, with something harmful beside them."""

    def text(word: str) -> bytes:
        return pickle.BINUNICODE + len(word).to_bytes(4, "little") + word.encode()

    def numbers(values: tuple[int, ...]) -> bytes:
        return pickle.MARK + b"".join(b"K" + bytes([one]) for one in values) + pickle.TUPLE

    made = pickle.PROTO + b"\2" + b"ccollections\nOrderedDict\n" + pickle.EMPTY_TUPLE + b"R("
    for key, (name, array) in enumerate(state.items()):
        made += text(name) + b"ctorch._utils\n_rebuild_tensor_v2\n(("
        made += text("storage") + b"ctorch\nFloatStorage\n" + text(str(key)) + text("cpu")
        made += b"K" + bytes([array.size]) + b"tQK\0" + numbers(array.shape)
        made += numbers((array.shape[1], 1)) + b"\x89" + b"ccollections\nOrderedDict\n)RtR"
    harm = pickle.dumps(_Harm(), 2)[2:-1]
    return made + text("harm") + harm + b"u."


def older_pth(folder: Path) -> None:
    """As torch's older versions write it."""
    from reid_jax.files import pickled

    parts = [pickle.dumps(one, 2) for one in (pickled.MAGIC, 1001, {"little_endian": True})]
    parts += [_pickle(_state()), pickle.dumps([str(n) for n in range(3)], 2)]
    for array in _state().values():
        parts.append(array.size.to_bytes(8, "little") + array.tobytes())
    (folder / "w.pth").write_bytes(b"".join(parts))


def safetensors(folder: Path) -> None:
    """As its library writes it."""
    from safetensors.numpy import save_file

    save_file(_state(), folder / "w.safetensors")


def npz(folder: Path) -> None:
    """As numpy writes it."""
    np.savez(folder / "w.npz", **_state())


def onnx(folder: Path) -> None:
    """One product of matrices."""
    import onnx
    from onnx import helper, numpy_helper

    tensors = [numpy_helper.from_array(array, name) for name, array in _state().items()]
    node = helper.make_node("MatMul", ["y", "layer0.weight"], ["/head/MatMul_output_0"])
    onnx.save(helper.make_model(helper.make_graph([node], "g", [], [], tensors)), folder / "w.onnx")


def reader(ending: str) -> Callable[[Path], Any]:
    """What reads the file of this ending."""

    def read(folder: Path) -> Any:
        from reid_jax.models import weights

        return weights.read(folder / f"w.{ending}")

    return read
