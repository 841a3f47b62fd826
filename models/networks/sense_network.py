"""The base class of unrolled networks that use ESPIRiT maps: it scales the data and builds their problem."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from recon.calibration.acs import batch_calibration_lines
from recon.calibration.espirit import batch_sens_maps
from recon.coils import rss
from recon.fourier import IMAGE_AXES, ifft
from recon.models.networks.kspace_network import KspaceNetwork, UndersampledBatch
from recon.solvers.encoding import Encoding
from recon.solvers.measured import Measured
from recon.solvers.problem import LeastSquares

Estimate = TypeVar("Estimate")


class SenseNetwork(KspaceNetwork):
    """Base class of networks that solve `y = M F S x + noise` with maps `S` that are not learned.

    Subclasses implement `solve`. The maps are ESPIRiT maps of the calibration samples (Uecker et al. 2014). The
    k-space is divided by the largest value of its zero-filled image and the result multiplied by it.

    Parameters
    ----------
    cascades
        Unrolled steps; each maps an estimate and the problem to the next estimate.

    Attributes
    ----------
    checkpointing
        Whether training stores only the input of each cascade and recomputes the rest: less memory, more time.
    real_image
        Whether the map of a single coil has the phase of its low-resolution image, so that the combined image is
        nearly real. Otherwise it is one everywhere, and the image is that of the coil.
    """

    def __init__(self, cascades: Iterable[nn.Module], real_image: bool = True) -> None:
        super().__init__()
        self.checkpointing, self.real_image = False, real_image
        self.cascades = nn.ModuleList(cascades)

    @abstractmethod
    def solve(self, problem: LeastSquares) -> Tensor:
        """Return complex k-space of all coils `(batch, coils, readout, phase)`, ordered as `problem.measured`."""

    @property
    def steps(self) -> Sequence[nn.Module]:
        """The cascades in the order in which they are applied."""
        return list(self.cascades)

    def unroll(self, estimate: Estimate, problem: LeastSquares) -> Estimate:
        """Apply all cascades to an estimate."""
        for cascade in self.steps:
            if self.checkpointing and torch.is_grad_enabled():
                estimate = checkpoint(cascade, estimate, problem, use_reentrant=False)
            else:
                estimate = cascade(estimate, problem)
        return estimate

    def predict(self, batch: UndersampledBatch) -> Tensor:
        """Return the image of every coil, complex `(batch, coils, readout, phase)`."""
        largest = self.largest(batch.masked_kspace)
        unit = torch.where(largest > 0, largest, 1)
        scaled = batch.masked_kspace / unit
        reference = None if batch.calibration is None else batch.calibration / unit
        measured = Measured.of(scaled, batch.mask)
        maps = self.sens_maps(batch._replace(masked_kspace=scaled, calibration=reference))
        problem = LeastSquares(Encoding(maps, measured.mask, measured.axes), measured.samples)
        return measured.image(self.solve(problem)) * largest

    def largest(self, kspace: Tensor) -> Tensor:
        """Return the unit of each slice: the largest value of its zero-filled image, real `(batch, 1, 1, 1)`."""
        return rss(ifft(kspace)).amax(dim=IMAGE_AXES)[:, None, None, None]

    def sens_maps(self, batch: UndersampledBatch) -> Tensor:
        """Estimate the maps of each slice, complex `(batch, 1, coils, readout, phase)`."""
        kspace = batch.masked_kspace
        if kspace.shape[1] == 1 and not self.real_image:
            return torch.ones_like(kspace).unsqueeze(1)
        acs = batch_calibration_lines(kspace, batch.mask, batch.calibration)
        return batch_sens_maps(acs, (kspace.shape[-2], kspace.shape[-1])).to(kspace.dtype).unsqueeze(1)
