"""Training, from raw data to weights, to be read from top to bottom."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import Tensor, nn
from torch.optim import Optimizer

from recon.data.errors import InputError
from recon.data.open import Volume
from recon.data.training.datasets import shuffled_batches
from recon.experiments.console import progress, say, warn
from recon.experiments.training.average import Average
from recon.experiments.training.config.train_config import TrainConfig
from recon.experiments.training.construct import load_weights, make_network, make_objective, make_optimizer
from recon.experiments.training.input.reading import Batch, Slices, read, whole_steps
from recon.experiments.training.input.seen import Seen
from recon.experiments.training.input.slices import Source, open_source
from recon.experiments.training.input.volumes import open_volumes
from recon.experiments.training.processes import exists_for_all, main_first, on_main, start
from recon.experiments.training.record.folder import BEST, LAST, PICTURES, STATE, open_folder, write_weights
from recon.experiments.training.record.log import LOG, Meter, score_table, speed_words, start_trackers, write_line
from recon.experiments.training.record.picture import write_grid
from recon.experiments.training.record.provenance import describe
from recon.experiments.training.record.state import Position, load_state, save_state
from recon.experiments.training.schedule import learning_rate
from recon.experiments.training.stop import Stop
from recon.experiments.training.validation import Validation, Validator


def train(config: TrainConfig, resume: bool = False) -> Path:
    """Train a network; after every epoch score it by volume and keep the best.

    Parameters
    ----------
    config
        Which network, on which files, for what, for how long.
    resume
        Whether to go on from where the run in `config.output` stopped; if there is none, a new one begins.

    Returns
    -------
    Path
        The weights that scored best.

    Raises
    ------
    InputError
        If the files cannot be trained on, the output holds another run, the disk is full, or the loss stays NaN.
    KeyboardInterrupt
        On Ctrl-C or SIGTERM, once the state is saved.
    """
    accelerator = start(config)
    try:
        # The main process builds the index, the others find it.
        training, validation = main_first(accelerator, partial(open_data, config, accelerator.device))
        run = begin(config, accelerator, resume, training, validation)
        validate = Validator(config, accelerator, validation)
        with Stop(accelerator, config.max_minutes) as stop:
            if config.network.weights is not None and run.position.best == -math.inf:
                run.keep(validate, stop, epoch_is_over=False)  # what is given may already be the best
            while run.position.epochs < config.epochs and not stop.asked:
                epoch_is_over = train_epoch(run, training, stop)
                run.save()
                if not (stop() and stop.interrupted):
                    run.keep(validate, stop, epoch_is_over)
    finally:
        accelerator.end_training()
        torch.use_deterministic_algorithms(mode=False)
    if stop.interrupted:
        say(f"stopped at step {run.position.steps}; --resume goes on from there")
        raise KeyboardInterrupt
    return config.output / BEST


def open_data(config: TrainConfig, device: torch.device) -> tuple[Source, Sequence[Volume]]:
    """Open what is trained on and what is scored.

    Raises
    ------
    InputError
        If files cannot be used.
    """
    supervised = config.training.mode == "supervised"
    return open_source(config, device), open_volumes(config.data, "val", supervised)


def begin(
    config: TrainConfig,
    accelerator: Accelerator,
    resume: bool,
    training: Source,
    validation: Sequence[Volume],
) -> Run:
    """Construct the network and all that belongs to it, fresh or as it was saved.

    Raises
    ------
    InputError
        If the output holds a run and `resume` is not set, or a run of another network, or a damaged one.
    """
    torch.manual_seed(config.seed)
    position, state = Position(), config.output / STATE
    goes_on = exists_for_all(state)
    if goes_on and not resume:
        raise InputError(f"{config.output}: holds a run already; go on with --resume or choose another output")
    network = make_network(config).to(accelerator.device)
    if config.network.weights is not None and not goes_on:
        load_weights(network, config.network.weights)
    optimizer = make_optimizer(config.optimizer, network)
    average = Average(network, config.ema) if config.ema else None
    if goes_on:
        position = load_state(state, config.network.architecture, network, optimizer, average)

    def open_files() -> None:
        described = describe(accelerator, training.files, validation)
        start_trackers(accelerator, config, open_folder(config, position, described, goes_on))
        if not goes_on:
            training.show(config.output / PICTURES)

    on_main(accelerator, open_files)
    objective = accelerator.prepare(make_objective(config, network))
    return Run(config, accelerator, network, objective, optimizer, average, position)


def train_epoch(run: Run, source: Source, stop: Stop) -> bool:
    """Take the steps that are left of the present epoch, or fewer if asked to stop; tell whether none is left."""
    config, position, accelerator = run.config, run.position, run.accelerator
    slices = source.epoch(position.epochs)
    matrices = [shape[1:] for shape in slices.shapes()]
    batches = shuffled_batches(matrices, config.batch_size, seed=(config.seed, position.epochs))
    batches = whole_steps(batches, run.accumulation * accelerator.num_processes, position.batches)
    own = batches[position.batches + accelerator.process_index :: accelerator.num_processes]
    run.objective.train()
    with progress() as bar, closing(read(slices, own, config.data.workers, accelerator.device)) as reading:
        task = bar.add_task(f"epoch {position.epochs + 1}", total=len(batches), completed=position.batches)
        while position.batches < len(batches) and not stop.asked:
            run.set_rate(position.epochs + position.batches / len(batches))
            run.step(reading, slices, stop)
            bar.update(task, completed=position.batches)
    return position.batches >= len(batches)


@dataclass
class Run:
    """A network in training and its files.

    All that is random follows from the seed and the position, so that a run that stopped and was resumed ends with
    the weights of one that never stopped, and one of several processes with those of a single one.
    """

    config: TrainConfig
    accelerator: Accelerator
    network: nn.Module
    objective: nn.Module
    optimizer: Optimizer
    average: Average | None
    position: Position
    meter: Meter = field(default_factory=Meter)
    named: set[str] = field(default_factory=set)
    saved_at: float = field(default_factory=time.monotonic)

    @property
    def accumulation(self) -> int:
        """Batches that this process computes for one step."""
        return self.config.accumulation(self.accelerator.num_processes)

    def set_rate(self, progress: float) -> None:
        """Give the optimizer its learning rate, `progress` epochs after the beginning."""
        config = self.config
        rate = learning_rate(config.optimizer, config.epochs, progress, self.position.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def step(self, source: Generator[Batch], slices: Slices, stop: Stop) -> None:
        """Take one step of the optimizer, unless asked to stop on the way; log and save when it is time."""
        self.optimizer.zero_grad()
        seen = Seen()
        with self.meter.working():
            for number in range(self.accumulation):
                self.backward(source, number, seen)
                if stop() and number + 1 < self.accumulation:
                    return  # what is half done will be done again
            it_is_time = self.update(seen, slices)
        if self.position.steps % self.config.log_every == 0:
            self.log_progress()
        if it_is_time:
            self.save()

    def backward(self, source: Generator[Batch], number: int, seen: Seen) -> None:
        """Add the gradient of the next batch; with that of a step's last, the processes share theirs."""
        with self.meter.waiting():
            batch = next(source)
        rank, processes = self.accelerator.process_index, self.accelerator.num_processes
        place = self.position.batches + number * processes + rank
        torch.manual_seed(_seed(self.config.seed, self.position.epochs, place))  # for dropout
        is_last = number + 1 == self.accumulation
        with nullcontext() if is_last else self.accelerator.no_sync(self.objective):
            loss: Tensor = self.objective(batch.slices)
            self.accelerator.backward(loss / self.accumulation)
        seen.losses.append(loss.detach())
        seen.indices.append(batch.indices.tolist())
        seen.unreadable += batch.unreadable
        self.meter.slices += len(batch.indices)

    def update(self, seen: Seen, slices: Slices) -> bool:
        """Step, if loss and gradient are finite in all processes; tell whether it is time to save."""
        position = self.position
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.config.optimizer.clip or math.inf)
        loss = torch.stack(seen.losses).mean()
        due = time.monotonic() - self.saved_at > 60 * self.config.checkpoint_minutes
        own = torch.tensor([loss, len(seen.unreadable), due], device=loss.device)
        told: Tensor = self.accelerator.gather(own.unsqueeze(0)).cpu()
        if told[:, 1].any():
            self.replace(gather_object(seen.unreadable))
        if told[:, 0].isfinite().all() and norm.isfinite():
            self.optimizer.step()
            if self.average is not None:
                self.average.update(position.steps)
            position.losses.append(float(told[:, 0].mean()))
            position.skipped_in_a_row = 0
        else:
            self.skip(seen, slices)
        position.batches += self.accumulation * self.accelerator.num_processes
        position.steps += 1
        return bool(told[0, 2])

    def skip(self, seen: Seen, slices: Slices) -> None:
        """Count a step that is not taken, and name the slices to blame.

        Raises
        ------
        InputError
            If it is one too many in a row.
        """
        position = self.position
        position.skipped += 1
        position.skipped_in_a_row += 1
        told = seen.to_blame(slices)
        warn(f"step {position.steps + 1} is skipped, its loss is not finite: {told}")
        if position.skipped_in_a_row == self.config.max_skips:
            raise InputError(
                f"{self.config.output}: the loss was not finite in {position.skipped_in_a_row} steps in a row, the "
                f"last on {told}; look at that file, or lower optimizer.lr"
            )

    def replace(self, problems: list[str]) -> None:
        """Count slices that could not be read, and name each once.

        Raises
        ------
        InputError
            If the config is strict.
        """
        if self.config.data.strict:
            raise InputError(problems[0])
        self.position.unreadable += len(problems)
        for problem in dict.fromkeys(problems):
            if problem not in self.named:
                warn(f"replaced by its neighbour: {problem}")
        self.named.update(problems)

    def keep(self, validate: Validator, stop: Stop, epoch_is_over: bool) -> None:
        """Score the network; write its weights, once more as the best if they are, and the state."""
        position = self.position
        with nullcontext() if self.average is None else self.average.applied():
            validation = validate(self.network, stop)
            if validation is None:
                return
            if epoch_is_over:
                position.epochs, position.batches = position.epochs + 1, 0
            better = validation.quality > position.best or position.best == -math.inf
            position.best = max(position.best, validation.quality)
            on_main(self.accelerator, partial(self.write, validation, better))
        self.save()

    def write(self, validation: Validation, better: bool) -> None:
        """Write weights, pictures and scores."""
        position, scores = self.position, validation.summary()
        for name in (BEST, LAST) if better else (LAST,):
            write_weights(self.config.output / name, self.config, self.network, position, scores)
        title = f"epoch {position.epochs}, step {position.steps}"
        write_grid(self.config.output / PICTURES / f"step-{position.steps:07d}.png", validation.pictures, title)
        self.log(**scores)
        say(f"{title}{', the best so far' if better else ''}: {score_table(scores)}")

    def save(self) -> None:
        """Write all that is needed to go on, whole or not at all."""
        self.saved_at = time.monotonic()
        state, architecture = self.config.output / STATE, self.config.network.architecture
        save = partial(save_state, state, self.position, architecture, self.network, self.optimizer, self.average)
        on_main(self.accelerator, save)

    def log_progress(self) -> None:
        """Tell how the steps since the last time went."""
        position, speed = self.position, self.meter.read(self.accelerator.num_processes)
        loss = float(np.mean(position.losses)) if position.losses else None
        rate = self.optimizer.param_groups[0]["lr"]
        position.losses.clear()
        self.log(loss=loss, lr=rate, **speed, skipped=position.skipped, unreadable=position.unreadable)
        told = "none was finite" if loss is None else f"{loss:.5f}"
        say(f"step {position.steps}: loss {told}, lr {rate:.2e}, {speed_words(speed)}")

    def log(self, **values: Any) -> None:
        """Append a line to the log."""
        position = self.position
        position.lines += 1
        if self.accelerator.is_main_process:
            line = {"epochs": position.epochs, "steps": position.steps, **values}
            write_line(self.accelerator, self.config.output / LOG, line)


def _seed(*numbers: int) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])
