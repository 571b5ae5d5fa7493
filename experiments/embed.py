"""Pictures -> a file of names and embeddings, .npz or .parquet.

    python -m experiments.embed --workdir=runs/street --pictures=/my/crops --out=crops.npz

or with --encoder=FOLDER, what experiments.export wrote, or --encoder=hf://owner/name@revision, the
same on a model hub, or with --weights=FILE --backbone=NAME, instead of --workdir; without any of
them by street, which comes with the library. The pictures are a folder's, all that are below it; or
what a training takes: a packed folder, the crops of videos among them, a CSV, or any KIND:PATH. The
file holds

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

import numpy as np
from absl import flags

from reid_jax import distance, evaluate, parallel
from reid_jax.app import command, embedded, keys, loaded, outputs, pictures, progress, sources
from reid_jax.data import records

_PICTURES = flags.DEFINE_string(
    "pictures",
    None,
    "a folder, searched to the bottom or packed, a .csv, or KIND:PATH as for a training",
    required=True,
)
_OUT = flags.DEFINE_string("out", None, "the .npz or .parquet to write", required=True)
_SKIP_BROKEN = flags.DEFINE_boolean("skip_broken", False, "leave out pictures that cannot be read")
BATCH = 64


def main() -> None:
    """Embed and write, whole or not at all."""
    out = outputs.new(_OUT.value, ".npz", ".parquet")
    embedded.ready(out)
    by = loaded.named(usual=True)
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
    encoder = loaded.encoder(usual=True)
    embed, placed = parallel.build_embed(encoder.model), parallel.replicate(encoder.variables)
    rows = np.arange(len(names))
    started = time.monotonic()
    with progress.doing("embedding pictures") as watch:
        embedding = evaluate.embed_rows(
            embed,
            placed,
            data,
            rows,
            input=encoder.model.input,
            batch=BATCH,
            workers=command.workers(),
            watch=watch,
        )
    command.say(f"{len(rows):,} pictures, {len(rows) / (time.monotonic() - started):.0f} a second")
    by = encoder.fingerprint
    embedded.write(out, names.tolist(), distance.unit(embedding), data, by, known)
    command.say(f"{out}: {len(names):,} names, embeddings of {embedding.shape[1]}")


if __name__ == "__main__":
    command.plain(main)
