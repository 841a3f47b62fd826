"""`recon calibrate`: fit the uncertainty of a network to its errors, and record it on the card of its weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from recon.contract import UncertaintyCalibration
from recon.data.errors import InputError
from recon.experiments.console import Problems, progress, say
from recon.experiments.engine.calibration.scans import Scan, Undersampled
from recon.experiments.engine.run import Runner
from recon.experiments.engine.scores.metrics import common_field
from recon.models.checkpoints.card import Card, card_path, write_card
from recon.models.checkpoints.checkpoint import load_model
from recon.models.checkpoints.locate import locate
from recon.models.zoo import method_of
from recon.preprocessing.echo import centre_echo
from recon.quality.conformal import conformal_intervals
from recon.quality.uncertainty_fit import Errors, deviations, fit_calibration
from recon.registry import create

PIXELS = 5_000
"""Number of random pixels of an undersampled volume that count."""


def calibrate(checkpoint: str | Path, scans: Sequence[Scan], device: torch.device) -> UncertaintyCalibration:
    """Reconstruct scans on which the network was not trained, compare with the truth, and write the card.

    Every other scan fits the standard deviations, and the rest gives the intervals; a single scan gives none.

    Parameters
    ----------
    checkpoint
        A file, the name of weights that ship with the package, or a repository of the Hugging Face Hub.
    scans
        Scans with their truth.
    device
        Device on which the network runs.

    Raises
    ------
    InputError
        If the weights cannot be read, or no scan could be used.
    SystemExit
        At the end, if a scan could not be used.
    """
    loaded, problems = load_model(locate(checkpoint)), Problems()
    name = method_of(loaded.name)
    runner = Runner(name, create(name, {"checkpoint": loaded.path}), device, floor=True)
    measured: list[list[Errors]] = []
    with progress() as bar:
        task = bar.add_task("calibrate", total=len(scans))
        for read in scans:
            with problems.collect():
                measured.append([_measure(runner, undersampled) for undersampled in read()])
            bar.advance(task)
    if not measured:
        raise InputError("no scan could be used to calibrate with")
    calibration = _calibrated(measured)
    card = Card(sha256=loaded.sha256) if loaded.card is None else loaded.card
    write_card(loaded.path, card.model_copy(update={"uncertainty": calibration}))
    say(
        f"sigma^2 = ({calibration.spread:.3g} R^{calibration.acceleration:.3g} spread)^2 "
        f"+ ({calibration.noise:.3g} noise)^2"
    )
    for coverage, factor in calibration.intervals:
        say(f"{coverage:.0%} of the pixels of a scan in the mean: +- {factor:.3g} sigma")
    say(f"card: {card_path(loaded.path)}")
    problems.exit()
    return calibration


def _calibrated(measured: Sequence[list[Errors]]) -> UncertaintyCalibration:
    calibration = fit_calibration([errors for scan in measured[::2] for errors in scan])
    others = measured[1::2]
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = [
            np.concatenate([np.nan_to_num(np.abs(one.error) / deviations(calibration, one), nan=0) for one in scan])
            for scan in others
        ]
    return replace(calibration, intervals=conformal_intervals(scores), scans=len(others))


def _measure(runner: Runner, scan: Undersampled) -> Errors:
    """Return random pixels of a volume, in units of its largest target value."""
    slices, accelerations = [], []
    for acquisition in map(centre_echo, scan.acquisitions):
        (result,) = runner.slices([acquisition])
        found = runner.predictors(acquisition, torch.from_numpy(result.image))
        slices.append((result.image, found.spread.numpy(), found.noise.numpy()))
        accelerations.append(found.acceleration)
    images, *maps = (np.stack(values) for values in zip(*slices, strict=True))
    target, images = common_field(scan.target, images)
    spread, noise = (common_field(scan.target, values)[1] for values in maps)
    pixels = np.stack([spread, noise, images - target]).reshape(3, -1) / (target.max() or 1)
    chosen = pixels[:, np.random.default_rng(0).permutation(pixels.shape[1])[:PIXELS]]
    return Errors(chosen[0], chosen[1], chosen[2], float(np.mean(accelerations)))
