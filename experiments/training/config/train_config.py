"""The training config: its fields, their defaults and their checks."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from recon.data.errors import InputError, did_you_mean
from recon.data.training.self_supervision import Density
from recon.experiments.sections import Section
from recon.experiments.training.config.data_config import DataConfig
from recon.models.losses import LOSSES
from recon.models.networks.series.series_network import takes_series
from recon.models.zoo import DENOISERS, ENLARGERS, all_networks


class NetworkConfig(Section):
    """The network to train.

    Attributes
    ----------
    name
        Name of the network in `recon.models.zoo`.
    arguments
        Arguments of the network's constructor.
    weights
        Checkpoint to start from: a file, the name of weights that ship with the package, or a file of the Hugging
        Face Hub; null starts from random weights.
    checkpointing
        Whether to recompute activations in the backward pass instead of storing them: less memory, more time.
    compile
        Whether to compile the network's U-Nets, convolutions and activation functions with `torch.compile`: faster
        steps after some minutes of compilation.
    """

    name: str = "varnet"
    arguments: dict[str, Any] = Field(default_factory=dict)
    weights: Path | None = None
    checkpointing: bool = False
    compile: bool = False

    @model_validator(mode="after")
    def _check_name_and_arguments(self) -> NetworkConfig:
        networks = all_networks()
        if self.name not in networks:
            raise ValueError(f"unknown network {self.name!r}{did_you_mean(self.name, networks)}")
        known = inspect.signature(networks[self.name]).parameters
        for key in self.arguments:
            if key not in known:
                raise ValueError(f"the network {self.name} has no argument {key!r}{did_you_mean(key, known)}")
        return self

    @property
    def architecture(self) -> dict[str, Any]:
        """Name and arguments of the network; a saved state fits only the same ones."""
        return {"name": self.name, "arguments": self.arguments}


class TrainingConfig(Section):
    """The objective of the training.

    Attributes
    ----------
    mode
        `supervised` compares images with the targets of fully sampled files. `ssdu` is self-supervised: it withholds
        some measured lines from the network and compares them with its prediction (Yaman et al. 2020), and so
        accepts undersampled files too. `denoise` adds noise to patches of images and compares the denoised with the
        clean ones, by their mean square error in units of the noise. `enlarge` cuts noisy images to the centre of
        their k-space and compares the enlarged with the clean ones, by the mean absolute error of what was cut off.
    loss
        Losses to add up for `supervised`, each with its weight; available: `ssim` (one minus SSIM), `l1` (mean
        absolute difference, relative to the maximum of the volume), `psnr` (minus the PSNR in dB), `wavelet` (mean
        absolute difference of Haar details) and `detail` (difference of the energies of fine detail in dB).
    loss_fraction
        Fraction of the lines outside the centre that `ssdu` withholds from the network.
    center
        Number of lines about DC that `ssdu` never withholds; null for all calibration lines.
    holdout
        Fraction of the lines outside the centre that `ssdu` sets aside for validation, so that it can validate on
        the files that it trains on.
    density
        How `ssdu` chooses these lines: `gaussian` prefers low frequencies (Yaman et al. 2020), `uniform` does not.
    margin
        Fraction by which the score must be better than that of the weights from which the run starts, before others
        are kept as the best: a few held lines cannot tell smaller differences from chance.
    """

    mode: Literal["supervised", "ssdu", "denoise", "enlarge"] = "supervised"
    loss: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=lambda: {"ssim": 1.0})
    loss_fraction: float = Field(default=0.25, gt=0, lt=1)
    center: int | None = Field(default=None, ge=0)
    holdout: float = Field(default=0.0, ge=0, lt=1)
    density: Density = "gaussian"
    margin: float = Field(default=0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _check_losses(self) -> TrainingConfig:
        for name in self.loss:
            if name not in LOSSES:
                raise ValueError(f"unknown loss {name!r}{did_you_mean(name, LOSSES)}")
        if not self.loss:
            raise ValueError(f"name at least one loss; available: {', '.join(LOSSES)}")
        return self


class OptimizerConfig(Section):
    """The optimizer and its learning-rate schedule.

    Attributes
    ----------
    name
        `adam`, which adds the weight decay to the gradient; `adamw`, which keeps them separate (Loshchilov & Hutter
        2019); or `muon`, whose updates of convolutions are orthogonal matrices (Jordan et al. 2024).
    lr
        Largest learning rate.
    schedule
        `step` multiplies the learning rate by `lr_gamma` every `lr_step` epochs; `cosine` lowers it along half a
        cosine to zero at the end of the run; `late` keeps it until the last fifth of the run and lowers it there,
        likewise.
    lr_step
        Number of epochs between two reductions of the `step` schedule.
    lr_gamma
        Factor of each reduction of the `step` schedule.
    warmup_steps
        Number of steps at the beginning over which the learning rate rises linearly; 0 for no warm-up.
    weight_decay
        Strength of the weight decay.
    clip
        Largest norm of the gradient, to which longer ones are scaled down; null for no limit.
    only
        Beginning of the names of the weights to train, such as `blend`, while all others stay; null to train all.
    """

    name: Literal["adam", "adamw", "muon"] = "adam"
    lr: float = Field(default=3e-4, gt=0)
    schedule: Literal["step", "cosine", "late"] = "step"
    lr_step: int = Field(default=40, ge=1)
    lr_gamma: float = Field(default=0.1, gt=0)
    warmup_steps: int = Field(default=0, ge=0)
    weight_decay: float = Field(default=0.0, ge=0)
    clip: float | None = Field(default=None, gt=0)
    only: str | None = None


class EarlyConfig(Section):
    """Cheaper slices for the first part of a run.

    Attributes
    ----------
    share
        Share of the run that is early.
    matrix
        Range of the sides of simulated matrices in this part, in pixels; null for that of `data.simulation`.
    start_iterations
        Number of compressed-sensing iterations from which `varnet-general` starts in this part; null for its own.
    """

    share: float = Field(default=0.8, gt=0, le=1)
    matrix: tuple[int, int] | None = None
    start_iterations: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _check_range(self) -> EarlyConfig:
        if self.matrix is not None and not 0 < self.matrix[0] <= self.matrix[1]:
            raise ValueError(f"matrix from {self.matrix[0]} to {self.matrix[1]} is not a range of positive numbers")
        return self


class TrainConfig(Section):
    """A training run.

    Attributes
    ----------
    output
        Folder for the weights, log, pictures and state of the run.
    data
        Files to read and their undersampling.
    network
        Network to train.
    training
        Objective of the training.
    optimizer
        Optimizer and learning-rate schedule.
    early
        Cheaper slices for the first part of the run; null for none.
    uses
        Number of steps for which each slice is used, some steps apart: the simulation, the coil maps and the
        compressed-sensing solution from which `varnet-general` starts are computed for the first of them, and for the
        others their phase is rotated, conjugated and their rows mirrored at random.
    epochs
        Number of passes over the training slices.
    batch_size
        Number of slices that each process computes at once; slices of different shapes never share a batch, and so
        many simulated slices in a row have the same shape. A network that takes series computes one series at once.
    effective_batch
        Number of slices per step of the optimizer, over all processes. Each process accumulates gradients until this
        number is reached, so the result does not depend on the number of processes. Null for one batch of
        `batch_size` slices per process.
    ema
        Decay of an exponential moving average of the weights; the average is then what is scored and saved. Null to
        score and save the weights themselves.
    seed
        Seed of the initial weights, the order of the slices, the masks and dropout.
    deterministic
        Whether to use only operations that give bitwise the same result every time, on a GPU too.
    max_minutes
        Time in minutes, from the start of this process, into which what is left of the schedule is fitted: then the
        learning rate has reached its end and the run stops. Null runs all epochs. Weights then depend on the speed
        of the machine.
    checkpoint_minutes
        Minutes between two saved states, and so the most work that a crash can cost.
    log_every
        Number of steps between two lines of the log.
    max_skips
        Number of consecutive steps with a loss that is not finite at which the run stops; fewer are skipped.
    trackers
        Experiment trackers that receive the values of the log; available: `tensorboard`, `wandb`.
    device
        `cpu`, `cuda`, or `auto` for the GPU if there is one.
    mixed_precision
        `bf16` computes convolutions in bfloat16, unless the processor has no instructions for it; `tf32` rounds the
        factors of products on a GPU to TF32; `no` computes everything in float32; `auto` is `bf16` on a GPU that
        computes in it and `no` elsewhere.
    """

    output: Path
    data: DataConfig
    network: NetworkConfig = NetworkConfig()
    training: TrainingConfig = TrainingConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    early: EarlyConfig | None = None
    uses: int = Field(default=1, ge=1)
    epochs: int = Field(default=50, ge=1)
    batch_size: int = Field(default=1, ge=1)
    effective_batch: int | None = Field(default=None, ge=1)
    ema: float | None = Field(default=None, gt=0, lt=1)
    seed: int = Field(default=0, ge=0, lt=2**32)
    deterministic: bool = False
    max_minutes: float | None = Field(default=None, gt=0)
    checkpoint_minutes: float = Field(default=10, ge=0)
    log_every: int = Field(default=50, ge=1)
    max_skips: int = Field(default=10, ge=1)
    trackers: tuple[Literal["tensorboard", "wandb"], ...] = ()
    device: Literal["auto", "cpu", "cuda"] = "auto"
    mixed_precision: Literal["auto", "no", "tf32", "bf16"] = "auto"

    @model_validator(mode="after")
    def _check_start(self) -> TrainConfig:
        early = self.early or EarlyConfig()
        if early.matrix is not None and self.data.simulation is None:
            raise ValueError("early.matrix is the range of simulated matrices; it needs data.simulation")
        if self.training.mode != "supervised" and (self.uses > 1 or early.start_iterations is not None):
            raise ValueError("uses and early.start_iterations need training.mode=supervised")
        for mode, what, networks in (("denoise", "denoisers", DENOISERS), ("enlarge", "enlargers", ENLARGERS)):
            if (self.training.mode == mode) != (self.network.name in networks):
                names = ", ".join(networks)
                raise ValueError(
                    f"training.mode={mode} trains {what} ({names}) and no other network, and only it does"
                )
        if self.training.mode == "enlarge" and not self.data.patches.phase:
            raise ValueError("data.patches.phase=false: an image without phase has no k-space to enlarge")
        if self.training.mode == "denoise" and self.data.patches.size > self.data.simulated.matrix[0]:
            raise ValueError("data.patches.size is larger than the smallest side of data.simulation.matrix")
        return self

    @property
    def takes_series(self) -> bool:
        """Whether the network reconstructs all frames of a series together."""
        return takes_series(all_networks()[self.network.name])

    @model_validator(mode="after")
    def _check_series(self) -> TrainConfig:
        if self.takes_series and (self.batch_size > 1 or self.training.mode != "supervised"):
            raise ValueError(
                f"{self.network.name} is trained with training.mode=supervised on one series at a time: leave out "
                "batch_size, and set effective_batch for several in a step"
            )
        if self.data.cine is not None and not self.takes_series:
            raise ValueError(f"data.cine simulates series, which {self.network.name} does not take")
        if self.takes_series and self.data.simulation is not None:
            raise ValueError(f"data.simulation simulates no series, which {self.network.name} takes; data.cine does")
        steps = self.data.preprocessing
        if self.takes_series and (steps.virtual_coils or steps.geometric_coils):
            raise ValueError(f"data.preprocessing: {self.network.name} needs the same coils in all frames")
        return self

    def accumulation(self, processes: int) -> int:
        """Return the number of batches that each process computes for one step of the optimizer.

        Raises
        ------
        InputError
            If the processes cannot share the effective batch equally.
        """
        if self.effective_batch is None:
            return 1
        at_once = processes * self.batch_size
        if self.effective_batch % at_once:
            raise InputError(
                f"an effective_batch of {self.effective_batch} cannot be shared by {processes} processes with a "
                f"batch_size of {self.batch_size}; choose a multiple of {at_once}"
            )
        return self.effective_batch // at_once


def as_protocol(config: TrainConfig) -> Mapping[str, Any]:
    """Return the values to store with the weights; folders are reduced to their names."""
    values = config.model_dump(mode="json", exclude={"output", "device"})
    weights = config.network.weights
    values["network"]["weights"] = None if weights is None else weights.name
    values["data"] = config.data.as_protocol()
    return values
