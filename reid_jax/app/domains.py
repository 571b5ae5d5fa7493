"""The gap between two domains: figures and a picture of images that are kept out of training."""

import json
from collections.abc import Mapping
from pathlib import Path

import jax
import numpy as np

from reid_jax import checkpoint, distance, parallel, train
from reid_jax.app import canvas, command
from reid_jax.app.embedding import embed_rows
from reid_jax.app.job import Job
from reid_jax.models.discriminator import judge
from reid_jax.types import Domain, Records, part_of

NAMES = {Domain.LABELLED: "labelled", Domain.UNLABELLED: "unlabelled"}
INKS = {Domain.LABELLED: canvas.FIRST, Domain.UNLABELLED: canvas.SECOND}
SHOWS = "pictures that were kept out of training: the more both kinds mix, the better"
MARKERS = {Domain.LABELLED: "o", Domain.UNLABELLED: "^"}


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
    from matplotlib import pyplot
    from sklearn.manifold import TSNE

    width = 5.5 * len(panels)
    figure, axes = pyplot.subplots(1, len(panels), figsize=(width, 5), squeeze=False)
    for place, (title, embedding) in zip(axes[0], panels, strict=True):
        planar = TSNE(init="pca", perplexity=min(30, len(domain) / 4), random_state=0)
        points = planar.fit_transform(distance.unit(embedding))
        for which in Domain:
            x, y = points[domain == which].T
            place.scatter(
                *(x, y),
                s=16,
                color=INKS[which].plotted,
                marker=MARKERS[which],
                label=names[which],
                alpha=0.6,
            )
        place.set_title(title)
        place.set_xlabel("t-SNE, first axis (no unit)")
        place.set_ylabel("t-SNE, second axis (no unit)")
        place.set_xticks([])
        place.set_yticks([])
        place.legend()
    text = f"A point is a picture; near points have near embeddings. {SHOWS.capitalize()}."
    words = [f"{INKS[which].word} = {names[which]}" for which in Domain]
    title = f"The two domains: {', '.join(words)}"
    canvas.save(path, canvas.captioned(canvas.plotted(figure), title, text))


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
    lines = []
    for title, values in figures.items():
        shares = ", ".join(f"{name} {100 * value:.1f} %" for name, value in values.items())
        lines.append(f"domain found right of {len(kept.person)} images kept out, {title}: {shares}")
        command.say(lines[-1])
    if (report / "report.md").is_file():  # it was written before
        text = "\n".join(f"- {line}" for line in [f"[domains.png](domains.png): {SHOWS}", *lines])
        with (report / "report.md").open("a") as file:
            file.write(f"\n## The two domains\n\n{text}\n")
