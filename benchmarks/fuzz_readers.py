"""The readers that `benchmarks.fuzz` tries, each with a sound input of its kind.

A reader is (make, read): make(folder) writes an input, read(folder) is given it damaged.
"""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from benchmarks import fuzz_weights as weights


class Reader(NamedTuple):
    """How a sound input is written to a new folder, and how any input is read.

    Attributes:
        lists: it lists files, which may lie anywhere, and each is opened as a picture.
    """

    make: Callable[[Path], Any]
    read: Callable[[Path], Any]
    lists: bool = False


def _pixels(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (24, 12, 3), np.uint8)


def _pictures(folder: Path) -> None:
    from PIL import Image

    picture = Image.fromarray(_pixels())
    for ending in ("jpg", "png", "bmp", "gif", "tif", "webp"):
        picture.save(folder / f"a.{ending}")
    picture.convert("CMYK").save(folder / "b.jpg")
    picture.convert("P").save(folder / "b.png")


def _read_pictures(folder: Path) -> None:
    from reid_jax.data import records

    files = [str(one) for one in sorted(folder.rglob("*")) if one.is_file()]
    errors = []
    for row in range(len(files)):
        try:
            records.read(records.make(files, [1] * len(files)), row)
        except ValueError as error:
            errors.append(error)
    if errors:
        raise errors[0]


def _csv(folder: Path) -> None:
    for name in "abc":
        cv2.imwrite(str(folder / f"{name}.png"), _pixels())
    rows = [["path", "person", "camera", "split", "domain", "group", "frame", "shot"]]
    rows += [[f"{n}.png", n, 1, "train", 0, "v", 7, 0] for n in "abc"]
    with (folder / "people.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def _read_csv(folder: Path) -> None:
    from reid_jax.data import records, table

    data = table.table(folder / "people.csv")
    for row in range(len(data.person)):
        records.read(data, row)


def _people(count: int = 6) -> Any:
    from reid_jax.data import records

    images = records.Held(np.stack([_pixels(n) for n in range(count)]))
    return records.make(images, [1 + n % 3 for n in range(count)], camera=0, group=0, frame=3)


def _packed(folder: Path) -> None:
    from reid_jax.data import packed

    def boxes(unfinished: Path) -> None:
        column = np.zeros(6, np.int32)
        np.savez(unfinished / "boxes.npz", frame=column + 3, source=column, view=column,
                 box=np.zeros((6, 4), np.int32))  # fmt: skip
        told = {"sources": [{"views": [{"path": "a.mp4", "rate": 25.0}]}]}
        (unfinished / "manifest.json").write_text(json.dumps(told))

    packed.pack(_people(), folder / "data", beside=boxes)


def _read_packed(folder: Path) -> None:
    from reid_jax.app import keys
    from reid_jax.data import packed, records

    data = packed.packed(folder / "data")
    for row in range(len(data.person)):
        records.read(data, row)
    keys.known(f"packed:{folder / 'data'}", data)


def _embedded(ending: str) -> Callable[[Path], Any]:
    def make(folder: Path) -> None:
        from reid_jax.app import embedded

        keys = {name: [None] * 6 for name in ("video", "track", "box", "rate")}
        names, rows = [f"{n}.png" for n in range(6)], np.eye(6, 4, dtype=np.float32)
        embedded.write(folder / f"e.{ending}", names, rows, _people(), "0123", keys)

    return make


def _read_embedded(ending: str) -> Callable[[Path], Any]:
    def read(folder: Path) -> Any:
        from reid_jax.app import embedded

        return embedded.read(folder / f"e.{ending}")

    return read


def _tiny() -> Any:
    import reid_jax

    return reid_jax.build("resnet_small", size="32x16")


def _run(folder: Path) -> None:
    import reid_jax

    people = reid_jax.synthetic.labelled(persons=4, cameras=2, size=(32, 16))
    method = reid_jax.ide(_tiny(), persons=2, per_person=2)
    for _ in reid_jax.fit(method, people, epochs=2, workdir=folder / "run"):
        pass


def _read_run(folder: Path) -> Any:
    import reid_jax
    from reid_jax import checkpoint

    checkpoint.restore_position(folder / "run" / "checkpoints", say=str)
    return reid_jax.load(folder / "run")


def _export(folder: Path) -> None:
    import jax

    from reid_jax.api.encoder import Encoder

    model = _tiny()
    Encoder(model, model.init(jax.random.key(0))).save(folder / "export")


def _read_export(folder: Path) -> Any:
    import reid_jax
    from reid_jax import export

    export.load(folder / "export")
    return reid_jax.load(folder / "export")


def _half(folder: Path) -> None:
    import jax

    from reid_jax import export, lean

    model = _tiny()
    about = export.described(model, dict(model.config))
    about["fingerprint"] = "0" * 16
    variables = model.init(jax.random.key(0))
    lean.write(folder / "half", variables, about, lambda made: "")


def _read_half(folder: Path) -> Any:
    import reid_jax

    return reid_jax.load(folder / "half")


def _config(folder: Path) -> None:
    from dataclasses import asdict

    from reid_jax.network import Network

    told = {**asdict(Network(size="32x16")), "epochs": 2, "seed": 0}
    (folder / "config.json").write_text(json.dumps(told, indent=2))


def _read_config(folder: Path) -> Any:
    from reid_jax import encoders

    return encoders.of_run(folder)


def _metrics(folder: Path) -> None:
    lines = [{"kind": "train", "epoch": n // 2, "step": n, "loss": 1 / (n + 1)} for n in range(8)]
    lines.append({"kind": "test", "epoch": 3, "step": 8, "mAP": 0.5, "queries": 4})
    (folder / "metrics.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))


def _read_metrics(folder: Path) -> None:
    from types import SimpleNamespace

    from reid_jax.app import curves, run

    moments = curves.Moments(folder / "metrics.jsonl")
    curves.losses(moments, "market")
    curves.tests(moments, "market")
    curves.health(moments, "market")
    moments.speed()
    run.ended(SimpleNamespace(epochs=4), folder)


def _mot(folder: Path) -> None:
    sequence = folder / "MOT17-02-FRCNN"
    for name in ("img1", "gt"):
        (sequence / name).mkdir(parents=True)
    lines = [f"{frame},{one},{one},2,8,20,1,1,1.0" for frame in (1, 2) for one in (1, 2)]
    (sequence / "gt" / "gt.txt").write_text("\n".join(lines) + "\n")
    for frame in (1, 2):
        cv2.imwrite(str(sequence / "img1" / f"{frame:06}.png"), _pixels())


def _read_mot(folder: Path) -> None:
    from reid_jax.data import records
    from reid_jax.data.sets.mot import mot17

    data = mot17(folder / "MOT17-02-FRCNN")
    for row in range(len(data.person)):
        records.read(data, row)


READERS = {
    "pictures": Reader(_pictures, _read_pictures),
    "csv": Reader(_csv, _read_csv, lists=True),
    "pth": Reader(weights.pth, weights.reader("pth")),
    "older_pth": Reader(weights.older_pth, weights.reader("pth")),
    "safetensors": Reader(weights.safetensors, weights.reader("safetensors")),
    "npz": Reader(weights.npz, weights.reader("npz")),
    "onnx": Reader(weights.onnx, weights.reader("onnx")),
    "packed": Reader(_packed, _read_packed),
    "checkpoint": Reader(_run, _read_run),
    "export": Reader(_export, _read_export),
    "half": Reader(_half, _read_half),
    "embedded_npz": Reader(_embedded("npz"), _read_embedded("npz")),
    "embedded_parquet": Reader(_embedded("parquet"), _read_embedded("parquet")),
    "config": Reader(_config, _read_config),
    "metrics": Reader(_metrics, _read_metrics),
    "mot": Reader(_mot, _read_mot),
}
