"""Train a variant for a given CPU time, as `recon train` does: starts are kept, used twice, and short at first."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import count
from typing import cast

import numpy as np
from torch import Tensor, nn
from torch.optim import Optimizer

from recon.data.training.collate import collate
from recon.data.training.datasets import Slice
from recon.experiments.benchmark.ablation.learned_operators import ADDITIONS
from recon.experiments.console import progress
from recon.experiments.training.config.train_config import TrainConfig
from recon.experiments.training.construct import make_objective
from recon.experiments.training.input.reading import Batch, Slices
from recon.experiments.training.input.reuse import APART, Reuse, Use, in_rounds
from recon.experiments.training.optimization.optimizer import learning_rate, make_optimizer
from recon.models.objectives import StartedSlice, Supervised, can_start

FASTER = 10
"""Factor of the learning rate of what is added to a network: it has to catch up with weights that are trained."""


def train_for(seconds: float, network: nn.Module, stream: Slices, config: TrainConfig, name: str) -> int:
    """Train on one batch after the other, at least one, until the CPU time is used up.

    A network without a start that could be kept gets the same batch again at its later uses.

    Parameters
    ----------
    seconds
        CPU seconds of all threads of this process together.
    network
        Network to train.
    stream
        Slices to train on; those of a batch have the same shape.
    config
        Configuration that names the loss, the optimizer, the batches and their uses.
    name
        Label of the progress bar.

    Returns
    -------
    int
        Number of steps.
    """
    starts = can_start(network)
    fitting = config if starts else config.model_copy(update={"uses": 1, "early": None})
    objective = cast("Supervised", make_objective(fitting, network))
    optimizer, settings = _optimizer(network, config), config.optimizer
    reuse = Reuse(_batches(stream, config.batch_size), _uses(config.uses), config.uses)
    rng = np.random.default_rng(config.seed)
    objective.train()
    with progress() as bar:
        task = bar.add_task(name, total=1.0)
        for step, done in enumerate(_time_shares(seconds)):
            bar.update(task, completed=done)
            for group in optimizer.param_groups:
                group["lr"] = group.get("factor", 1) * learning_rate(settings, 1, done, step)
            use, batch, start = reuse.next()
            inputs: Slice | StartedSlice = cast("Slice", batch.slices)
            if starts:
                early = config.early if config.early is not None and done < config.early.share else None
                iterations = None if early is None else early.start_iterations
                start = start or objective.start(cast("Slice", batch.slices), iterations)
                reuse.keep(use, start)
                inputs = start.varied(rng) if use[1] else start
            optimizer.zero_grad()
            loss: Tensor = objective(inputs)
            loss.backward()  # type: ignore[no-untyped-call]
            norm = nn.utils.clip_grad_norm_(network.parameters(), settings.clip or float("inf"))
            if norm.isfinite():
                optimizer.step()
    return step + 1


def _optimizer(network: nn.Module, config: TrainConfig) -> Optimizer:
    """Make the optimizer; what is added to the cascades and starts at zero learns `FASTER`."""
    optimizer = make_optimizer(config.optimizer, network)
    added = [one for key, one in network.named_parameters() if not ADDITIONS.isdisjoint(key.split("."))]
    if added:
        (group,) = optimizer.param_groups
        group["params"] = [one for one in group["params"] if all(one is not other for other in added)]
        optimizer.add_param_group({"params": added, "factor": FASTER})
    return optimizer


def _batches(stream: Slices, size: int) -> Iterator[Batch]:
    """Read batch after batch of consecutive slices."""
    for first in count(step=size):
        indices = list(range(first, first + size))
        yield Batch(indices, collate([cast("Slice", stream[index]) for index in indices]), [""] * size)


def _uses(uses: int) -> Iterator[Use]:
    """Yield the uses of batches without end, in rounds like those of `recon train`."""
    for first in count(step=APART):
        yield from ((first + number, before) for number, before in in_rounds(APART, uses, 1))


def _time_shares(seconds: float) -> Iterator[float]:
    """Yield the share of the time that has passed, from 0 until it reaches 1."""
    start, done = time.process_time(), 0.0
    while done < 1:
        yield done
        done = (time.process_time() - start) / seconds if seconds else 1.0
