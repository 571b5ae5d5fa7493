"""results.json: the figures of a run or of `reid-jax evaluate`, and where they come from.

{"mAP": 0.61, ..., "spread": {"mAP": {"deviation": ..., "low": ..., "high": ...}, ...},
 "about": {"form": 1, "command": ..., "config": ..., "seeds": [0], "test": {...}, ...}}

Beside it lies an .npz of the same name with what was measured of each query.
"""

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from reid_jax.app import about as origins
from reid_jax.app import origin
from reid_jax.app.protocols.targets import mark
from reid_jax.data import records
from reid_jax.data.check import survey
from reid_jax.evaluate import RANKS
from reid_jax.retrieval import bootstrap
from reid_jax.retrieval.ranking import Ranking
from reid_jax.types import Records
from reid_jax.whole import whole

FORM = 1  # of the file
FILE = "results.json"
LOOKED = 64  # pictures that are no files, whose contents tell two tests apart
MEANS = ("mAP", "mINP", *(f"rank{k}" for k in RANKS))  # figures that are means over queries


class Queries(NamedTuple):
    """What was measured of each of n queries.

    Attributes:
        name: <U[n], a file's name, or `row-000012`.
        ap: f64[n], average precision; NaN: the query has no match.
        inp: f64[n], inverse negative penalty; NaN likewise.
        first: i32[n], rank of the first match, from 1; 0: none.
    """

    name: np.ndarray
    ap: np.ndarray
    inp: np.ndarray
    first: np.ndarray

    def values(self) -> np.ndarray:
        """f64[valid len(MEANS)], what the figures are means of."""
        valid = self.first > 0
        ranks = [self.first[valid] <= k for k in RANKS]
        return np.stack([self.ap[valid], self.inp[valid], *ranks], 1).astype(np.float64)


class Result(NamedTuple):
    """What is in a file.

    Attributes:
        path: of the file.
        figures: by name, in [0, 1]; none without a test.
        spread: of the figures that are means, by bootstrap over the queries.
        about: where they come from.
        queries: None without a test.
    """

    path: Path
    figures: dict[str, float]
    spread: dict[str, dict[str, float]]
    about: dict[str, Any]
    queries: Queries | None


def test_of(test: Records, source: str, **how: Any) -> dict[str, Any]:
    """What is tested on, and by which protocol.

    Args:
        test: query and gallery.
        source: KIND:PATH.
        how: the protocol: metric, same_camera, flip.

    Returns:
        With a `mark`, which other pictures, persons or cameras do not have.
    """
    marked = hashlib.sha256(mark(test).encode())
    n = len(test.person)
    for row in np.unique(np.linspace(0, n - 1, min(n, LOOKED)).astype(int)):
        item = test.image[int(row)]
        if not isinstance(item, str):  # a file's name is in the mark
            marked.update(item if isinstance(item, bytes) else np.ascontiguousarray(item).tobytes())
    found = survey(test)
    counts = {split: found.images.get(split, 0) for split in ("query", "gallery")}
    return {"source": source, "mark": marked.hexdigest()[:16], **counts, **how}


def run_about(config: Mapping[str, Any], workdir: Path, encoder: str) -> dict[str, Any]:
    """What is to be said of an encoder of a run, beside `origin.told`.

    Args:
        config: the run's, by name.
        workdir: its folder.
        encoder: the hash of its encoder.
    """
    folder = str(workdir.absolute())
    began = origins.read(workdir)
    return {
        "folder": folder,
        "experiment": began.experiment,
        "recipe": began.recipe,
        **encoder_about(config, encoder, folder),
    }


def encoder_about(config: Mapping[str, Any], encoder: str, folder: str = "") -> dict[str, Any]:
    """The same of any encoder; `folder`: of its run."""
    return {
        "configuration": origin.digest(config, folder),
        "config": dict(config),
        "seeds": [config["seed"]] if "seed" in config else [],
        "encoder": encoder,
    }


def write(
    path: Path,
    figures: Mapping[str, float],
    ranking: Ranking | None,
    test: Records,
    about: Mapping[str, Any],
) -> None:
    """Write figures and what was measured of each query; of several processes one does.

    Args:
        path: a .json file, which is replaced, as the .npz beside it is.
        figures: by name, in [0, 1].
        ranking: that they were taken from; None: there is no test.
        test: query and gallery.
        about: where they come from, beside `origin.told`.
    """
    if jax.process_index():
        return
    spread: dict[str, Any] = {}
    told = {"form": FORM, **origin.told(), **about}
    if ranking is not None:
        queries = Queries(_names(test), ranking.ap, ranking.inp, ranking.first.astype(np.int32))
        (drawn,) = bootstrap.resampled([queries.values()[None]])
        spread = {
            name: bootstrap.spread(column)._asdict()
            for name, column in zip(MEANS, drawn.T, strict=True)
        }
        packed = io.BytesIO()
        np.savez_compressed(packed, **queries._asdict())
        told["queries"] = hashlib.sha256(packed.getvalue()).hexdigest()[:16]
        with whole(path.with_suffix(".npz")) as unfinished:
            unfinished.write_bytes(packed.getvalue())
    with whole(path) as unfinished:
        unfinished.write_text(
            json.dumps({**figures, "spread": spread, "about": told}, indent=1) + "\n"
        )


def _names(test: Records) -> np.ndarray:
    """The names of the queries."""
    query = records.where(test, "query")
    items = [query.image[row] for row in range(len(query.person))]
    return np.array(
        [
            os.path.basename(item) if isinstance(item, str) else f"row-{row:06}"
            for row, item in enumerate(items)
        ]
    )


def read(path: Path) -> Result:
    """Read a file of `write`.

    Raises:
        ValueError: it is none, or the .npz beside it is not its own.
    """
    try:
        kept = json.loads(path.read_text())
        about = kept.pop("about")
        spread = kept.pop("spread")
        if about["form"] != FORM:
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError(
            f"{path} is no file of results that this version reads; write it anew with "
            "`reid-jax evaluate --workdir=RUN --out=FILE`"
        ) from None
    if not kept:
        return Result(path, {}, {}, about, None)
    beside = path.with_suffix(".npz")
    try:
        content = beside.read_bytes()
        if hashlib.sha256(content).hexdigest()[:16] != about["queries"]:
            raise ValueError
        with np.load(io.BytesIO(content), allow_pickle=False) as held:
            queries = Queries(*(held[name] for name in Queries._fields))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        raise ValueError(
            f"{beside} is missing or not that of {path.name}; write both anew with "
            "`reid-jax evaluate --workdir=RUN --out=FILE`"
        ) from None
    return Result(path, kept, spread, about, queries)
