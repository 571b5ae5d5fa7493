"""The published data sets by name."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from reid_jax.data.sets import cuhk03 as _cuhk03
from reid_jax.data.sets.cuhk01 import cuhk01
from reid_jax.data.sets.cuhk02 import cuhk02
from reid_jax.data.sets.cuhk_sysu import cuhk_sysu
from reid_jax.data.sets.draw import SPLITS
from reid_jax.data.sets.dukemtmc import dukemtmc
from reid_jax.data.sets.grid import grid
from reid_jax.data.sets.ilids import ilids
from reid_jax.data.sets.luperson import luperson
from reid_jax.data.sets.market1501 import market1501
from reid_jax.data.sets.mars import mars
from reid_jax.data.sets.mot import mot15, mot17, mot20
from reid_jax.data.sets.msmt17 import msmt17
from reid_jax.data.sets.pku_reid import pku_reid
from reid_jax.data.sets.prid2011 import prid2011
from reid_jax.data.sets.randperson import randperson
from reid_jax.data.sets.viper import viper
from reid_jax.types import Records


class Set(NamedTuple):
    """A published data set.

    Attributes:
        read: (folder, *, say, option=...) -> Records.
        about: a line about it.
        options: what the reader can be told, by name: the least and the greatest whole number, or
            the words.
    """

    read: Callable[..., Records]
    about: str
    options: Mapping[str, tuple[int, int] | tuple[str, ...]] = {}


_DRAWS = {"split": SPLITS}
SETS = {
    "market1501": Set(market1501, "Market-1501: 751 and 750 persons, 6 cameras"),
    "dukemtmc": Set(
        dukemtmc, "DukeMTMC-reID: 702 and 702 persons, 8 cameras; withdrawn by its authors"
    ),
    "msmt17": Set(msmt17, "MSMT17, version 1 or 2: 1,041 and 3,060 persons, 15 cameras"),
    "cuhk03": Set(
        _cuhk03.cuhk03,
        "CUHK03, new protocol (767 and 700 persons) or classic (20 lists of 100 test persons)",
        {
            "boxes": ("detected", "labeled", "both"),
            "protocol": ("new", "classic"),
            "split": (1, _cuhk03.LISTS),
        },
    ),
    "cuhk01": Set(cuhk01, "CUHK01: 971 persons to train on, or 485 and 486 by split=N", _DRAWS),
    "cuhk02": Set(cuhk02, "CUHK02: 1,577 and 239 persons, five pairs of cameras"),
    "cuhk_sysu": Set(cuhk_sysu, "CUHK-SYSU: 11,934 persons to train on, cut out of its frames"),
    "prid2011": Set(
        prid2011, "PRID 2011: 100 queries among 649 persons", {**_DRAWS, "train": ("all",)}
    ),
    "grid": Set(grid, "GRID: 125 queries among 900 pictures, its ten splits", _DRAWS),
    "viper": Set(viper, "VIPeR: 316 queries among 316 persons", _DRAWS),
    "ilids": Set(ilids, "i-LIDS: 60 queries among 60 persons", {**_DRAWS, "train": ("all",)}),
    "randperson": Set(
        randperson,
        "RandPerson, synthetic: 8,000 persons, 132,145 pictures or 1,801,816",
        {"part": ("subset", "whole")},
    ),
    "luperson": Set(luperson, "LUPerson: unlabelled, a video a group"),
    "mars": Set(mars, "MARS: tracklets of 625 and 636 persons, a tracklet a group"),
    "pku_reid": Set(pku_reid, "PKU-Reid: 114 persons to train on, or 57 and 57", _DRAWS),
    "mot15": Set(mot15, "MOT15: people of 11 videos, cut out of their frames"),
    "mot17": Set(mot17, "MOT17: people of 7 videos"),
    "mot20": Set(mot20, "MOT20: people of 4 videos"),
}
