"""The networks by name, with what makes them."""

from collections.abc import Callable
from functools import partial
from typing import Any

from reid_jax.models import mobile, osnet, resnet, swin
from reid_jax.models.vit import VITS, ViT

Make = Callable[..., Any]


def _windows(make: Make) -> Make:
    """A transformer normalises by layer and has no use for `norm`."""
    return lambda norm, **options: make(**options)


_LITES = {
    f"efficientnet_lite{number}{kind}": partial(mobile.efficientnet_lite, number, **options)
    for number in range(5)
    for kind, options in (("", {}), ("_ibn_a", {"ibn": True}), ("_stride2", {"last_stride": 2}))
}
_V2 = {
    f"mobilenet_v2{kind}{wide}": partial(mobile.mobilenet_v2, width, **options)
    for wide, width in (("", 1.0), ("_x1_4", 1.4), ("_x0_75", 0.75), ("_x0_5", 0.5))
    for kind, options in (("", {}), ("_ibn_a", {"ibn": True}))
}
BACKBONES: dict[str, Make] = {
    "resnet_small": resnet.resnet_small,
    "resnet_small_ibn_a": partial(resnet.resnet_small, ibn=True),
    "resnet_small_snr": partial(resnet.resnet_small, snr=(1, 2, 3)),
    "resnet_small_in": partial(resnet.resnet_small, instance=(1, 2)),
    "resnet50": resnet.resnet50,
    "resnet50_stride2": partial(resnet.resnet50, last_stride=2),
    "resnet50_ibn_a": resnet.resnet50_ibn_a,
    "resnet50_in": partial(resnet.resnet50, instance=(1, 2)),
    "resnet50_snr": partial(resnet.resnet50, snr=(1, 2, 3)),
    "osnet_x1_0": osnet.osnet,
    "osnet_x0_75": partial(osnet.osnet, 0.75),
    "osnet_x0_5": partial(osnet.osnet, 0.5),
    "osnet_x0_25": partial(osnet.osnet, 0.25),
    "osnet_ibn_x1_0": osnet.osnet_ibn,
    "osnet_ibn_x0_75": partial(osnet.osnet_ibn, 0.75),
    "osnet_ibn_x0_5": partial(osnet.osnet_ibn, 0.5),
    "osnet_ibn_x0_25": partial(osnet.osnet_ibn, 0.25),
    **_LITES,
    **_V2,
    "mobilenet_v2_stride2": partial(mobile.mobilenet_v2, last_stride=2),
    "swin_t": _windows(swin.swin_t),
    "swin_s": _windows(swin.swin_s),
    "swin_b": _windows(swin.swin_b),
    **{name: partial(ViT, **options) for name, options in VITS.items()},
}
TRANSFORMERS = tuple(name for name in BACKBONES if name.startswith(("swin_", *VITS)))
# MGN's by name: the width of a head, and the backbone of its trunk
MGNS = {
    "mgn": (256, "resnet50"),
    "mgn_in": (256, "resnet50_in"),
    "mgn_small": (32, "resnet_small"),
    "mgn_small_ibn_a": (32, "resnet_small_ibn_a"),
}
