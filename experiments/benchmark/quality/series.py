"""Runs `recon benchmark series`: quality and time of methods on series, beside BART with temporal variation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from rich.box import SIMPLE_HEAD
from rich.table import Table

from recon.calibration.acs import calibration_lines
from recon.coils import rss
from recon.contract import Reconstruction
from recon.crop import center_crop
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.masks.sampling import Sampling
from recon.data.open import find_files, open_volume
from recon.experiments.benchmark.classical import bart
from recon.experiments.benchmark.classical.peers.bart_pics import TWO_SOFT_MAPS
from recon.experiments.benchmark.cost import Seconds, timed
from recon.experiments.benchmark.json_report import Report, check_report, write_json
from recon.experiments.benchmark.machine import machine
from recon.experiments.console import console
from recon.experiments.engine.run import Runner
from recon.experiments.engine.sampled_volume import SampledVolume
from recon.experiments.engine.scores.metrics import Images, score
from recon.fourier import fft, ifft
from recon.preprocessing.time_average import time_average

REPORT = "series.json"

TIME = 10
"""BART's dimension of time."""

MAPS = 2
"""Number of coil maps that BART estimates."""


@dataclass(frozen=True)
class SeriesResult:
    """Result of one method on one series: PSNR in dB and SSIM of all frames together, and CPU seconds."""

    series: str
    method: str
    psnr: float
    ssim: float
    cpu: float


@dataclass(frozen=True)
class SeriesReport(Report):
    """Results under one protocol on one machine."""

    results: list[SeriesResult] = field(default_factory=list)


def series(
    inputs: list[Path],
    methods: Mapping[str, Reconstruction],
    sampling: Sampling,
    weights: Sequence[float],
    iterations: int,
    output: Path,
) -> SeriesReport:
    """Reconstruct every series by every method and by `bart pics` at every weight; print and write the scores.

    Parameters
    ----------
    inputs
        Files and folders of fully sampled series with targets.
    methods
        Methods by name.
    sampling
        How to undersample.
    weights, iterations
        Weights that BART's total variation along time is tried at, the zero-filled series scaled to a maximum of 1,
        and its number of iterations; without `bart` on the PATH it is left out.
    output
        Folder of the report.

    Raises
    ------
    InputError
        If no input holds a series with targets, or `series.json` is the file of another program.
    """
    check_report(output / REPORT)
    protocol = {"sampling": sampling.name, "acceleration": sampling.acceleration, "seed": sampling.seed}
    report = SeriesReport({**protocol, "bart iterations": iterations}, machine())
    weights = bart.weights_to_try(weights)
    for name, frames in _read(inputs, sampling):
        targets = np.stack([frame.target.numpy() for frame in frames if frame.target is not None])
        if len(targets) < len(frames):
            raise InputError(f"{frames[0].name}: has no target, so there is no truth to compare with")
        work = {title: _ours(title, method, frames) for title, method in methods.items()}
        work |= {f"bart pics T {weight:g}": _bart(frames, weight, iterations) for weight in weights}
        for title, reconstruct in work.items():
            images, seconds = timed(reconstruct)
            report.results.append(_result(name, title, targets, images, seconds))
        write_json(output / REPORT, report)
    if not report.results:
        raise InputError("none of the inputs holds a series")
    console.print(_table(report))
    console.print(f"results: {output / REPORT}", markup=False, soft_wrap=True)
    return report


def _read(inputs: list[Path], sampling: Sampling) -> Iterator[tuple[str, list[Acquisition]]]:
    """Yield every series with its name, undersampled."""
    for path in find_files(inputs):
        scan = SampledVolume(open_volume(path), sampling)
        for number, indices in enumerate(scan.series):
            if len(indices) > 1:
                yield f"{path.name} {number}", [scan.read(index) for index in indices]


def _ours(name: str, method: Reconstruction, frames: Sequence[Acquisition]) -> Callable[[], Images]:
    return lambda: np.stack([result.image for result in Runner(name, method).slices(frames)])


def _bart(frames: Sequence[Acquisition], weight: float, iterations: int) -> Callable[[], Images]:
    """Return a function that runs `bart ecalib` on the mean over time, and `bart pics` with two soft maps of it.

    A chest often fills its field of view; a single map then costs decibels where it is folded.
    """
    largest = max(float(ifft(frame.kspace).abs().square().sum(0).sqrt().max()) for frame in frames)
    space = bart.Workspace()
    mean = time_average(frames)
    kspace = np.stack([frame.kspace.numpy() for frame in frames])
    bart.write_cfl(space / "mean", rearrange(mean.kspace.numpy(), "coils x y -> x y 1 coils"))
    bart.write_cfl(space / "kspace", rearrange(kspace, "frames coils x y -> x y 1 coils 1 1 1 1 1 1 frames"))
    lines = str(min(24, calibration_lines(mean).lines.shape[-1]))

    def reconstruct() -> Images:
        bart.run("ecalib", *TWO_SOFT_MAPS, "-r", lines, space / "mean", space / "maps")
        prior = f"T:{1 << TIME}:0:{weight:.8g}"
        options = ("-w", f"{largest:.8g}", "-i", str(iterations), "-R", prior)
        bart.run("pics", *options, space / "kspace", space / "maps", space / "image")
        images = bart.read_cfl(space / "image").reshape(*mean.matrix, MAPS, -1, order="F") * largest
        maps = bart.read_cfl(space / "maps").reshape(*mean.matrix, -1, MAPS, order="F")
        coil_images = torch.from_numpy(np.einsum("xycm,xymt->tcxy", maps, images))
        consistent = [
            rss(ifft(torch.where(frame.mask, frame.kspace, fft(one))))
            for frame, one in zip(frames, coil_images, strict=True)
        ]
        return center_crop(torch.stack(consistent), mean.crop).float().numpy()

    return reconstruct


def _result(name: str, title: str, targets: Images, images: Images, seconds: Seconds) -> SeriesResult:
    metrics = score(targets, images)
    return SeriesResult(name, title, round(metrics.psnr, 3), round(metrics.ssim, 4), round(seconds.cpu, 2))


def _table(report: SeriesReport) -> Table:
    table = Table("series", "method", "PSNR, dB", "SSIM", "CPU s", box=SIMPLE_HEAD)
    for name, results in groupby(report.results, lambda result: result.series):
        for result in results:
            table.add_row(name, result.method, f"{result.psnr:.2f}", f"{result.ssim:.4f}", f"{result.cpu:.1f}")
        table.add_section()
    return table
