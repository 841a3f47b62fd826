"""Zero-filled reconstruction: samples that were not measured stay zero."""

from dataclasses import dataclass

from torch import Tensor

from recon.calibration.combination import combine
from recon.coils import rss
from recon.contract import Reconstruction
from recon.crop import center_crop
from recon.data.acquisition import Acquisition
from recon.fourier import ifft
from recon.registry import register


@register("zero-filled")
@dataclass(frozen=True)
class ZeroFilled(Reconstruction):
    """Root sum of squares of the inverse Fourier transform (Roemer et al. 1990)."""

    def __call__(self, acquisition: Acquisition) -> Tensor:
        """Reconstruct `(coils, readout, phase)` to `(rows, columns)`."""
        return center_crop(rss(ifft(acquisition.kspace)), acquisition.crop)

    @property
    def keeps_phase(self) -> bool:
        """Whether there is a complex image: yes."""
        return True

    def complex_image(self, acquisition: Acquisition) -> Tensor:
        """Combine the coil images `(coils, readout, phase)` to complex64 `(rows, columns)`.

        Raises
        ------
        InputError
            If there are too few calibration lines for coil sensitivities.
        """
        return center_crop(combine(ifft(acquisition.kspace), acquisition), acquisition.crop)
