"""Figures that are kept: what is there is not measured again, what is not the same is refused."""

import json

import pytest

from reid_jax.app.protocols import kept
from reid_jax.app.protocols.kept import Key, Result

KEY = Key("f00d", "viper", 1, "aa", "cosine", False, False, 0)
RESULT = Result(KEY, "runs/a", 9, ["market1501"], "viper:/v", {"query": 2}, {"mAP": 0.5}, {})


def test_what_is_written_is_read(tmp_path):
    results = {KEY: RESULT, KEY._replace(split=2): RESULT._replace(key=KEY._replace(split=2))}
    kept.write(tmp_path / "a.json", "dg2", results)
    assert kept.read(tmp_path / "a.json", "dg2") == results
    assert kept.read(tmp_path / "none.json", "dg2") == {}


def test_another_file_protocol_or_form_is_refused(tmp_path):
    path = tmp_path / "a.json"
    for text in ("{", "[]", '{"a": 1}'):
        path.write_text(text)
        with pytest.raises(ValueError, match="no file of `reid-jax protocol`"):
            kept.read(path, "dg2")
    kept.write(path, "dg2", {KEY: RESULT})
    with pytest.raises(ValueError, match="figures of the protocol 'dg2'"):
        kept.read(path, "dg1")
    plain = json.loads(path.read_text())
    path.write_text(json.dumps({**plain, "form": kept.FORM + 1}))
    with pytest.raises(ValueError, match="a version with other splits"):
        kept.read(path, "dg2")
    del plain["results"][0]["mark"]
    path.write_text(json.dumps(plain))
    with pytest.raises(ValueError, match="is not whole"):
        kept.read(path, "dg2")


def test_a_split_of_another_version_is_refused(tmp_path):
    path = tmp_path / "a.json"
    kept.check([KEY], [KEY, KEY._replace(hash="beef"), KEY._replace(split=2, mark="bb")], path)
    with pytest.raises(ValueError, match=r"figures of viper, split 1 with other .*\(aa, now bb\)"):
        kept.check([KEY], [KEY._replace(hash="beef", mark="bb")], path)
