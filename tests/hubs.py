"""A cache in the layout of a model hub, so that encoders are fetched from nowhere."""

import os

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def kept(folder, root):
    """Keep an exported encoder as the repository `root`, models--owner--name.

    Its files are links to blobs; main and v1 are COMMIT.
    """
    (root / "refs").mkdir(parents=True)
    (root / "blobs").mkdir()
    for ref in ("main", "v1"):
        (root / "refs" / ref).write_text(COMMIT)
    for number, path in enumerate(sorted(folder.rglob("*"))):
        if path.is_file():
            blob = root / "blobs" / str(number)
            blob.write_bytes(path.read_bytes())
            link = root / "snapshots" / COMMIT / path.relative_to(folder)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(os.path.relpath(blob, link.parent))
    return root
