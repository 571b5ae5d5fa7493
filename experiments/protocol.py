r"""Test checkpoints by the field's protocols: cross-domain, leave-one-out, ten small splits.

    python -m experiments.protocol dg1 --show --root=/data
    python -m experiments.protocol dg1 --root=/data --runs='runs/dg1-*' --out=dg1.json
    python -m experiments.protocol --protocol=standard --runs=runs/a,runs/b --targets=csv:mine.csv \
        --out=mine.json

--show says what to train on for each line of a protocol, and which data it needs. Each element of
--runs is a row of the table: a folder of a run or of an exported encoder, a folder of several (the
seeds of one training), or a pattern of such folders; mean and standard deviation are over these. A
checkpoint is tested where it was trained on what the protocol names: of four trainings that each
leave one set out, each on the set that it left out. Below --root each set has a folder of its
kind's name (market1501, dukemtmc, msmt17, cuhk02, cuhk03, cuhk_sysu, prid2011, grid, viper, ilids);
--at=market1501:/elsewhere,msmt17=packed:/packed names others.

--out is a .json file with every figure, what it is of and where it comes from; beside it is a .md
file with the table and, where papers trained and tested on the same sets, their figures. The same
command again measures only what is missing.
"""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import jax
from absl import flags

from reid_jax.app import command, outputs, progress
from reid_jax.app.protocols import checkpoints, compare, kept, places, shown, targets, wanted
from reid_jax.app.protocols.named import PROTOCOLS, TESTED, Protocol, name
from reid_jax.app.protocols.places import Places
from reid_jax.options import choose, expanded

_PROTOCOL = flags.DEFINE_string("protocol", None, f"the protocol: {', '.join(PROTOCOLS)}")
_RUNS = flags.DEFINE_list(
    "runs", [], "a row each: folders of runs or exported encoders, of several, or patterns"
)
_TARGETS = flags.DEFINE_multi_string(
    "targets", [], "by comma, names of sets or KIND:PATH; none: those of the protocol"
)
_ROOT = flags.DEFINE_string("root", "", "the folder that has a folder for each data set")
_AT = flags.DEFINE_multi_string(
    "at", [], "by comma, where sets lie that are not below --root: KIND:PATH or NAME=KIND:PATH"
)
_OUT = flags.DEFINE_string("out", None, "the .json file of figures to write, or to go on with")
_SHOW = flags.DEFINE_boolean("show", False, "say what the protocol is and needs, and end")
_ANY_SOURCES = flags.DEFINE_boolean(
    "any_sources", False, "test each checkpoint on every target, whatever it was trained on"
)
_METRIC = flags.DEFINE_enum(
    "metric", None, ["cosine", "euclidean"], "the distance; without it, that of each run"
)
_FLIP = flags.DEFINE_boolean("flip", False, "add the embedding of the mirrored picture")
_SAME_CAMERA = flags.DEFINE_boolean("same_camera", False, "count matches within one camera as well")
_SKIP_BROKEN = flags.DEFINE_boolean("skip_broken", False, "leave out pictures that cannot be read")
_DRAWS = flags.DEFINE_integer(
    "draws",
    None,
    "galleries with one picture a person, whose mean the figures are; without it, as the protocol",
    lower_bound=0,
)


def main(named: str = "") -> None:
    """Measure what is missing, and write the table."""
    title = named or _PROTOCOL.value or ""
    where = places.placed(_AT.value or [], expanded(_ROOT.value or ""))
    if _SHOW.value:
        _show(title, where)
        return
    if not title:
        raise ValueError(f"name a protocol with --protocol=NAME: {', '.join(PROTOCOLS)}")
    protocol = choose("--protocol", title, PROTOCOLS)
    out = _out()
    results = kept.read(out, title)
    rows = checkpoints.groups(_RUNS.value or [])
    if not rows:
        raise ValueError("name checkpoints with --runs=FOLDER,...")
    command.say(f"protocol {title}: {', '.join(rows)}; {out}")
    sources = _targets(protocol, where)
    entries = _entries(rows, list(sources), protocol, where)
    flat = list({one.folder: one for row in entries.values() for one in row}.values())
    columns = _opened(sources, {target for one in flat for target in one.targets})
    draws = protocol.draws if _DRAWS.value is None else _DRAWS.value
    options = compare.Options(
        _METRIC.value or "", bool(_FLIP.value), bool(_SAME_CAMERA.value), draws
    )
    used: dict[str, list[kept.Result]] = {}
    for one, keys in compare.compared(flat, columns, results, options, path=out, say=command.say):
        used.setdefault(str(one.folder), []).extend(results[key] for key in keys)
        if not jax.process_index():
            kept.write(out, title, results)
    text = shown.markdown(
        f"{title}: {protocol.about}",
        entries,
        list(columns.values()),
        used,
        draws=draws,
        same_camera=options.same_camera,
    )
    if not jax.process_index():
        out.with_suffix(".md").write_text(text)
    command.say(f"\n{text}\n{out} and {out.with_suffix('.md').name} have it")


def _show(title: str, where: Places) -> None:
    """Say what a protocol is, or which there are."""
    if title:
        lines = wanted.shown(title, choose("--protocol", title, PROTOCOLS), where)
    else:
        lines = (f"{one:14} {protocol.about}" for one, protocol in PROTOCOLS.items())
    for line in lines:
        command.say(line)


def _out() -> Path:
    """The file of figures, which may be there."""
    path = Path(expanded(_OUT.value or ""))
    if _OUT.value and path.is_file() and path.suffix == ".json":
        return path
    new = outputs.new(_OUT.value, ".json")
    outputs.new(str(new.with_suffix(".md")))
    return new


def _targets(protocol: Protocol, where: Places) -> dict[str, str]:
    """The source of each target by its name."""
    given = places.listed(_TARGETS.value or [])
    own = {name(line.target): line.target for line in protocol.lines}
    if not given and not own:
        raise ValueError("this protocol names no targets: name them with --targets=NAME,KIND:PATH")
    found: dict[str, str] = {}
    for text in given or own:
        source = where.source(own.get(text, TESTED.get(text, text)))
        one = where.name(source)
        if own and not protocol.draws:
            choose("--targets", one, own)
        if one in found:
            raise ValueError(f"--targets has {one} twice")
        found[one] = source
    return found


def _entries(
    rows: Mapping[str, list[Path]], targets: list[str], protocol: Protocol, where: Places
) -> dict[str, list[compare.Entry]]:
    make: Callable[..., compare.Entry] = partial(
        compare.entry, any_sources=bool(_ANY_SOURCES.value), say=command.say
    )
    return {
        row: [
            make(folder, checkpoints.trained(folder, where), targets, protocol)
            for folder in folders
        ]
        for row, folders in rows.items()
    }


def _opened(sources: Mapping[str, str], needed: set[str]) -> dict[str, targets.Target]:
    """The targets that some checkpoint is tested on."""
    left = [one for one in sources if one not in needed]
    if left:
        command.say(f"no checkpoint is for {', '.join(left)}")
    found = {}
    for one, source in sources.items():
        if one in needed:
            with progress.doing(f"reading {source}"):
                found[one] = targets.opened(
                    one,
                    source,
                    same_camera=bool(_SAME_CAMERA.value),
                    skip_broken=bool(_SKIP_BROKEN.value),
                    say=command.say,
                )
    return found


if __name__ == "__main__":
    command.plain(main, {one: partial(main, one) for one in PROTOCOLS}, "the protocol")
