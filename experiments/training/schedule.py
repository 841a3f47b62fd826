"""The learning rate as a function of how far a run has come."""

import math

from recon.experiments.training.config.train_config import OptimizerConfig


def learning_rate(optimizer: OptimizerConfig, epochs: int, progress: float, step: int) -> float:
    """Give the learning rate of a step.

    Parameters
    ----------
    optimizer
        What the config says: `step` multiplies by `lr_gamma` every `lr_step` epochs, `cosine` falls along half a
        period to zero at the end; both rise linearly over the first `warmup_steps`.
    epochs
        Of the whole run.
    progress
        Epochs done, with their fraction.
    step
        Counted from 0.
    """
    if optimizer.schedule == "cosine":
        factor = (1 + math.cos(math.pi * min(progress / epochs, 1))) / 2
    else:
        factor = optimizer.lr_gamma ** (math.floor(progress) // optimizer.lr_step)
    warmup = min(1.0, (step + 1) / optimizer.warmup_steps) if optimizer.warmup_steps else 1.0
    return optimizer.lr * factor * warmup
