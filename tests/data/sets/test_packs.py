"""Every published archive can be packed, and plain tensorflow-datasets opens what was packed."""

import shutil

import numpy as np
import pytest

from reid_jax.app import kinds
from reid_jax.data import packed, records
from reid_jax.data.sets.published import SETS
from tests.data.sets import miniature


def mot20(root):
    (miniature.mot17(root) / "train/MOT17-02-DPM").rename(root / "train/MOT20-01")
    shutil.rmtree(root / "train/MOT17-02-FRCNN")


def cuhk03(root):
    miniature.cuhk03_config(miniature.cuhk03_folder(root))


OWN = {"cuhk03": cuhk03, "mot20": mot20}


@pytest.mark.parametrize("name", sorted(SETS))
def test_a_packed_archive_is_an_ordinary_data_set(tmp_path, name):
    import tensorflow_datasets as tfds

    root = tmp_path / "made"
    root.mkdir()
    (OWN.get(name) or getattr(miniature, name))(root)
    read = kinds.open_source(f"{name}:{root},train=all", say=lambda line: None)
    packed.pack(read, tmp_path / "packed")
    plain = tfds.builder_from_directory(str(tmp_path / "packed")).as_data_source("rows")
    assert len(plain) == len(read.person) > 0
    for row in range(len(plain)):
        got = plain[row]
        np.testing.assert_array_equal(got["image"], records.read(read, row))
        assert got["split"].decode() == read.split[row]
        for column in ("person", "camera", "group", "frame", "shot", "domain"):
            assert got[column] == getattr(read, column)[row], column
