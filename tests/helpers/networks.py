"""Every network of the zoo, as small as it can be."""

from pathlib import Path
from typing import Any

import torch

from recon.models.checkpoints.checkpoint import save_weights
from recon.models.zoo import build

SMALL: dict[str, dict[str, Any]] = {
    "varnet": {"num_cascades": 2, "sens_chans": 2, "sens_pools": 2, "chans": 3, "pools": 2},
    "unet": {"chans": 3, "pools": 2},
    "deep-cascade": {"num_cascades": 2, "layers": 3, "chans": 4},
    "variational-network": {"num_cascades": 2, "filters": 3, "kernel": 5},
    "varnet-general": {
        "num_cascades": 2,
        "chans": 4,
        "pools": 2,
        "memory": 2,
        "iterations": 3,
        "start_iterations": 16,
    },
    "modl": {"num_cascades": 2, "chans": 3, "pools": 2},
}


def write_weights(path: Path, name: str = "varnet", protocol: dict[str, Any] | None = None) -> Path:
    """Write random weights of a small network, always the same."""
    torch.manual_seed(0)
    save_weights(path, build(name, SMALL[name]), name, SMALL[name], protocol or {})
    return path
