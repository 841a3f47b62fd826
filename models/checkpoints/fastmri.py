"""Reads fastMRI's checkpoints of VarNet and U-Net: a torch state dict, bare or inside a trainer's checkpoint."""

import pickle
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from recon.data.errors import InputError

VARNET_FIRST_KEY = "sens_net.norm_unet.unet.down_sample_layers.0.layers.0.weight"
"""Key of the first layer of every VarNet; in a checkpoint, the trainer's prefix stands before it."""

UNET_FIRST_KEY, UNET_BOTTOM_KEY = "down_sample_layers.0.layers.0.weight", "conv.layers.0.weight"
"""Keys of the first and of the coarsest layer of every U-Net."""

UNET_CROP = [320, 320]
"""Size `[readout, phase]` of the images that fastMRI's U-Nets were trained on, which their weights do not state."""


def read_torch_file(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a torch file without running any code it may hold.

    Raises
    ------
    InputError
        If the file is not a torch file, is damaged, or holds more than tensors and plain values.
    """
    try:
        with warnings.catch_warnings():
            # Whatever torch warns about here is either read correctly or refused below.
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
    raise InputError(f"{path}: holds neither a VarNet nor a U-Net, of this program or of fastMRI")


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
    return (len(weights[levels[0]]), len(levels)) if levels else (0, 0)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
