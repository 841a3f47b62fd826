"""Base of the methods that reconstruct the image of every coil."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from torch import Tensor

from recon.calibration.combination import combine
from recon.coils import rss
from recon.contract import Reconstruction
from recon.crop import center_crop
from recon.data.acquisition import Acquisition


@dataclass(frozen=True)
class CoilImageReconstruction(Reconstruction):
    """A method that reconstructs the image of every coil; `coil_images` says how."""

    def __call__(self, acquisition: Acquisition) -> Tensor:
        """Reconstruct `(coils, readout, phase)` to `(rows, columns)`: the root sum of squares of the coil images."""
        acquisition, images = self.coil_images(acquisition)
        return center_crop(rss(images), acquisition.crop)

    @property
    def keeps_phase(self) -> bool:
        """Whether there is a complex image: yes."""
        return True

    def complex_image(self, acquisition: Acquisition) -> Tensor:
        """Combine the coil images along the sensitivities to complex64 `(rows, columns)`.

        Raises
        ------
        InputError
            If the method cannot reconstruct this slice, or there are too few calibration lines for sensitivities.
        """
        acquisition, images = self.coil_images(acquisition)
        return center_crop(combine(images, acquisition), acquisition.crop)

    @abstractmethod
    def coil_images(self, acquisition: Acquisition) -> tuple[Acquisition, Tensor]:
        """Reconstruct the image of every coil.

        Parameters
        ----------
        acquisition
            One slice, k-space `(coils, readout, phase)`.

        Returns
        -------
        tuple
            The slice, without readout oversampling where the method removes it; and its coil images, complex64
            `(coils, readout, phase)`.

        Raises
        ------
        InputError
            If the method cannot reconstruct this slice.
        """
