"""Converts the pixels of images to the type in which they are sent, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from recon.data.errors import InputError, did_you_mean
from recon.data.stream.messages import Image
from recon.data.stream.meta import decimal, dicom_json, parse_meta

ImageType = Literal["int16", "uint16", "float32", "complex64"]
IMAGE_TYPES: tuple[ImageType, ...] = get_args(ImageType)

HEADROOM = 2
"""Factor by which later images may be brighter than the first without another scale."""

BRIGHT = 99.5
"""Percentile of the pixels at the upper end of the window."""

Sent = tuple[NDArray[Any], dict[str, str | Sequence[str]]]
"""Pixels, and the attributes that say what they mean."""


def parse_image_type(name: str) -> ImageType:
    """Return the type of pixels of a name.

    Raises
    ------
    InputError
        If there is no such type.
    """
    for known in IMAGE_TYPES:
        if name == known:
            return known
    raise InputError(f"unknown image type {name!r}{did_you_mean(name, list(IMAGE_TYPES))}")


@dataclass
class PixelScale:
    """Scales the images of one session, all by the same factor unless one is too bright for it.

    Viewers that ignore the scale then still show slices of the same brightness.

    Attributes
    ----------
    kind
        Type of the pixels that are sent.
    """

    kind: ImageType
    _slope: float = field(default=0.0, init=False)

    def __call__(self, image: NDArray[np.float32] | NDArray[np.complex64]) -> Sent:
        """Convert an image.

        Parameters
        ----------
        image
            float32 or complex64 `(readout, phase)`, finite.

        Returns
        -------
        tuple
            Pixels of the same shape, and attributes: the window and, for integers, `RescaleSlope` and
            `RescaleIntercept` with `value = slope * pixel + intercept`.
        """
        attributes: dict[str, str | Sequence[str]] = _window(np.abs(image).astype(np.float32, copy=False))
        if self.kind in {"float32", "complex64"}:
            return image.astype(self.kind), attributes
        limits = np.iinfo(self.kind)
        lowest = float(image.min()) if limits.min == 0 else 0.0
        intercept = float(decimal(min(lowest, 0.0)))
        largest = float(np.abs(image - intercept).max())
        if largest > self._slope * limits.max:
            self._slope = float(decimal(max(HEADROOM * largest / limits.max, float(np.finfo(np.float32).tiny))))
        slope = self._slope or 1.0
        pixels = np.clip(np.rint((image.astype(np.float64) - intercept) / slope), limits.min, limits.max)
        attributes |= {"RescaleSlope": decimal(slope), "RescaleIntercept": decimal(intercept)}
        attributes["DicomJson"] = dicom_json(signed=limits.min < 0)
        return pixels.astype(self.kind), attributes


def values(image: Image) -> NDArray[Any]:
    """Return the values that the pixels of a received image stand for, `(channels, z, y, x)`.

    Raises
    ------
    InputError
        If its scale is not a number.
    """
    attributes = parse_meta(image.attributes) if image.attributes else {}
    if "RescaleSlope" not in attributes:
        return image.pixels
    try:
        slope, intercept = (float(attributes.get(f"Rescale{name}", ["0"])[0]) for name in ("Slope", "Intercept"))
    except (ValueError, IndexError) as error:
        raise InputError("an image that came back has a scale that is not a number") from error
    scaled: NDArray[np.float32] = (image.pixels * slope + intercept).astype(np.float32)
    return scaled


def _window(magnitude: NDArray[np.float32]) -> dict[str, str | Sequence[str]]:
    """Return centre and width of the window from zero to the bright pixels, in the image's units."""
    width = float(np.percentile(magnitude, BRIGHT)) or float(magnitude.max()) or 1.0
    return {"WindowCenter": decimal(width / 2), "WindowWidth": decimal(abs(width))}
