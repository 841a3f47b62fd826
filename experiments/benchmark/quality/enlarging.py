"""Runs `recon benchmark enlarging`: cuts images to the centre of k-space, and measures how much is recovered."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from rich.console import Group
from rich.table import Table
from torch import Tensor

from recon.experiments.benchmark.cost import timed
from recon.experiments.benchmark.denoising.scenes import Scene, read_scenes, simulate_scenes
from recon.experiments.benchmark.json_report import Report, check_report, write_json
from recon.experiments.benchmark.machine import machine
from recon.experiments.benchmark.tables import empty_table
from recon.experiments.console import console, progress
from recon.experiments.engine.scores.metrics import score
from recon.fourier import ifft
from recon.models.networks.postprocessing.sharp import enlarged_kspace
from recon.models.stages.enlarging import EnlargingStage
from recon.quality.false_details import DetailCounts, count_details
from recon.quality.resolution import Band, bands, frequency_at, slanted_edge_mtf
from recon.simulation.cropped_scans import lowered
from recon.simulation.noisy_patches import brightness, white_noise

REPORT = "enlarging.json"

EDGES = (0.0, 0.5, 0.6, 0.7, 0.85, 1.0)
"""Bounds of the bands of k-space: the centre that was measured ends at half the radius."""

IMPLANT_WIDTHS = (1.0, 2.0, 3.0)
"""Widths at half maximum of implanted details, in pixels of the whole image."""

IMPLANT_CONTRAST = 0.4
"""Height of the details, as share of the brightness."""

IMPLANTS = 12
"""Number of bright details of each width, and of dark ones."""

EDGE_SIZE, EDGE_ANGLE = 128, 5.0
"""Side of the image with a slanted edge, in pixels, and the slant in degrees."""

ZEROS = "zero-filling"

EDGE_FINER, SQUARE = 4, (-0.3, 0.013, 0.4)
"""How many times finer the square with this edge is drawn; its left side, the edge and half its height, as shares."""

TISSUE = 0.3
"""Share of the brightness above which a pixel may get a detail."""

Enlarge = Callable[[Tensor, Tensor, tuple[int, int]], Tensor]
"""Function of an image, its noise map and a size that returns the larger image."""


@dataclass(frozen=True)
class EnlargingResult:
    """Scores of one method for the central half, along both axes, of the k-space of one image.

    Attributes
    ----------
    scene, method
        Names of the image and of the method.
    psnr, ssim
        Scores of the magnitude against that of the whole image; the range is the largest magnitude.
    bands
        Comparison of the complex images in bands of k-space.
    details
        Numbers of details of 1 to 4 pixels that were invented, lost or present.
    implants
        Mean share of the contrast of implanted details that shows, for each width.
    cpu
        CPU seconds.
    """

    scene: str
    method: str
    psnr: float
    ssim: float
    bands: list[Band]
    details: DetailCounts
    implants: dict[str, float]
    cpu: float


@dataclass(frozen=True)
class EnlargingReport(Report):
    """Results under one protocol on one machine; `mtf50` is in cycles per pixel of the whole image."""

    mtf50: dict[str, float]
    results: list[EnlargingResult] = field(default_factory=list)


def enlarging(
    inputs: list[Path], level: float, heads: int, stages: Sequence[EnlargingStage], output: Path
) -> EnlargingReport:
    """Compare networks with zeros around k-space, print tables and write `enlarging.json`.

    Parameters
    ----------
    inputs
        Files and folders of fully sampled raw data; the middle slice of each file is used.
    level
        Standard deviation of the noise that is added to images of low resolution, as share of the brightness.
    heads
        Number of simulated heads.
    stages
        Networks with their weights.
    output
        Folder of the report.

    Raises
    ------
    InputError
        If an input is not fully sampled, the weights are missing, or `enlarging.json` is of another program.
    """
    check_report(output / REPORT)
    named = _named(stages)
    methods: dict[str, Enlarge] = {ZEROS: _with_zeros} | {name: stage.enlarge for name, stage in named.items()}
    protocol = {"centre": "half of either axis", "noise": level, "edges": list(EDGES)}
    protocol |= {name: stage.settings() for name, stage in named.items()}
    report = EnlargingReport(protocol, machine(), {name: edge_mtf50(enlarge) for name, enlarge in methods.items()})
    scenes = list(chain(read_scenes(inputs) if inputs else (), simulate_scenes(heads)))
    with progress() as bar:
        task = bar.add_task("enlarge", total=len(scenes))
        for scene in scenes:
            report.results.extend(_measure(scene, level, name, enlarge) for name, enlarge in methods.items())
            bar.advance(task)
            write_json(output / REPORT, report)
    console.print(_tables(report))
    console.print(f"results: {output / REPORT}", markup=False, soft_wrap=True)
    return report


def edge_mtf50(enlarge: Enlarge) -> float:
    """Return the frequency at which the transfer function of a slanted edge of low resolution falls to a half.

    The edge is that of a square, whose image is truncated in k-space and enlarged; in cycles per pixel of the result.
    """
    fine, (left, right, half) = EDGE_FINER * EDGE_SIZE, SQUARE
    places = (torch.arange(fine) - fine / 2) / EDGE_FINER
    across = places[None, :] - math.tan(math.radians(EDGE_ANGLE)) * places[:, None]
    square = ((across > left * EDGE_SIZE) & (across < right * EDGE_SIZE)).to(torch.complex64)
    square[(places.abs() > half * EDGE_SIZE)] = 0
    low = lowered(square, (EDGE_SIZE // 2, EDGE_SIZE // 2))
    enlarged = enlarge(low, torch.zeros_like(low.real), (EDGE_SIZE, EDGE_SIZE)).abs()
    middle, reach = EDGE_SIZE // 2, EDGE_SIZE // 5
    return frequency_at(*slanted_edge_mtf(enlarged[middle - reach : middle + reach, middle - reach : middle + reach]))


def implant_shares(image: Tensor, level: float, enlarge: Enlarge) -> dict[str, float]:
    """Return the share of the contrast of implanted details that an enlarged image shows, for each width and sign.

    The same noise lies on the image with and without the details.

    Parameters
    ----------
    image
        complex64 `(rows, columns)`.
    level
        Standard deviation of the noise as share of the brightness.
    enlarge
        The method.
    """
    unit, rng = brightness(image), np.random.default_rng(0)
    inside = (image.abs() > TISSUE * unit).nonzero()
    if not len(inside):
        return {}
    rows, columns = (torch.arange(size)[:, None] for size in image.shape)
    enlarged, shares = partial(_enlarged, level=level, enlarge=enlarge), {}
    plain = enlarged(image)
    for sign, word in ((1, "bright"), (-1, "dark")):
        for width in IMPLANT_WIDTHS:
            chosen = inside[rng.integers(len(inside), size=IMPLANTS)]
            blobs = torch.exp(-4 * math.log(2) * ((rows - chosen[:, 0]) / width) ** 2)
            implants = (blobs @ torch.exp(-4 * math.log(2) * ((columns - chosen[:, 1]) / width) ** 2).T).clamp(max=1)
            phase = torch.sgn(image)
            shown = (enlarged(image + sign * IMPLANT_CONTRAST * unit * implants * phase) - plain) * phase.conj()
            heights = shown.real[chosen[:, 0], chosen[:, 1]] / (sign * IMPLANT_CONTRAST * unit)
            shares[f"{word} {width:g}"] = float(heights.mean())
    return shares


def _enlarged(image: Tensor, level: float, enlarge: Enlarge) -> Tensor:
    rows, columns = image.shape
    low = lowered(image, (-(-rows // 2), -(-columns // 2)))
    sigma = torch.full_like(low.real, level * brightness(image))
    return enlarge(low + sigma * white_noise(low, np.random.default_rng(1)), sigma, (rows, columns))


def _with_zeros(image: Tensor, _noise: Tensor, size: tuple[int, int]) -> Tensor:
    return ifft(enlarged_kspace(image, size))


def _named(stages: Sequence[EnlargingStage]) -> dict[str, EnlargingStage]:
    """Return the stages by name; those of one network get the names of their weights as well."""
    names = [stage.name for stage in stages]
    unique = [
        f"{name} {stage.loaded.path.name}" if names.count(name) > 1 else name
        for name, stage in zip(names, stages, strict=True)
    ]
    return dict(zip(unique, stages, strict=True))


def _measure(scene: Scene, level: float, name: str, enlarge: Enlarge) -> EnlargingResult:
    image = scene.image
    enlarged, seconds = timed(lambda: _enlarged(image, level, enlarge))
    metrics = score(image.abs().numpy()[None], enlarged.abs().numpy()[None])
    return EnlargingResult(
        scene=scene.name,
        method=name,
        psnr=metrics.psnr,
        ssim=metrics.ssim,
        bands=bands(enlarged, image, EDGES),
        details=count_details(enlarged.abs(), image.abs()),
        implants=implant_shares(image, level, enlarge),
        cpu=seconds.cpu,
    )


def _tables(report: EnlargingReport) -> Group:
    """Lay out the scores of each image, its bands of k-space and its implants."""

    def empty(title: str, headings: Sequence[str]) -> Table:
        names = "image", "method"
        return empty_table(title, (*names, *headings), left=names)

    first = report.results[0]
    outer = [f"{band.inner:g}-{band.outer:g}" for band in first.bands[1:]]
    scores = empty("central half of k-space, enlarged", ("PSNR [dB]", "SSIM", "invented", "lost", "CPU [s]"))
    correlations = empty("correlation with the truth, by radius in k-space", outer)
    implants = empty("share of implanted details that shows, by width in pixels", list(first.implants))
    for one in report.results:
        lost = f"{one.details.lost} of {one.details.present}"
        numbers = f"{one.psnr:.2f}", f"{one.ssim:.4f}", f"{one.details.invented}", lost, f"{one.cpu:.2f}"
        scores.add_row(one.scene, one.method, *numbers)
        correlations.add_row(one.scene, one.method, *(f"{band.correlation:.2f}" for band in one.bands[1:]))
        implants.add_row(one.scene, one.method, *(f"{value:.2f}" for value in one.implants.values()))
    edge = ", ".join(f"{name} {frequency:.3f}" for name, frequency in report.mtf50.items())
    return Group(scores, correlations, implants, f"MTF of an edge at 50 %, in cycles per pixel: {edge}")
