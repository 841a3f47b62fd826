"""Recognises fastMRI's VarNet and U-Net in a state dict, bare or with the prefixes of a trainer."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from recon.data.errors import InputError
from recon.models.checkpoints.torch_file import HOW_TO_STRIP

VARNET_FIRST_KEY = "sens_net.norm_unet.unet.down_sample_layers.0.layers.0.weight"
"""Key of the first layer of every VarNet; in a checkpoint, the trainer's prefix stands before it."""

UNET_FIRST_KEY, UNET_BOTTOM_KEY = "down_sample_layers.0.layers.0.weight", "conv.layers.0.weight"
"""Keys of the first and of the coarsest layer of every U-Net."""

FOREIGN = {
    "prompt_level": "PromptMR, whose U-Nets take prompts and channel attention, and often adjacent slices",
    "regularizer_model.": "a network of DIRECT, whose U-Nets normalise neither their input nor their output",
    "block_list.": "a network of DIRECT",
    "cascades.0.reg_model": "a sigma-net",
    "grad_output.": "a recurrent inference machine",
}
"""Networks of other projects, by a part of a key in their state dict."""

UNET_CROP = [320, 320]
"""Size `[readout, phase]` of the images that fastMRI's U-Nets were trained on, which their weights do not state."""


def infer_network(path: Path, weights: Mapping[str, Tensor]) -> tuple[str, dict[str, Tensor], dict[str, Any]]:
    """Find the VarNet or the image-to-image U-Net in a state dict, and the arguments that construct it.

    Parameters
    ----------
    path
        Path of the file, for the error message.
    weights
        State dict; its keys may have a prefix, and it may hold other modules beside the network.

    Returns
    -------
    tuple
        Name of the network in the zoo, its weights under our keys, and the arguments of its constructor.

    Raises
    ------
    InputError
        If the state dict holds neither network.
    """
    varnet, unet = _prefix(weights, VARNET_FIRST_KEY), _prefix(weights, UNET_FIRST_KEY)
    if varnet is not None and f"{varnet}cascades.0.dc_weight" in weights:
        return "varnet", *_infer_varnet(weights, varnet)
    if unet is not None and "norm_unet." not in unet and f"{unet}{UNET_BOTTOM_KEY}" in weights:
        return "unet", *_infer_unet(weights, unet)
    raise InputError(f"{path}: holds neither a VarNet nor a U-Net, of this program or of fastMRI{_foreign(weights)}")


def _foreign(weights: Mapping[str, Tensor]) -> str:
    """Return what the state dict holds instead, as the end of a sentence."""
    if not weights:
        return f"; {HOW_TO_STRIP}"
    found = next((name for part, name in FOREIGN.items() if any(part in key for key in weights)), None)
    if found is not None:
        return f", but {found}: it computes something else"
    if any(key.endswith("cascades.0.dc_weight") for key in weights):
        return (
            ", but a VarNet without its network of sensitivity maps (sens_net), as ATOMMIC writes it for given maps"
        )
    return ""


def _prefix(weights: Mapping[str, Tensor], first_key: str) -> str | None:
    return next((key.removesuffix(first_key) for key in weights if key.endswith(first_key)), None)


def _infer_unet(weights: Mapping[str, Tensor], prefix: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    chans, pools = _unet_size(weights, prefix)
    unet = {f"unet.{key.removeprefix(prefix)}": weight for key, weight in weights.items() if _inside(key, prefix)}
    return unet, {"chans": chans, "pools": pools, "crop": UNET_CROP}


def _inside(key: str, prefix: str) -> bool:
    """Return whether a key belongs to the U-Net with this prefix."""
    parts = ("down_sample_layers.", "conv.", "up_transpose_conv.", "up_conv.")
    return key.startswith(prefix) and key.removeprefix(prefix).startswith(parts)


def _infer_varnet(weights: Mapping[str, Tensor], prefix: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    own = {key.removeprefix(prefix): weight for key, weight in weights.items() if key.startswith(prefix)}
    varnet = {key: weight for key, weight in own.items() if key.startswith(("sens_net.", "cascades."))}
    sens_chans, sens_pools = _unet_size(varnet, "sens_net.norm_unet.unet.")
    chans, pools = _unet_size(varnet, "cascades.0.model.unet.")
    return varnet, {
        "num_cascades": sum(key.endswith(".dc_weight") for key in varnet),
        "sens_chans": sens_chans,
        "sens_pools": sens_pools,
        "chans": chans,
        "pools": pools,
    }


def _unet_size(weights: Mapping[str, Tensor], prefix: str) -> tuple[int, int]:
    """Return channels and poolings of the U-Net under `prefix`; `(0, 0)`, which fits no weights, if there is none."""
    first_of_level = re.compile(re.escape(prefix) + r"down_sample_layers\.\d+\.layers\.0\.weight")
    levels = sorted(key for key in weights if first_of_level.fullmatch(key))
    return (len(weights[levels[0]]), len(levels)) if levels and weights[levels[0]].ndim else (0, 0)
