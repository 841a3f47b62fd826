"""Checkpoints of fastMRI, VarNet or U-Net: a torch state dict, bare or inside a trainer's checkpoint."""

import pickle
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from recon.data.errors import InputError

ENTRY = "sens_net.norm_unet.unet.down_sample_layers.0.layers.0.weight"
"""The first layer of every VarNet; what stands before it in a key is the trainer's prefix."""

UNET_ENTRY, UNET_BOTTOM = "down_sample_layers.0.layers.0.weight", "conv.layers.0.weight"
UNET_CROP = [320, 320]
"""Size of the images that fastMRI's U-Nets were trained on, which the weights do not tell."""


def read_torch_file(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a torch file without running any code it may hold.

    Raises
    ------
    InputError
        If the file is no torch file, is damaged, or needs more than tensors and plain values to be read.
    """
    try:
        with warnings.catch_warnings():
            # What torch warns about here is about to be read well or to be refused.
            warnings.simplefilter("ignore")
            stored = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(f"{path}: neither a checkpoint of this program nor a torch file of plain tensors") from error
    except (RuntimeError, EOFError, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: the checkpoint is damaged ({_first_line(error)})") from error
    weights = stored.get("state_dict", stored) if isinstance(stored, Mapping) else {}
    if not isinstance(weights, Mapping):
        weights = {}
    return {str(key): weight for key, weight in weights.items() if isinstance(weight, Tensor)}


def infer_network(path: Path, weights: Mapping[str, Tensor]) -> tuple[str, dict[str, Tensor], dict[str, Any]]:
    """Find the VarNet or the image-to-image U-Net in a state dict, and the arguments that construct it.

    Parameters
    ----------
    path
        Of the file, for the error.
    weights
        The state dict; its keys may have a prefix, and other modules may lie beside the network.

    Returns
    -------
    tuple
        The network's name in the zoo, the weights under the keys it has there, its constructor's arguments.

    Raises
    ------
    InputError
        If there is neither inside.
    """
    varnet, unet = _prefix(weights, ENTRY), _prefix(weights, UNET_ENTRY)
    if varnet is not None and f"{varnet}cascades.0.dc_weight" in weights:
        return "varnet", *_infer_varnet(weights, varnet)
    if unet is not None and "norm_unet." not in unet and f"{unet}{UNET_BOTTOM}" in weights:
        return "unet", *_infer_unet(weights, unet)
    raise InputError(f"{path}: holds no VarNet and no U-Net, neither this program's nor fastMRI's")


def _prefix(weights: Mapping[str, Tensor], entry: str) -> str | None:
    return next((key.removesuffix(entry) for key in weights if key.endswith(entry)), None)


def _infer_unet(weights: Mapping[str, Tensor], prefix: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    chans, pools = _unet_size(weights, prefix)
    unet = {f"unet.{key.removeprefix(prefix)}": weight for key, weight in weights.items() if _inside(key, prefix)}
    return unet, {"chans": chans, "pools": pools, "crop": UNET_CROP}


def _inside(key: str, prefix: str) -> bool:
    """Tell whether a key belongs to the U-Net with this prefix."""
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
    """Channels and poolings of the U-Net under `prefix`; `(0, 0)`, which no weights fit, if there is none."""
    entry = re.compile(re.escape(prefix) + r"down_sample_layers\.\d+\.layers\.0\.weight")
    levels = sorted(key for key in weights if entry.fullmatch(key))
    return (len(weights[levels[0]]), len(levels)) if levels else (0, 0)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
