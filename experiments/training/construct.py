"""Builds the network of a config and its training objective."""

from pathlib import Path
from typing import Any, cast

from torch import nn

from recon.data.errors import InputError
from recon.experiments.training.config.train_config import TrainConfig
from recon.models.checkpoints.checkpoint import load_model
from recon.models.checkpoints.locate import locate
from recon.models.objectives import Denoising, Enlarging, SelfSupervised, Supervised, can_start
from recon.models.zoo import build


def make_network(config: TrainConfig) -> nn.Module:
    """Build the network of a config, with random weights.

    Raises
    ------
    InputError
        If the network has no activation checkpointing, but the config asks for it.
    """
    network = build(config.network.name, config.network.arguments)
    if config.network.checkpointing:
        if not hasattr(network, "checkpointing"):
            raise InputError(f"the network {config.network.name} has no activation checkpointing")
        cast("Any", network).checkpointing = True
    if config.network.compile:
        compile_real_blocks(network)
    return network


def compile_real_blocks(network: nn.Module) -> None:
    """Compile the blocks of a network that say they are `compilable`, in place."""
    for module in network.modules():
        if getattr(module, "compilable", False):
            module.compile()


def load_weights(network: nn.Module, checkpoint: Path) -> None:
    """Load the weights of a checkpoint, given by any name that `locate` understands, into a network.

    Raises
    ------
    InputError
        If there is no such checkpoint, or it belongs to another network.
    """
    try:
        network.load_state_dict(load_model(locate(checkpoint)).network.state_dict())
    except RuntimeError as error:
        raise InputError(f"{checkpoint}: the weights belong to another network") from error


def make_objective(config: TrainConfig, network: nn.Module) -> nn.Module:
    """Wrap a network in a module that computes the loss of the config from raw slices or patches of images.

    Raises
    ------
    InputError
        If the training is self-supervised and the network predicts no coil images, or the config uses the start of a
        network that has none.
    """
    start_iterations = None if config.early is None else config.early.start_iterations
    if (config.uses > 1 or start_iterations is not None) and not can_start(network):
        raise InputError(
            f"the network {config.network.name} starts from nothing that could be kept; leave out uses and "
            "early.start_iterations"
        )
    if config.training.mode in {"denoise", "enlarge"}:
        return Denoising(network) if config.training.mode == "denoise" else Enlarging(network)
    return SelfSupervised(network) if config.training.mode == "ssdu" else Supervised(network, config.training.loss)
