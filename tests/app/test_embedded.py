"""Files of `reid-jax embed` that say more than they hold."""

import numpy as np
import pytest

from reid_jax.app import embedded


def test_empty_lists_that_would_fill_the_memory_are_refused(tmp_path):
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = 200_000
    columns = {
        "name": pa.array(["a.png"] * rows),
        "embedding": pa.FixedSizeListArray.from_arrays(np.ones(rows, np.float32), 1),
    }
    path = tmp_path / "e.parquet"
    parquet.write_table(pa.table(columns), path)
    assert len(embedded.read(path).embedding) == rows
    columns["box"] = pa.nulls(rows, pa.list_(pa.list_(pa.float32(), 32), 2))
    parquet.write_table(pa.table(columns), path)
    assert path.stat().st_size < 10_000
    with pytest.raises(ValueError, match=r"e.parquet is not .* claims 1.04e\+08 bytes"):
        embedded.read(path)
