"""Every damaged or hostile input is read or refused in one line; see `benchmarks.fuzz`."""

import pytest

from benchmarks import fuzz
from benchmarks.fuzz_readers import READERS

NEEDED = {"onnx": "onnx", "embedded_parquet": "pyarrow", "export": "onnxruntime"}
FEW = {"checkpoint": 20, "export": 100}  # seconds each, a tenth of one


def _try(reader, count):
    if reader in NEEDED:
        pytest.importorskip(NEEDED[reader])
    said = []
    counts = fuzz.tried(reader, range(count), said.append)
    assert not said, "\n".join(said)
    assert counts["refused"] or reader in ("metrics", "checkpoint")


@pytest.mark.parametrize("reader", ["csv", "npz", "safetensors"])
def test_some_inputs(reader):
    _try(reader, 100)


@pytest.mark.slow
@pytest.mark.parametrize("reader", READERS)
def test_many_inputs(reader):
    _try(reader, FEW.get(reader, 300))
