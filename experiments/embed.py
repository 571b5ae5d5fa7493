"""Pictures -> a file of names and embeddings, .npz or .parquet.

    python -m experiments.embed --workdir=runs/street --pictures=/my/crops --out=crops.npz

or with --encoder=FOLDER, what experiments.export wrote, or with --weights=FILE --backbone=NAME,
instead of --workdir; without any of them by street, which comes with the library. The pictures
are a folder's, all that are below it; or what a training takes: a packed folder, the crops of
videos among them, a CSV, or any KIND:PATH. The file holds

- `embedding` f32[n d], rows of length 1: their inner product is the cosine;
- `name`: a file's path below the folder, or beside the CSV; `row-000123` where pictures are no
  files;
- what is known of each picture: `person`, `camera`, `domain`, `group`, `split`, `frame` and `shot`,
  as `reid_jax.types.Records` has them;
- `encoder`: a hash of the encoder's weights.

--out=crops.parquet has the same columns, null where -1 is unknown, the hash in the file's metadata,
and keys of what a detector cut out: `video` (the film's path), `box` (left, top, width, height in
pixels of the frame), `track`, `rate` (frames a second). `reid-jax gallery --add` takes either.
"""

import time
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags

from reid_jax import distance, encoders, evaluate, export, lean, parallel
from reid_jax.app import command, embedded, keys, loaded, outputs, pictures, progress, sources
from reid_jax.data import records
from reid_jax.options import expanded
from reid_jax.retrieval import point
from reid_jax.types import Input

_PICTURES = flags.DEFINE_string(
    "pictures",
    None,
    "a folder, searched to the bottom or packed, a .csv, or KIND:PATH as for a training",
    required=True,
)
_OUT = flags.DEFINE_string("out", None, "the .npz or .parquet to write", required=True)
_ENCODER = flags.DEFINE_string("encoder", None, "an exported encoder, instead of --workdir")
_SKIP_BROKEN = flags.DEFINE_boolean("skip_broken", False, "leave out pictures that cannot be read")
BATCH = 64


def main() -> None:
    """Embed and write, whole or not at all."""
    out = outputs.new(_OUT.value, ".npz", ".parquet")
    embedded.ready(out)
    by = _ENCODER.value or loaded.named(usual=True)
    command.say(f"embed: the pictures of {_PICTURES.value} by {by}, into {out}")
    data, name = pictures.opened(_PICTURES.value)
    names, known = np.array(name), keys.known(_PICTURES.value, data)
    if _SKIP_BROKEN.value:
        fine = records.readable(data)
        sources.say_broken(data, fine, "given")
        data, names = records.take(data, fine), names[fine]
        known = {key: list(compress(values, fine)) for key, values in known.items()}
    if not len(names):
        raise ValueError(f"--pictures={_PICTURES.value} holds no picture that can be read")
    embed, variables, input, encoder = _encoder()
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
    embedded.write(out, names.tolist(), distance.unit(embedding), data, encoder, known)
    command.say(f"{out}: {len(names):,} names, embeddings of {embedding.shape[1]}")


def _encoder() -> tuple[parallel.Embed, Any, Input, str]:
    """(embed, its variables, its input, its hash) of a run, of weights, or of an export."""
    half = _half(_ENCODER.value or "")
    if _ENCODER.value and not half:
        folder = expanded(_ENCODER.value)
        run = export.load(folder)[0]
        input = export.use(folder)[0]
        return (lambda variables, image: run(image)), None, input, export.fingerprint(folder)
    _, model, variables = encoders.trained(half) if half else loaded.encoder(usual=True)
    embed, placed = parallel.build_embed(model), parallel.replicate(variables)
    return embed, placed, model.input, point.fingerprint(variables)


def _half(text: str) -> Path | None:
    """The folder of an encoder in half precision; None where `text` names another."""
    folder = lean.shipped(text) or Path(expanded(text))
    return folder if text and lean.holds(folder) else None


if __name__ == "__main__":
    command.plain(main)
