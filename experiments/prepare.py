r"""Pack a data set, or the people of videos, into a few files that a run reads in any order.

    python -m experiments.prepare --source=market1501:/data/Market-1501 --out=/data/market-packed
    python -m experiments.ide --workdir=runs/market --config.data=packed:/data/market-packed \
        --config.test=

Raw video (needs `pip install 'reid_jax[video]'`) is cut into shots, shots with fewer than two
people are dropped, and people are cut out of every seventh frame:

    python -m experiments.prepare videos --videos=/my/videos --detector=onnx:nanodet.onnx \
        --out=/data/footage
    python -m experiments.remix --workdir=runs/mixed --config.videos=packed:/data/footage

A killed run goes on with the same command. Views of one place that were taken together are named by
--views, and share their frame numbers: `--views=left.mp4,right.mp4`, or a folder of them.
"""

from absl import flags

from reid_jax.app import command, footage, outputs, progress, sources
from reid_jax.data import packed
from reid_jax.data.check import summary, survey

_SOURCE = flags.DEFINE_string("source", None, "KIND:PATH of the pictures")
_OUT = flags.DEFINE_string("out", None, "the new folder to write")
_SKIP_BROKEN = flags.DEFINE_boolean(
    "skip_broken", False, "leave out pictures that cannot be read, and name them"
)
flags.adopt_module_key_flags(footage)  # --help shows them


def pictures() -> None:
    """Count and pack the pictures, and say how long it takes."""
    if not _SOURCE.value or not _OUT.value:
        raise ValueError(
            "name the pictures with --source=KIND:PATH and the new folder with --out=FOLDER; the "
            "job for video is `reid-jax prepare videos`"
        )
    out = outputs.new(_OUT.value)
    command.say(f"prepare: {_SOURCE.value} into {out}")
    data = sources.opened(_SOURCE.value, shared=True)
    command.say(summary(survey(data)))
    if _SKIP_BROKEN.value:
        data = sources.without_broken(data, "source")
    with progress.doing("packing pictures") as watch:
        packed.pack(data, out, watch=watch)
    command.say(f"{out}: {len(data.person):,} pictures; use it as packed:{out}")


if __name__ == "__main__":
    command.plain(pictures, {"pictures": pictures, "videos": lambda: footage.main(_OUT.value)})
