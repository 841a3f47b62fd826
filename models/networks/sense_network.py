"""The base class of unrolled networks that use ESPIRiT maps: it scales the data and builds their problem."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable

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
    """

    def __init__(self, cascades: Iterable[nn.Module]) -> None:
        super().__init__()
        self.checkpointing = False
        self.cascades = nn.ModuleList(cascades)

    @abstractmethod
    def solve(self, problem: LeastSquares) -> Tensor:
        """Return complex k-space of all coils `(batch, coils, readout, phase)`, ordered as `problem.measured`."""

    def unroll(self, estimate: Tensor, problem: LeastSquares) -> Tensor:
        """Apply all cascades to an estimate."""
        for cascade in self.cascades:
            if self.checkpointing and torch.is_grad_enabled():
                estimate = checkpoint(cascade, estimate, problem, use_reentrant=False)
            else:
                estimate = cascade(estimate, problem)
        return estimate

    def predict(self, batch: UndersampledBatch) -> Tensor:
        """Return the image of every coil, complex `(batch, coils, readout, phase)`."""
        largest = rss(ifft(batch.masked_kspace)).amax(dim=IMAGE_AXES)[:, None, None, None]
        unit = torch.where(largest > 0, largest, 1)
        scaled = batch.masked_kspace / unit
        reference = None if batch.calibration is None else batch.calibration / unit
        acs = batch_calibration_lines(scaled, batch.mask, reference)
        matrix = scaled.shape[-2], scaled.shape[-1]
        measured = Measured.of(scaled, batch.mask)
        maps = batch_sens_maps(acs, matrix).to(scaled.dtype).unsqueeze(1)
        problem = LeastSquares(Encoding(maps, measured.mask, measured.axes), measured.samples)
        return measured.image(self.solve(problem)) * largest
