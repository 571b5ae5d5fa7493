"""The gap between two domains: figures and a picture of images that are kept out of training."""

import json
from pathlib import Path

import jax
import numpy as np

from reid_jax import checkpoint, distance, parallel, train
from reid_jax.app import command, run
from reid_jax.app.job import Job
from reid_jax.models.discriminator import judge
from reid_jax.types import Domain, Records, part_of

NAMES = {Domain.LABELLED: "synthetic", Domain.UNLABELLED: "real"}
COLOURS = {Domain.LABELLED: "tab:blue", Domain.UNLABELLED: "tab:orange"}


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


def draw(panels: list[tuple[str, np.ndarray]], domain: np.ndarray, path: Path) -> None:
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
            place.scatter(x, y, s=12, c=COLOURS[which], label=NAMES[which], alpha=0.7)
        place.set_title(title)
        place.set_xticks([])
        place.set_yticks([])
    axes[0, 0].legend()
    figure.tight_layout()
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


def write(job: Job, kept: Records, folders: dict[str, Path], report: Path, *, seed: int) -> None:
    """Measure and draw the gap of images that were kept out, by the encoders of several runs.

    Args:
        job: the runs' method, model and training data.
        kept: the images.
        folders: runs by name. If there are several, the last one's discriminator is judged too.
        report: the folder to write domains.png and domains.json to.
        seed: of the state that a checkpoint is compared with.
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
        embedding = run.embed_rows(embed, job.model, kept, encoder, rows)
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
    draw(panels, kept.domain, report / "domains.png")
    (report / "domains.json").write_text(json.dumps(figures, indent=2) + "\n")
    for title, values in figures.items():
        shares = ", ".join(f"{name} {100 * value:.1f} %" for name, value in values.items())
        command.say(f"domain found right of {len(kept.person)} images kept out, {title}: {shares}")
