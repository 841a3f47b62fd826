"""Runs `recon benchmark denoising`: adds noise to images, and compares the results of denoisers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Group

from recon.experiments.benchmark.cost import timed
from recon.experiments.benchmark.denoising.denoisers import (
    BM3D,
    NLM,
    NLM_FILTER,
    NOISY,
    Denoise,
    denoisers,
    knowing_the_mean,
)
from recon.experiments.benchmark.denoising.fidelity import EDGES, REGION, REGIONS, Landmarks
from recon.experiments.benchmark.denoising.scenes import Case, read_scenes, simulate_scenes, simulate_unfolded
from recon.experiments.benchmark.json_report import Report, check_report, write_json
from recon.experiments.benchmark.machine import machine
from recon.experiments.benchmark.tables import empty_table
from recon.experiments.console import console, progress, warn
from recon.experiments.engine.scores.metrics import score
from recon.simulation.noisy_patches import BRIGHT, brightness

REPORT = "denoising.json"


@dataclass(frozen=True)
class DenoisingResult:
    """Scores of one denoiser for one image at one level of noise.

    Attributes
    ----------
    scene, level, denoiser
        Image, standard deviation of the noise as share of its brightness or `unfolded`, and name of the denoiser.
    psnr, ssim
        Scores of the magnitude against that of the noise-free image: in dB, with the brightness that levels refer to
        as the range; and from 0 to 1.
    cpu
        CPU seconds.
    contrast
        Largest and mean change of the mean of a region, as share.
    outer_rise, inner_rise
        Change of the rise of edges at the border of the object and inside, as share; None without edges.
    """

    scene: str
    level: str
    denoiser: str
    psnr: float
    ssim: float
    cpu: float
    contrast: tuple[float, float]
    outer_rise: float | None
    inner_rise: float | None


@dataclass(frozen=True)
class DenoisingReport(Report):
    """Results under one protocol on one machine."""

    missing: list[str] = field(default_factory=list)
    results: list[DenoisingResult] = field(default_factory=list)


def denoising(
    inputs: list[Path], levels: Sequence[float], heads: int, stages: Mapping[str, Mapping[str, Any]], output: Path
) -> DenoisingReport:
    """Measure denoiser by denoiser on every image and level, print tables and write `denoising.json`.

    The heads are also scanned by parallel imaging, whose noise differs from pixel to pixel; there each stage is also
    measured with the mean of the noise instead of its map, which is all that the other denoisers get.

    Parameters
    ----------
    inputs
        Files and folders of fully sampled raw data; the middle slice of each file is used.
    levels
        Standard deviations of the noise in real and imaginary part, as share of the magnitude that 99.5 % of the
        pixels do not exceed.
    heads
        Number of simulated heads.
    stages
        Settings of the stages to compare, by name.
    output
        Folder of the report.

    Raises
    ------
    InputError
        If an input is not fully sampled, or `denoising.json` is the file of another program.
    """
    check_report(output / REPORT)
    entrants, missing = denoisers(stages)
    for sentence in missing:
        warn(sentence)
    report = DenoisingReport(_protocol(levels, stages), machine(), missing=missing)
    scenes = list(chain(read_scenes(inputs) if inputs else (), simulate_scenes(heads)))
    cases = [scene.case(level) for scene in scenes for level in levels] + list(simulate_unfolded(heads))
    with progress() as bar:
        task = bar.add_task("denoise", total=len(cases))
        for case in cases:
            landmarks, extra = Landmarks.find(case.clean.numpy()), {}
            if case.mapped:
                extra = {f"{name}, mean": knowing_the_mean(entrants[name]) for name in stages if name in entrants}
            for name, denoise in {**entrants, **extra}.items():
                bar.update(task, description=f"{case.scene}, {case.level}, {name}")
                report.results.append(_measure(case, landmarks, name, denoise))
            bar.advance(task)
            write_json(output / REPORT, report)
    for level in dict.fromkeys(case.level for case in cases):
        console.print(_tables(level, [result for result in report.results if result.level == level]))
    console.print(f"results: {output / REPORT}", markup=False, soft_wrap=True)
    return report


def _measure(case: Case, landmarks: Landmarks, name: str, denoise: Denoise) -> DenoisingResult:
    denoised, seconds = timed(lambda: denoise(case.noisy, case.noise))
    metrics = score(case.clean.abs().numpy()[None], denoised.abs().numpy()[None])
    range_ = 20 * math.log10(brightness(case.clean) / float(case.clean.abs().amax()))
    changes = np.abs(landmarks.contrast_changes(case.noisy.numpy(), denoised.numpy()))
    outer, inner = landmarks.rise_changes(denoised.numpy())
    return DenoisingResult(
        scene=case.scene,
        level=case.level,
        denoiser=name,
        psnr=metrics.psnr + range_,
        ssim=metrics.ssim,
        cpu=seconds.cpu,
        contrast=(float(changes.max(initial=0)), float(changes.mean()) if len(changes) else 0.0),
        outer_rise=outer if math.isfinite(outer) else None,
        inner_rise=inner if math.isfinite(inner) else None,
    )


def _protocol(levels: Sequence[float], stages: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "noise": "white, in real and imaginary part, as share of the magnitude's quantile; denoisers know it",
        "quantile": BRIGHT,
        "levels": list(levels),
        "non-local means": {**NLM, "h": f"{NLM_FILTER} sigma"},
        "stages": {name: dict(settings) for name, settings in stages.items()},
        "scores": "of the magnitude over the whole field; PSNR: range is the quantile, SSIM: the largest magnitude",
        "contrast": f"{REGIONS} regions of {REGION}x{REGION} pixels, against those of the noisy image",
        "edges": f"10-90 % rise of the mean profile across the {EDGES} steepest edges, against the truth's",
    }


def _tables(level: str, results: Sequence[DenoisingResult]) -> Group:
    """Lay out the PSNR of each image, and the means over all images."""
    scenes = list(dict.fromkeys(one.scene for one in results))
    names = dict.fromkeys(one.denoiser for one in results)
    by_name = {name: [one for one in results if one.denoiser == name] for name in names}
    scores = empty_table(f"noise {level}: PSNR [dB]", ("denoiser", *scenes, "mean"), left=("denoiser",))
    headings = ("denoiser", "SSIM", "CPU [s]", "BM3D / CPU", "contrast", "rise: outer", "inner")
    means = empty_table("means over the images", headings, left=headings[:1])
    slow = _mean(one.cpu for one in results if one.denoiser == BM3D)
    for name, own in by_name.items():
        cpu = _mean(one.cpu for one in own)
        scores.add_row(name, *(f"{one.psnr:.2f}" for one in own), f"{_mean(one.psnr for one in own):.2f}")
        means.add_row(
            name,
            f"{_mean(one.ssim for one in own):.4f}",
            f"{cpu:.2f}",
            "" if name == NOISY or math.isnan(slow) else f"{slow / cpu:.1f}",
            f"{_mean(one.contrast[1] for one in own):.2%}",
            *(f"{_mean(one for one in rises if one is not None):+.1%}" for rises in _rises(own)),
        )
    return Group(scores, means)


def _rises(results: Sequence[DenoisingResult]) -> tuple[list[float | None], list[float | None]]:
    return [one.outer_rise for one in results], [one.inner_rise for one in results]


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return float(np.mean(listed)) if listed else math.nan
