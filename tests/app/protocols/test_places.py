"""Where sets lie, and which set a source is."""

import pytest

from reid_jax.app.protocols import wanted
from reid_jax.app.protocols.named import PROTOCOLS
from reid_jax.app.protocols.places import listed, placed


@pytest.mark.parametrize(
    "text, parts",
    [
        ("market1501,msmt17", ["market1501", "msmt17"]),
        ("csv:a.csv,market1501", ["csv:a.csv", "market1501"]),
        ("viper:/x,split=3,grid:/y", ["viper:/x,split=3", "grid:/y"]),
        ("cuhk03,protocol=new,grid", ["cuhk03,protocol=new", "grid"]),
        ("csv:a,b.csv,folders:/x,test=0.2", ["csv:a,b.csv", "folders:/x,test=0.2"]),
        ("a=packed:/x,msmt17=packed:/y,train=all", ["a=packed:/x", "msmt17=packed:/y,train=all"]),
        ("", []),
    ],
)
def test_a_comma_begins_the_next_set_or_an_option(text, parts):
    assert listed([text]) == parts


def test_sets_are_found_below_the_root_in_any_letters_and_elsewhere(tmp_path):
    for one in ("Market1501", "prid_2011"):
        (tmp_path / one).mkdir()
    where = placed(["msmt17:/m,viper=packed:/v"], str(tmp_path))
    assert where.source("market1501,train=all") == f"market1501:{tmp_path}/Market1501,train=all"
    assert where.source("prid2011") == f"prid2011:{tmp_path}/prid_2011"
    assert where.source("msmt17") == "msmt17:/m" and where.source("viper") == "packed:/v"
    assert where.source("csv:/x.csv") == "csv:/x.csv"
    with pytest.raises(ValueError, match=r"no folder grid/ \(grid\): .* --at=grid:FOLDER"):
        where.source("grid")
    with pytest.raises(ValueError, match=r"no data set 'markt1501', did you mean 'market1501'"):
        where.source("markt1501")
    with pytest.raises(ValueError, match="where is grid.*--at=grid:FOLDER.*--root=FOLDER"):
        placed([]).source("grid")
    with pytest.raises(ValueError, match="--root=/none: there is no such folder"):
        placed([], "/none").source("grid")
    with pytest.raises(ValueError, match="--at=grid: write KIND:PATH"):
        placed(["grid"])


def test_a_set_that_lies_elsewhere_keeps_the_options_that_its_kind_knows():
    where = placed(["cuhk03=csv:/c.csv,viper:/v"])
    assert where.source("cuhk03,protocol=new") == "csv:/c.csv"
    assert where.source("cuhk03,train=all,boxes=labeled") == "csv:/c.csv,train=all"
    assert where.source("cuhk03,protcol=new") == "csv:/c.csv,protcol=new"  # an error follows
    assert where.source("viper,split=3") == "viper:/v,split=3"


def test_a_source_is_the_set_that_lies_there(tmp_path):
    where = placed([f"msmt17=packed:{tmp_path}/m"])
    assert where.name(f"packed:{tmp_path}/x/../m,train=all") == "msmt17"
    assert where.name("market1501:/anywhere") == "market1501"
    assert where.name("csv:/a/../b.csv") == "csv:/b.csv"
    assert where.name("synthetic:plaza,persons=3") == "synthetic:plaza"


def test_a_part_is_told_by_the_options_that_change_it():
    where = placed([])
    assert where.part("market1501:/x,train=all,seed=3") == "market1501,train=all"
    assert where.part("cuhk_sysu:/x,train=all") == "cuhk_sysu"
    assert where.part("cuhk03:/x,boxes=labeled,protocol=new") == "cuhk03"
    assert where.part("msmt17:/x,persons=9,labels=no") == "msmt17,labels=no,persons=9"


def test_show_tells_how_to_train_and_what_is_missing(tmp_path):
    for one in ("market1501", "dukemtmc-reid", "cuhk03"):
        (tmp_path / one).mkdir()
    text = "\n".join(wanted.shown("dg1", PROTOCOLS["dg1"], placed([], str(tmp_path))))
    assert (
        f"--config.data=market1501:{tmp_path}/market1501+dukemtmc:{tmp_path}/dukemtmc-reid"
        f"+cuhk03:{tmp_path}/cuhk03 \\\n  --config.test=msmt17:{tmp_path}/msmt17"
    ) in text
    assert "not there: msmt17/ or msmt17_v1/" in text and text.count("not there") == 1
    text = "\n".join(wanted.shown("dg2", PROTOCOLS["dg2"], placed([])))
    assert text.count("10 splits") == 4 and "cuhk02:/data/cuhk02,train=all" in text
    text = "\n".join(wanted.shown("single-shot", PROTOCOLS["single-shot"], placed([])))
    assert "20 splits, 100 draws each" in text
