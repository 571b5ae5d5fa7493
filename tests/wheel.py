"""An installed wheel: one package at the top, a door, and everything that a script needs.

    python tests/wheel.py FILE.whl

run outside the checkout, by the Python that the wheel is installed in.
"""

import subprocess
import sys
import zipfile
from pathlib import Path


def main() -> None:
    """Look at the wheel and use what it has installed."""
    names = zipfile.ZipFile(sys.argv[1]).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {"reid_jax"}, tops
    assert "reid_jax/py.typed" in names and "reid_jax/weights/street/half.safetensors" in names
    door = Path(sys.executable).with_name("reid-jax")

    def said(*words: str) -> str:
        return subprocess.run([door, *words], check=True, capture_output=True, text=True).stdout

    where = "import reid_jax; print(reid_jax.__file__)"
    place = subprocess.run(
        [sys.executable, "-c", where], check=True, capture_output=True, text=True
    )
    assert "site-packages" in place.stdout, place.stdout
    scripts = [line.split()[0] for line in said().splitlines() if line.startswith("  ")][1:]
    assert {"remix", "embed", "tables", "info"} <= set(scripts), scripts
    for name in scripts:
        assert "\nrun\n" in said(name, "--help"), name
    assert "remix.8" in said("tables") and "reid_jax" in said("info")


if __name__ == "__main__":
    main()
