"""Files of results of encoders that were never trained."""

import json

import numpy as np

from reid_jax import evaluate
from reid_jax.app import origin
from reid_jax.app.results import record
from reid_jax.data import records

CONFIG = {"data": "csv:a.csv", "learning_rate": 0.1, "seed": 0, "weights": ""}


def data_of(persons=20, first=0):
    """Two pictures of each person by two cameras, half of them queries."""
    person = np.repeat(np.arange(1, persons + 1), 4)
    camera = np.tile([0, 0, 1, 1], persons)
    split = np.tile(["query", "gallery", "query", "gallery"], persons)
    names = [f"/some/where/{row + first}.jpg" for row in range(len(person))]
    return records.make(names, person, camera, split=split)


def ranked(test, noise, seed=0):
    """A ranking of embeddings that know the person up to some noise."""
    rng = np.random.default_rng(seed)
    truth = np.random.default_rng(7).normal(size=(test.person.max() + 1, 8))
    rows = truth[test.person] + noise * rng.normal(size=(len(test.person), 8))
    return evaluate.rank_records(rows.astype(np.float32), test, metric="cosine")


def run(folder, noise=0.5, *, test=None, draw=None, how=None, figures=True, **config):
    """The folder of a run with results; the ranking of its test."""
    test = data_of() if test is None else test
    folder.mkdir(parents=True)
    config = {**CONFIG, **config}
    (folder / "config.json").write_text(json.dumps(config))
    ranking = ranked(test, noise, config["seed"] if draw is None else draw) if figures else None
    told = {
        "folder": str(folder),
        "configuration": origin.digest(config, str(folder)),
        "config": config,
        "seeds": [config["seed"]],
        "encoder": f"{folder.name}-{noise}",
        "seconds": 3661.0,
    }
    if figures:
        ways = {"metric": "cosine", "same_camera": False, "flip": False, **(how or {})}
        told["test"] = record.test_of(test, "csv:a.csv", **ways)
    shown = dict(evaluate.figures(ranking)) if figures else {}
    record.write(folder / record.FILE, shown, ranking, test, told)
    return ranking
