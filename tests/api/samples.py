"""The files that the examples of the docstrings and of README name."""

import cv2
import jax
import numpy as np
import orbax.checkpoint as ocp
from flax import traverse_util

import reid_jax
from reid_jax import checkpoint
from reid_jax.data import records
from reid_jax.models import pretrained


def pictures(folder, names, seed=0):
    """JPEG files of people of the street."""
    people = reid_jax.synthetic.labelled(persons=len(names), cameras=1, per_camera=1, seed=seed)
    for row, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), records.read(people, row)[:, :, ::-1])


def prepare(folder):
    """a.jpg, b.jpg, a folder crops, a run runs/market, and resnet.npz, a weights file of it."""
    pictures(folder, ["a.jpg", "b.jpg"])
    pictures(folder / "crops", ["1.jpg", "2.jpg", "night/3.jpg"], seed=1)
    model = reid_jax.build("resnet_small", size=(64, 32))
    variables = jax.tree.map(np.asarray, model.init(jax.random.key(0)))
    run(folder / "runs" / "market", model, variables)
    flat = traverse_util.flatten_dict(dict(variables), sep="/")
    arrays = {
        pretrained.torch_name(name): value.transpose(3, 2, 0, 1) if value.ndim == 4 else value
        for name, value in flat.items()
        if name.split("/")[1] == "trunk"
    }
    np.savez(folder / "resnet.npz", **arrays)


def run(workdir, model, variables):
    """What a training leaves of its encoder."""
    workdir.mkdir(parents=True)
    (workdir / "config.json").write_text(
        '{"backbone": "resnet_small", "size": "64x32", "epochs": 3, "learning_rate": 0.1}'
    )
    with checkpoint.manager(workdir / "checkpoints") as checkpoints:
        parts = ocp.args.Composite(
            encoder=ocp.args.StandardSave(variables),
            input=ocp.args.JsonSave(model.input._asdict()),
        )
        checkpoints.save(1, args=parts)
        checkpoints.wait_until_finished()
