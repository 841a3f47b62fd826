"""Run `recon benchmark ablation`: train variants of the general network for the same time, and score them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from recon.data.errors import InputError, did_you_mean
from recon.data.open import Volume, find_files, open_volume
from recon.experiments.benchmark.ablation.results import VariantRun
from recon.experiments.benchmark.ablation.scoring import SAMPLINGS, TrainedVariant, score_scans
from recon.experiments.benchmark.ablation.table import tables
from recon.experiments.benchmark.ablation.training import train_for
from recon.experiments.benchmark.ablation.variants import VARIANTS
from recon.experiments.benchmark.classical.cases import simulate_scan
from recon.experiments.benchmark.cost import timed
from recon.experiments.benchmark.json_report import read_json, write_json
from recon.experiments.benchmark.machine import machine
from recon.experiments.console import console
from recon.experiments.training.config.config_file import load_config
from recon.experiments.training.config.train_config import TrainConfig, TrainingConfig
from recon.experiments.training.input.training_data import open_training_data
from recon.models.checkpoints.checkpoint import Checkpoint, load_model
from recon.models.checkpoints.locate import locate
from recon.models.networks.general_varnet import Start
from recon.quality.noise_floor import RULE

SHORT = (
    "data.simulation.matrix=[96, 192]",
    "data.simulation.slices=1000000",
    "early.matrix=null",
    "optimizer.schedule=cosine",
    "optimizer.warmup_steps=20",
)
"""Slices are small, for more steps in a short time, and so many that none is drawn twice."""

SHAPE = (8, 256, 256)
"""Shape `(coils, readout, phase)` of the slice that operations and seconds are measured on."""

REPEATS = 3


def ablation(
    scans: Mapping[str, Sequence[Path]],
    images: Path,
    maps: Path | None,
    minutes: float,
    names: Sequence[str],
    output: Path,
    runs: int = 1,
    weights: str | None = None,
    settings: Sequence[str] = (),
) -> dict[str, list[VariantRun]]:
    """Train each variant on the same simulated slices for the same CPU time, and score it.

    Parameters
    ----------
    scans
        Fully sampled files and folders to score on, by the name of the set.
    images, maps
        Sources of the simulation, as `data.train` and `data.simulation.maps` of a training configuration.
    minutes
        CPU minutes to train each variant.
    names
        Names from `VARIANTS`; the first is what the others are compared with.
    output
        Folder for the result files, one per run; runs that have one already are not repeated.
    runs
        Number of runs of each variant, with seeds 0, 1, ...; all variants have their first run before the second.
    weights
        Checkpoint to start from; None to start from random weights.
    settings
        Values of the training configuration to replace, as `key=value`.

    Raises
    ------
    InputError
        If a variant is unknown, a file cannot be used, weights do not fit a variant, or the folder holds results of
        another protocol.
    """
    for name in names:
        if name not in VARIANTS:
            raise InputError(f"unknown variant {name!r}{did_you_mean(name, VARIANTS)}")
    volumes = {kind: list(map(_open, find_files(paths))) for kind, paths in scans.items() if paths}
    given = None if weights is None else load_model(locate(weights))
    for name in names:
        VARIANTS[name].start_from(given)
    overrides = [f"data.train={images}", f"data.simulation.maps={maps or 'null'}", *SHORT, *settings]
    config = load_config(Path("varnet_general"), overrides)
    conditions = _protocol(volumes, config, minutes, given), machine()
    done: dict[str, list[VariantRun]] = {name: [] for name in names}
    starts: dict[tuple[Any, ...], Start] = {}
    for seed, name in product(range(runs), names):
        path = output / "ablation" / f"{name}-{seed}.json"
        if seed and not VARIANTS[name].trained:
            continue
        if path.exists():
            done[name].append(_read_earlier(path, conditions))
        else:
            seeded = config.model_copy(update={"seed": seed})
            done[name].append(_measure(name, seeded, volumes, given, minutes, starts, *conditions))
            write_json(path, done[name][-1])
    console.print(tables(done))
    console.print(f"results: {output / 'ablation'}", markup=False, soft_wrap=True)
    return done


def _open(path: Path) -> Volume:
    volume = open_volume(path)
    if volume.mask is not None or volume.target_name is None:
        raise InputError(f"{path}: is not fully sampled or has no target, so there is no reference to compare with")
    return volume


def _read_earlier(path: Path, conditions: tuple[dict[str, Any], dict[str, Any]]) -> VariantRun:
    earlier = read_json(path, VariantRun)
    if (earlier.protocol, earlier.machine) != conditions:
        raise InputError(f"{path}: holds results of another protocol or machine; give another --output")
    return earlier


def _protocol(
    volumes: Mapping[str, Sequence[Volume]], config: TrainConfig, minutes: float, given: Checkpoint | None
) -> dict[str, Any]:
    used = {"train", "simulation"}
    return {
        "files": {kind: [volume.path.name for volume in some] for kind, some in volumes.items()},
        "noise floor": RULE,
        "samplings": [f"{one.kind} {one.acceleration:g}x, centre {one.center_fraction:g}" for one in SAMPLINGS],
        "training": {
            **{name: value for name, value in config.data.as_protocol().items() if name in used},
            **config.model_dump(mode="json", include={"training", "optimizer", "early", "uses", "batch_size"}),
            "minutes": minutes,
            "weights": None if given is None else {"name": given.path.name, "sha256": given.sha256},
        },
        "cost": f"{'x'.join(map(str, SHAPE))}, {SAMPLINGS[0].acceleration:g}x, median of {REPEATS}",
    }


def _measure(
    name: str,
    config: TrainConfig,
    volumes: Mapping[str, Sequence[Volume]],
    given: Checkpoint | None,
    minutes: float,
    starts: dict[tuple[Any, ...], Start],
    protocol: dict[str, Any],
    measured_on: dict[str, Any],
) -> VariantRun:
    variant = VARIANTS[name]
    torch.manual_seed(config.seed)
    network, steps = variant.start_from(given), 0
    if variant.loss:
        config = config.model_copy(update={"training": TrainingConfig(loss=dict(variant.loss))})
    if variant.trained:
        stream = open_training_data(config, torch.device("cpu")).epoch(0)
        steps = train_for(60 * minutes, network, stream, config, f"{name} {config.seed}")
    network.eval()
    method = TrainedVariant(network, starts)
    gigaflops, seconds = _cost(network) if config.seed == 0 else (None, None)
    return VariantRun(
        protocol=protocol,
        machine=measured_on,
        seed=config.seed,
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        gigaflops=gigaflops,
        seconds=seconds,
        steps=steps,
        scores=[score for kind, some in volumes.items() for score in score_scans(name, method, kind, some)],
    )


def _cost(network: nn.Module) -> tuple[float, float]:
    """Return the operations of the convolutions, in units of 10^9, and the CPU seconds for one slice."""
    scan = SAMPLINGS[0](simulate_scan(SHAPE))
    work = torch.no_grad()(partial(network, scan.kspace[None], scan.mask.reshape(1, 1, 1, -1)))
    with FlopCounterMode(display=False) as counter:
        work()
    spent = [timed(work)[1].cpu for _ in range(REPEATS)]
    return counter.get_total_flops() / 1e9, median(spent)
