"""The gap between two domains: figures and a picture of images that are kept out of training."""

import json
from collections.abc import Mapping
from pathlib import Path

import jax
import numpy as np

from reid_jax import checkpoint, distance, parallel, train
from reid_jax.app import canvas, command, planar
from reid_jax.app.embedding import embed_rows
from reid_jax.app.job import Job
from reid_jax.app.page import html, text
from reid_jax.app.page.blocks import POINTS, Chart, Picture, Section, Series, Table
from reid_jax.app.page.inks import FIRST, SECOND
from reid_jax.data.decode import decode
from reid_jax.files import jsons
from reid_jax.models.discriminator import judge
from reid_jax.types import Domain, Records, part_of
from reid_jax.whole import whole

NAMES = {Domain.LABELLED: "labelled", Domain.UNLABELLED: "unlabelled"}
INKS = {Domain.LABELLED: FIRST, Domain.UNLABELLED: SECOND}
SHOWS = "pictures that were kept out of training: the more both kinds mix, the better"
MARKERS = {Domain.LABELLED: 0, Domain.UNLABELLED: 2}  # shapes of points


def kept_out(part: Records, count: int) -> np.ndarray:
    """Choose random images of each domain.

    Args:
        part: the data of both domains.
        count: of each, at most a tenth of the smaller domain; none where that is less than two.

    Returns:
        bool[n], which rows are chosen.
    """
    chosen, rng = np.zeros(len(part.person), bool), np.random.default_rng(0)
    count = min(count, np.bincount(part.domain, minlength=2).min() // 10)
    for domain in Domain if count > 1 else ():
        chosen[rng.permutation(np.flatnonzero(part.domain == domain))[:count]] = True
    return chosen


def probe(embedding: np.ndarray, domain: np.ndarray) -> float:
    """Accuracy of a linear classifier of the domain on unit embeddings, cross-validated.

    0.5 means that there is no gap.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score

    classifier = LogisticRegression(C=10.0, max_iter=2000)
    folds = min(5, np.bincount(domain).min())
    return float(cross_val_score(classifier, distance.unit(embedding), domain, cv=folds).mean())


def draw(
    panels: list[tuple[str, np.ndarray]],
    domain: np.ndarray,
    path: Path,
    names: Mapping[Domain, str] = NAMES,
) -> None:
    """Draw embeddings f32[n d] in the plane (t-SNE), a panel for each, a colour for each domain."""
    charts = []
    for title, embedding in panels:
        points = planar.mapped(distance.unit(embedding))
        series = []
        for which in Domain:
            x, y = points[domain == which].T
            shape = MARKERS[which]
            series.append(Series(names[which], x, y, INKS[which], POINTS, other=shape))
        charts.append(Chart(title, SHOWS, *planar.AXES, series, bare=True))
    reading = f"A point is a picture; near points have near embeddings. {SHOWS.capitalize()}."
    words = [f"{INKS[which].word} = {names[which]}" for which in Domain]
    title = f"The two domains: {', '.join(words)}"
    canvas.save(path, canvas.charted([charts], title, reading))


def write(
    job: Job,
    kept: Records,
    folders: dict[str, Path],
    report: Path,
    *,
    seed: int,
    names: Mapping[Domain, str] = NAMES,
) -> None:
    """Measure and draw the gap of images that were kept out, by the encoders of several runs.

    Args:
        job: the runs' method, model and training data.
        kept: the images.
        folders: runs by name. If there are several, the last one's discriminator is judged too.
        report: the folder to write domains.png and domains.json to.
        seed: of the state that a checkpoint is compared with.
        names: of the domains, for domains.png.
    """
    embed, rows = parallel.build_embed(job.model), np.arange(len(kept.person))
    like = train.create(job.method, job.optimiser, jax.random.key(seed), job.train)
    panels = []
    figures: dict[str, dict[str, float]] = {}
    for title, folder in folders.items():
        with checkpoint.manager(folder / "checkpoints") as checkpoints:
            restored = checkpoint.restore(checkpoints, like)
        if restored is None:
            raise FileNotFoundError(f"{folder} holds no checkpoint")
        state = restored[0]
        encoder = parallel.replicate(job.method.encoder(state.variables, state.carry))
        embedding = embed_rows(embed, job.model, kept, encoder, rows)
        panels.append((title, embedding))
        figures[title] = {"a linear probe": probe(embedding, kept.domain)}
    if len(folders) > 1:
        own = part_of(state.variables, "discriminator")
        logits, _ = judge(job.model.width).apply(own, embedding, False)
        right = np.asarray(logits).argmax(1) == kept.domain
        figures[title]["the discriminator"] = float(right.mean())
    if jax.process_index():
        return
    report.mkdir(exist_ok=True)
    draw(panels, kept.domain, report / "domains.png", names)
    (report / "domains.json").write_text(json.dumps(figures, indent=2) + "\n")
    for title, values in figures.items():
        shares = ", ".join(f"{name} {100 * value:.1f} %" for name, value in values.items())
        command.say(f"domain found right of {len(rows)} images kept out, {title}: {shares}")
    section = shown(report)[0]
    for name, add in (("report.md", text.added), ("report.html", html.added)):
        if (path := report / name).is_file():  # it was written before
            made = add(path.read_text(encoding="utf-8"), section)
            with whole(path) as unfinished:
                unfinished.write_text(made, encoding="utf-8")


def shown(report: Path) -> list[Section]:
    """The section of what `write` left in the folder of a report, if it did."""
    path, drawn = report / "domains.json", report / "domains.png"
    if not path.is_file() or not drawn.is_file():
        return []
    figures = jsons.read(path, "the figures of a report's domains", "remove it")
    heads = list(dict.fromkeys(name for values in figures.values() for name in values))
    rows = [
        [title, *(f"{100 * values[name]:.1f}" if name in values else "" for name in heads)]
        for title, values in figures.items()
    ]
    caption = "Percent of the pictures kept out whose domain was found; 50: the domains are alike"
    picture = Picture("Both domains", SHOWS, decode(drawn.read_bytes()), "domains.png")
    return [Section("The two domains", [Table(caption, ["embedding", *heads], rows), picture])]
