"""The names that published torch files have for the arrays of the modules here."""

import re

LEAVES = {"kernel": "weight", "scale": "weight", "mean": "running_mean", "var": "running_var"}
# modules of an encoder behind its trunk, in their order, which no file fills
OURS = ("neck1", "neck2", "neck3", "pool", "head", "neck", "feat")
BRANCHES = ("b1", "b2", "b3")  # MGN's branches: each is the second half of the trunk's network


def torch_name(name: str) -> str:
    """Convert a path in the variables to the name that torch has for the array.

    `params/trunk/layer1_0/bn1/scale` becomes `layer1.0.bn1.weight`. Both domains of a DomainNorm
    have the same torch name.
    """
    *modules, leaf = name.split("/")[2:]
    module = ".".join(_published(part) for part in modules if part not in ("source", "target"))
    module = module.replace("patch.embed", "patch_embed")
    return ".".join(filter(None, [module, LEAVES.get(leaf, leaf)]))


def _published(module: str) -> str:
    """The name of a module: `layer1_0` is `layer1.0`; `_blocks_0`, Google's, is `_blocks.0`."""
    if module.startswith("_"):
        return re.sub(r"_(\d+)$", r".\1", module)
    return module.replace("_", ".")
