"""The contract that every post-processing stage fulfils, classical or learned, ours or a plugin's."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from recon.contract import Part
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError


@dataclass(frozen=True)
class Stage(Part, ABC):
    """A post-processing stage: the complex image of one slice and its noise map in, a better image out.

    A stage is a frozen dataclass whose fields are its settings and whose docstring names what it computes and the
    paper. It implements `__call__`. Everything else that a caller may ask is a facet with a default.

    Attributes
    ----------
    name
        Name under which the stage is registered, as in `sense+gain`; set by `recon.registry.register_stage`.
    """

    name: ClassVar[str] = ""

    @abstractmethod
    def __call__(self, image: Tensor, noise: Tensor, acquisition: Acquisition) -> Tensor:
        """Improve the image of one slice.

        Parameters
        ----------
        image
            complex64 `(rows, columns)`, on the scale of the root-sum-of-squares target.
        noise
            float32 `(rows, columns)`: standard deviation of the real part of the image's noise, in the image's units;
            the imaginary part has as much. Zero where it is unknown. A stage behind others gets the noise map of the
            method's image, interpolated if they change the size.
        acquisition
            The slice that the image was reconstructed from, k-space `(coils, readout, phase)`; see `scan`.

        Returns
        -------
        Tensor
            complex64 or float32 `(rows, columns)`; the magnitude of the last stage's result is the final image.

        Raises
        ------
        InputError
            If the stage cannot improve this image.
        """

    def scan(self, acquisition: Acquisition) -> Acquisition:
        """Return the scan that the method reconstructs for the stage: the slice, or a part of it.

        The stage then gets the image and the noise map of this part, and the whole slice as `acquisition`.

        Parameters
        ----------
        acquisition
            K-space `(coils, readout, phase)`.
        """
        return acquisition

    @property
    def takes_magnitude(self) -> bool:
        """Whether `magnitude` is implemented, so that images without raw data can be improved."""
        return False

    def magnitude(self, image: Tensor, noise: Tensor) -> Tensor:
        """Improve a magnitude image without its raw data.

        Parameters
        ----------
        image
            float32 `(rows, columns)`.
        noise
            float32 `(rows, columns)`: estimate of the standard deviation of its noise.

        Returns
        -------
        Tensor
            float32 `(rows, columns)`.

        Raises
        ------
        InputError
            If the stage needs the raw data.
        """
        del image, noise
        raise InputError(f"{self.name} needs the raw data, so it cannot improve images alone")
