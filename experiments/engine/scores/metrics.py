"""Score volumes with fastMRI's metrics, over the whole field and over the object."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from recon.data.errors import InputError

SSIM_WINDOW = 7

SMOOTHING, CLOSING, BINS = 5, 3, 256
"""Pixels averaged along either axis before the threshold, steps that close gaps, bins of the histogram."""

FOREGROUND = "target averaged over 5x5 pixels, Otsu's threshold of the volume, closed by 3 pixels, holes filled"
"""The rule of `foreground` as protocols record it."""

Images = NDArray[np.float32]

M = TypeVar("M")
V = TypeVar("V", bound=np.generic)


@dataclass(frozen=True)
class Metrics:
    """Scores of one volume; `psnr` in dB, the range of `ssim` and `psnr` is the volume's largest target value."""

    ssim: float
    psnr: float
    nmse: float


def score(target: Images, images: Images, largest: float | None = None) -> Metrics:
    """Score a volume over the field that target and images have in common (Zbontar et al. 2018, eqs. 4-6).

    Parameters
    ----------
    target, images
        `(slices, rows, columns)`; both are cropped to the smaller size.
    largest
        Range of `ssim` and `psnr`; None for the largest target value.

    Raises
    ------
    ValueError
        If the numbers of slices differ or the common field is smaller than the window of SSIM.
    """
    from fastmri.evaluate import nmse, psnr, ssim  # noqa: PLC0415 - takes a second to import

    target, images = _scored_field(target, images)
    largest = target.max() if largest is None else largest
    with np.errstate(divide="ignore", invalid="ignore"):  # an all-zero target scores NaN, equal images infinity
        return Metrics(
            ssim=_number(ssim(target, images, maxval=largest)),
            psnr=_number(psnr(target, images, maxval=largest)),
            nmse=_number(nmse(target, images)),
        )


@dataclass(frozen=True)
class ForegroundMetrics:
    """Scores of one volume over its object; `psnr` in dB, ranges as in `Metrics`, NaN where there is no object."""

    ssim: float
    psnr: float


def score_foreground(target: Images, images: Images) -> ForegroundMetrics:
    """Score a volume over the pixels of `foreground`, in which the air, a third to a half of a field, does not count.

    `psnr` is `10 log10(max^2 / mean square error)` over these pixels of all slices, `ssim` the mean of the local SSIM
    over them; local windows are fastMRI's and may reach into the air.

    Parameters
    ----------
    target, images
        `(slices, rows, columns)`; both are cropped to the smaller size.

    Raises
    ------
    ValueError
        For the reasons of `score`.
    """
    from skimage.metrics import structural_similarity  # noqa: PLC0415 - slow to import

    target, images = _scored_field(target, images)
    largest, inside = target.max(), foreground(target)
    margin = SSIM_WINDOW // 2  # the local SSIM is not defined at the border
    inside[:, :margin] = inside[:, -margin:] = inside[..., :margin] = inside[..., -margin:] = False
    if not inside.any():
        return ForegroundMetrics(math.nan, math.nan)
    error = np.square((images - target)[inside], dtype=np.float64).mean()
    similar = [
        structural_similarity(one, other, win_size=SSIM_WINDOW, data_range=largest, full=True)[1][pixels]  # type: ignore[no-untyped-call]
        for one, other, pixels in zip(target, images, inside, strict=True)
        if pixels.any()
    ]
    return ForegroundMetrics(
        ssim=float(np.concatenate(similar).mean(dtype=np.float64)),
        psnr=float(10 * np.log10(largest**2 / error)) if error else math.inf,
    )


def foreground(target: Images) -> NDArray[np.bool_]:
    """Mark the object of a volume, bool `(slices, rows, columns)`.

    The rule knows the target alone: averaged over 5 x 5 pixels, it is divided by Otsu's threshold (1979) of the whole
    volume; in each slice gaps narrower than about 6 pixels are closed, and holes, such as fluid or bone that is dark,
    are filled. Nothing is marked in a constant volume.
    """
    from scipy import ndimage  # noqa: PLC0415 - slow to import

    smooth = ndimage.uniform_filter(target, (0, SMOOTHING, SMOOTHING), mode="nearest")
    above = smooth > _otsu(smooth)
    wide = np.pad(above, ((0, 0), (CLOSING, CLOSING), (CLOSING, CLOSING)))
    closed = [
        ndimage.binary_fill_holes(ndimage.binary_closing(one, iterations=CLOSING))[CLOSING:-CLOSING, CLOSING:-CLOSING]
        for one in wide
    ]
    return np.stack(closed)


def _otsu(values: Images) -> float:
    """Return the threshold between two classes of the largest variance between their means."""
    counts, edges = np.histogram(values, BINS)
    middles = (edges[:-1] + edges[1:]) / 2
    below = counts.cumsum()
    above, total = below[-1] - below, (counts * middles).cumsum()
    split = (below > 0) & (above > 0)
    if not split.any():
        return float(values.max())
    difference = total[split] / below[split] - (total[-1] - total[split]) / above[split]
    return float(edges[1:][split][(below[split] * above[split] * difference**2).argmax()])


def score_as_fastmri(target: Images, images: Images) -> Metrics:
    """Score `(slices, rows, columns)` as fastMRI's leaderboard did: over the centred square as wide as the target.

    Raises
    ------
    ValueError
        For the reasons of `score`.
    """
    return score(square(target), images)


def square(images: Images) -> Images:
    """Crop images `(slices, rows, columns)` to the centred square as wide as their shorter side."""
    side = min(images.shape[-2:])
    return crop(images, side, side)


def score_file(path: Path, target: Images, images: Images, metric: Callable[[Images, Images], M]) -> M:
    """Score the images of a file with `score` or another metric of this module, and name the file in the error.

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


def _scored_field(target: Images, images: Images) -> tuple[Images, Images]:
    """Return the common field, which must be at least as large as the window of SSIM."""
    target, images = common_field(target, images)
    rows, columns = target.shape[1:]
    if min(rows, columns) < SSIM_WINDOW:
        raise ValueError(
            f"images of {rows}x{columns} are smaller than the {SSIM_WINDOW}x{SSIM_WINDOW} window of SSIM"
        )
    return target, images


def _number(value: Any) -> float:
    return float(np.asarray(value).squeeze())


def crop(images: NDArray[V], rows: int, columns: int) -> NDArray[V]:
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
