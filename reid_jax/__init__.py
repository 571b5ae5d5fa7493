"""Person re-identification that generalises, in JAX.

    import reid_jax

    encoder = reid_jax.load("runs/market")      # a run, an export, or a weights file
    embedding = encoder(["a.jpg", "b.jpg"])     # f32[n d], rows of length one

The names of `__all__` and the submodules are imported when they are first used.
"""

import importlib
import importlib.util
import sys
from typing import TYPE_CHECKING

from reid_jax import xla

if TYPE_CHECKING:
    from reid_jax import optimise, synthetic
    from reid_jax.api.encoder import Encoder
    from reid_jax.api.gallery import Gallery, open_gallery
    from reid_jax.api.loading import backbones, build, load
    from reid_jax.api.tasks import cluster, compare, measure, nearest, rank, threshold
    from reid_jax.api.training import Moment, fit, two_domains
    from reid_jax.app.kinds import open_source
    from reid_jax.data.augment import Augment
    from reid_jax.data.records import make as make_records
    from reid_jax.methods.cluster_contrast import cluster_contrast
    from reid_jax.methods.cycas import cycas
    from reid_jax.methods.domainmix import domainmix
    from reid_jax.methods.gds import gds
    from reid_jax.methods.ide import ide
    from reid_jax.methods.mgn import mgn
    from reid_jax.methods.mmt import mmt
    from reid_jax.methods.moco import moco
    from reid_jax.methods.remix import remix
    from reid_jax.methods.spcl import spcl
    from reid_jax.methods.theory import theory
    from reid_jax.tracking.tracker import Tracker
    from reid_jax.types import Method, Model, Records

__version__ = "0.6.0"

__all__ = [
    "Augment",
    "Encoder",
    "Gallery",
    "Method",
    "Model",
    "Moment",
    "Records",
    "Tracker",
    "__version__",
    "backbones",
    "build",
    "cluster",
    "cluster_contrast",
    "compare",
    "cycas",
    "domainmix",
    "fit",
    "gds",
    "ide",
    "load",
    "make_records",
    "measure",
    "mgn",
    "mmt",
    "moco",
    "nearest",
    "open_gallery",
    "open_source",
    "optimise",
    "rank",
    "remix",
    "spcl",
    "synthetic",
    "theory",
    "threshold",
    "two_domains",
]

# where a name is defined; behind a colon its name there, if it is another
_HOMES = {
    "Augment": "data.augment",
    "Encoder": "api.encoder",
    "Gallery": "api.gallery",
    "Method": "types",
    "Model": "types",
    "Moment": "api.training",
    "Records": "types",
    "Tracker": "tracking.tracker",
    "backbones": "api.loading",
    "build": "api.loading",
    "cluster": "api.tasks",
    "cluster_contrast": "methods.cluster_contrast",
    "compare": "api.tasks",
    "cycas": "methods.cycas",
    "domainmix": "methods.domainmix",
    "fit": "api.training",
    "gds": "methods.gds",
    "ide": "methods.ide",
    "load": "api.loading",
    "make_records": "data.records:make",
    "measure": "api.tasks",
    "mgn": "methods.mgn",
    "mmt": "methods.mmt",
    "moco": "methods.moco",
    "nearest": "api.tasks",
    "open_gallery": "api.gallery",
    "open_source": "app.kinds",
    "rank": "api.tasks",
    "remix": "methods.remix",
    "spcl": "methods.spcl",
    "theory": "methods.theory",
    "threshold": "api.tasks",
    "two_domains": "api.training",
}

xla.mend()

if not TYPE_CHECKING:  # a type checker knows what there is, and tells of what is not

    def __getattr__(name):
        if name in _HOMES:
            home, _, own = _HOMES[name].partition(":")
            found = getattr(importlib.import_module(f"{__name__}.{home}"), own or name)
            globals()[name] = found
            return found
        if not name.startswith("_") and importlib.util.find_spec(f"{__name__}.{name}"):
            return importlib.import_module(f"{__name__}.{name}")
        raise AttributeError(
            f"module {__name__!r} has no attribute {name!r}",
            name=name,
            obj=sys.modules[__name__],
        )

    def __dir__():
        return sorted({*globals(), *__all__})
