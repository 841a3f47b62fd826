"""Where to compute."""

import torch

from recon.data.errors import InputError


def pick_device(name: str) -> torch.device:
    """Choose a device: `cpu`, `cuda`, or `auto` for the GPU where there is one.

    Raises
    ------
    InputError
        If the name is unknown or there is no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name not in ("cpu", "cuda"):
        raise InputError(f"unknown device {name!r}; there are auto, cpu and cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("there is no CUDA device on this machine; use --device cpu")
    return torch.device(name)
