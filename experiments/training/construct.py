"""The network of a config, what it is trained for, and the optimizer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn
from torch.optim import Optimizer

from recon.data.errors import InputError
from recon.experiments.training.config.train_config import OptimizerConfig, TrainConfig
from recon.models.blocks.radial_basis import RadialBasis
from recon.models.blocks.unet import Unet
from recon.models.checkpoints.checkpoint import load_model
from recon.models.checkpoints.locate import locate
from recon.models.networks.deep_cascade import Convolutions
from recon.models.objectives import SelfSupervised, Supervised
from recon.models.zoo import build

OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}

REAL = (Unet, Convolutions, RadialBasis)
"""What computes with real numbers alone; `torch.compile` does not know complex ones."""


def make_network(config: TrainConfig) -> nn.Module:
    """Build the network of a config, with random weights.

    Raises
    ------
    InputError
        If it cannot do what the config asks for.
    """
    network = build(config.network.name, config.network.arguments)
    if config.network.checkpointing:
        if not hasattr(network, "checkpointing"):
            raise InputError(f"the network {config.network.name} has no activation checkpointing")
        cast("Any", network).checkpointing = True
    if config.network.compile:
        for module in network.modules():
            if isinstance(module, REAL):
                module.compile()
    return network


def load_weights(network: nn.Module, checkpoint: Path) -> None:
    """Let a network begin from the weights of a checkpoint, called as `locate` knows it.

    Raises
    ------
    InputError
        If there is none, or it is of another network.
    """
    try:
        network.load_state_dict(load_model(locate(checkpoint)).network.state_dict())
    except RuntimeError as error:
        raise InputError(f"{checkpoint}: the weights are of another network") from error


def make_objective(config: TrainConfig, network: nn.Module) -> nn.Module:
    """Join the network with what it is trained for."""
    return SelfSupervised(network) if config.training.mode == "ssdu" else Supervised(network, config.training.loss)


def make_optimizer(optimizer: OptimizerConfig, network: nn.Module) -> Optimizer:
    """Make the optimizer of all weights."""
    return OPTIMIZERS[optimizer.name](network.parameters(), lr=optimizer.lr, weight_decay=optimizer.weight_decay)
