"""No thread that reads data is the first to import a module.

Modules that import each other lazily can deadlock where several threads ask for them at once.
"""

import subprocess
import sys

import cv2
import numpy as np
import pytest

from reid_jax.data import packed
from reid_jax.data.table import table
from reid_jax.video import cut

CHILD = """
import sys
import threading
from reid_jax.app import kinds
from reid_jax.data import records
from reid_jax.video.gather import Parts

class Watch:
    late = set()

    def find_spec(self, name, path=None, target=None):
        if threading.current_thread() is not threading.main_thread():
            self.late.add(name)

sys.meta_path.insert(0, Watch())
how, source = sys.argv[1:]
made = records.make(Parts([source], [6]), 1) if how == "parts" else kinds.open_source(source)
if how == "batches":
    import numpy as np
    from reid_jax.data import batch
    from reid_jax.data.augment import Augment
    from reid_jax.types import Input, Plan
    input = Input((16, 8), resize="bicubic")
    plan = Plan(np.arange(len(made.person)).reshape(-1, 3), np.arange(len(made.person)), {})
    changed = Augment(flip=0.5, pad=2, erase=1, blur=1, gray=0.5, jitter=1, zoom=0.5, solarise=0.5)
    read = 3 * len(list(batch.batches(made, plan, views=(changed,), input=input, seed=1, epoch=0)))
    list(batch.pictures(made, np.arange(read), input=input, batch=2))
else:
    read = int(records.readable(made).sum())
print(read, len(made.person), *sorted(Watch.late))
"""


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Two persons with three pictures each, in every form that is read from a disk."""
    folder = tmp_path_factory.mktemp("kept")
    names, made = [], np.random.default_rng(0).integers(0, 256, (6, 12, 6, 3), np.uint8)
    for part in ("bounding_box_train", "query", "bounding_box_test", "folders/1", "folders/2"):
        (folder / part).mkdir(parents=True)
        cv2.imwrite(str(folder / part / "0001_c1s1_000009_00.jpg"), made[0])
    for row, picture in enumerate(made):
        names.append(f"bounding_box_train/{row // 3 + 1:04}_c{row % 3 + 1}s1_{row:06}_00.jpg")
        for name in (names[-1], f"folders/{row // 3 + 1}/{row}.png"):
            cv2.imwrite(str(folder / name), picture)
    lines = (f"{name},{row // 3},{row % 3},train" for row, name in enumerate(names))
    (folder / "all.csv").write_text("\n".join(["path,person,camera,split", *lines]))
    packed.pack(table(folder / "all.csv"), folder / "packed")
    crops = (((folder / name).read_bytes(), (0, 0, 0, 1, (0, 0, 6, 12)), 1.0) for name in names)
    cut._write(folder, crops)
    return folder


@pytest.mark.parametrize(
    ("how", "source"),
    [
        ("open", "csv:{}/all.csv"),
        ("open", "folders:{}/folders"),
        ("open", "market1501:{},shared=yes"),
        ("open", "packed:{}/packed"),
        ("open", "synthetic-videos:station,videos=1,people=2,frames=10"),
        ("parts", f"{{}}/{cut.CROPS}"),
        ("batches", "csv:{}/all.csv+packed:{}/packed"),
    ],
)
def test_threads_read_what_is_imported_already(kept, how, source):
    command = [sys.executable, "-c", CHILD, how, source.replace("{}", str(kept))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    read, rows, *late = done.stdout.split()
    assert read == rows and int(read) > 3 and not late
