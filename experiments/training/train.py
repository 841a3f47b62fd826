"""Trains a network, from raw data to weights; reads from top to bottom."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any, cast

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list, gather_object
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from recon.data.errors import InputError
from recon.data.training.collate import Example
from recon.data.training.datasets import Slice, shuffled_batches
from recon.experiments.console import progress, say, warn
from recon.experiments.training.config.data_config import as_tuple
from recon.experiments.training.config.train_config import TrainConfig
from recon.experiments.training.construct import compile_real_blocks, load_weights, make_network, make_objective
from recon.experiments.training.input.reading import Batch, Slices, read_batches, whole_steps
from recon.experiments.training.input.reuse import Reuse, batches_to_read, in_rounds
from recon.experiments.training.input.training_data import TrainingData, open_training_data
from recon.experiments.training.input.volumes import open_volumes
from recon.experiments.training.optimization.average import make_average, update_average
from recon.experiments.training.optimization.optimizer import learning_rate, make_optimizer
from recon.experiments.training.optimization.schedule import Schedule
from recon.experiments.training.processes import exists_for_all, main_first, make_accelerator, on_main
from recon.experiments.training.record.folder import BEST, LAST, PICTURES, STATE, prepare_folder, write_weights
from recon.experiments.training.record.log import LOG, format_scores, write_line
from recon.experiments.training.record.provenance import SliceFile, describe_run
from recon.experiments.training.record.speed import SpeedMeter, format_speed
from recon.experiments.training.record.state import Position, load_state, save_state
from recon.experiments.training.record.step_record import StepRecord
from recon.experiments.training.record.trackers import start_trackers
from recon.experiments.training.record.validation_pictures import write_grid
from recon.experiments.training.shutdown import Shutdown
from recon.experiments.training.validation.image_trial import image_trials
from recon.experiments.training.validation.validator import Trial, Validation, Validator
from recon.experiments.training.validation.volume_trial import volume_trials
from recon.models.objectives import StartedSlice, Supervised
from recon.simulation.scanner.subject.anatomy import load_anatomies


def train(config: TrainConfig, resume: bool = False) -> Path:
    """Train a network, score it by volume after every epoch, and keep the best weights.

    Parameters
    ----------
    config
        Network, files, objective and length of the run.
    resume
        Whether to resume the run in `config.output` from its last state; without one a new run starts.

    Returns
    -------
    Path
        Weights with the best score.

    Raises
    ------
    InputError
        If the files cannot be trained on, the output contains another run, the disk is full, or the loss stays NaN.
    KeyboardInterrupt
        On Ctrl-C or SIGTERM, after the state is saved.
    """
    accelerator = make_accelerator(config)
    try:
        # The main process builds the index of the files; the others then find it.
        training, validation, trials = main_first(accelerator, partial(open_data, config, accelerator.device))
        run = start_run(config, accelerator, resume, training, validation)
        validator = Validator(accelerator, trials, config.data.strict)
        with Shutdown(accelerator, config.max_minutes) as shutdown:
            if config.network.weights is not None and run.position.best == -math.inf:
                run.validate(validator, shutdown, epoch_is_over=False)  # the given weights may already be the best
            while run.position.epochs < config.epochs and not shutdown.requested:
                epoch_is_over = train_epoch(run, training, shutdown)
                run.save()
                if not (shutdown.poll() and shutdown.interrupted):
                    run.validate(validator, shutdown, epoch_is_over)
    finally:
        accelerator.end_training()
        torch.use_deterministic_algorithms(mode=False)
    if shutdown.interrupted:
        say(f"stopped at step {run.position.steps}; resume with --resume")
        raise KeyboardInterrupt
    return config.output / BEST


def open_data(config: TrainConfig, device: torch.device) -> tuple[TrainingData, Sequence[SliceFile], Sequence[Trial]]:
    """Open the slices to train on and the volumes or images to validate on, and plan the validation.

    Raises
    ------
    InputError
        If the files cannot be used.
    """
    training = open_training_data(config, device)
    if config.training.mode in {"denoise", "enlarge"}:
        images = load_anatomies(as_tuple(config.data.val))
        return training, images, image_trials(config, images)
    volumes = open_volumes(config.data, "val", config.training.mode == "supervised")
    return training, volumes, volume_trials(config, volumes)


def start_run(
    config: TrainConfig,
    accelerator: Accelerator,
    resume: bool,
    training: TrainingData,
    validation: Sequence[SliceFile],
) -> Run:
    """Make the network, its optimizer and its average, new or from the saved state, and prepare the output folder.

    Raises
    ------
    InputError
        If the output contains a run and `resume` is not set, or its state is damaged or of another network.
    """
    torch.manual_seed(config.seed)
    position, state = Position(), config.output / STATE
    resumed = exists_for_all(state)
    if resumed and not resume:
        raise InputError(
            f"{config.output}: already contains a run; continue it with --resume or choose another output"
        )
    network = make_network(config).to(accelerator.device)
    if config.network.weights is not None and not resumed:
        load_weights(network, config.network.weights)
    optimizer = make_optimizer(config.optimizer, network)
    average = make_average(network, config.ema) if config.ema else None
    if average is not None and config.network.compile:
        compile_real_blocks(average)  # copies are not compiled
    if resumed:
        position = load_state(state, config.network.architecture, network, optimizer, average)

    def open_files() -> None:
        provenance = describe_run(accelerator, training.files, validation)
        start_trackers(accelerator, config, prepare_folder(config, position, provenance, resumed))
        if not resumed:
            training.write_pictures(config.output / PICTURES)

    on_main(accelerator, open_files)
    objective = accelerator.prepare(make_objective(config, network))
    schedule = Schedule(config, position)
    return Run(config, accelerator, network, objective, optimizer, average, position, schedule)


def train_epoch(run: Run, training: TrainingData, shutdown: Shutdown) -> bool:
    """Take the remaining steps of the current epoch, unless a shutdown is requested; return whether none remains."""
    config, position, accelerator = run.config, run.position, run.accelerator
    if not position.batches:
        position.early = run.schedule.is_early
    slices = training.epoch(position.epochs, position.early)
    matrices = [shape[1:] for shape in slices.shapes()]
    batches = shuffled_batches(matrices, config.batch_size, seed=(config.seed, position.epochs))
    per_step = run.accumulation * accelerator.num_processes
    uses = whole_steps(in_rounds(len(batches), config.uses, per_step), per_step, position.batches)
    own = uses[position.batches + accelerator.process_index :: accelerator.num_processes]
    to_read = [batches[number] for number in batches_to_read(own, config.uses)]
    run.objective.train()
    with (
        progress() as bar,
        closing(read_batches(slices, to_read, config.data.workers, accelerator.device)) as reader,
    ):
        reuse = Reuse(reader, iter(own), config.uses)
        task = bar.add_task(f"epoch {position.epochs + 1}", total=len(uses), completed=position.batches)
        while position.batches < len(uses) and not shutdown.requested:
            run.advance(position.epochs + position.batches / len(uses))
            if position.early and config.max_minutes is not None and not run.schedule.is_early:
                return True  # the time for cheaper slices is over before the epoch is
            run.step(reuse, slices, shutdown)
            bar.update(task, completed=position.batches)
    return position.batches >= len(uses)


@dataclass
class Run:
    """A training run: the network, everything that changes with it, and its output folder.

    All random numbers follow from the seed and the position. A run that was stopped and resumed therefore ends with
    the same weights as one that never stopped, and several processes end with the same weights as one.
    """

    config: TrainConfig
    accelerator: Accelerator
    network: nn.Module
    objective: nn.Module
    optimizer: Optimizer
    average: AveragedModel | None
    position: Position
    schedule: Schedule
    meter: SpeedMeter = field(default_factory=SpeedMeter)
    reported: set[str] = field(default_factory=set)
    saved_at: float = field(default_factory=time.monotonic)

    @property
    def accumulation(self) -> int:
        """Number of batches that this process computes for one step."""
        return self.config.accumulation(self.accelerator.num_processes)

    @property
    def separates_start(self) -> bool:
        """Whether steps start the network apart from the rest, to use the start again or to make it cheaper."""
        early = self.config.early
        return self.config.uses > 1 or (early is not None and early.start_iterations is not None)

    def advance(self, done: float) -> None:
        """Advance on the schedule, `done` epochs after the start, and set the learning rate."""
        config, elapsed = self.config, self.schedule.elapsed()
        if config.max_minutes is not None and self.accelerator.num_processes > 1:
            (elapsed,) = broadcast_object_list([elapsed])
        place = self.schedule.advance(done, elapsed)
        rate = learning_rate(config.optimizer, config.epochs, place, self.position.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def step(self, reuse: Reuse, slices: Slices, shutdown: Shutdown) -> None:
        """Take one step of the optimizer, unless a shutdown interrupts it; log and save when due."""
        self.optimizer.zero_grad()
        record = StepRecord()
        with self.meter.working():
            for number in range(self.accumulation):
                self.backward(reuse, number, record)
                if shutdown.poll() and number + 1 < self.accumulation:
                    return  # the resumed run repeats the whole step
            save_is_due = self.update(record, slices)
        if self.position.steps % self.config.log_every == 0:
            self.log_progress()
        if save_is_due:
            self.save()

    def backward(self, reuse: Reuse, number: int, record: StepRecord) -> None:
        """Add the gradient of the next batch; the processes share their gradients after the last batch of a step."""
        with self.meter.waiting():
            use, batch, start = reuse.next()
        rank, processes = self.accelerator.process_index, self.accelerator.num_processes
        place = self.position.batches + number * processes + rank
        torch.manual_seed(_seed(self.config.seed, self.position.epochs, place))  # for dropout
        inputs: Example | StartedSlice = batch.slices
        if self.separates_start:
            start = start or self.start(batch)
            reuse.keep(use, start)
            rng = np.random.default_rng((self.config.seed, self.position.epochs, place))
            inputs = start.varied(rng) if use[1] else start
        is_last = number + 1 == self.accumulation
        with nullcontext() if is_last else self.accelerator.no_sync(self.objective):
            loss: Tensor = self.objective(inputs)
            self.accelerator.backward(loss / self.accumulation)
        record.losses.append(loss.detach())
        record.indices.append(batch.indices)
        if not use[1]:
            record.unreadable += batch.unreadable
        self.meter.slices += len(batch.indices)

    def start(self, batch: Batch) -> StartedSlice:
        """Do for a batch what does not depend on the weights."""
        early = self.config.early if self.position.early else None
        objective = cast("Supervised", self.accelerator.unwrap_model(self.objective))
        return objective.start(cast("Slice", batch.slices), None if early is None else early.start_iterations)

    def update(self, record: StepRecord, slices: Slices) -> bool:
        """Update the weights if loss and gradient are finite in all processes; return whether a save is due."""
        position = self.position
        limit = self.config.optimizer.clip or math.inf
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), limit, foreach=True)
        loss = torch.stack(record.losses).mean()
        due = time.monotonic() - self.saved_at > 60 * self.config.checkpoint_minutes
        counts = loss.new_tensor([len(record.unreadable), due])
        own = torch.cat([torch.stack([loss, norm]), counts])
        # The only wait for the device in a step.
        losses, norms, unreadable, dues = zip(*self.accelerator.gather(own.unsqueeze(0)).tolist(), strict=True)
        if any(unreadable):
            self.report_unreadable(gather_object(record.unreadable))
        if all(map(math.isfinite, (*losses, *norms))):
            self.optimizer.step()
            if self.average is not None:
                update_average(self.average, self.network, position.steps)
            position.losses.append(fmean(losses))
            position.skipped_in_a_row = 0
        else:
            self.skip(record, slices)
        position.batches += self.accumulation * self.accelerator.num_processes
        position.steps += 1
        return bool(dues[0])

    def skip(self, record: StepRecord, slices: Slices) -> None:
        """Count a skipped step, and name the slices that may have caused it.

        Raises
        ------
        InputError
            If too many steps in a row were skipped.
        """
        position = self.position
        position.skipped += 1
        position.skipped_in_a_row += 1
        suspects = record.suspects(slices)
        warn(f"step {position.steps + 1} is skipped, its loss is not finite: {suspects}")
        if position.skipped_in_a_row == self.config.max_skips:
            raise InputError(
                f"{self.config.output}: the loss was not finite in {position.skipped_in_a_row} steps in a row, the "
                f"last on {suspects}; look at that file, or lower optimizer.lr"
            )

    def report_unreadable(self, problems: list[str]) -> None:
        """Count slices that could not be read, and report each once.

        Raises
        ------
        InputError
            If the config is strict.
        """
        if self.config.data.strict:
            raise InputError(problems[0])
        self.position.unreadable += len(problems)
        for problem in dict.fromkeys(problems):
            if problem not in self.reported:
                warn(f"replaced by its neighbour: {problem}")
        self.reported.update(problems)

    def validate(self, validator: Validator, shutdown: Shutdown, epoch_is_over: bool) -> None:
        """Score the network or its average, write its weights, also as the best if they are, and save the state."""
        position = self.position
        network: nn.Module = self.network if self.average is None else self.average.module
        validation = validator(network, shutdown)
        if validation is None:
            return
        if epoch_is_over:
            position.epochs, position.batches = position.epochs + 1, 0
        first = position.best == -math.inf
        better = validation.quality > position.best or first
        position.best = max(position.best, validation.quality)
        if first and self.config.network.weights is not None:
            position.best += self.config.training.margin * abs(position.best)
        on_main(self.accelerator, partial(self.write, network, validation, better))
        self.save()

    def write(self, network: nn.Module, validation: Validation, better: bool) -> None:
        """Write weights, pictures and scores."""
        position, scores = self.position, validation.summary()
        for name in (BEST, LAST) if better else (LAST,):
            write_weights(self.config.output / name, self.config, network, position, scores)
        title = f"epoch {position.epochs}, step {position.steps}"
        write_grid(self.config.output / PICTURES / f"step-{position.steps:07d}.png", validation.examples, title)
        self.log(**scores)
        say(f"{title}{', the best so far' if better else ''}: {format_scores(scores)}")

    def save(self) -> None:
        """Save the state from which the run can resume, whole or not at all."""
        self.saved_at = time.monotonic()
        state, architecture = self.config.output / STATE, self.config.network.architecture
        save = partial(save_state, state, self.position, architecture, self.network, self.optimizer, self.average)
        on_main(self.accelerator, save)

    def log_progress(self) -> None:
        """Log and print the mean loss, the learning rate and the speed since the last time."""
        position, speed = self.position, self.meter.read(self.accelerator.num_processes)
        loss = float(np.mean(position.losses)) if position.losses else None
        rate = self.optimizer.param_groups[0]["lr"]
        position.losses.clear()
        self.log(loss=loss, lr=rate, **speed, skipped=position.skipped, unreadable=position.unreadable)
        shown = "not finite in any step" if loss is None else f"{loss:.5f}"
        say(f"step {position.steps}: loss {shown}, lr {rate:.2e}, {format_speed(speed)}")

    def log(self, **values: Any) -> None:
        """Append a line to the log."""
        position = self.position
        position.lines += 1
        if self.accelerator.is_main_process:
            line = {"epochs": position.epochs, "steps": position.steps, **values}
            write_line(self.accelerator, self.config.output / LOG, line)


def _seed(*numbers: int) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])
