"""Scores the frames of series: each for itself, and over the series their mean and the worst."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from recon.data.acquisition import Header
from recon.data.series import Series
from recon.experiments.engine.scores.metrics import Images, Metrics, score, score_file


@dataclass(frozen=True, kw_only=True)
class FrameScores:
    """Scores of the frames of one place.

    Ranges are those of the whole volume: its largest target value.

    Attributes
    ----------
    series
        Number of the series in the file.
    images
        Indices of the frames in the file, in the order of time.
    psnr, ssim
        Scores of every frame, in dB and from 0 to 1.
    psnr_changes
        PSNR in dB of the differences between successive frames: what is blurred over time lacks some of them.
    """

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


def series_in(header: Header, numbers: Sequence[int]) -> Iterator[tuple[int, Series, list[int]]]:
    """List the series of which there are several images: number, images in the file, and indices in `numbers`.

    Parameters
    ----------
    header
        Header of the file.
    numbers
        Numbers in the file of the images that there are.
    """
    positions = {number: position for position, number in enumerate(numbers)}
    for count, series in enumerate(header.series):
        there = tuple(number for number in series if number in positions)
        if len(there) > 1:
            yield count, there, [positions[number] for number in there]


def score_frames(
    path: Path, header: Header, numbers: Sequence[int], target: Images, images: Images
) -> Iterator[FrameScores]:
    """Score the frames of every series.

    Positions along the readout of a 3-D scan have series of their own, as slices have.

    Parameters
    ----------
    path
        File of the images, for messages.
    header, numbers
        As in `series_in`.
    target, images
        All images, `(images, rows, columns)`, cropped to the smaller size.

    Raises
    ------
    InputError
        If the numbers of images differ or the common field is smaller than the window of SSIM.
    """
    largest = float(target.max())

    def scored(target: Images, images: Images) -> Metrics:
        return score_file(path, target, images, partial(score, largest=largest))

    for number, series, here in series_in(header, numbers):
        frames = [scored(target[[one]], images[[one]]) for one in here]
        changes = scored(np.diff(target[here], axis=0), np.diff(images[here], axis=0))
        yield FrameScores(
            series=number,
            images=series,
            psnr=tuple(one.psnr for one in frames),
            ssim=tuple(one.ssim for one in frames),
            psnr_changes=changes.psnr,
        )
