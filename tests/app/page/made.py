"""A report of every kind of block, full of names of strangers; reports of runs that never were."""

import json
import types

import jax
import numpy as np
import optax
from absl import flags

from reid_jax import parallel
from reid_jax.app import about, report
from reid_jax.app.job import Job
from reid_jax.app.page.blocks import (
    AREA,
    POINTS,
    Chart,
    Code,
    Lines,
    Mark,
    Picture,
    Row,
    Section,
    Series,
    Sheet,
    Table,
    Text,
    Tile,
)
from reid_jax.app.page.inks import QUERY, RIGHT, SEVERAL, WRONG
from reid_jax.data import records
from reid_jax.methods.ide import ide
from reid_jax.types import Plan
from tests import tiny

EVIL = "a/<script>alert(1)</script>\"'&`x|**y**</section></main>.jpg"


def sections():
    """One section for each kind of block; names in all of them are EVIL."""
    noise = np.random.default_rng(0).integers(0, 256, (128, 64, 3), dtype=np.uint8)
    tiles = [Tile(noise, ink, (EVIL, "camera 1"), EVIL) for ink in (QUERY, RIGHT, WRONG, None)]
    x = np.arange(5.0)
    numbers = Table(EVIL, ["epoch", EVIL], [["1", EVIL], ["2", "3"]])
    line = Series(EVIL, x, x**2, RIGHT)
    chart = Chart(EVIL, EVIL, EVIL, EVIL, [line, line._replace(other=1)], table=numbers, whole=True)
    area = Series("histogram", x, x[1:], WRONG, AREA)
    dots = [Series(EVIL, x, x, ink, POINTS, k % 3) for k, ink in enumerate(SEVERAL)]
    return [
        Section("Words", [Text(f"a `{EVIL}` b"), Lines([EVIL, "**c**"]), Code(f"{EVIL}\n  d")]),
        Section("Tables", [numbers, numbers._replace(folded=True, words=True)]),
        Section("Charts", [
            chart,
            chart._replace(series=[area], marks=[Mark(2.0, EVIL)], table=None),
            chart._replace(series=dots, bare=True, table=None),
        ]),
        Section("Pictures", [
            Sheet(EVIL, EVIL, [Row(f"{EVIL}\nb", tiles)], told=True, file="a.png"),
            Sheet(EVIL, EVIL, [Row("", tiles), Row("b", tiles[:1])], 2),
            Picture(EVIL, EVIL, noise, "b.png"),
        ]),
    ]  # fmt: skip


def written(
    folder, *, test=True, cameras=3, labels=True, lines=True, names=EVIL, people=tiny.world
):
    """Write the report of a run that never was; returns the page and its text.

    Args:
        folder: of the run.
        test: whether there is a test set.
        cameras: of the data.
        labels: whether the last epoch has pseudo labels.
        lines: whether metrics.jsonl has any.
        names: of the data sets.
        people: -> Records.
    """
    if not flags.FLAGS.is_parsed():
        flags.FLAGS.mark_as_parsed()
    train, model = people(), tiny.encoder()
    train = train._replace(camera=train.camera % cameras)
    split = np.where(np.arange(len(train.person)) % 4 == 0, "query", "gallery")
    tested = train._replace(split=split) if test else records.take(train, np.zeros(0, int))
    job = Job(ide(model), model, optax.identity(), (), train, tested)
    config = types.SimpleNamespace(
        rank_by="cosine", same_camera=cameras == 1, seed=0, epochs=3, test=names, data=names,
        backbone="tiny", size="8x8", eps=0.5, weights="",
    )  # fmt: skip
    folder.mkdir(parents=True)
    if lines:
        with (folder / "metrics.jsonl").open("w") as file:
            for epoch in range(3):
                line = {"kind": "train", "epoch": epoch, "step": epoch, "loss": 3.0 - epoch}
                health = {"labels": 5 + epoch, "labelled": 40, "outlier_part": 0.2, "purity": 0.5}
                file.write(json.dumps(line | (health if labels else {"accuracy": 0.5})) + "\n")
                file.write(json.dumps({**line, "kind": "test", "mAP": 0.1 * epoch}) + "\n")
            file.write('{"kind": "tr')  # cut by a kill
    hidden = train._replace(domain=np.ones(len(train.person), np.int32)) if labels else train
    label = np.where(np.arange(len(train.person)) % 5, train.person, -1)
    figures = {"labels": 12.0, "labelled": 70.0, "outlier_part": 0.2}
    plan = Plan(np.zeros((1, 1), int), label, figures) if labels else None
    variables = model.init(jax.random.key(0))
    report.write(
        job._replace(train=hidden), config, parallel.build_embed(model),
        parallel.replicate(variables), folder / "report", plan,
    )  # fmt: skip
    assert about.read(folder) == about.About()
    made = [(folder / "report" / name).read_text() for name in ("report.html", "report.md")]
    return made[0], made[1]
