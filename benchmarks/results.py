"""RESULTS.md from the files of results, and these files from runs.

    python -m benchmarks.results
    python -m benchmarks.results --keep=spcl-street --test=Market-100 \
        --files='runs/spcl/seed*/results.json' --hide=/home/me/data=/data,/home/me/runs=runs

The first writes RESULTS.md: results/page.md with each {{...}} replaced by what results/NAME.json
says.

    {{NAME TEST}}           mAP / rank-1 in percent, mean ± standard deviation over the seeds
    {{NAME TEST FIGURE}}    one figure alone: mAP, rank1, mINP, ...
    {{labels NAME}}         a table of the pseudo labels by epoch, mean over the seeds
    {{how NAME NAME ...}}   the commands, seeds, versions, dates and machines

The second keeps what the results.json of runs, one for each seed, or the files of `reid-jax
evaluate --out` say, under the name of their test; `--hide` writes other paths instead of this
machine's.
"""

import glob
import json
from pathlib import Path

from absl import app, flags

from benchmarks.results_files import HOME, PAGE, WRITTEN, filled, joined, kept, read
from reid_jax.app.progress import say

_KEEP = flags.DEFINE_string("keep", None, "name of the file of results to write")
_FILES = flags.DEFINE_list("files", [], "results.json files, or patterns of them")
_TEST = flags.DEFINE_string("test", None, "how the page names what they were tested on")
_HIDE = flags.DEFINE_list("hide", [], "FROM=TO in commands and sources")


def main(_: list[str]) -> None:
    """Keep results, or write the page."""
    if not _KEEP.value:
        WRITTEN.write_text(filled((HOME / PAGE).read_text(), read(HOME)))
        say(f"wrote {WRITTEN.name}")
        return
    files = [path for text in _FILES.value for path in map(Path, sorted(glob.glob(text)))]
    if not files or not _TEST.value:
        raise app.UsageError("name --files that exist, and --test")
    pairs = [text.split("=", 1) for text in _HIDE.value]

    def hide(text: str) -> str:
        for before, after in pairs:
            text = text.replace(before, after)
        return text

    path = HOME / f"{_KEEP.value}.json"
    old = json.loads(path.read_text()) if path.exists() else []
    runs = joined(old, kept(files, _TEST.value, hide))
    path.write_text(json.dumps(runs, indent=1) + "\n")
    say(f"wrote {path.name}: {len(runs)} of {_KEEP.value}")


if __name__ == "__main__":
    app.run(main)
