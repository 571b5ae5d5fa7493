"""Pictures of a run and its figures beside two baselines: a colour histogram, and the same network as it began.

    python -m experiments.report --workdir=runs/street

A training ends with it. It leaves report/report.md, and beside it data.png (a person a row), ranked.png (ranked lists,
green is right, red is wrong), distances.png (same and different persons, in the test and in the training data) and
activation.png (what the encoder looks at); a training with pseudo labels adds clusters.png, four random images of each of
some labels of its last epoch, one with GDS trend.png, how its distributions moved. Evaluations on the way leave their
distances-EPOCH.png.
"""

from pathlib import Path
from typing import Any

import cv2
import jax
import matplotlib
import numpy as np

from experiments import encoders, spread
from reid_jax import evaluate, parallel
from reid_jax.data import records as reading
from reid_jax.data.augment import resize
from reid_jax.retrieval import histogram, ranking
from reid_jax.types import Model, Plan, Records, Variables

matplotlib.use("agg")

SIZE = (128, 64)  # of a picture in the pictures
RIGHT, WRONG, QUERY = (46, 160, 67), (218, 54, 51), (90, 90, 90)


def write(
    job: Any, config: Any, embed: parallel.Embed, encoder: Any, folder: Path, plan: Plan | None = None
) -> dict[str, dict[str, float]]:
    """Embed the test part three ways (with all processes), rank, draw (on the first); returns the table's rows.

    plan: of the last epoch, whose pseudo labels are drawn.
    """
    rows = np.arange(len(job.test.person))
    begun = parallel.replicate(job.model.init(jax.random.key(config.seed)))
    embeddings = {
        "colour histogram, 6 stripes": histograms(job.test),
        "the network, as it began": evaluate.embed_rows(embed, begun, job.test, rows, taken=job.model.input),
        "the network, trained": evaluate.embed_rows(embed, encoder, job.test, rows, taken=job.model.input),
    }
    table = {
        name: dict(
            evaluate.figures(
                evaluate.rank_records(embedding, job.test, metric=config.rank_by, same_camera=config.same_camera)
            )
        )
        for name, embedding in embeddings.items()
    }
    trained = embeddings["the network, trained"]
    told = spread.measured(job, embed, encoder, trained, config)
    if jax.process_index():
        return table
    folder.mkdir(parents=True, exist_ok=True)
    save(folder / "data.png", data_sheet(job.train if len(job.train.person) else job.test, config.seed))
    save(folder / "ranked.png", ranked_lists(trained, job.test, config.rank_by, same_camera=config.same_camera))
    spread.histograms(told, folder / "distances.png")
    spread.trend(folder.parent / "metrics.jsonl", folder / "trend.png")
    save(folder / "activation.png", activation(job.model, parallel.first(encoder), job.test, config.seed))
    pseudo = np.where(job.train.domain == 1, plan.label, -1) if plan else np.full(1, -1)
    if (pseudo >= 0).any():
        save(folder / "clusters.png", clusters(pseudo, job.train, config.seed))
    text = _markdown(table, config)
    (folder / "report.md").write_text(text)
    print(f"\n{text}\npictures: {', '.join(str(path) for path in sorted(folder.glob('*.png')))}", flush=True)
    return table


def progress(
    job: Any, config: Any, embed: parallel.Embed, encoder: Any, embedding: np.ndarray, folder: Path, epoch: int
) -> None:
    """Draw the distances after this epoch, and how GDS's distributions moved up to it; embedding: of the test part."""
    told = spread.measured(job, embed, encoder, embedding, config)
    if not jax.process_index():
        folder.mkdir(parents=True, exist_ok=True)
        spread.histograms(told, folder / f"distances-{epoch:04}.png")
        spread.trend(folder.parent / "metrics.jsonl", folder / "trend.png")


def histograms(test: Records) -> np.ndarray:
    """The trivial baseline's features of every row, f32[n d]."""
    return np.stack([histogram.stripes(resize(reading.read(test, row), SIZE)) for row in range(len(test.person))])


def data_sheet(part: Records, seed: int, *, persons: int = 8, across: int = 10) -> np.ndarray:
    """A person a row, cameras in order; where nobody is known, a video."""
    rng = np.random.default_rng(seed)
    name = next(one for one in (part.person, part.group + 1, np.ones(len(part.person))) if (one >= 1).any())
    known = np.unique(name[name >= 1])
    lines = []
    for one in rng.permutation(known)[:persons]:
        rows = np.flatnonzero(name == one)
        rows = rows[np.argsort(part.camera[rows], kind="stable")]
        rows = rows[np.unique(np.linspace(0, len(rows) - 1, across).astype(int))]
        lines.append([_framed(part, row, None) for row in rows])
    return _grid(lines)


def clusters(label: np.ndarray, part: Records, seed: int, *, down: int = 8, across: int = 3) -> np.ndarray:
    """Four random images of each of `down` x `across` random labels; label i32[n], -1: none (ReMix's figure 4)."""
    rng = np.random.default_rng(seed)
    gap = np.full((SIZE[0] + 6, 12, 3), 255, np.uint8)
    tiles = []
    for name in rng.permutation(np.unique(label[label >= 0]))[: down * across]:
        rows = np.resize(rng.permutation(np.flatnonzero(label == name)), 4)
        tiles.append(np.hstack([_framed(part, row, None) for row in rows] + [gap]))
    return _grid([tiles[start : start + across] for start in range(0, len(tiles), across)])


def activation(model: Model, variables: Variables, part: Records, seed: int, *, pictures: int = 24) -> np.ndarray:
    """Random pictures, and the same under the strength of their maps: the sum of squares over channels (ReMix's figure 5)."""
    rows = np.random.default_rng(seed).permutation(len(part.person))[:pictures]
    taken = model.input
    seen = np.stack([resize(reading.read(part, int(row)), taken.size, taken.resize) for row in rows])
    strength = np.square(np.asarray(jax.jit(model.look)(variables, seen))).sum(-1)
    low, high = strength.min((1, 2), keepdims=True), strength.max((1, 2), keepdims=True)
    strength = np.round(255 * (strength - low) / np.maximum(high - low, 1e-12)).astype(np.uint8)
    tiles = []
    for row, heat in zip(rows, strength, strict=True):
        picture = _framed(part, row, None)
        colour = cv2.applyColorMap(
            cv2.resize(heat, picture.shape[1::-1], interpolation=cv2.INTER_CUBIC), cv2.COLORMAP_JET
        )
        tiles += [picture, cv2.addWeighted(picture, 0.5, cv2.cvtColor(colour, cv2.COLOR_BGR2RGB), 0.5, 0)]
    return _grid([tiles[start : start + 12] for start in range(0, len(tiles), 12)])


def ranked_lists(
    embedding: np.ndarray, test: Records, metric: str, *, same_camera: bool, queries: int = 8, across: int = 10
) -> np.ndarray:
    """The query, then its nearest; the queries spread from the best average precision to the worst."""
    query, gallery = np.flatnonzero(test.split == "query"), np.flatnonzero(test.split == "gallery")
    result = evaluate.rank_records(embedding, test, metric=metric, same_camera=same_camera)
    valid = np.flatnonzero(~np.isnan(result.ap))
    chosen = valid[np.argsort(-result.ap[valid], kind="stable")]
    chosen = chosen[np.unique(np.linspace(0, len(chosen) - 1, queries).astype(int))]
    near = ranking.order(
        embedding[query[chosen]], embedding[gallery], across,
        query_person=test.person[query[chosen]], gallery_person=test.person[gallery],
        query_camera=test.camera[query[chosen]], gallery_camera=test.camera[gallery],
        metric=metric, same_camera=same_camera,
    )  # fmt: skip
    lines = []
    for place, number in enumerate(chosen):
        person = test.person[query[number]]
        line = [_framed(test, query[number], QUERY)]
        for column in near[place]:
            if column >= 0:
                row = gallery[column]
                line.append(_framed(test, row, RIGHT if test.person[row] == person else WRONG))
        lines.append(line)
    return _grid(lines)


def _markdown(table: dict[str, dict[str, float]], config: Any) -> str:
    tested = config.test or getattr(config, "target", "") or config.data
    lines = [f"Tested on `{tested}`, trained on {trained_on(config)}, seed {config.seed}.", ""]
    lines += ["| | mAP | rank-1 | rank-5 | mINP |", "|---|---|---|---|---|"]
    for name, row in table.items():
        told = " | ".join(f"{100 * row[figure]:.1f}" for figure in ("mAP", "rank1", "rank5", "mINP"))
        lines.append(f"| {name} | {told} |")
    return "\n".join(lines) + "\n"


def trained_on(config: Any) -> str:
    """What a run of this configuration has learnt from, in words."""
    parts = [] if getattr(config, "first", "") or not config.data else [f"`{config.data}`"]
    if target := getattr(config, "target", ""):
        labelled = getattr(config, "pseudo_labels", "") == "given"
        parts.append(f"`{target}`" if labelled else f"`{target}` without its labels")
    if (videos := getattr(config, "videos", "")) and config.labels:
        parts.append(f"the videos of `{videos}`")
    if getattr(config, "labels", 0) and config.labelled < 1:
        parts.append(f"{1 - config.labelled:.0%} of its persons without their labels")
    return " and ".join(parts)


def _framed(part: Records, row: int, colour: tuple[int, int, int] | None) -> np.ndarray:
    image = resize(reading.read(part, int(row)), SIZE)
    edge = colour or (255, 255, 255)
    return cv2.copyMakeBorder(image, 3, 3, 3, 3, cv2.BORDER_CONSTANT, value=edge)


def _grid(lines: list[list[np.ndarray]]) -> np.ndarray:
    height, width = lines[0][0].shape[:2]
    sheet = np.full((len(lines) * height, max(map(len, lines)) * width, 3), 255, np.uint8)
    for top, line in enumerate(lines):
        for left, tile in enumerate(line):
            sheet[top * height : (top + 1) * height, left * width : (left + 1) * width] = tile
    return sheet


def save(path: Path, image: np.ndarray) -> None:
    """Write an RGB picture."""
    cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))


def main() -> None:
    """Draw the report of a finished run again."""
    from experiments import command, sources
    from reid_jax import checkpoint

    workdir = Path(command.workdir())
    config, model = encoders.of_run(workdir)
    parts = sources.adaptation if getattr(config, "target", "") else sources.train_and_test
    train, test = parts(config)
    variables = checkpoint.restore_encoder(workdir / "checkpoints", model)
    job = _Drawn(model, train, test)
    write(job, config, parallel.build_embed(model), parallel.replicate(variables), workdir / "report")


class _Drawn:
    """The parts of a job that a report needs."""

    def __init__(self, model, train, test):
        self.model, self.train, self.test = model, train, test


if __name__ == "__main__":
    from experiments import command

    command.plain(main)
