"""Names the axes of k-space arrays that carry no header, and picks single images from them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recon.data.errors import InputError, printable
from recon.data.series import Frame, counted_frames

IMAGES = ("averages", "frames", "echoes", "slices")
"""Axes that number the images, the slowest first."""

ORDER = (*IMAGES, "coils", "readout", "phase")

NUMPY = {2: "readout phase", 3: "coils readout phase", 4: "slices coils readout phase"}
MATLAB = {
    2: "readout phase",
    3: "readout phase coils",
    4: "readout phase coils slices",
    5: "readout phase coils slices frames",
}
"""Usual orders by number of axes: the first axis varies slowest in NumPy, fastest in MATLAB."""

SINGLE = "-"
"""Word for an axis of size 1 that means nothing."""

SECOND_PHASE = {"partitions", "partition", "phase2", "phase_2", "kz", "z"}
"""Words that others use for a second phase encoding."""

SYNONYMS = {
    **{word.removesuffix("s"): word for word in ("averages", "frames", "slices", "coils")},
    "echo": "echoes",
    **dict.fromkeys(("contrast", "contrasts"), "echoes"),
    **dict.fromkeys(("time", "times", "dynamic", "dynamics", "repetition", "repetitions"), "frames"),
    **dict.fromkeys(("channel", "channels"), "coils"),
    **dict.fromkeys(("frequency", "kx"), "readout"),
    **dict.fromkeys(("line", "lines", "ky"), "phase"),
}
"""Other words for the axes."""

MOST_COILS = 128
"""Number of coils above which an assumed order of axes is doubted; the largest arrays in use have 128."""

LONGEST_WORDS = 100
"""Number of characters of the user's words in a message."""


@dataclass(frozen=True)
class Axes:
    """Names and sizes of the axes of an array.

    Attributes
    ----------
    names
        Name of each axis in the order of the array, each from `ORDER` or `SINGLE`.
    sizes
        Size of each axis.
    assumed
        Whether the order is the format's usual one, because nobody said which it is.
    """

    names: tuple[str, ...]
    sizes: tuple[int, ...]
    assumed: bool = False

    @property
    def words(self) -> str:
        """The names as the user writes them."""
        return " ".join(self.names)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of the k-space `(images, coils, readout, phase)`."""
        images = math.prod(self._image_sizes)
        return images, self._size("coils"), self._size("readout"), self._size("phase")

    @property
    def frames(self) -> tuple[Frame, ...] | None:
        """Counters of each image; None if images differ only in their slice."""
        return counted_frames(*self._image_sizes)

    def select(self, index: int) -> tuple[int | slice, ...]:
        """Return the index of one image in the array; slices run fastest."""
        position = dict(zip(IMAGES, map(int, np.unravel_index(index, self._image_sizes)), strict=True))
        position[SINGLE] = 0
        return tuple(position.get(name, slice(None)) for name in self.names)

    def arrange(self, image: NDArray[Any]) -> NDArray[Any]:
        """Bring the axes that `select` leaves into the order `(coils, readout, phase)`."""
        left = [name for name in self.names if name in {"coils", "readout", "phase"}]
        if "coils" not in left:
            image, left = image[None], ["coils", *left]
        return image.transpose([left.index(name) for name in ("coils", "readout", "phase")])

    def doubt(self) -> str | None:
        """Say why an assumed order is unlikely, and propose another; None if it is likely, or not assumed."""
        _, coils, readout, phase = self.shape
        is_cube = coils == readout == phase > 1
        if not self.assumed or (coils <= min(readout, phase, MOST_COILS) and not is_cube):
            return None
        if "frames" in self.names:
            likely = f"frames {NUMPY[4]}"
        elif "slices" in self.names:
            likely = MATLAB[4] if self.names[0] == "slices" else NUMPY[4]
        else:
            matrix = iter(("readout", "phase"))
            fewest = self.sizes.index(min(self.sizes))
            likely = " ".join("coils" if axis == fewest else next(matrix) for axis in range(3))
        return (
            f"it was read as {coils} coils of {readout} x {phase}, which is unlikely; if its axes have another "
            f"order, name them, for example --axes {likely!r}"
        )

    @property
    def _image_sizes(self) -> tuple[int, int, int, int]:
        averages, frames, echoes, slices = map(self._size, IMAGES)
        return averages, frames, echoes, slices

    def _size(self, name: str) -> int:
        return self.sizes[self.names.index(name)] if name in self.names else 1


def name_axes(path: Path, what: str, sizes: tuple[int, ...], words: str | None, usual: dict[int, str]) -> Axes:
    """Name the axes of an array by the user's words, or as usual.

    Parameters
    ----------
    path, what
        Path of the file and name of the array, for the message.
    sizes
        Shape of the array.
    words
        Names of the axes in the order of the array, such as "readout phase coils"; None if nobody said.
    usual
        The usual words by number of axes.

    Raises
    ------
    InputError
        If the words do not fit the array, or there is no usual order for so many axes.
    """
    shown = " x ".join(map(str, sizes))
    if words is None and len(sizes) not in usual:
        raise InputError(
            f"{path}: {what} has {len(sizes)} axes ({shown}); name them in their order with --axes, from {_choices()}"
        )
    spoken = (usual[len(sizes)] if words is None else words).lower().replace(",", " ").split()
    names = tuple(SYNONYMS.get(word, word) for word in spoken)
    named = [name for name in names if name != SINGLE]
    if (
        len(names) != len(sizes)
        or len(set(named)) < len(named)
        or not {"readout", "phase"} <= set(named) <= set(ORDER)
    ):
        if any(word in SECOND_PHASE for word in spoken):
            raise InputError(
                f"{path}: arrays hold one phase encoding; store a 3-D scan as BART's cfl, whose dimensions 0, 1 and "
                "2 are readout and both phases, or as ISMRMRD, or transform it along its readout and name the axes "
                "of the positions slices, and of the phases readout and phase"
            )
        raise InputError(
            f"{path}: the axes {printable(' '.join(spoken), LONGEST_WORDS)!r} do not describe k-space of "
            f"{len(sizes)} axes ({shown}); name each axis once, readout and phase among them, from {_choices()}"
        )
    for name, size in zip(names, sizes, strict=True):
        if name == SINGLE and size != 1:
            raise InputError(f"{path}: {what} ({shown}) has an axis of size {size} where --axes says {SINGLE!r}")
    return Axes(names, sizes, assumed=words is None)


def _choices() -> str:
    return f"{', '.join(reversed(ORDER))}, and {SINGLE} for an axis of size 1"
