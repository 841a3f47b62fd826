"""`recon calibrate`: fit the uncertainty of a network to its errors, and record it on the card of its weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from recon.contract import UncertaintyCalibration
from recon.data.errors import InputError
from recon.data.masks import Sampling
from recon.data.open import find_files, open_volume
from recon.experiments.console import Problems, progress, say
from recon.experiments.engine.metrics import common_field
from recon.experiments.engine.run import UNCERTAINTY, Runner
from recon.experiments.engine.sampled_volume import SampledVolume
from recon.models.checkpoints.card import Card, card_path, write_card
from recon.models.checkpoints.checkpoint import load_model
from recon.models.checkpoints.locate import locate
from recon.models.zoo import method_of
from recon.quality.uncertainty import noise_level
from recon.quality.uncertainty_fit import fit_calibration
from recon.registry import create

PIXELS = 200_000
"""Number of random pixels of a volume that enter the fit of two numbers."""

Samples = NDArray[np.floating]


def calibrate(
    checkpoint: str | Path, inputs: list[Path], samplings: Sequence[Sampling], device: torch.device
) -> UncertaintyCalibration:
    """Reconstruct scans on which the network was not trained, compare with their targets, and write the card.

    Parameters
    ----------
    checkpoint
        A file, the name of weights that ship with the package, or a repository of the Hugging Face Hub.
    inputs
        Fully sampled files with targets, or folders of them.
    samplings
        All the ways in which each file is undersampled.
    device
        Device on which the network runs.

    Raises
    ------
    InputError
        If the weights cannot be read, or no file could be used.
    SystemExit
        At the end, if a file could not be used.
    """
    loaded, problems = load_model(locate(checkpoint)), Problems()
    name = method_of(loaded.name)
    runner = Runner(name, create(name, {"checkpoint": loaded.path}), device, UncertaintyCalibration(), floor=True)
    measured: list[Samples] = []
    files = find_files(inputs)
    with progress() as bar:
        task = bar.add_task("calibrate", total=len(files) * len(samplings))
        for path in files:
            for sampling in samplings:
                with problems.collect():
                    measured.append(_measure(runner, SampledVolume(open_volume(path), sampling)))
                bar.advance(task)
    if not measured:
        raise InputError("no file could be used to calibrate with")
    calibration = replace(fit_calibration(*np.concatenate(measured, axis=1)), noise_level="air")
    card = Card(sha256=loaded.sha256) if loaded.card is None else loaded.card
    write_card(loaded.path, card.model_copy(update={"uncertainty": calibration}))
    say(f"sigma^2 = ({calibration.spread:.3g} spread)^2 + ({calibration.noise:.3g} noise)^2")
    say(f"card: {card_path(loaded.path)}")
    problems.exit()
    return calibration


def _measure(runner: Runner, scan: SampledVolume) -> Samples:
    """Return spread, noise and errors `(3, pixels)` of a volume, as shares of its largest target value."""
    target = scan.volume.read_target()
    if target is None or scan.volume.mask is not None:
        raise InputError(f"{scan.volume.path}: to calibrate with, a scan must be fully sampled and have a target")
    result = runner.volume(scan)
    deviations = common_field(target, result.maps[UNCERTAINTY])[1]
    noise = np.array([noise_level(acquisition) for acquisition in scan], np.float32)
    target, images = common_field(target, result.images)
    measured = np.stack([deviations, np.broadcast_to(noise[:, None, None], target.shape), images - target])
    pixels = measured.reshape(3, -1) / target.max()
    chosen = np.random.default_rng(0).permutation(pixels.shape[1])[:PIXELS]
    return pixels[:, chosen]
