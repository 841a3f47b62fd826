"""Run `recon benchmark ablation`: train variants of the general network for the same time, and score them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any, cast

import numpy as np
import torch
from rich.box import SIMPLE_HEAD
from rich.table import Table
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from recon.contract import Reconstruction
from recon.crop import center_crop
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError, did_you_mean
from recon.data.masks import MaskKind, Sampling
from recon.data.open import Volume, find_files, open_volume
from recon.data.training.collate import collate
from recon.data.training.datasets import Slice
from recon.experiments.benchmark.ablation.variants import VARIANTS
from recon.experiments.benchmark.classical.cases import simulate_scan
from recon.experiments.benchmark.cost import timed
from recon.experiments.benchmark.json_report import read_json, write_json
from recon.experiments.benchmark.machine import machine
from recon.experiments.console import console, progress
from recon.experiments.engine.metrics import Images, score
from recon.experiments.engine.run import Runner
from recon.experiments.engine.sampled_volume import SampledVolume
from recon.experiments.training.config.config_file import load_config
from recon.experiments.training.config.train_config import OptimizerConfig, TrainConfig
from recon.experiments.training.construct import make_objective
from recon.experiments.training.input.reading import Slices
from recon.experiments.training.input.training_data import open_training_data
from recon.experiments.training.optimizer import learning_rate, make_optimizer
from recon.preprocessing.oversampling import without_oversampling
from recon.quality.noise_floor import RULE

ACCELERATIONS = (4, 8)
SAMPLINGS = tuple(
    Sampling(kind, acceleration, 0.32 / acceleration)
    for kind, acceleration in product((MaskKind.RANDOM, MaskKind.EQUISPACED_FRACTION), ACCELERATIONS)
)
ONCE = ("uses=1", "early=null", "batch_size=1", "effective_batch=2")
"""Variants need not separate their start, so it is used once."""

SIMULATED = ("data.simulation.matrix=[96, 192]", "data.simulation.slices=1000000")
"""Slices are small, for more steps in a short time, and so many that none is used twice."""

OPTIMIZER = OptimizerConfig(lr=1e-3, schedule="cosine", clip=1.0, warmup_steps=20)
SHAPE = (8, 256, 256)
"""Shape `(coils, readout, phase)` of the slice that operations and seconds are measured on."""

REPEATS = 5


@dataclass(frozen=True)
class AblationResult:
    """Cost and scores of one variant.

    Attributes
    ----------
    protocol, machine
        Everything needed to repeat the numbers.
    parameters
        Number of weights.
    gigaflops
        Operations of the convolutions for a slice of `SHAPE`, in units of 10^9.
    seconds
        CPU seconds for a slice of `SHAPE`.
    steps
        Number of training steps, of one slice each.
    ssim, psnr
        Mean over files and masks, by acceleration.
    """

    protocol: dict[str, Any]
    machine: dict[str, Any]
    parameters: int
    gigaflops: float
    seconds: float
    steps: int
    ssim: dict[int, float]
    psnr: dict[int, float]


def ablation(
    inputs: Sequence[Path], images: Path, maps: Path | None, minutes: float, names: Sequence[str], output: Path
) -> dict[str, AblationResult]:
    """Train each variant on the same simulated slices for the same CPU time, and score it on real slices.

    Parameters
    ----------
    inputs
        Fully sampled files and folders to score on.
    images, maps
        Sources of the simulation, as `data.train` and `data.simulation.maps` of a training configuration.
    minutes
        CPU minutes to train each variant.
    names
        Names from `VARIANTS`.
    output
        Folder for the result files, one per variant; variants that have one already are not measured again.

    Raises
    ------
    InputError
        If a variant is unknown, a file cannot be used, or the folder holds results of another protocol.
    """
    for name in names:
        if name not in VARIANTS:
            raise InputError(f"unknown variant {name!r}{did_you_mean(name, VARIANTS)}")
    volumes = list(map(_open, find_files(inputs)))
    overrides = [f"data.train={images}", f"data.simulation.maps={maps or 'null'}", *SIMULATED, *ONCE]
    config = load_config(Path("varnet_general"), overrides)
    conditions = _protocol(volumes, config, minutes), machine()
    paths = {name: output / "ablation" / f"{name}.json" for name in names}
    results = {name: _read_earlier(path, conditions) for name, path in paths.items() if path.exists()}
    for name in names:
        if name not in results:
            results[name] = _measure(name, config, volumes, *conditions)
            write_json(paths[name], results[name])
    console.print(_table({name: results[name] for name in names}))
    console.print(f"results: {output / 'ablation'}", markup=False, soft_wrap=True)
    return results


def _open(path: Path) -> Volume:
    volume = open_volume(path)
    if volume.mask is not None or volume.target_name is None:
        raise InputError(f"{path}: is not fully sampled or has no target, so there is no reference to compare with")
    return volume


def _read_earlier(path: Path, conditions: tuple[dict[str, Any], dict[str, Any]]) -> AblationResult:
    earlier = read_json(path, AblationResult)
    if (earlier.protocol, earlier.machine) != conditions:
        raise InputError(f"{path}: holds results of another protocol or machine; give another --output")
    return earlier


def _protocol(volumes: Sequence[Volume], config: TrainConfig, minutes: float) -> dict[str, Any]:
    return {
        "files": [volume.path.name for volume in volumes],
        "noise floor": RULE,
        "samplings": [f"{one.kind} {one.acceleration:g}x, centre {one.center_fraction:g}" for one in SAMPLINGS],
        "training": {
            **{name: value for name, value in config.data.as_protocol().items() if name in {"train", "simulation"}},
            "loss": config.training.loss,
            "optimizer": OPTIMIZER.model_dump(mode="json"),
            "batch": 1,
            "minutes": minutes,
            "seed": config.seed,
        },
        "cost": f"{'x'.join(map(str, SHAPE))}, {SAMPLINGS[0].acceleration:g}x, median of {REPEATS}",
    }


def _measure(
    name: str, config: TrainConfig, volumes: Sequence[Volume], protocol: dict[str, Any], measured_on: dict[str, Any]
) -> AblationResult:
    torch.manual_seed(config.seed)
    network = VARIANTS[name].build()
    stream = open_training_data(config, torch.device("cpu")).epoch(0)
    steps = train_for(60 * protocol["training"]["minutes"], network, stream, config, name)
    network.eval()
    gigaflops, seconds = _cost(network)
    runner = Runner(name, TrainedVariant(network), floor=True)
    scores = {sampling: _scores(runner, volumes, sampling) for sampling in SAMPLINGS}

    def mean(acceleration: int, metric: int) -> float:
        values = [scores[one][:, metric] for one in SAMPLINGS if one.acceleration == acceleration]
        return float(np.mean(values))

    return AblationResult(
        protocol=protocol,
        machine=measured_on,
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        gigaflops=gigaflops,
        seconds=seconds,
        steps=steps,
        ssim={acceleration: mean(acceleration, 0) for acceleration in ACCELERATIONS},
        psnr={acceleration: mean(acceleration, 1) for acceleration in ACCELERATIONS},
    )


def train_for(seconds: float, network: nn.Module, stream: Slices, config: TrainConfig, name: str) -> int:
    """Train on one slice after the other, at least one, until the CPU time is used up.

    Parameters
    ----------
    seconds
        CPU seconds of all threads of this process together.
    network
        Network to train.
    stream
        Slices to train on.
    config
        Configuration that names the loss.
    name
        Label of the progress bar.

    Returns
    -------
    int
        Number of steps.
    """
    objective, optimizer = make_objective(config, network), make_optimizer(OPTIMIZER, network)
    objective.train()
    with progress() as bar:
        task = bar.add_task(name, total=1.0)
        for step, done in enumerate(_time_shares(seconds)):
            bar.update(task, completed=done)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(OPTIMIZER, 1, done, step)
            optimizer.zero_grad()
            loss: Tensor = objective(collate([cast("Slice", stream[step])]))
            loss.backward()  # type: ignore[no-untyped-call]
            norm = nn.utils.clip_grad_norm_(network.parameters(), OPTIMIZER.clip or float("inf"))
            if norm.isfinite():
                optimizer.step()
    return step + 1


def _time_shares(seconds: float) -> Iterator[float]:
    """Yield the share of the time that has passed, from 0 until it reaches 1."""
    start, done = time.process_time(), 0.0
    while done < 1:
        yield done
        done = (time.process_time() - start) / seconds if seconds else 1.0


@dataclass(frozen=True, eq=False)
class TrainedVariant(Reconstruction):
    """A variant of the network as a method: the engine runs it, though it has neither a name nor a file of weights.

    Attributes
    ----------
    network
        Network in evaluation mode, on the CPU.
    """

    network: nn.Module

    @torch.no_grad()
    def __call__(self, acquisition: Acquisition) -> Tensor:
        """Reconstruct `(coils, readout, phase)` to `(rows, columns)`."""
        cut = without_oversampling(acquisition)
        image: Tensor = self.network(cut.kspace[None], cut.mask.reshape(1, 1, 1, -1))[0]
        return center_crop(image, cut.crop)


def _scores(runner: Runner, volumes: Sequence[Volume], sampling: Sampling) -> np.ndarray[Any, Any]:
    """Return SSIM and PSNR of each volume, `(volumes, 2)`."""
    scores = []
    for volume in volumes:
        images = runner.volume(SampledVolume(volume, sampling)).images
        metrics = score(cast("Images", volume.read_target()), images)
        scores.append((metrics.ssim, metrics.psnr))
    return np.array(scores)


def _cost(network: nn.Module) -> tuple[float, float]:
    """Return the operations of the convolutions, in units of 10^9, and the CPU seconds for one slice."""
    scan = SAMPLINGS[0](simulate_scan(SHAPE))
    work = torch.no_grad()(partial(network, scan.kspace[None], scan.mask.reshape(1, 1, 1, -1)))
    with FlopCounterMode(display=False) as counter:
        work()
    spent = [timed(work)[1].cpu for _ in range(REPEATS)]
    return counter.get_total_flops() / 1e9, median(spent)


def _table(results: Mapping[str, AblationResult]) -> Table:
    laid = Table(box=SIMPLE_HEAD)
    laid.add_column("variant", no_wrap=True)
    laid.add_column("description")
    for heading in ("10^6 weights", "GFLOP", "CPU s", "steps", *(f"{one}x" for one in ACCELERATIONS)):
        laid.add_column(heading, justify="right")
    for name, result in results.items():
        scores = [f"{result.ssim[one]:.3f} / {result.psnr[one]:.1f}" for one in ACCELERATIONS]
        numbers = (
            f"{result.parameters / 1e6:.1f}",
            f"{result.gigaflops:.1f}",
            f"{result.seconds:.2f}",
            str(result.steps),
        )
        laid.add_row(name, VARIANTS[name].description, *numbers, *scores)
    return laid
