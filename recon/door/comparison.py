"""Compares images with their target, in numbers and in a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from recon.data.errors import InputError
from recon.data.extras import extra
from recon.experiments.engine.scores.metrics import Metrics, common_field
from recon.experiments.engine.scores.metrics import score as score_volume

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WHITE_PERCENTILE = 99.5
ERROR_GAIN = 5


def score(target: ArrayLike | Tensor | None, image: ArrayLike | Tensor) -> Metrics:
    """Return fastMRI's SSIM, PSNR (dB) and NMSE; the range is the target's largest value.

    Parameters
    ----------
    target
        Reference, `(rows, columns)` or `(slices, rows, columns)`.
    image
        Image of as many axes; where sizes differ, both are cropped to the smaller field.

    Raises
    ------
    InputError
        If there is no target, or the two do not match.
    """
    if target is None:
        raise InputError("there is no target to score against: the scan was not fully sampled")
    reference, values = _volume(target), _volume(image)
    try:
        return score_volume(reference, values)
    except ValueError as error:
        raise InputError(str(error)) from error


def show(*images: ArrayLike | Tensor, titles: Sequence[str] | None = None) -> Figure:
    """Draw a target, images beside it, and below each image its error, all in the target's window.

    Parameters
    ----------
    images
        The target first, then images of it, each `(rows, columns)`; of `(slices, rows, columns)` the middle slice is
        drawn.
    titles
        One for each image.

    Returns
    -------
    Figure
        matplotlib's figure, for example to save it: `show(target, image).savefig("image.png")`.

    Raises
    ------
    InputError
        If there is no image, there are not as many titles as images, or matplotlib is not installed.
    """
    with extra("report", "recon.show"):
        from matplotlib import pyplot as plt  # noqa: PLC0415 - an extra

    if not images:
        raise InputError("give at least one image to show")
    names = titles or ["target", *(f"image {n}" if len(images) > 2 else "image" for n in range(1, len(images)))]
    if len(names) != len(images):
        raise InputError(f"{len(names)} titles were given for {len(images)} images")
    slices = [volume[len(volume) // 2][None] for volume in map(_volume, images)]
    white = float(np.percentile(slices[0], WHITE_PERCENTILE)) or 1.0
    rows = 2 if len(slices) > 1 else 1
    height, width = slices[0].shape[1:]
    figure, axes = plt.subplots(
        rows, len(slices), squeeze=False, figsize=(3 * len(slices), 3 * rows * height / width), layout="constrained"
    )
    for axis in axes.flat:
        axis.set_axis_off()
    for column, (title, image) in enumerate(zip(names, slices, strict=True)):
        axes[0, column].imshow(image[0], cmap="gray", vmin=0, vmax=white)
        axes[0, column].set_title(title)
        if column:
            target, cropped = common_field(slices[0], image)
            axes[1, column].imshow(ERROR_GAIN * np.abs(cropped - target)[0], cmap="magma", vmin=0, vmax=white)
            axes[1, column].set_title(f"error x {ERROR_GAIN}")
    return figure


def _volume(image: ArrayLike | Tensor) -> NDArray[np.float32]:
    """Return an image as `(slices, rows, columns)`; of complex values the magnitude."""
    values: NDArray[Any] = np.asarray(image.detach().cpu() if isinstance(image, Tensor) else image)
    if values.ndim not in (2, 3) or 0 in values.shape or values.dtype.kind not in "biufc":
        raise InputError(
            f"an image of type {values.dtype} and shape {values.shape} was given; expected numbers in "
            "(rows, columns) or (slices, rows, columns)"
        )
    magnitude = np.abs(values) if values.dtype.kind == "c" else values
    return magnitude.reshape(-1, *values.shape[-2:]).astype(np.float32)
