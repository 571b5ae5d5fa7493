"""The commands of README and of docs/, and README's journey on toy data, as a reader runs them.

    python -m tests.readme reid-jax
    python -m tests.readme python -m experiments

The words are what README's `reid-jax` is replaced with. The first training, and all that is done
with its run, are really run (in two batches); it is part of .ci/run, in the checkout and with an
installed wheel outside it.
"""

import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

TOP = Path(__file__).parents[1]
PAGES = [TOP / "README.md", *sorted((TOP / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```bash\n(.*?)^```|((?:^    \S.*\n)+)", re.M | re.S)
COMMAND = re.compile(r"^(?:    |.*&& \.venv/bin/)?reid-jax (.*)$", re.M)
ROOTS = ("/my/", "/other/")  # the folders of the pages, which stand in a temporary one here
# what is run, in this order, with what makes it small
TOY = [
    "--config.epochs=1",
    "--config.iterations=2",
    "--config.warmup=0",
    "--config.persons=2",
    "--config.per_person=2",
]
CLUSTER = ["--eps=0.9", "--min_samples=2", "--k1=4", "--k2=2"]
JOURNEY = {"ide": TOY, "evaluate": [], "embed": [], "export": [], "cluster": CLUSTER, "report": []}


def commands() -> list[list[str]]:
    """The commands in code blocks, `reid-jax NAME ...`, in words; README's come first."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        blocks = [fenced or indented for fenced, indented in BLOCK.findall(text)]
        found += [shlex.split(line) for block in blocks for line in COMMAND.findall(block)]
    return found


def blocks() -> list[tuple[str, str]]:
    """The Python in code blocks: (page and number, text); the tutorial's go on from each other."""
    return [
        (f"{page.relative_to(TOP)}, block {number}", block)
        for page in PAGES
        if page.name != "tutorial.md"  # tests/test_tutorial.py runs it whole
        for number, block in enumerate(
            re.findall(r"^```python\n(.*?)^```", page.read_text(), re.M | re.S), 1
        )
    ]


def make(folder: Path) -> None:
    """Pictures and CSVs of the names that the pages give them."""
    rng = np.random.default_rng(0)
    for place, name in (("my", "pictures.csv"), ("other", "pictures.csv")):
        lines = ["path,person,camera,split"]
        for person in range(6):
            colour = rng.integers(0, 256, 3)
            for take in range(8):
                image = np.clip(colour + rng.normal(0, 20, (32, 16, 3)), 0, 255).astype(np.uint8)
                path = folder / place / "crops" / f"{person}_{take}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(path), image)
                split = "train" if person < 3 else "query" if take < 2 else "gallery"
                lines.append(f"crops/{path.name},{person},{('door', 'yard')[take % 2]},{split}")
        (folder / place / name).write_text("\n".join(lines) + "\n")


def main() -> None:
    """Run the journey."""
    how = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder))
        for name, more in JOURNEY.items():
            own = next(words for words in commands() if words[0] == name)
            for root in ROOTS:
                own = [word.replace(root, f"{folder}{root}") for word in own]
            own = [
                re.sub(r"=(?=(runs|crops\.npz|my-encoder|labels\.csv))", f"={folder}/", word)
                for word in own
            ]
            call = [*how[:-1], f"{how[-1]}.{name}"] if how[-1] == "experiments" else [*how, name]
            call += [*own[1:], *more]
            print("$", shlex.join(call), flush=True)  # noqa: T201
            subprocess.run(call, check=True)


if __name__ == "__main__":
    main()
