"""Pack a data set into a few files that a run reads in any order.

python -m experiments.prepare --source=market1501:/data/Market-1501 --out=/data/market-packed
python -m experiments.ide --workdir=runs/market --config.data=packed:/data/market-packed --config.test=
"""

import sys
import time

from absl import flags

from experiments import command, sources
from reid_jax.data import packed
from reid_jax.data.check import summary, survey

_SOURCE = flags.DEFINE_string("source", None, "KIND:PATH of the pictures", required=True)
_OUT = flags.DEFINE_string("out", None, "the new folder to write", required=True)
_SKIP_BROKEN = flags.DEFINE_boolean("skip_broken", False, "leave out pictures that cannot be read, and name them")


def main() -> None:
    """Count, pack, tell the time left."""
    found = sources.open_source(_SOURCE.value)
    print(summary(survey(found)))
    if _SKIP_BROKEN.value:
        found = sources.without_broken(found, "source")
    started = time.monotonic()

    def watch(done: int, total: int) -> None:
        if done % 1000 == 0 or done == total:
            rate = done / (time.monotonic() - started)
            print(f"{done:,} of {total:,}  {rate:.0f} images/s  {(total - done) / rate:.0f} s left", file=sys.stderr)

    packed.pack(found, _OUT.value, watch=watch)
    print(f"{_OUT.value}: {len(found.person):,} pictures; use it as packed:{_OUT.value}")


if __name__ == "__main__":
    command.plain(main)
