"""What a training run is told, checked."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from recon.data.errors import InputError, did_you_mean
from recon.experiments.training.config.data_config import DataConfig, Section
from recon.models.losses import LOSSES
from recon.models.zoo import NETWORKS


class NetworkConfig(Section):
    """Which network is trained.

    Attributes
    ----------
    name
        In the zoo.
    arguments
        Of its constructor.
    weights
        Checkpoint to begin from: a file, the name of weights that ship, or a file of the Hugging Face Hub; None for
        random weights.
    checkpointing
        Whether to compute activations again on the way back instead of keeping them: less memory, more time.
    compile
        Whether to let `torch.compile` translate its U-Nets, convolutions and activations, which takes minutes.
    """

    name: str = "varnet"
    arguments: dict[str, Any] = Field(default_factory=dict)
    weights: Path | None = None
    checkpointing: bool = False
    compile: bool = False

    @model_validator(mode="after")
    def _exists(self) -> NetworkConfig:
        if self.name not in NETWORKS:
            raise ValueError(f"unknown network {self.name!r}{did_you_mean(self.name, NETWORKS)}")
        known = inspect.signature(NETWORKS[self.name]).parameters
        for key in self.arguments:
            if key not in known:
                raise ValueError(f"the network {self.name} has no argument {key!r}{did_you_mean(key, known)}")
        return self

    @property
    def architecture(self) -> dict[str, Any]:
        """What weights must fit to."""
        return {"name": self.name, "arguments": self.arguments}


class TrainingConfig(Section):
    """What the network is trained for.

    Attributes
    ----------
    mode
        `supervised` by the target of fully sampled files; `ssdu`, self-supervised by lines held back from what was
        measured (Yaman et al. 2020), for files of any sampling.
    loss
        Of `supervised`: the weight of each loss that is summed, `ssim` (one minus SSIM), `l1` and
        `psnr` (minus decibels).
    loss_fraction
        Of `ssdu`: share of the measured lines that is held back.
    center
        Of `ssdu`: lines about DC that are never held back; None for all calibration lines.
    holdout
        Of `ssdu`: share of the lines set aside for validation, for those who validate on what they train on.
    """

    mode: Literal["supervised", "ssdu"] = "supervised"
    loss: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=lambda: {"ssim": 1.0})
    loss_fraction: float = Field(default=0.2, gt=0, lt=1)
    center: int | None = Field(default=None, ge=0)
    holdout: float = Field(default=0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _losses_exist(self) -> TrainingConfig:
        for name in self.loss:
            if name not in LOSSES:
                raise ValueError(f"unknown loss {name!r}{did_you_mean(name, LOSSES)}")
        if not self.loss:
            raise ValueError("no loss was given")
        return self


class OptimizerConfig(Section):
    """Adam, and how its learning rate falls.

    Attributes
    ----------
    name
        `adamw` decays weights apart from the gradient (Loshchilov & Hutter 2019).
    lr
        The largest learning rate.
    schedule
        `step` multiplies it by `lr_gamma` every `lr_step` epochs; `cosine` brings it to zero at the end.
    warmup_steps
        Over which it rises from zero.
    weight_decay
        See `name`.
    clip
        Longest that a gradient may be; None for any length.
    """

    name: Literal["adam", "adamw"] = "adam"
    lr: float = Field(default=3e-4, gt=0)
    schedule: Literal["step", "cosine"] = "step"
    lr_step: int = Field(default=40, ge=1)
    lr_gamma: float = Field(default=0.1, gt=0)
    warmup_steps: int = Field(default=0, ge=0)
    weight_decay: float = Field(default=0.0, ge=0)
    clip: float | None = Field(default=None, gt=0)


class TrainConfig(Section):
    """A training run.

    Attributes
    ----------
    output
        Folder for weights, log, pictures and what is needed to go on.
    epochs
        Passes over the training slices.
    batch_size
        Slices that a process computes at once; only slices of one shape share a batch.
    effective_batch
        Slices of one step of the optimizer, over all processes; each accumulates gradients until they are seen, so
        that the result does not depend on the number of processes. None for `batch_size` in each process.
    ema
        Decay of the moving average of the weights, which is what is scored and kept; None for the weights themselves.
    seed
        Of the fresh weights, the order of the slices, the masks and dropout.
    deterministic
        Whether to use only operations that give the same bits every time, also on a GPU.
    max_minutes
        When to stop, in minutes from the start of this process; None to finish all epochs.
    checkpoint_minutes
        How much work an interruption without warning may cost.
    log_every
        Steps between two lines of the log.
    max_skips
        Steps in a row whose loss may be NaN or infinite, and which are left out, before the run stops.
    trackers
        `tensorboard`, `wandb`: to be told what the log is told.
    device
        `auto` takes the GPU where there is one.
    mixed_precision
        `bf16` computes the convolutions in bfloat16.
    """

    output: Path
    data: DataConfig
    network: NetworkConfig = NetworkConfig()
    training: TrainingConfig = TrainingConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
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
    mixed_precision: Literal["no", "bf16"] = "no"

    def accumulation(self, processes: int) -> int:
        """Batches that each process computes for one step of the optimizer.

        Raises
        ------
        InputError
            If the effective batch cannot be shared equally.
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
    """List what a reader of the weights needs to know; of folders the name, not where they lie."""
    values = config.model_dump(mode="json", exclude={"output", "device"})
    weights = config.network.weights
    values["network"]["weights"] = None if weights is None else weights.name
    values["data"] = config.data.as_protocol()
    return values
