"""Recognises fastMRI's VarNet and U-Net in a state dict, bare or with the prefixes of a trainer."""

import re
from collections.abc import Mapping

from torch import Tensor

from recon.models.checkpoints.recognised import Recognised

VARNET_FIRST_KEY = "sens_net.norm_unet.unet.down_sample_layers.0.layers.0.weight"
"""Key of the first layer of every VarNet; in a checkpoint, the trainer's prefix stands before it."""

UNET_FIRST_KEY, UNET_BOTTOM_KEY = "down_sample_layers.0.layers.0.weight", "conv.layers.0.weight"
"""Keys of the first and of the coarsest layer of every U-Net."""

UNET_CROP = [320, 320]
"""Size `[readout, phase]` of the images that fastMRI's U-Nets were trained on, which their weights do not state."""


def find_varnet(weights: Mapping[str, Tensor]) -> Recognised | None:
    """Find a VarNet; its keys may have a prefix, and other modules may lie beside it. None if there is none."""
    prefix = _prefix(weights, VARNET_FIRST_KEY)
    if prefix is None or f"{prefix}cascades.0.dc_weight" not in weights:
        return None
    own = {key.removeprefix(prefix): weight for key, weight in weights.items() if key.startswith(prefix)}
    varnet = {key: weight for key, weight in own.items() if key.startswith(("sens_net.", "cascades."))}
    sens_chans, sens_pools = _unet_size(varnet, "sens_net.norm_unet.unet.")
    chans, pools = _unet_size(varnet, "cascades.0.model.unet.")
    arguments = {
        "num_cascades": sum(key.endswith(".dc_weight") for key in varnet),
        "sens_chans": sens_chans,
        "sens_pools": sens_pools,
        "chans": chans,
        "pools": pools,
    }
    return Recognised("varnet", arguments, varnet)


def find_unet(weights: Mapping[str, Tensor]) -> Recognised | None:
    """Find an image-to-image U-Net, under any prefix; None if there is none."""
    prefix = _prefix(weights, UNET_FIRST_KEY)
    if prefix is None or "norm_unet." in prefix or f"{prefix}{UNET_BOTTOM_KEY}" not in weights:
        return None
    chans, pools = _unet_size(weights, prefix)
    unet = {f"unet.{key.removeprefix(prefix)}": weight for key, weight in weights.items() if _inside(key, prefix)}
    return Recognised("unet", {"chans": chans, "pools": pools, "crop": UNET_CROP}, unet)


def _prefix(weights: Mapping[str, Tensor], first_key: str) -> str | None:
    return next((key.removesuffix(first_key) for key in weights if key.endswith(first_key)), None)


def _inside(key: str, prefix: str) -> bool:
    """Return whether a key belongs to the U-Net with this prefix."""
    parts = ("down_sample_layers.", "conv.", "up_transpose_conv.", "up_conv.")
    return key.startswith(prefix) and key.removeprefix(prefix).startswith(parts)


def _unet_size(weights: Mapping[str, Tensor], prefix: str) -> tuple[int, int]:
    """Return channels and poolings of the U-Net under `prefix`; `(0, 0)`, which fits no weights, if there is none."""
    first_of_level = re.compile(re.escape(prefix) + r"down_sample_layers\.\d+\.layers\.0\.weight")
    levels = sorted(key for key in weights if first_of_level.fullmatch(key))
    return (len(weights[levels[0]]), len(levels)) if levels and weights[levels[0]].ndim else (0, 0)
