"""Preprocessing steps from acquisition to acquisition, found by name.

The names are words on the command line (`virtual_coils=8`) and keys of a config (`virtual_coils: 8`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from recon.calibration.compression import compress_coils
from recon.calibration.geometric_compression import compress_geometrically
from recon.calibration.noise import noise_covariance, prewhiten, without_silent_channels
from recon.data.acquisition import Acquisition, Header, image_size
from recon.data.errors import InputError, did_you_mean
from recon.data.volume import Volume, WrappedVolume
from recon.preprocessing.oversampling import without_oversampling
from recon.preprocessing.partial_fourier import homodyne, pocs
from recon.preprocessing.zero_padding import after_padding, zero_pad

Step = Callable[[Acquisition], Acquisition]
Shape = tuple[int, int, int]


def prewhiten_by_noise_scan(acquisition: Acquisition) -> Acquisition:
    """Prewhiten if there is a noise scan and no target, which would no longer fit."""
    if acquisition.noise is None or acquisition.target is not None:
        return acquisition
    return prewhiten_channels(acquisition)


def prewhiten_channels(acquisition: Acquisition) -> Acquisition:
    """Prewhiten by the noise scan, or by the air beside the object if there is none, and leave out silent channels.

    Raises
    ------
    InputError
        If neither determines the noise.
    """
    acquisition = without_silent_channels(acquisition)
    return prewhiten(acquisition, noise_covariance(acquisition))


STEPS: dict[str, Step] = {
    "auto": prewhiten_by_noise_scan,
    "prewhiten": prewhiten_channels,
    "remove_oversampling": without_oversampling,
    "pocs": pocs,
    "homodyne": homodyne,
    "zero_pad": zero_pad,
}
"""Steps without a parameter."""

COMPRESSIONS: dict[str, Callable[[Acquisition, int], Acquisition]] = {
    "virtual_coils": compress_coils,
    "geometric_coils": compress_geometrically,
}
"""Steps whose parameter is the number of virtual coils."""


def _parse(word: str) -> tuple[str, int]:
    """Split a word into the step's name and its number, 0 for a step without one."""
    name, _, number = word.partition("=")
    if name in STEPS and not number:
        return name, 0
    if name not in COMPRESSIONS:
        names = [*STEPS, *(f"{known}=N" for known in COMPRESSIONS)]
        raise InputError(f"unknown preprocessing step {word!r}{did_you_mean(name, names)}")
    if not number.isdecimal() or int(number) < 1:
        raise InputError(f"the step {name} needs the number of virtual coils, for example {name}=8")
    return name, int(number)


@dataclass(frozen=True)
class Steps:
    """A chain of steps.

    Attributes
    ----------
    words
        Names of the steps as given, some with a number (`virtual_coils=8`).
    """

    words: tuple[str, ...] = ()
    _parsed: tuple[tuple[str, int], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_parsed", tuple(map(_parse, self.words)))

    @classmethod
    def of(cls, settings: Mapping[str, bool | int | None]) -> Steps:
        """Read the settings of a config in their order: True or the number for a step, False or None to leave it out.

        Raises
        ------
        InputError
            If a step is unknown or lacks its number.
        """
        return cls(tuple(name if value is True else f"{name}={value}" for name, value in settings.items() if value))

    def __call__(self, acquisition: Acquisition) -> Acquisition:
        """Apply the steps to one slice, one after the other.

        Raises
        ------
        InputError
            If a step cannot be applied to this scan.
        """
        for name, number in self._parsed:
            acquisition = COMPRESSIONS[name](acquisition, number) if number else STEPS[name](acquisition)
        return acquisition

    @property
    def key(self) -> str:
        """The steps as part of a folder's name."""
        return "_".join(("v2", *self.words)).replace("=", "-")

    def outline(self, header: Header, shape: Shape) -> tuple[Header, Shape]:
        """Return header and `(coils, readout, phase)` after the steps; only slices show if padding was filled."""
        coils, readout, phase = shape
        for name, number in self._parsed:
            if name in COMPRESSIONS:
                coils = min(coils, number)
            elif name == "remove_oversampling":
                kept, _ = image_size(header, (readout, phase))
                header, readout = header.with_readout_cut(kept / readout), kept
            elif name == "zero_pad":
                header, (readout, phase) = after_padding(header, (readout, phase))
        return header, (coils, readout, phase)


@dataclass(frozen=True)
class SteppedVolume(WrappedVolume):
    """A volume that applies the steps to its slices as it reads them.

    Attributes
    ----------
    steps
        Steps applied to each slice.
    """

    steps: Steps

    @cached_property
    def _outcome(self) -> tuple[Shape, Header, bool]:
        """Shape, header, and whether the target still fits, of the first slice after the steps."""
        first = self.steps(self.volume.read(0))
        return (first.coils, *first.matrix), first.header, first.target is not None

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """`(slices, coils, readout, phase)` after the steps."""
        return len(self.volume), *self._outcome[0]

    @property
    def header(self) -> Header:
        """Header after the steps."""
        return self._outcome[1]

    @property
    def target_name(self) -> str | None:
        """Name of the reference image in the file; None if there is none that still fits."""
        return self.volume.target_name if self._outcome[2] else None

    @property
    def target_size(self) -> tuple[int, int] | None:
        """Size of the reference image; None if the steps changed the image, so that it no longer fits."""
        return self.volume.target_size if self._outcome[2] else None

    @property
    def target_max(self) -> float | None:
        """Largest value of the reference image over the file; None if there is none that still fits."""
        return self.volume.target_max if self._outcome[2] else None

    def __len__(self) -> int:
        return len(self.volume)

    def read(self, index: int) -> Acquisition:
        """Read one slice and apply the steps."""
        return self.steps(self.volume.read(index))

    def read_target(self) -> NDArray[np.float32] | None:
        """Read the reference images; return None if they no longer fit."""
        return self.volume.read_target() if self._outcome[2] else None


NO_STEPS = Steps()


def steps_of(volume: Volume) -> Steps:
    """Return the steps that a volume applies, under whatever else it was wrapped into."""
    if isinstance(volume, SteppedVolume):
        return volume.steps
    return steps_of(volume.volume) if isinstance(volume, WrappedVolume) else NO_STEPS


def stepped(volume: Volume, steps: Steps) -> Volume:
    """Wrap a volume so that it applies the steps, if there are any."""
    return SteppedVolume(volume, steps) if steps.words else volume


def parse_steps(text: str) -> Steps:
    """Read a comma-separated list of steps, applied in this order; "none" or an empty text means none.

    Raises
    ------
    InputError
        If a step is unknown or lacks its number.
    """
    words = tuple(word for word in (part.strip() for part in text.split(",")) if word)
    return Steps(() if words == ("none",) else words)
