"""The sentences of a report: what was trained, on what, tested on what, how it went, what is next.

What stands between backticks or asterisks is marked as in Markdown, see `reid_jax.app.page.blocks`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from reid_jax.app.about import About
from reid_jax.app.job import Figures, Job
from reid_jax.app.page.blocks import Block, Code, Text
from reid_jax.data.check import survey
from reid_jax.data.records import take
from reid_jax.types import Domain, Plan, Records

TRAINED = "the network, trained"  # the last row of the table


def opening(job: Job, config: Any, about: About, *, epochs: int) -> list[str]:
    """What was trained, on what, and tested on what: a line each."""
    what = [f"`{about.experiment}`"] if about.experiment else []
    what += [f"recipe {about.recipe}"] if about.recipe else []
    count = f"{epochs} epoch{'s' * (epochs != 1)}"
    count += f" of {config.epochs}" if epochs != config.epochs else ""
    what += [f"`{config.backbone}` at {config.size}", count, f"seed {config.seed}"]
    what += [f"from `{about.start}`"] if about.start else []
    what += [f"reid_jax {about.version}"] if about.version else []
    lines = [
        f"**Trained**: {', '.join(what)}.",
        f"**Trained on** {trained_on(config)}: {_counted(job.train)}.",
    ]
    if len(job.test.person):
        counts = survey(job.test)
        line = f"**Tested on** `{tested_on(config)}`: {counts.images['query']:,} queries of "
        line += f"{counts.persons['query']:,} persons in a gallery of {counts.images['gallery']:,} "
        lines.append(f"{line}pictures, ranked by {config.rank_by} distance.")
    else:
        name = tested_on(config)
        lines.append(f"**Not tested**: `{name}` has no query and no gallery picture.")
    return lines


def validated(best: Mapping[str, Any], workdir: str, config: Any) -> list[str]:
    """What the validation chose, from its line in the log; nothing where there was none."""
    if not best:
        return []
    line = f"**Validated on** {config.validate:.0%} of the persons of `{config.data}`, held out: "
    line += f"the best mAP of these, {100 * best['mAP']:.1f}, was that after epoch "
    line += f"{best['epoch'] + 1}. Its checkpoint is kept (`reid-jax evaluate "
    return [f"{line}--workdir={workdir}/best`); what follows is of the last one."]


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


def no_test(workdir: str) -> list[Block]:
    """How to get figures for a run that had no test set."""
    return [
        Text(
            "There is no test set, so there is no mAP: nothing here measures how well persons are "
            "found. To measure it, name the persons in some pictures that were not trained on: a "
            "CSV with a line for each picture, and for each query a gallery picture of the same "
            "person by another camera."
        ),
        Code("path,person,camera,split\na/0001.jpg,anna,door,query\nb/0044.jpg,anna,yard,gallery"),
        Text("Then"),
        Code(f"reid-jax evaluate --workdir={workdir} --test=csv:/my/test.csv"),
        Text("tests this run, and `--config.test=csv:/my/test.csv` a new one."),
    ]


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
        if "recall" in figures:
            lines.append(
                f"Recall {figures['recall']:.0%}: so many pairs of pictures of one person share a "
                "label."
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


def following(workdir: str, config: Any, about: About, tested: bool) -> list[Block]:
    """Commands that fit the run."""
    test = f"reid-jax evaluate --workdir={workdir} --test=csv:/my/test.csv"
    blocks: list[Block] = [Text("Test it on other data:"), Code(test)] if tested else []
    blocks += [
        Text("Embed pictures, which `reid-jax cluster` then labels:"),
        Code(f"reid-jax embed --workdir={workdir} --pictures=/my/crops --out=crops.npz"),
        Text("Use it without this code:"),
        Code(f"reid-jax export --workdir={workdir} --out=my-encoder"),
    ]
    if about.experiment and not hasattr(config, "first"):
        blocks += [
            Text("Train on from here, with the options of this run and a new folder:"),
            Code(f"reid-jax {about.experiment} --workdir=NEW --config.weights={workdir} ..."),
        ]
    return blocks


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
