"""Scores the frames of series: each for itself, and over the series their mean and the worst."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from recon.data.series import Series
from recon.experiments.engine.metrics import Images, Metrics, score, score_file
from recon.experiments.engine.sampled_volume import SampledVolume
from recon.experiments.report.scores import partition

HEADINGS = ("PSNR [dB]", "worst", "frame", "SSIM", "worst", "frame", "changes [dB]")


@dataclass(frozen=True)
class SeriesScore:
    """Scores of the frames of one place, reconstructed by one method.

    Ranges are those of the whole volume: its largest target value.

    Attributes
    ----------
    file, method
        Names of the file and of the method.
    mask, acceleration, seed
        Sampling of the scan.
    series
        Number of the series in the file.
    images
        Indices of the frames in the file, in the order of time.
    psnr, ssim
        Scores of every frame, in dB and from 0 to 1.
    psnr_changes
        PSNR in dB of the differences between successive frames: what is blurred over time lacks some of them.
    """

    file: str
    method: str
    mask: str
    acceleration: float
    seed: int
    series: int
    images: tuple[int, ...]
    psnr: tuple[float, ...]
    ssim: tuple[float, ...]
    psnr_changes: float

    @property
    def summary(self) -> dict[str, float | int]:
        """Mean over the frames, and the worst frame with its number in the series."""
        worst = {"psnr": int(np.argmin(self.psnr)), "ssim": int(np.argmin(self.ssim))}
        return {
            "psnr_mean": float(np.mean(self.psnr)),
            "psnr_worst": self.psnr[worst["psnr"]],
            "psnr_worst_frame": worst["psnr"],
            "ssim_mean": float(np.mean(self.ssim)),
            "ssim_worst": self.ssim[worst["ssim"]],
            "ssim_worst_frame": worst["ssim"],
            "psnr_changes": self.psnr_changes,
        }


def series_in(scan: SampledVolume) -> Iterator[tuple[int, Series, list[int]]]:
    """List the series of which a scan has several images: number, images in the file, and indices in the scan."""
    positions = {number: position for position, number in enumerate(scan.numbers)}
    for count, series in enumerate(scan.volume.header.series):
        there = tuple(number for number in series if number in positions)
        if len(there) > 1:
            yield count, there, [positions[number] for number in there]


def score_series(scan: SampledVolume, method: str, target: Images | None, images: Images) -> Iterator[SeriesScore]:
    """Score the frames of every series of a scan.

    Parameters
    ----------
    scan
        The scan.
    method
        Name of the method that reconstructed it.
    target, images
        All images, `(images, rows, columns)`, cropped to the smaller size; nothing is scored without a target.

    Raises
    ------
    InputError
        If the numbers of images differ or the common field is smaller than the window of SSIM.
    """
    if target is None:
        return
    path, largest = scan.volume.path, float(target.max())

    def scored(target: Images, images: Images) -> Metrics:
        return score_file(path, target, images, partial(score, largest=largest))

    for number, series, here in series_in(scan):
        frames = [scored(target[[one]], images[[one]]) for one in here]
        changes = scored(np.diff(target[here], axis=0), np.diff(images[here], axis=0))
        yield SeriesScore(
            file=scan.volume.name,
            method=method,
            mask=scan.mask_kind,
            acceleration=scan.acceleration,
            seed=scan.seed,
            series=number,
            images=series,
            psnr=tuple(one.psnr for one in frames),
            ssim=tuple(one.ssim for one in frames),
            psnr_changes=changes.psnr,
        )


def series_numbers(score_: SeriesScore) -> tuple[str, ...]:
    """Format the summary of a series for the columns of `HEADINGS`."""
    found = score_.summary
    return (
        f"{found['psnr_mean']:.2f}",
        f"{found['psnr_worst']:.2f}",
        str(found["psnr_worst_frame"]),
        f"{found['ssim_mean']:.4f}",
        f"{found['ssim_worst']:.4f}",
        str(found["ssim_worst_frame"]),
        f"{found['psnr_changes']:.2f}",
    )


def series_table(scores: Sequence[SeriesScore]) -> Table:
    """Lay out, for the terminal, the mean and the worst over all frames of all series, by mask and method."""
    lines = Table(box=SIMPLE_HEAD, title="frames", title_justify="left", pad_edge=False, collapse_padding=True)
    for heading in ("mask", "R", "method"):
        lines.add_column(heading, no_wrap=True)
    for heading in ("PSNR [dB]", "worst", "SSIM", "worst", "changes [dB]", "n"):
        lines.add_column(Text(heading), justify="right")
    groups = partition(scores, lambda one: (one.mask, one.acceleration, one.method))
    for (mask, acceleration, method), series in groups.items():
        psnr, ssim = (np.concatenate([getattr(one, name) for one in series]) for name in ("psnr", "ssim"))
        changes = np.mean([one.psnr_changes for one in series])
        lines.add_row(
            mask,
            f"{acceleration:.3g}x",
            Text(method),
            *(f"{value:.2f}" for value in (psnr.mean(), psnr.min())),
            *(f"{value:.4f}" for value in (ssim.mean(), ssim.min())),
            f"{changes:.2f}",
            str(len(psnr)),
        )
    return lines
