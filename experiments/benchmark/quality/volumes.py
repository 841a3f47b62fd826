"""Runs `recon benchmark volumes`: quality and time of methods on 3-D scans, beside BART at its best weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from rich.box import SIMPLE_HEAD
from rich.table import Table
from torch import Tensor

from recon.coils import rss
from recon.contract import Reconstruction
from recon.crop import center_crop
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.masks.sampling import Sampling
from recon.data.open import find_files, open_volume
from recon.experiments.benchmark.classical import bart
from recon.experiments.benchmark.classical.peers.bart_pics import ONE_MAP, BartMaps, with_maps_first
from recon.experiments.benchmark.cost import Seconds, timed
from recon.experiments.benchmark.json_report import Report, check_report, write_json
from recon.experiments.benchmark.machine import machine
from recon.experiments.console import console, warn
from recon.experiments.engine.run import Runner
from recon.experiments.engine.scores.metrics import Images, score
from recon.fourier import fft, ifft
from recon.quality.noise_floor import RULE, with_noise_floor
from recon.simulation.scanner.measured_maps import fill_maps
from recon.simulation.scanner.subject.anatomy import load_anatomies, load_maps
from recon.simulation.volume_scans import VolumePlan, simulate_scan

REPORT = "volumes.json"

PRIORS = {"l2": "Q", "wavelet": "W:3:0"}
"""Penalties of BART by the names of their rows: Tikhonov's, and wavelets in both phase encodings."""

ITERATIONS = 100
"""Number of iterations of BART."""

SEED = 19
"""Seed of what is simulated."""

Volume = list[Acquisition]


@dataclass(frozen=True)
class VolumeResult:
    """What one method made of one volume: PSNR in dB, SSIM, and CPU seconds with the coil maps."""

    volume: str
    mask: str
    method: str
    psnr: float
    ssim: float
    cpu: float


@dataclass(frozen=True)
class VolumeReport(Report):
    """Results on one machine; those of BART at every weight."""

    results: list[VolumeResult] = field(default_factory=list)


def volumes(
    scans: Iterable[tuple[str, Volume]],
    methods: Mapping[str, Reconstruction],
    samplings: Sequence[Sampling],
    weights: Sequence[float],
    output: Path,
) -> VolumeReport:
    """Reconstruct 3-D scans by every method and by `bart pics` at every weight; print and write the scores.

    Every image gets the noise floor of a full scan, as in `recon compare`. Methods that cannot reconstruct a mask are
    left out with a warning.

    Parameters
    ----------
    scans
        Names of the volumes, and their fully sampled positions along the readout.
    methods
        Methods by name.
    samplings
        How to undersample.
    weights
        Weights that each of `PRIORS` is tried at, the zero-filled volume scaled to a maximum of 1; without `bart` on
        the PATH it is left out.
    output
        Folder of the report.

    Raises
    ------
    InputError
        If there is no volume, or `volumes.json` is the file of another program.
    """
    check_report(output / REPORT)
    report = VolumeReport(
        {"samplings": [repr(one) for one in samplings], "bart iterations": ITERATIONS, "noise floor": RULE}, machine()
    )
    weights = bart.weights_to_try(weights)
    for name, full in scans:
        targets = np.stack([_target(one).numpy() for one in full])
        for sampling in samplings:
            scan = [sampling(one) for one in full]
            title = f"{scan[0].acceleration:.1f}x {sampling.name}"
            found = [*_ours(methods, scan), *_barts(scan, targets, weights)]
            for method, images, seconds in found:
                metrics = score(targets, images)
                rounded = round(metrics.psnr, 3), round(metrics.ssim, 4), round(seconds.cpu, 2)
                report.results.append(VolumeResult(name, title, method, *rounded))
            write_json(output / REPORT, report)
    if not report.results:
        raise InputError("there is no fully sampled volume to compare on")
    console.print(_table(report))
    console.print(f"results: {output / REPORT}", markup=False, soft_wrap=True)
    return report


def read_volumes(inputs: list[Path], positions: int) -> Iterator[tuple[str, Volume]]:
    """Read the middle positions of every file, those of 3-D scans or slices whose axes stand for phase encodings.

    Raises
    ------
    InputError
        If a file cannot be read, or is undersampled.
    """
    for path in find_files(inputs):
        volume = open_volume(path)
        if volume.mask is not None:
            raise InputError(f"{path}: is undersampled, so there is no truth to compare with")
        first = max(len(volume) - positions, 0) // 2
        yield path.name, [volume.read(index) for index in range(first, min(first + positions, len(volume)))]


def simulated_volumes(anatomy: list[Path], maps: list[Path], plan: VolumePlan) -> Iterator[tuple[str, Volume]]:
    """Simulate a scan of each anatomy; it depends on its number alone.

    Raises
    ------
    InputError
        If a file is not what it should be, or shows fewer slices than the plan has positions.
    """
    measured = list(map(fill_maps, load_maps(maps)))
    for number, one in enumerate(load_anatomies(anatomy) if anatomy else []):
        yield one.name, simulate_scan(one, measured, plan, np.random.default_rng((SEED, number)))


def _target(full: Acquisition) -> Tensor:
    return center_crop(rss(ifft(full.kspace)), full.crop)


def _ours(methods: Mapping[str, Reconstruction], scan: Volume) -> Iterator[tuple[str, Images, Seconds]]:
    for name, method in methods.items():

        def reconstruct(name: str = name, method: Reconstruction = method) -> Images:
            return np.stack([result.image for result in Runner(name, method, floor=True).slices(scan)])

        try:
            yield name, *timed(reconstruct)
        except InputError as error:
            warn(str(error))


def _barts(scan: Volume, targets: Images, weights: Sequence[float]) -> Iterator[tuple[str, Images, Seconds]]:
    """Yield the images of each prior at each weight: as BART makes them or with the measured samples put back."""
    if not weights:
        return
    largest = max(float(rss(ifft(one.kspace)).amax()) for one in scan)
    maps, calibration = timed(lambda: [BartMaps(one, ONE_MAP) for one in scan])
    for name, prior in PRIORS.items():
        for weight in weights:
            solve = _pics(maps, f"{prior}:{weight:.8g}", largest)
            solved, seconds = timed(solve)
            kinds = _images(scan, solved)
            images = max(kinds, key=lambda images: score(targets, images).psnr)
            yield f"bart pics {name} {weight:g}", images, calibration + seconds


def _pics(maps: Sequence[BartMaps], prior: str, largest: float) -> Callable[[], list[Tensor]]:
    """Return a function that runs `bart pics`, whose result is the coil images of each position."""

    def solve() -> list[Tensor]:
        solved = []
        for one in maps:
            image, options = one.workspace / "image", ("-w", f"{largest:.8g}", "-i", str(ITERATIONS))
            bart.run("pics", *options, "-R", prior, one.kspace, one.maps, image)
            solved.append((one.read() * with_maps_first(image)).sum(0) * largest)
        return solved

    return solve


def _images(scan: Volume, coil_images: Sequence[Tensor]) -> tuple[Images, Images]:
    consistent = [
        ifft(torch.where(one.mask, one.kspace, fft(solved))) for one, solved in zip(scan, coil_images, strict=True)
    ]
    plain, put_back = (
        np.stack([_finished(image, one).numpy() for image, one in zip(kind, scan, strict=True)])
        for kind in (coil_images, consistent)
    )
    return plain, put_back


def _finished(coil_images: Tensor, scan: Acquisition) -> Tensor:
    return with_noise_floor(center_crop(rss(coil_images), scan.crop).float(), scan)


def _table(report: VolumeReport) -> Table:
    """Tabulate the methods, and BART at the weight of each prior that is best knowing the truth."""
    table = Table("volume", "mask", "method", "PSNR, dB", "SSIM", "CPU s", box=SIMPLE_HEAD)
    for (volume, mask), results in groupby(report.results, lambda result: (result.volume, result.mask)):
        for result in _best(list(results)):
            table.add_row(
                volume, mask, result.method, f"{result.psnr:.2f}", f"{result.ssim:.4f}", f"{result.cpu:.2f}"
            )
        table.add_section()
    return table


def _best(results: Sequence[VolumeResult]) -> list[VolumeResult]:
    best: dict[str, VolumeResult] = {}
    for result in results:
        row = result.method.rpartition(" ")[0] if result.method.startswith("bart pics ") else result.method
        if row not in best or result.psnr > best[row].psnr:
            best[row] = result
    return list(best.values())
