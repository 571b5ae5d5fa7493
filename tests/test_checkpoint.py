import collections
import contextlib
import json
import os
import resource
import shutil

import jax
import numpy as np
import optax
import pytest
import tensorstore

from reid_jax import checkpoint, parallel
from reid_jax.methods.ide import ide
from tests import tiny
from tests.tiny import Run


def test_the_encoder_is_read_without_the_method(tmp_path):
    run = Run(lambda model: ide(model, persons=4, per_person=4), optimiser=optax.adam(1e-3))
    moment = list(run.moments(count=1))[-1]
    encoder = parallel.first(run.method.encoder(moment.state.variables, moment.state.carry))
    with checkpoint.manager(tmp_path) as checkpoints:
        assert checkpoint.restore(checkpoints, run.start()) is None
        checkpoint.save(checkpoints, moment, encoder, run.model.input)
    read = checkpoint.restore_encoder(tmp_path, run.model)
    assert tiny.difference(read, encoder) == 0
    other = run.model._replace(input=tiny.INPUT._replace(mean=(0.5, 0.5, 0.5)))
    with pytest.raises(ValueError, match=r"takes .*0\.485.* and this model .*0\.5"):
        checkpoint.restore_encoder(tmp_path, other)
    older = collections.namedtuple("Older", tiny.INPUT._fields[:-1])(
        *tiny.INPUT[:-1]
    )  # knew of no other way to resize
    with checkpoint.manager(tmp_path / "older") as checkpoints:
        checkpoint.save(checkpoints, moment, encoder, older)
    assert tiny.difference(checkpoint.restore_encoder(tmp_path / "older", run.model), encoder) == 0
    other = run.model._replace(input=tiny.INPUT._replace(resize="bilinear"))
    with pytest.raises(ValueError, match="takes .*'area'.* and this model .*'bilinear'"):
        checkpoint.restore_encoder(tmp_path / "older", other)


def test_a_folder_without_a_checkpoint(tmp_path):
    with pytest.raises(FileNotFoundError, match="no checkpoint"):
        checkpoint.restore_encoder(tmp_path / "none", tiny.encoder())
    with pytest.raises(FileNotFoundError, match="no finished checkpoint"):
        checkpoint.restore_encoder(tmp_path, tiny.encoder())


@pytest.fixture
def saved(tmp_path):
    """(a run, the folder of its checkpoints, at steps 2 and 4 with their states)."""
    run = Run(lambda model: ide(model, persons=4, per_person=4), optimiser=optax.adam(1e-3))
    states = {}
    with checkpoint.manager(tmp_path / "checkpoints") as checkpoints:
        for moment in run.moments(count=2):
            encoder = parallel.first(run.method.encoder(moment.state.variables, moment.state.carry))
            checkpoint.save(checkpoints, moment, encoder, run.model.input)
            state = parallel.first(moment.state)
            states[int(state.step)] = jax.tree.map(np.array, state)
    return run, tmp_path / "checkpoints", states


def _restored(run, folder):
    said = []
    with checkpoint.manager(folder) as checkpoints:
        return checkpoint.restore(checkpoints, run.start(), said.append), said


def _flipped(folder):
    """Flip a bit in the largest file, which holds the numbers."""
    files = [one for one in folder.rglob("*") if one.is_file() and one.suffix != ".txt"]
    file = max(files, key=lambda one: one.stat().st_size)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def _cut(folder):
    for file in [one for one in folder.rglob("*") if one.is_file()]:
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def _emptied(folder):
    for file in [one for one in folder.rglob("*") if one.is_file()]:
        file.write_bytes(b"")


def _strangers(folder):
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")


@pytest.mark.parametrize("item", ["", "state", "plan", "position"])
@pytest.mark.parametrize("damage", [_flipped, _cut, _emptied, shutil.rmtree, _strangers])
def test_a_damaged_checkpoint_is_passed_over(saved, damage, item):
    run, folder, states = saved
    first, last = states
    if (item in ("", "plan") and damage is _flipped) or (item == "" and damage is shutil.rmtree):
        pytest.skip("what is flipped is not read; a folder that is gone is no damage")
    damage(folder / str(last) / item)
    (folder / "strange").mkdir()
    (state, position), said = _restored(run, folder)
    assert tiny.difference(state, states[first]) == 0 and int(state.step) == first
    assert len(said) == 1 and f"{folder}/{last} is damaged" in said[0] and "\n" not in said[0]
    assert [one.name.split("-")[0] for one in (folder.parent / "damaged").iterdir()] == [str(last)]
    assert (folder / "strange").is_dir()
    assert _restored(run, folder)[1] == []


@pytest.mark.parametrize("name", ["item_handlers", "commit_timestamp_nsecs", "custom_metadata"])
def test_what_orbax_notes_of_a_checkpoint_may_be_damaged(saved, name):
    run, folder, states = saved
    for step in states:
        noted = folder / str(step) / "_CHECKPOINT_METADATA"
        noted.write_text(json.dumps(json.loads(noted.read_text()) | {name: 999999999999}))
    (state, _), said = _restored(run, folder)
    assert int(state.step) == max(states) and said == []


@pytest.mark.parametrize("kept", [[1], {"state": [1]}, {"state": None}, {"state": {"a": "b"}}])
def test_checksums_that_are_damaged_are_those_of_no_checkpoint(saved, kept):
    run, folder, states = saved
    first, last = states
    file = folder / str(last) / "sums" / "metadata"
    before = json.loads(file.read_text())
    if isinstance(kept, dict) and isinstance(kept["state"], dict):
        kept["state"] |= before["state"]
    file.write_text(json.dumps({**before, **kept} if isinstance(kept, dict) else kept))
    (state, _), said = _restored(run, folder)
    assert int(state.step) == first and "has not the checksum" in said[0]


def test_a_sound_one_that_cannot_be_read_now_stays(saved):
    run, folder, states = saved
    with checkpoint.manager(folder) as checkpoints:
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = max(map(int, os.listdir("/proc/self/fd"))) + 1
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, limits[1]))
        taken = []
        try:
            with contextlib.suppress(OSError):
                while True:
                    taken.append(os.open(os.devnull, os.O_RDONLY))
            with pytest.raises(OSError, match="Too many open files"):
                checkpoint.restore(checkpoints, run.start())
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            for one in taken:
                os.close(one)
        read = checkpoint.restore(checkpoints, run.start())
    assert int(read[0].step) == max(states) and not (folder.parent / "damaged").exists()


def test_none_is_sound(saved):
    run, folder, states = saved
    for step in states:
        _flipped(folder / str(step) / "state")
    assert all("checksum" in one or one for one in checkpoint.examined(folder).values())
    with pytest.raises(ValueError, match=r"none of the 2 checkpoint\(s\) under .*begin anew"):
        _restored(run, folder)
    assert sorted(one.name for one in folder.iterdir()) == sorted(map(str, states))


def test_the_encoder_of_the_one_before(saved):
    run, folder, states = saved
    first, last = states
    wanted = run.method.encoder(states[first].variables, states[first].carry)
    _flipped(folder / str(last) / "encoder")
    said = []
    read = checkpoint.restore_encoder(folder, run.model, said.append)
    assert tiny.difference(read, wanted) == 0 and "encoder has not the checksum" in said[0]


@pytest.mark.parametrize("claim", [{"shape": [2**60, 4]}, {"chunks": [2**31, 2**31]}, {"shape": 1}])
@pytest.mark.parametrize("item, array", [("plan", "rows"), ("state", None)])
def test_a_header_that_claims_too_much_is_refused_by_arithmetic(saved, item, array, claim):
    """The library below would abort the process."""
    run, folder, (first, last) = saved
    spec = {"driver": "ocdbt", "base": f"file://{folder / str(last) / item}/"}
    store = tensorstore.KvStore.open(spec).result()
    names = [one for one in store.list().result() if one.endswith(b".zarray")]
    name = f"{array}/.zarray".encode() if array else names[0]
    header = json.loads(store.read(name).result().value)
    store.write(name, json.dumps({**header, **claim}).encode()).result()
    (_, position), said = _restored(run, folder)
    assert "headers claim" in said[0] or "header of its arrays is damaged" in said[0]
    assert f"taking {first}" in said[0]
