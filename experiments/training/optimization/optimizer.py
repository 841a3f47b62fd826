"""The optimizer and its learning rate as a function of the training progress."""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import nn
from torch.optim import Optimizer

from recon.data.errors import InputError
from recon.experiments.training.config.train_config import OptimizerConfig
from recon.experiments.training.optimization.muon import Muon

OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "adam": partial(torch.optim.Adam, fused=True),
    "adamw": partial(torch.optim.AdamW, fused=True),
    "muon": Muon,
}

LATE = 0.8
"""Share of the run after which the `late` schedule lowers the learning rate."""


def make_optimizer(config: OptimizerConfig, network: nn.Module) -> Optimizer:
    """Make the optimizer of the weights of a network, and exempt those that are not to be trained from gradients.

    Raises
    ------
    InputError
        If the network has no weights of the name that the config asks for.
    """
    if config.only is not None:
        for name, weight in network.named_parameters():
            weight.requires_grad_(name.startswith(config.only))
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    if not weights:
        parts = ", ".join(name for name, _ in network.named_children())
        raise InputError(f"optimizer.only: no weights begin with {config.only!r}; the network's parts are {parts}")
    return OPTIMIZERS[config.name](weights, lr=config.lr, weight_decay=config.weight_decay)


def learning_rate(config: OptimizerConfig, epochs: int, progress: float, step: int) -> float:
    """Return the learning rate of a step.

    Parameters
    ----------
    config
        Schedule: `step` multiplies the rate by `lr_gamma` every `lr_step` epochs, `cosine` lowers it along half a
        cosine to zero at the end, `late` does so over the last fifth only. All rise linearly over the first
        `warmup_steps`.
    epochs
        Number of epochs of the whole run.
    progress
        Number of epochs done, including the fraction of the current one.
    step
        Number of the step, counted from 0.
    """
    if config.schedule == "cosine":
        factor = (1 + math.cos(math.pi * min(progress / epochs, 1))) / 2
    elif config.schedule == "late":
        late = max(progress / epochs - LATE, 0) / (1 - LATE)
        factor = (1 + math.cos(math.pi * min(late, 1))) / 2
    else:
        factor = config.lr_gamma ** (math.floor(progress) // config.lr_step)
    warmup = min(1.0, (step + 1) / config.warmup_steps) if config.warmup_steps else 1.0
    return config.lr * factor * warmup
