"""SENSE in closed form: equally spaced lines fold few pixels onto each other, and few equations separate them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from recon.calibration.acs import calibration_lines
from recon.calibration.brightness import brightness
from recon.calibration.espirit import estimate_sens_maps
from recon.classical.coil_images import CoilImageReconstruction
from recon.classical.unfolding.lines import Folding, Lattice, find_lattice
from recon.classical.unfolding.plane import PlaneFolding, find_plane_lattice
from recon.crop import center_crop
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.fourier import ifft
from recon.preprocessing.oversampling import without_oversampling
from recon.registry import register

READOUT, PHASE = (-2,), (-1,)


@register("sense-unfold")
@dataclass(frozen=True)
class SenseUnfold(CoilImageReconstruction):
    """`argmin_x 1/2 ||M F S x - y||^2 + lamda/2 ||x / sqrt(p)||^2` in closed form (Pruessmann et al. 1999, eqs. 2-3).

    `M` selects the equally spaced lines. The calibration lines between them give `S` and `p`, the brightness of the
    low-resolution image, and are put back into the result. Where pixels fold onto each other, `p` says where the
    signal is likely to come from (as in Lin et al. 2004).

    Attributes
    ----------
    lamda
        Weight of the regularisation, relative to the square of the coil sensitivities; zero is Pruessmann's
        unfolding.
    """

    lamda: float = 3e-3

    def noise_map(self, acquisition: Acquisition, covariance: Tensor) -> Tensor:
        """Return the standard deviation of the noise `(rows, columns)`, as if no calibration lines were put back.

        In truth they lower the noise a little, in proportion to their share of the lines.
        """
        acquisition, folding = self._fold(acquisition)
        return center_crop(folding.noise(covariance, self.lamda), acquisition.crop)

    def coil_images(self, acquisition: Acquisition) -> tuple[Acquisition, Tensor]:
        """Return the slice without readout oversampling, and its coil images `(coils, readout, phase)`."""
        acquisition, folding = self._fold(acquisition)
        axes = PHASE if isinstance(folding, Folding) else (*READOUT, *PHASE)
        measured = ifft(acquisition.kspace, READOUT) if isinstance(folding, Folding) else acquisition.kspace
        estimate = folding.coil_kspace(folding.unfold(measured, self.lamda))
        return acquisition, ifft(torch.where(acquisition.mask, measured, estimate), axes)

    def _fold(self, acquisition: Acquisition) -> tuple[Acquisition, Folding | PlaneFolding]:
        """Return the slice without readout oversampling, and how its pixels fold.

        Raises
        ------
        InputError
            If the measured samples outside the calibration lines form no lattice.
        """
        mask, one_axis = acquisition.mask, acquisition.mask.ndim == 1
        lattice = find_lattice(mask) if one_axis else find_plane_lattice(mask)
        if lattice is None:
            raise InputError(
                f"{acquisition.name}: closed-form unfolding needs equally spaced lines along phase, or samples along "
                "both axes, besides the calibration lines; use sense for this mask"
            )
        if one_axis:
            acquisition = without_oversampling(acquisition)
        likely = brightness([calibration_lines(acquisition).lines], acquisition.matrix)[0].sqrt()
        maps = estimate_sens_maps(acquisition) * likely
        if isinstance(lattice, Lattice):
            return acquisition, Folding.of(maps, lattice)
        return acquisition, PlaneFolding.of(maps, lattice)
