"""The gap between two domains: figures and a picture of images that were kept out of training."""

import json
from pathlib import Path
from typing import Any

import jax
import matplotlib
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import TSNE
from sklearn.model_selection import cross_val_score

from experiments import run
from reid_jax import checkpoint, parallel, train
from reid_jax.models.discriminator import judge
from reid_jax.types import Records

matplotlib.use("agg")
NAMES = ("synthetic", "real")


def kept_out(part: Records, count: int) -> np.ndarray:
    """bool[n]: `count` random images of each domain, at most a tenth of the smaller one; none where that is less than two."""
    chosen, rng = np.zeros(len(part.person), bool), np.random.default_rng(0)
    count = min(count, np.bincount(part.domain, minlength=2).min() // 10)
    for domain in (0, 1) if count > 1 else ():
        chosen[rng.permutation(np.flatnonzero(part.domain == domain))[:count]] = True
    return chosen


def probe(embedding: np.ndarray, domain: np.ndarray) -> float:
    """How many a linear classifier of the unit embeddings tells right, of images that it was not fitted to; 0.5: no gap."""
    classifier = LogisticRegression(C=10.0, max_iter=2000)
    return float(cross_val_score(classifier, _unit(embedding), domain, cv=min(5, np.bincount(domain).min())).mean())


def draw(panels: list[tuple[str, np.ndarray]], domain: np.ndarray, path: Path) -> None:
    """Embeddings f32[n d] laid out in the plane (t-SNE), a panel each, the domains in two colours."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(panels), figsize=(5.5 * len(panels), 5), squeeze=False)
    for place, (title, embedding) in zip(axes[0], panels, strict=True):
        flat: Any = TSNE(init="pca", perplexity=min(30, len(domain) / 4), random_state=0).fit_transform(
            _unit(embedding)
        )
        for which, colour in ((0, "tab:blue"), (1, "tab:orange")):
            place.scatter(*flat[domain == which].T, s=12, c=colour, label=NAMES[which], alpha=0.7)
        place.set_title(title)
        place.set_xticks([])
        place.set_yticks([])
    axes[0, 0].legend()
    figure.tight_layout()
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


def tell(job: run.Job, kept: Records, folders: dict[str, Path], report: Path, *, seed: int) -> None:
    """Figures and a picture of the images `kept` out, by the encoder of each of `folders`, runs of the same method.

    The last one's discriminator is judged too, where the method let it learn.
    """
    embed, rows = parallel.build_embed(job.model), np.arange(len(kept.person))
    like = train.create(job.method, job.optimiser, jax.random.key(seed), job.train)
    panels, figures = [], {}
    for title, folder in folders.items():
        with checkpoint.manager(folder / "checkpoints") as checkpoints:
            state = checkpoint.restore(checkpoints, like)[0]
        encoder = parallel.replicate(job.method.encoder(state.variables, state.carry))
        embedding = run.look(embed, job.model, kept, encoder, rows)
        panels.append((title, embedding))
        figures[title] = {"a linear probe": probe(embedding, kept.domain)}
    if len(folders) > 1:
        own = {name: collection["discriminator"] for name, collection in state.variables.items()}
        logits, _ = judge(job.model.width).apply(own, embedding, False)
        figures[title]["the discriminator"] = float((np.asarray(logits).argmax(1) == kept.domain).mean())
    if jax.process_index():
        return
    report.mkdir(exist_ok=True)
    draw(panels, kept.domain, report / "domains.png")
    (report / "domains.json").write_text(json.dumps(figures, indent=2) + "\n")
    for title, told in figures.items():
        parts = ", ".join(f"{name} {100 * value:.1f} %" for name, value in told.items())
        print(f"domain told right of {len(kept.person)} images kept out, {title}: {parts}", flush=True)


def _unit(embedding: np.ndarray) -> np.ndarray:
    return embedding / np.maximum(np.linalg.norm(embedding, axis=1, keepdims=True), 1e-12)
