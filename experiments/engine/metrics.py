"""Score volumes with fastMRI's metrics."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recon.data.errors import InputError

SSIM_WINDOW = 7

Images = NDArray[np.float32]


@dataclass(frozen=True)
class Metrics:
    """Scores of one volume; `psnr` in dB, the range of `ssim` and `psnr` is the volume's largest target value."""

    ssim: float
    psnr: float
    nmse: float


def score(target: Images, images: Images) -> Metrics:
    """Score a volume over the field that target and images have in common (Zbontar et al. 2018, eqs. 4-6).

    Parameters
    ----------
    target, images
        `(slices, rows, columns)`; both are cropped to the smaller size.

    Raises
    ------
    ValueError
        If the numbers of slices differ or the common field is smaller than the window of SSIM.
    """
    target, images = common_field(target, images)
    rows, columns = target.shape[1:]
    if min(rows, columns) < SSIM_WINDOW:
        raise ValueError(
            f"images of {rows}x{columns} are smaller than the {SSIM_WINDOW}x{SSIM_WINDOW} window of SSIM"
        )
    return _score(target, images)


def score_as_fastmri(target: Images, images: Images) -> Metrics:
    """Score a volume as fastMRI's leaderboard did: over the centred square as wide as the target.

    Raises
    ------
    ValueError
        For the reasons of `score`.
    """
    side = min(target.shape[-1], target.shape[-2])
    return score(crop(target, side, side), images)


def score_file(
    path: Path, target: Images, images: Images, metric: Callable[[Images, Images], Metrics] = score
) -> Metrics:
    """Score the images of a file with `score` or `score_as_fastmri`, and name the file in the error.

    Raises
    ------
    InputError
        If the images cannot be scored against the target.
    """
    try:
        return metric(target, images)
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error


def common_field(target: Images, images: Images) -> tuple[Images, Images]:
    """Crop target and images `(slices, rows, columns)` to the smaller size.

    Raises
    ------
    ValueError
        If the numbers of slices differ.
    """
    if len(target) != len(images):
        raise ValueError(f"{len(images)} images do not match {len(target)} targets")
    rows, columns = (min(pair) for pair in zip(target.shape[1:], images.shape[1:], strict=True))
    return crop(target, rows, columns), crop(images, rows, columns)


def _score(target: Images, images: Images) -> Metrics:
    from fastmri.evaluate import nmse, psnr, ssim  # noqa: PLC0415 - takes a second to import

    largest = target.max()
    with np.errstate(divide="ignore", invalid="ignore"):  # an all-zero target scores NaN, equal images infinity
        return Metrics(
            ssim=_number(ssim(target, images, maxval=largest)),
            psnr=_number(psnr(target, images, maxval=largest)),
            nmse=_number(nmse(target, images)),
        )


def _number(value: Any) -> float:
    return float(np.asarray(value).squeeze())


def crop(images: Images, rows: int, columns: int) -> Images:
    """Crop images `(slices, rows, columns)` to a size, with the rounding of fastMRI's targets.

    Raises
    ------
    ValueError
        If the images are smaller.
    """
    top, left = (images.shape[-2] - rows) // 2, (images.shape[-1] - columns) // 2
    if min(top, left) < 0 or min(rows, columns) < 1:
        raise ValueError(f"images of {images.shape[-2]}x{images.shape[-1]} cannot be cropped to {rows}x{columns}")
    return images[..., top : top + rows, left : left + columns]
