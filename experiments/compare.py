r"""Compare runs by their figures: what differs, by how much, and whether that is chance.

    python -m experiments.compare runs/a runs/b
    python -m experiments.compare runs/a runs/b runs/c --out=abc.json
    python -m experiments.compare a.json b.json

Each is the folder of a run; or a folder of seeds of one training, as `--seeds=3` makes them; or a
file that `reid-jax evaluate --out` wrote, which tests a run on other data. All are compared with
the first, on the same queries: 10,000 times as many queries are drawn again, and of a folder of
seeds its seeds too, which tells how far other queries and other seeds would have moved the figures.
"""

import json

from absl import flags

from reid_jax.app import command, outputs
from reid_jax.app.results import groups, page, shown, verdict
from reid_jax.whole import whole

_OUT = flags.DEFINE_string(
    "out",
    None,
    "a new .json file for the comparison; beside it the same as a .md and as a .html page",
)


def main(names: list[str]) -> None:
    """Compare what is named."""
    out = outputs.new(_OUT.value, ".json") if _OUT.value else None
    if out:
        for ending in (".md", ".html"):
            outputs.new(str(out.with_suffix(ending)), flag="--out, beside which this would be")
    named = [groups.opened(name) for name in names]
    groups.check(named)
    found = verdict.compared(named)
    text = shown.markdown(found)
    command.say(text.rstrip())
    if out:
        for path, content in (
            (out.with_suffix(".md"), text),
            (out.with_suffix(".html"), page.page(found)),
            (out, json.dumps(shown.plain(found), indent=1) + "\n"),
        ):
            with whole(path) as unfinished:
                unfinished.write_text(content)


if __name__ == "__main__":
    command.naming(main)
