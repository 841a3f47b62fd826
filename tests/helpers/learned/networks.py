"""Small versions of every network of the zoo, for tests."""

import inspect
from pathlib import Path
from typing import Any

import torch

from recon.models.checkpoints.checkpoint import save_weights
from recon.models.zoo import all_networks, build

SMALL_SIZES = {
    "num_cascades": 2,
    "sens_chans": 2,
    "sens_pools": 2,
    "chans": 4,
    "pools": 2,
    "layers": 3,
    "blocks": 1,
    "filters": 3,
    "kernel": 5,
    "memory": 2,
    "iterations": 3,
    "start_iterations": 16,
}
"""Values of constructor arguments that make a network small, whichever network has them."""

SMALL: dict[str, dict[str, Any]] = {
    name: {key: SMALL_SIZES[key] for key in inspect.signature(network).parameters if key in SMALL_SIZES}
    for name, network in all_networks().items()
}
"""Constructor arguments of every network of the zoo, derived so that a new network needs no entry."""


def write_weights(path: Path, name: str = "varnet", protocol: dict[str, Any] | None = None) -> Path:
    """Write the weights of a small network, random but the same every time."""
    torch.manual_seed(0)
    save_weights(path, build(name, SMALL[name]), name, SMALL[name], protocol or {})
    return path
