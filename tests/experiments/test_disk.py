"""A disk that is full or read-only ends in one line that names the place."""

import collections
import errno

import jax
import numpy as np
import pytest

from reid_jax import checkpoint
from reid_jax.app import canvas, mistakes
from reid_jax.whole import whole


def raised(body):
    with pytest.raises(Exception) as error:
        body()
    return error.value


def test_what_libraries_say_of_a_full_disk_is_one_line():
    """The texts are those of tensorstore, array_record and the system on a tmpfs of 2 MB."""
    for error, told in (
        (
            ValueError(
                'RESOURCE_EXHAUSTED: Error writing "params/0" in OCDBT database at local file '
                '"/run/3/": Failed writing: "/run/3/d/73fa": Failed to write 2576384 bytes to '
                "file 5: No space left on device [os_error_code='28']"
            ),
            "cannot write /run/3/d/73fa: No space left on device",
        ),
        (
            RuntimeError(
                "write() failed: No space left on device; writing /a b/reid-rows-00000; at byte "
                "2088960; Could not submit chunk: 950"
            ),
            "cannot write /a b/reid-rows-00000: No space left on device",
        ),
        (OSError(errno.EROFS, "Read-only file system"), "cannot write a file: Read-only file"),
        (ValueError("shapes differ"), ""),
    ):
        assert mistakes.disk(error).startswith(told) and bool(mistakes.disk(error)) == bool(told)
    outer = RuntimeError("saving failed")
    outer.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    assert mistakes.disk(outer) == "cannot write a file: No space left on device"
    outer.__cause__ = OSError(errno.EMFILE, "Too many open files")
    assert mistakes.disk(outer).startswith("no further file can be opened")


def test_a_file_that_is_written_whole_is_named(tmp_path):
    def fill():
        with whole(tmp_path / "a.npz"), open("/dev/full", "wb") as file:
            np.savez(file, a=np.zeros(100_000))

    error = raised(fill)
    assert mistakes.mistake(error) and f"No space left on device: '{tmp_path}/a.npz'" in str(error)
    assert not list(tmp_path.iterdir())


def test_a_sheet_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    image = np.zeros((8, 8, 3), np.uint8)
    error = raised(lambda: canvas.save(tmp_path / "file" / "a.png", image))
    assert mistakes.mistake(error) and str(tmp_path / "file") in str(error)
    canvas.save(tmp_path / "a.png", image)
    assert [path.name for path in tmp_path.glob("a*")] == ["a.png"]


def test_a_checkpoint_that_has_no_room_is_refused_before_it_is_begun(tmp_path, monkeypatch):
    usage = collections.namedtuple("usage", "free")
    tree = {"a": np.zeros(1_000_000, np.float32), "b": jax.numpy.zeros(3)}
    monkeypatch.setattr(checkpoint.shutil, "disk_usage", lambda _: usage(3_999_999))
    error = raised(lambda: checkpoint.save_tree(tmp_path / "a", tree))
    assert mistakes.mistake(error)
    assert str(error) == f"no room for a checkpoint in {tmp_path}: it is 4.0 MB and 4.0 MB are free"
    monkeypatch.setattr(checkpoint.shutil, "disk_usage", lambda _: usage(4_000_012))
    checkpoint.save_tree(tmp_path / "a", tree)
    assert (tmp_path / "a").is_dir()
