"""The model card of an exported encoder, and an example that runs it without this library."""

import importlib.metadata
import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import reid_jax
from reid_jax.files import sums

TAGS = ("person-re-identification", "jax", "safetensors")
LIBRARIES = ("jax", "flax", "numpy", "onnx", "onnxruntime")
HOLDS = {
    "encoder.json": "what goes in and comes out, and the configuration",
    "config.json": "the network, for hubs; encoder.json says all of it",
    "encoder.onnx": "ONNX: uint8 [batch h w 3], RGB -> float32 [batch d], rows of length one",
    "encoder.fp16.onnx": "the same in half precision",
    "encoder.int8.onnx": "the same with weights and activations of 8 bits",
    "half.safetensors": "the weights in half precision, as JAX has them",
    "weights.safetensors": "the weights under torch's names, in torch's order of axes",
    "weights": "the weights as JAX has them (orbax); `reid_jax.load` reads them",
    "program.bin": "jax.export: uint8 [batch h w 3] -> float32 [batch d], rows as they are",
    "example.py": "encoder.onnx with numpy, Pillow and onnxruntime",
}
EXAMPLE = '''"""Print the cosine of each picture to the first: python example.py a.jpg b.jpg"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

folder = Path(__file__).parent
about = json.loads((folder / "encoder.json").read_text())["input"]
height, width = about["shape"][1:3]
kinds = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
session = onnxruntime.InferenceSession(str(folder / "encoder.onnx"))
pictures = []
for name in sys.argv[1:]:
    picture = Image.open(name).convert("RGB")
    area = Image.Resampling.BOX if height < picture.height else Image.Resampling.BICUBIC
    pictures.append(np.asarray(picture.resize((width, height), kinds.get(about["resize"], area))))
embedding = session.run(None, {"image": np.stack(pictures)})[0]
print(*(f"{cosine:.4f}" for cosine in embedding @ embedding[0]))
'''


def write(folder: Path, about: Mapping[str, Any], told: Mapping[str, Any]) -> None:
    """Write example.py, where there is encoder.onnx, config.json for hubs, and README.md.

    Args:
        folder: of the exported encoder, with all else that it holds.
        about: what encoder.json says.
        told: lines of the card by name, e.g. the licence.
    """
    if (folder / "encoder.onnx").is_file():
        (folder / "example.py").write_text(EXAMPLE)
    kept = {"library_name": "reid_jax", "model_type": about["config"].get("backbone", "")}
    kept |= {"image_size": about["input"]["shape"][1:3], "hidden_size": about["output"]["shape"][1]}
    (folder / "config.json").write_text(json.dumps(kept, indent=2) + "\n")
    (folder / "README.md").write_text(f"{_front(told)}\n{text(folder, about, told)}")


def text(folder: Path, about: Mapping[str, Any], told: Mapping[str, Any], notes: str = "") -> str:
    """The card, in Markdown; it ends with `notes`."""
    config = about["config"]
    height, width = about["input"]["shape"][1:3]
    lines = {
        "network": config.get("backbone", "one of its own"),
        "pictures": f"{height}x{width}, RGB; {about['preprocessing']}",
        "embedding": f"{about['output']['shape'][1]} numbers; compare them by "
        f"{about['output']['compare']} distance",
        "trained on": _data(config) or "not told",
        "weights it began with": config.get("weights") or "not told",
        "licence": "not told",
        **told,
    }
    parts = [
        "# A person re-identification encoder",
        "\n".join(f"- {name}: {value}" for name, value in lines.items()),
        "## Files",
        _files(folder),
    ]
    if forms := _forms(about.get("forms", {})):
        parts += ["## How the forms keep to the model", forms]
    if notes:
        parts.append(notes.strip())
    return "\n\n".join([*parts, f"Written by {versions()}.", ""])


def versions() -> str:
    """The versions of what writes an export."""
    parts = [f"reid_jax {reid_jax.__version__}", f"Python {platform.python_version()}"]
    for name in LIBRARIES:
        try:
            parts.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return ", ".join(parts)


def _front(told: Mapping[str, Any]) -> str:
    """What hubs read at the head of a card, in YAML."""
    lines = ["library_name: reid_jax", "pipeline_tag: image-feature-extraction", "tags:"]
    lines += [f"- {tag}" for tag in TAGS]
    if told.get("licence"):
        lines.append(f"license: {json.dumps(str(told['licence']).lower())}")
    return "\n".join(["---", *lines, "---", ""])


def _data(config: Mapping[str, Any]) -> str:
    names = ("data", "target", "videos", "beside")
    return ", ".join(f"`{config[name]}`" for name in names if config.get(name))


def _files(folder: Path) -> str:
    rows = ["| file | what it is | MB | SHA-256 |", "|---|---|---|---|"]
    for name, holds in HOLDS.items():
        path = folder / name
        if path.is_file():
            size, digest = path.stat().st_size / 1e6, sums.digest(path)
            rows.append(f"| {name} | {holds} | {size:.1f} | `{digest}` |")
        elif path.is_dir():
            size = sum(one.stat().st_size for one in path.rglob("*") if one.is_file()) / 1e6
            rows.append(f"| {name}/ | {holds} | {size:.1f} | |")
    return "\n".join(rows)


def _forms(forms: Mapping[str, Mapping[str, Any]]) -> str:
    return "\n".join(f"- {name}: {told(figures)}" for name, figures in forms.items())


def told(figures: Mapping[str, Any]) -> str:
    """What is known of a form, in words; figures of a test in percent."""
    words = {
        "left_out": "left out, {}",
        "differs": "differs by {:.0e} of the largest component",
        "cosine": "a cosine of at least {:.4f} to the model",
    }
    parts = [
        words[name].format(value) if name in words else f"{name} {100 * value:.1f}"
        for name, value in figures.items()
    ]
    return ", ".join(parts)
