"""Shows series in motion: the part of each that moves most, animated, and a line through it over time."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from fastmri.data.transforms import center_crop
from numpy.typing import NDArray
from PIL import features

from recon.data.images.png import clean, grey
from recon.experiments.engine.sampled_volume import SampledVolume
from recon.experiments.engine.scores.frame_scores import series_in
from recon.experiments.report.pictures.zoom import Window, fullest_window

Images = NDArray[np.floating]

SHARE = 2
"""Sides of the image over those of the part that is animated."""

SMALLEST = 48

FRAME_MS, FASTEST_MS, SLOWEST_MS = 60, 30, 200
"""Duration of a frame if it is unknown, and limits of what is shown."""

QUALITY = 85


@dataclass(frozen=True, eq=False)
class SeriesPictures:
    """Frames of one slice as several methods reconstructed them.

    Attributes
    ----------
    target
        Reference images, float `(frames, rows, columns)`; None if there are none.
    images
        Reconstructions by method, float `(frames, rows, columns)`, of the target's size.
    interval
        Time between frames, in ms; None if unknown.
    """

    target: Images | None
    images: Mapping[str, Images]
    interval: float | None = None

    @property
    def window(self) -> Window:
        """The part of the image, half as high and wide, that moves most in the target or else in the first method."""
        motion = _motion(self._reference)
        rows, columns = (max(size // SHARE, min(size, SMALLEST)) for size in motion.shape)
        return fullest_window(motion, rows, columns)

    @property
    def column(self) -> int:
        """The column of the image along which most moves within the window."""
        _, columns = self.window
        return columns.start + int(_motion(self._reference)[self.window].sum(0).argmax())

    @property
    def duration(self) -> int:
        """How long a frame is shown, in ms."""
        return round(min(max(self.interval or FRAME_MS, FASTEST_MS), SLOWEST_MS))

    @property
    def _reference(self) -> Images:
        return next(iter(self.images.values())) if self.target is None else self.target

    def cropped(self, size: tuple[int, int]) -> SeriesPictures:
        """Return the middle of all images, of this size `(rows, columns)`."""
        target = None if self.target is None else center_crop(self.target, size)
        images = {name: center_crop(one, size) for name, one in self.images.items()}
        return replace(self, target=target, images=images)

    def movie(self, series: Images) -> Images:
        """Cut the window from a series: `(frames, rows, columns)`."""
        return series[(slice(None), *self.window)]

    def profile(self, series: Images) -> Images:
        """Return the column over time, `(rows, times)`, each frame repeated to be about as wide as the movie."""
        rows, columns = self.window
        times = max(1, round((columns.stop - columns.start) / len(series)))
        return series[:, rows, self.column].T.repeat(times, axis=1)


def series_pictures(scan: SampledVolume, images: Mapping[str, Images], index: int) -> SeriesPictures | None:
    """Show the series that an image of a scan belongs to; None if it is the only one at its place.

    Parameters
    ----------
    scan
        The scan.
    images
        All images by method, `(images, rows, columns)`.
    index
        Index of the image.
    """
    for _, _, here in series_in(scan.volume.header, scan.numbers):
        if index in here:
            target = scan.volume.read_target()
            return SeriesPictures(
                target=None if target is None else target[here],
                images={name: every[here] for name, every in images.items()},
                interval=scan.volume.header.frame_interval,
            )
    return None


def encode_movie(frames: Images, white: float, duration: int) -> tuple[bytes, str]:
    """Encode frames as an animated picture that repeats without end.

    Parameters
    ----------
    frames
        float `(frames, rows, columns)`; 0 is black.
    white
        Value drawn white.
    duration
        Time of each frame, in ms.

    Returns
    -------
    tuple
        The file, and its format: WebP, or animated PNG where Pillow was built without it.
    """
    first, *others = [grey(frame, white) for frame in clean(frames)]
    kind, settings = ("webp", {"quality": QUALITY}) if features.check("webp") else ("png", {})
    buffer = io.BytesIO()
    first.save(buffer, format=kind, save_all=True, append_images=others, duration=duration, loop=0, **settings)
    return buffer.getvalue(), kind


def _motion(series: Images) -> Images:
    """Return the variance of each pixel over time."""
    return clean(series).var(axis=0, dtype=np.float64)
