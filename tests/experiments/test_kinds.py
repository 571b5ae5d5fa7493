"""Sources by name, their options, and what is refused of them."""

import json
import warnings

import numpy as np
import pytest

from reid_jax.app import kinds, mistakes, pictures, sources, written
from reid_jax.app.paths import source
from reid_jax.data.check import survey
from reid_jax.data.sets.known import kind_of
from tests.data.sets import miniature
from tests.data.sets.miniature import plant, rows

QUIET = {"say": lambda line: None}
MAKERS = {
    "market1501": miniature.market1501,
    "dukemtmc": miniature.dukemtmc,
    "msmt17": miniature.msmt17,
    "cuhk03": lambda root: miniature.cuhk03_config(
        miniature.cuhk03_folder(miniature.cuhk03_folder(root), "labeled")
    ),
    "cuhk01": miniature.cuhk01,
    "cuhk_sysu": miniature.cuhk_sysu,
    "prid2011": miniature.prid2011,
    "grid": miniature.grid,
    "viper": miniature.viper,
    "ilids": miniature.ilids,
    "randperson": miniature.randperson,
    "mars": miniature.mars,
    "mot17": miniature.mot17,
}
OTHERS = {
    "cuhk02": miniature.cuhk02,
    "luperson": miniature.luperson,
    "pku_reid": miniature.pku_reid,
    "mot15": miniature.mot15,
}


def opened(text):
    return kinds.open_source(text, **QUIET)


@pytest.mark.parametrize("kind", {**MAKERS, **OTHERS})
def test_every_set_is_opened_by_name_and_made_into_training_data(tmp_path, kind):
    place = {**MAKERS, **OTHERS}[kind](tmp_path / "a+b, c")
    got = opened(f"{kind}:{place}")
    merged = opened(f"{kind}:{place},train=all")
    assert set(merged.split) == {"train"} and not (merged.person == 0).any()
    if kind not in ("prid2011", "ilids"):  # which leave pictures out of a split
        assert len(merged.person) == (got.person != 0).sum()
    hidden = opened(f"{kind}:{place},train=all,labels=no")
    assert set(hidden.person) == {-1} and set(hidden.domain) == {1}


@pytest.mark.parametrize("kind", MAKERS)
def test_an_archive_is_known_by_its_looks(tmp_path, kind):
    assert kind_of(MAKERS[kind](tmp_path)) == kind
    with pytest.raises(ValueError, match=f"say what it is, KIND:PATH, e.g. {kind}:"):
        kinds.open_source(str(tmp_path))


def test_options_stand_behind_a_path_that_may_have_commas(tmp_path, monkeypatch):
    assert written.parsed("csv:/a,b.csv,train=all,seed=2") == written.Source(
        "csv", "/a,b.csv", {"train": "all", "seed": "2"}
    )
    plant(tmp_path, "a,train=all/x.jpg")
    assert written.parsed(f"folders:{tmp_path}/a,train=all").options == {}
    monkeypatch.chdir(tmp_path)
    text = "msmt17:a,train=all+viper:b,split=3+synthetic:plaza,persons=5"
    assert source(text) == text.replace("msmt17:", f"msmt17:{tmp_path}/").replace(
        "viper:", f"viper:{tmp_path}/"
    )
    assert kinds.split(text) == text.split("+")


@pytest.mark.parametrize(
    "text, told",
    [
        ("viper:x,splt=3", "did you mean 'split'"),
        ("viper:x,split=11", "write split=NUMBER, a whole one from 1 to 10"),
        ("viper:x,train=some", "write train=all"),
        ("cuhk03:x,boxes=drawn", "write boxes=detected or boxes=labeled or boxes=both"),
        ("market1501:x,split=1", "'split' is not known"),
        ("folders:x,test=2", "write test=SHARE, above 0 and below 1"),
        ("market1501:,train=all", "names no path"),
    ],
)
def test_a_wrong_option_is_named(text, told):
    with pytest.raises(ValueError, match=told):
        kinds.open_source(text)


def test_some_persons_of_the_training_part(tmp_path):
    place = miniature.cuhk01(tmp_path)
    few = opened(f"cuhk01:{place},persons=2")
    other = opened(f"cuhk01:{place},persons=2,seed=1")
    expected = np.random.default_rng(0).permutation([1, 2, 3])[:2]
    assert set(few.person) == {*expected.tolist()} and len(other.person) == len(few.person) == 8
    with pytest.raises(
        ValueError, match=r"cuhk01:.*persons=9: persons=9 and the training part has 3"
    ):
        opened(f"cuhk01:{place},persons=9")
    with pytest.raises(ValueError, match="seed=N draws the persons of persons=N or the pictures"):
        opened(f"cuhk01:{place},seed=9")
    both = opened(f"market1501:{miniature.market1501(tmp_path / 'm')},persons=1")
    assert [(both.split == part).sum() for part in ("train", "query", "gallery")] == [1, 1, 2]


def test_some_pictures_of_the_training_part(tmp_path):
    """Whole videos in the order of a seed, where there are none persons, and of the last a part."""
    names = [f"{video}_{n}.png" for video in "abcd" for n in range(3)]
    plant(tmp_path, *names, "q.png", "g.png")
    lines = [f"{name},,,train,{name[0]}" for name in names]
    lines += ["q.png,1,0,query,", "g.png,1,1,gallery,"]
    (tmp_path / "all.csv").write_text("\n".join(["path,person,camera,split,group", *lines]) + "\n")
    order = np.random.default_rng(0).permutation(4)  # the place of each video
    inside = [names[3 * video + n] for video in np.argsort(order) for n in range(3)]
    for count in (1, 4, 12):
        found = opened(f"csv:{tmp_path}/all.csv,pictures={count}")
        kept = [name for name, *_, split in rows(found) if split == "train"]
        assert sorted(kept) == sorted(inside[:count]) and (found.split != "train").sum() == 2
    other = opened(f"csv:{tmp_path}/all.csv,pictures=3,seed=1")
    assert len({name[0] for name, *_, split in rows(other) if split == "train"}) == 1
    with pytest.raises(ValueError, match="pictures=13 and the training part has 12"):
        opened(f"csv:{tmp_path}/all.csv,pictures=13")
    place = miniature.cuhk01(tmp_path / "cuhk01")  # persons 1 to 3, four pictures each
    assert len(set(opened(f"cuhk01:{place},pictures=8").person)) == 2
    unknown = tmp_path / "unknown.csv"
    lines = ["path,person,camera,split", *(f"{name},,,train" for name in names)]
    unknown.write_text("\n".join(lines) + "\n")
    kept = [name for name, *_ in rows(opened(f"csv:{unknown},pictures=5"))]
    assert len(kept) == 5 and kept != names[:5]


def test_sources_are_joined_and_nobody_of_them_is_the_same(tmp_path):
    one = f"market1501:{miniature.market1501(tmp_path / 'm')}"
    two = f"msmt17:{miniature.msmt17(tmp_path / 's')},train=all"
    first, both = opened(one), opened(f"{one}+{two}")
    n = len(first.person)
    assert len(both.person) == n + 5 and set(both.split[n:]) == {"train"}
    for name in ("person", "camera"):
        known = getattr(both, name) >= (1 if name == "person" else 0)
        mine = set(getattr(both, name)[:n][known[:n]])
        assert not mine & set(getattr(both, name)[n:][known[n:]])
    assert survey(both).persons["train"] == 2 + 4


def test_what_was_found_is_said_once_and_warnings_are_pythons(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sources, "_said", set())
    place = miniature.dukemtmc(tmp_path)
    with pytest.warns(UserWarning) as told:
        kinds.open_source(f"dukemtmc:{place}")
    assert len(told) == 2 and told[0].filename == __file__
    assert str(told[0].message).startswith("DukeMTMC-reID was withdrawn by its authors")
    for _ in range(2):
        sources.opened(f"dukemtmc:{place}")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and lines[0].startswith("warning: DukeMTMC-reID was withdrawn")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kinds.open_source(f"luperson:{miniature.luperson(tmp_path / 'l')}", say=print)


def test_persons_in_training_and_test_are_listed(tmp_path):
    plant(tmp_path, "train/anna/c1_a.jpg", "query/anna/c1_b.jpg", "gallery/anna/c2_c.jpg",
          "gallery/bert/c2_c.jpg")  # fmt: skip
    with pytest.raises(
        ValueError,
        match=r"1 persons are in the training and in the test.*train/anna/c1_a\.jpg.*sha",
    ):
        opened(f"folders:{tmp_path}")
    assert len(opened(f"folders:{tmp_path},shared=yes").person) == 4
    assert set(opened(f"folders:{tmp_path},train=all").split) == {"train"}


def test_a_picture_that_is_listed_twice_is_named(tmp_path):
    plant(tmp_path, "a.jpg", "b.jpg")
    lines = "path,person,camera,split\na.jpg,1,1,train\nb.jpg,2,1,train\na.jpg,1,1,train\n"
    (tmp_path / "all.csv").write_text(lines)
    with pytest.raises(
        ValueError, match=r"train part has pictures more than once, 1 too many, e\.g\. .*a\.jpg; l"
    ):
        opened(f"csv:{tmp_path}/all.csv")
    assert len(opened(f"csv:{tmp_path}/all.csv,shared=yes").person) == 3


def test_a_test_without_matches_or_of_one_camera_is_refused(tmp_path):
    config = type("Config", (), {"skip_broken": False, "same_camera": False, "test": ""})
    text = "path,person,camera,split\na.jpg,1,1,train\nb.jpg,2,1,query\nc.jpg,{},1,gallery\n"
    plant(tmp_path, "a.jpg", "b.jpg", "c.jpg")
    for other, told in ((2, "1 camera.s. in the gallery; .same_camera=true"), (3, "no query's pe")):
        (tmp_path / f"{other}.csv").write_text(text.format(other))
        config.data = f"csv:{tmp_path}/{other}.csv"
        with pytest.raises(ValueError, match=told):
            sources.train_and_test(config)


def test_a_mistake_names_the_option_and_stays_a_mistake(tmp_path):
    config = type("Config", (), {"skip_broken": False, "same_camera": False, "test": "viper:/none"})
    config.data = f"market1501:{miniature.market1501(tmp_path)}"
    with pytest.raises(FileNotFoundError, match=r"no folder /none; .*\(--config\.test\)$") as told:
        sources.train_and_test(config)
    assert mistakes.mistake(told.value)
    config.data = f"cuhk01:{miniature.cuhk01(tmp_path)},persons=9"
    with pytest.raises(ValueError, match=r"^cuhk01:.* has 3 \(--config\.data\)$") as told:
        sources.train_and_test(config)
    assert mistakes.mistake(told.value)
    with pytest.raises(ValueError) as told, sources._naming("data"):
        np.zeros(2).reshape(3)  # no mistake of the caller's, so it keeps its traceback
    assert not mistakes.mistake(told.value)


def test_persons_of_folders_are_dealt_by_a_seed(tmp_path):
    plant(tmp_path, *[f"{p}/c{c}_{n}.jpg" for p in "abcde" for c in (1, 2) for n in (1, 2)])
    got = opened(f"folders:{tmp_path},test=0.4,seed=3")
    tested = set(np.random.default_rng(3).permutation([1, 2, 3, 4, 5])[:2].tolist())
    assert set(got.person[got.split != "train"]) == tested
    assert survey(got).queries == 4 and (got.split == "gallery").sum() == 4


def test_a_bare_folder_of_pictures_is_no_archive(tmp_path):
    """Names alone do not make one: embedding takes every picture."""
    plant(tmp_path / "a", "0001001.jpg", "0001002.jpg")
    assert len(pictures.opened(str(tmp_path / "a")).name) == 2
    place = miniature.dukemtmc(tmp_path / "duke")
    assert rows(pictures.opened(str(place)).data)[0][0] == "0001_c2_f0046182.jpg"
    text = f"market1501:{miniature.market1501(tmp_path / 'm')},train=all"
    assert pictures.opened(text).name[0] == "bounding_box_train/0002_c1s1_000451_03.jpg"


def test_every_kind_and_option_is_listed():
    forms = dict(kinds.listing())
    assert "cuhk03:FOLDER[,boxes=detected|labeled|both][,protocol=new|classic][,split=N]" in forms
    assert {form.partition(":")[0] for form in forms if ":" in form} == {*kinds.KINDS}
    assert all(about and len(about) < 90 for about in forms.values())
    assert json.dumps(forms)
