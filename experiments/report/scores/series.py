"""Lays out the scores of the frames of series, as methods reconstructed them from one sampling."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from recon.experiments.engine.sampled_volume import SampledVolume
from recon.experiments.engine.scores.frame_scores import FrameScores, score_frames
from recon.experiments.engine.scores.metrics import Images
from recon.experiments.report.scores.score import partition

HEADINGS = ("PSNR [dB]", "worst", "frame", "SSIM", "worst", "frame", "changes [dB]")


@dataclass(frozen=True, kw_only=True)
class SeriesScore(FrameScores):
    """Scores of the frames of one place, reconstructed by one method.

    Attributes
    ----------
    file, method
        Names of the file and of the method.
    mask, acceleration, seed
        Sampling of the scan.
    """

    file: str
    method: str
    mask: str
    acceleration: float
    seed: int


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
    volume = scan.volume
    for one in () if target is None else score_frames(volume.path, volume.header, scan.numbers, target, images):
        yield SeriesScore(
            file=volume.name,
            method=method,
            mask=scan.mask_kind,
            acceleration=scan.acceleration,
            seed=scan.seed,
            **vars(one),
        )


def series_numbers(score: FrameScores) -> tuple[str, ...]:
    """Format the summary of a series for the columns of `HEADINGS`."""
    found = score.summary
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
