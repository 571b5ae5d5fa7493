"""A folder of pictures -> an .npz of names and embeddings.

    python -m experiments.embed --workdir=runs/street --pictures=/my/crops --out=crops.npz

or with --encoder=FOLDER, what experiments.export wrote, or with --weights=FILE --backbone=NAME,
instead of --workdir. The file holds `name` (paths below the folder) and `embedding` f32[n d], rows
of length 1: their inner product is the cosine.
"""

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags

from reid_jax import checkpoint, distance, evaluate, export, parallel
from reid_jax.app import command, loaded, sources
from reid_jax.data.folders import pictures
from reid_jax.types import Input
from reid_jax.whole import whole

_PICTURES = flags.DEFINE_string(
    "pictures", None, "the folder, searched through to the bottom", required=True
)
_OUT = flags.DEFINE_string("out", None, "the .npz to write", required=True)
_ENCODER = flags.DEFINE_string("encoder", None, "an exported encoder, instead of --workdir")
_SKIP_BROKEN = flags.DEFINE_boolean("skip_broken", False, "leave out pictures that cannot be read")
BATCH = 64


def main() -> None:
    """Embed and write, whole or not at all."""
    out = Path(_OUT.value)
    if out.exists():
        raise FileExistsError(f"{out} exists already; choose another --out")
    if out.suffix != ".npz":
        raise ValueError(f"--out is an .npz, not {out}")
    folder = pictures(_PICTURES.value)
    if _SKIP_BROKEN.value:
        folder = sources.without_broken(folder, "folder's")
    embed, variables, input = _encoder()
    rows = np.arange(len(folder.person))
    started = time.monotonic()

    def watch(done: int, total: int) -> None:
        rate = done / (time.monotonic() - started)
        if done == total or done // BATCH % 16 == 0:
            left = f"{(total - done) / rate:.0f} s left"
            command.say(f"{done:,} of {total:,} pictures  {rate:.0f} images/s  {left}")

    embedding = evaluate.embed_rows(
        embed,
        variables,
        folder,
        rows,
        input=input,
        batch=BATCH,
        workers=command.workers(),
        watch=watch,
    )
    paths = [str(folder.image[int(row)]) for row in rows]
    names = [os.path.relpath(path, _PICTURES.value) for path in paths]
    with whole(out) as unfinished, unfinished.open("wb") as file:
        np.savez(file, name=np.array(names), embedding=distance.unit(embedding))
    command.say(f"{out}: {len(names):,} names, embeddings of {embedding.shape[1]}")


def _encoder() -> tuple[parallel.Embed, Any, Input]:
    """(embed, its variables, its input) of a run, of a weights file, or of an exported encoder."""
    if _ENCODER.value:
        run, about = export.load(_ENCODER.value)
        return (
            (lambda variables, image: run(image)),
            None,
            checkpoint.input_of(about["normalisation"]),
        )
    _, model, variables = loaded.encoder()
    return parallel.build_embed(model), parallel.replicate(variables), model.input


if __name__ == "__main__":
    command.plain(main)
