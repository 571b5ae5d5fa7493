"""Pictures -> an .npz of names and embeddings.

    python -m experiments.embed --workdir=runs/street --pictures=/my/crops --out=crops.npz

or with --encoder=FOLDER, what experiments.export wrote, or with --weights=FILE --backbone=NAME,
instead of --workdir. The pictures are a folder's, all that are below it; or what a training takes:
a packed folder, the crops of videos among them, a CSV, or any KIND:PATH. The file holds

- `embedding` f32[n d], rows of length 1: their inner product is the cosine;
- `name`: a file's path below the folder, or beside the CSV; `row-000123` where pictures are no
  files;
- what is known of each picture: `person`, `camera`, `domain`, `group`, `split`, `frame` and `shot`,
  as `reid_jax.types.Records` has them.
"""

import time
from typing import Any

import numpy as np
from absl import flags

from reid_jax import checkpoint, distance, evaluate, export, parallel
from reid_jax.app import command, loaded, outputs, pictures, progress, sources
from reid_jax.data import records
from reid_jax.options import expanded
from reid_jax.types import Input
from reid_jax.whole import whole

_PICTURES = flags.DEFINE_string(
    "pictures",
    None,
    "a folder, searched to the bottom or packed, a .csv, or KIND:PATH as for a training",
    required=True,
)
_OUT = flags.DEFINE_string("out", None, "the .npz to write", required=True)
_ENCODER = flags.DEFINE_string("encoder", None, "an exported encoder, instead of --workdir")
_SKIP_BROKEN = flags.DEFINE_boolean("skip_broken", False, "leave out pictures that cannot be read")
BATCH = 64


def main() -> None:
    """Embed and write, whole or not at all."""
    out = outputs.new(_OUT.value, ".npz")
    by = _ENCODER.value or loaded.named()
    command.say(f"embed: the pictures of {_PICTURES.value} by {by}, into {out}")
    data, name = pictures.opened(_PICTURES.value)
    names = np.array(name)
    if _SKIP_BROKEN.value:
        fine = records.readable(data)
        sources.say_broken(data, fine, "given")
        data, names = records.take(data, fine), names[fine]
    if not len(names):
        raise ValueError(f"--pictures={_PICTURES.value} holds no picture that can be read")
    embed, variables, input = _encoder()
    rows = np.arange(len(names))
    started = time.monotonic()
    with progress.doing("embedding pictures") as watch:
        embedding = evaluate.embed_rows(
            embed,
            variables,
            data,
            rows,
            input=input,
            batch=BATCH,
            workers=command.workers(),
            watch=watch,
        )
    command.say(f"{len(rows):,} pictures, {len(rows) / (time.monotonic() - started):.0f} a second")
    columns = {column: getattr(data, column) for column in data._fields[1:]}
    with whole(out) as unfinished, unfinished.open("wb") as file:
        np.savez(file, name=names, embedding=distance.unit(embedding), **columns)
    command.say(f"{out}: {len(names):,} names, embeddings of {embedding.shape[1]}")


def _encoder() -> tuple[parallel.Embed, Any, Input]:
    """(embed, its variables, its input) of a run, of a weights file, or of an exported encoder."""
    if _ENCODER.value:
        run, about = export.load(expanded(_ENCODER.value))
        return (
            (lambda variables, image: run(image)),
            None,
            checkpoint.input_of(about["normalisation"]),
        )
    _, model, variables = loaded.encoder()
    return parallel.build_embed(model), parallel.replicate(variables), model.input


if __name__ == "__main__":
    command.plain(main)
