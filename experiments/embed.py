"""A folder of pictures -> an .npz of names and embeddings.

python -m experiments.embed --workdir=runs/street --pictures=/my/crops --out=crops.npz

or with --encoder=FOLDER, what experiments.export wrote, or with --weights=FILE --backbone=NAME, instead of --workdir.
The file holds `name` (paths below the folder) and `embedding` f32[n d], rows of length 1: their inner product is the
cosine.
"""

import os
import time
from pathlib import Path

import numpy as np
from absl import flags

from experiments import chosen, command, sources
from reid_jax import distance, evaluate, export, parallel
from reid_jax.data.folders import pictures

_PICTURES = flags.DEFINE_string("pictures", None, "the folder, searched through to the bottom", required=True)
_OUT = flags.DEFINE_string("out", None, "the .npz to write", required=True)
_ENCODER = flags.DEFINE_string("encoder", None, "an exported encoder, instead of --workdir")
_SKIP_BROKEN = flags.DEFINE_boolean("skip_broken", False, "leave out pictures that cannot be read")
_WORKERS = flags.DEFINE_integer("workers", 0, "processes that decode pictures; 0: threads of this process")
BATCH = 64


def main() -> None:
    """Embed and write, whole or not at all."""
    command.distribute()
    out = Path(_OUT.value)
    if out.exists():
        raise FileExistsError(f"{out} exists already; choose another --out")
    if out.suffix != ".npz":
        raise ValueError(f"--out is an .npz, not {out}")
    found = pictures(_PICTURES.value)
    if _SKIP_BROKEN.value:
        found = sources.without_broken(found, "folder's")
    embed, variables, taken = _encoder()
    rows = np.arange(len(found.person))
    started = time.monotonic()

    def watch(done: int, total: int) -> None:
        rate = done / (time.monotonic() - started)
        if done == total or done // BATCH % 16 == 0:
            print(
                f"{done:,} of {total:,} pictures  {rate:.0f} images/s  {(total - done) / rate:.0f} s left", flush=True
            )

    options = {"taken": taken, "batch": BATCH, "workers": _WORKERS.value, "watch": watch}
    embedding = np.asarray(distance.normalise(evaluate.embed_rows(embed, variables, found, rows, **options)))
    names = [os.path.relpath(found.image[int(row)], _PICTURES.value) for row in rows]
    unfinished = out.with_suffix(f".unfinished-{os.getpid()}.npz")
    np.savez(unfinished, name=np.array(names), embedding=embedding)
    unfinished.rename(out)
    print(f"{out}: {len(names):,} names, embeddings of {embedding.shape[1]}")


def _encoder() -> tuple:
    """(embed, its variables, what it takes) from a run or an exported encoder."""
    if _ENCODER.value:
        run, about = export.load(_ENCODER.value)
        return (lambda variables, image: run(image)), None, export.taken(about)
    _, model, variables = chosen.encoder()
    return parallel.build_embed(model), parallel.replicate(variables), model.input


if __name__ == "__main__":
    command.plain(main)
