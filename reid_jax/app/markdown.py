"""report.md: what was trained, on what, tested on what, the figures, the pictures, what is next."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from reid_jax.app.about import About
from reid_jax.app.job import Figures, Job
from reid_jax.data.check import survey
from reid_jax.data.records import take
from reid_jax.types import Domain, Plan, Records

SHOWN = {"mAP": "mAP", "rank1": "rank-1", "rank5": "rank-5", "mINP": "mINP"}  # figures of the table
TRAINED = "the network, trained"  # the last row of the table
PICTURES = {
    "data": "what was trained on: wrong names, bad crops and turned pictures show here",
    "ranked": "ranked lists from the best query to the worst: what do the wrong ones have in "
    "common, clothes, pose or background?",
    "neighbours": "random training pictures and their nearest: the same person, or only the same "
    "clothes, pose or background?",
    "clusters": "pseudo labels of the last epoch: a row with several persons is a wrong label",
    "distances": "of pairs of the same and of different persons: the less they overlap the better",
    "trend": "how GDS moved these distances, by epoch",
    "activation": "what the network looks at: it should be the person",
}


def written(
    table: Mapping[str, Figures],
    job: Job,
    config: Any,
    about: About,
    folder: Path,
    *,
    plan: Plan | None,
    epochs: int,
) -> str:
    """The text of report.md.

    Args:
        table: figures by row; empty without a test set.
        job: what was trained.
        config: its configuration.
        about: where the run comes from.
        folder: of the report, with its pictures.
        plan: of the last epoch.
        epochs: that were trained.
    """
    workdir = shlex.quote(str(folder.parent))
    there = [name for name in PICTURES if (folder / f"{name}.png").is_file()]
    parts = [f"# {folder.parent.name}", opening(job, config, about, epochs=epochs)]
    parts += [tabled(table), verdict(table)] if table else [no_test(workdir)]
    if lines := health(plan, job.train):
        parts += ["## Pseudo labels of the last epoch", "\n".join(f"- {line}" for line in lines)]
        parts += [radius(plan, job.train, config)]
    listed = "\n".join(f"- [{name}.png]({name}.png): {PICTURES[name]}" for name in there)
    parts += [
        "## Pictures",
        listed,
        "## What to do next",
        _next(workdir, config, about, bool(table)),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def opening(job: Job, config: Any, about: About, *, epochs: int) -> str:
    """What was trained, on what, and tested on what: a line each."""
    what = [f"`{about.experiment}`"] if about.experiment else []
    what += [f"recipe {about.recipe}"] if about.recipe else []
    count = f"{epochs} epoch{'s' * (epochs != 1)}"
    count += f" of {config.epochs}" if epochs != config.epochs else ""
    what += [f"`{config.backbone}` at {config.size}", count, f"seed {config.seed}"]
    what += [f"from `{about.start}`"] if about.start else []
    what += [f"reid_jax {about.version}"] if about.version else []
    lines = [
        f"- **Trained**: {', '.join(what)}.",
        f"- **Trained on** {trained_on(config)}: {_counted(job.train)}.",
    ]
    if len(job.test.person):
        counts = survey(job.test)
        line = f"- **Tested on** `{tested_on(config)}`: {counts.images['query']:,} queries of "
        line += f"{counts.persons['query']:,} persons in a gallery of {counts.images['gallery']:,} "
        lines.append(f"{line}pictures, ranked by {config.rank_by} distance.")
    else:
        name = tested_on(config)
        lines.append(f"- **Not tested**: `{name}` has no query and no gallery picture.")
    return "\n".join(lines)


def tabled(table: Mapping[str, Figures]) -> str:
    """The figures in percent, a row for each embedding."""
    lines = [f"| % | {' | '.join(SHOWN.values())} |", "|---" * (len(SHOWN) + 1) + "|"]
    for name, row in table.items():
        lines.append(f"| {name} | {' | '.join(f'{100 * row[one]:.1f}' for one in SHOWN)} |")
    return "\n".join(lines)


def verdict(table: Mapping[str, Figures]) -> str:
    """A sentence where the trained network is no better than a baseline; otherwise nothing."""
    mine = table[TRAINED]["mAP"]
    better = [name for name, row in table.items() if name != TRAINED and row["mAP"] >= mine]
    if not better:
        return ""
    return (
        f"The trained network is not better than {' and '.join(better)} here. Longer training, a "
        "trained start (`--config.weights`) or training data nearer to the test data may help."
    )


def no_test(workdir: str) -> str:
    """How to get figures for a run that had no test set."""
    return f"""There is no test set, so there is no mAP: nothing here measures how well persons are
found. To measure it, name the persons in some pictures that were not trained on: a CSV with a line
for each picture, and for each query a gallery picture of the same person by another camera.

    path,person,camera,split
    a/0001.jpg,anna,door,query
    b/0044.jpg,anna,yard,gallery

Then

    reid-jax evaluate --workdir={workdir} --test=csv:/my/test.csv

tests this run, and `--config.test=csv:/my/test.csv` a new one."""


def health(plan: Plan | None, train: Records) -> list[str]:
    """Sentences on the pseudo labels of a plan; none where it has no such label."""
    if plan is None or "labels" not in plan.report:
        return []
    figures = plan.report
    size = _sizes(plan, train)
    first = f"{figures['labels']:,.0f} labels of {figures['labelled']:,.0f} pictures; "
    lines = [
        f"{first}{figures['outlier_part']:.0%} of the pictures looked at have none (outliers)."
    ]
    if len(size):
        least, middle, most = np.quantile(size, (0, 0.5, 1))
        lines.append(f"A label has {least:.0f} to {most:,.0f} pictures (median {middle:.0f}).")
    lines += _one_camera(pseudo(plan, train), train)
    if "purity" in figures:
        lines.append(
            f"Purity {figures['purity']:.0%}: so many labelled pictures show the person that most "
            "of their label do (the data know the persons; the training did not use them)."
        )
    else:
        lines.append("The persons are unknown, so no figure tells whether a label is one person.")
    return lines


def pseudo(plan: Plan, train: Records) -> np.ndarray:
    """The labels i[n] of a plan for data without labels; -1 for the others and for outliers."""
    return np.where(train.domain == Domain.UNLABELLED, plan.label, -1)


def _sizes(plan: Plan, train: Records) -> np.ndarray:
    """Pictures of each pseudo label; SpCL's labels of one picture, its outliers, are left out."""
    label = pseudo(plan, train)
    size = np.unique(label[label >= 0], return_counts=True)[1]
    return size[size > 1]


def _one_camera(label: np.ndarray, train: Records) -> list[str]:
    """How many labels are of one camera, where there are several."""
    rows = (label >= 0) & (train.camera >= 0)
    pairs = np.unique(np.stack([label[rows], train.camera[rows]]), axis=1)
    names, cameras = np.unique(pairs[0], return_counts=True)
    names, size = np.unique(label[rows], return_counts=True)
    several = cameras[size > 1]
    if not len(several) or len(np.unique(pairs[1])) < 2:
        return []
    share = np.mean(several == 1)
    return [
        f"{share:.0%} of the labels are of one camera only, and teach nothing about other cameras."
    ]


def radius(plan: Plan | None, train: Records, config: Any) -> str:
    """Which way to turn DBSCAN's radius, where there are pseudo labels of it."""
    eps = getattr(config, "eps", None)
    if plan is None or not eps:
        return ""
    if 2 * _sizes(plan, train).max(initial=0) > max(1, plan.report["labelled"]):
        return f"One label has most of the pictures: rather a smaller `--config.eps` than {eps:g}."
    if plan.report["outlier_part"] > 0.5:
        return f"Most pictures have no label: rather a larger `--config.eps` than {eps:g}."
    return (
        f"If clusters.png mixes persons, a smaller `--config.eps` than {eps:g}; if it shows one "
        "person under several labels, a larger one."
    )


def _next(workdir: str, config: Any, about: About, tested: bool) -> str:
    """Commands that fit the run."""
    tool = "    reid-jax"
    test = f"{tool} evaluate --workdir={workdir} --test=csv:/my/test.csv"
    lines = [f"Test it on other data:\n\n{test}"] if tested else []
    lines += [
        "Embed pictures, which `reid-jax cluster` then labels:\n\n"
        f"{tool} embed --workdir={workdir} --pictures=/my/crops --out=crops.npz",
        f"Use it without this code:\n\n{tool} export --workdir={workdir} --out=my-encoder",
    ]
    if about.experiment and not hasattr(config, "first"):
        lines.append(
            "Train on from here, with the options of this run and a new folder:\n\n"
            f"{tool} {about.experiment} --workdir=NEW --config.weights={workdir} ..."
        )
    return "\n\n".join(lines)


def _counted(train: Records) -> str:
    """Pictures, persons, cameras and videos of each domain, as far as they are known."""
    words = []
    for domain in np.unique(train.domain):  # whose numbers may be the same
        part = take(train, train.domain == domain)
        columns = {"persons": part.person[part.person >= 1]}
        columns |= {"cameras": part.camera[part.camera >= 0], "videos": part.group[part.group >= 0]}
        counts = {word: len(np.unique(column)) for word, column in columns.items()}
        known = [f"{count:,} {word}" for word, count in counts.items() if count]
        words.append(", ".join([f"{len(part.person):,} pictures", *known]))
    return " and ".join(words)


def tested_on(config: Any) -> str:
    """The data whose query and gallery a run of this configuration is tested on."""
    return config.test or getattr(config, "target", "") or config.data


def looked_at(config: Any) -> str:
    """The training data that sheets without a test are of: those without labels, if there are."""
    videos = getattr(config, "videos", "") if getattr(config, "labels", 0) else ""
    beside = getattr(config, "beside", "")
    return getattr(config, "target", "") or videos or beside or config.data


def trained_on(config: Any) -> str:
    """What a run of this configuration is trained on, in words."""
    parts = [] if getattr(config, "first", "") or not config.data else [f"`{config.data}`"]
    if target := getattr(config, "target", ""):
        labelled = getattr(config, "pseudo_labels", "") == "given"
        parts.append(f"`{target}`" if labelled else f"`{target}` without its labels")
    if (videos := getattr(config, "videos", "")) and config.labels:
        parts.append(f"the videos of `{videos}`")
    if getattr(config, "labels", 0) and config.labelled < 1:
        parts.append(f"{1 - config.labelled:.0%} of its persons without their labels")
    return " and ".join(parts)
