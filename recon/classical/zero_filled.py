"""Zero-filled reconstruction: samples that were not measured stay zero."""

from dataclasses import dataclass

from torch import Tensor

from recon.classical.coil_images import CoilImageReconstruction
from recon.data.acquisition import Acquisition
from recon.fourier import ifft
from recon.registry import register


@register("zero-filled")
@dataclass(frozen=True)
class ZeroFilled(CoilImageReconstruction):
    """Root sum of squares of the inverse Fourier transform (Roemer et al. 1990)."""

    def coil_images(self, acquisition: Acquisition) -> tuple[Acquisition, Tensor]:
        """Return the slice unchanged, and the inverse Fourier transform of its coils `(coils, readout, phase)`."""
        return acquisition, ifft(acquisition.kspace)
