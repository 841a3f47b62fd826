"""The base of unrolled networks whose sensitivity maps are given: the problem they solve, at unit scale."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from recon.calibration.acs import batch_calibration_lines
from recon.calibration.espirit import batch_sens_maps
from recon.coils import rss
from recon.fourier import IMAGE_AXES, ifft
from recon.solvers.encoding import Encoding
from recon.solvers.measured import Measured
from recon.solvers.problem import LeastSquares


class SenseNetwork(nn.Module, ABC):
    """Base of the networks that find the k-space of all coils from the problem; `solve` is theirs to write.

    The maps come from the calibration samples without being trained, and the k-space is divided by the largest
    value of its zero-filled image: the result scales with it.

    Parameters
    ----------
    cascades
        The unrolled steps, each from an estimate and the problem to the next estimate.

    Attributes
    ----------
    checkpointing
        Whether training keeps only what enters each cascade and computes the rest again: less memory, more time.
    """

    def __init__(self, cascades: Iterable[nn.Module]) -> None:
        super().__init__()
        self.checkpointing = False
        self.cascades = nn.ModuleList(cascades)

    @abstractmethod
    def solve(self, problem: LeastSquares) -> Tensor:
        """Estimate the k-space of all coils, complex `(batch, coils, readout, phase)`, ordered as `measured`."""

    def unroll(self, estimate: Tensor, problem: LeastSquares) -> Tensor:
        """Take all steps, from an estimate to the last one."""
        for cascade in self.cascades:
            if self.checkpointing and torch.is_grad_enabled():
                estimate = checkpoint(cascade, estimate, problem, use_reentrant=False)
            else:
                estimate = cascade(estimate, problem)
        return estimate

    def forward(
        self,
        masked_kspace: Tensor,
        mask: Tensor,
        num_low_frequencies: int | Tensor | None = None,
        calibration: Tensor | None = None,
        acceleration: Tensor | None = None,
    ) -> Tensor:
        """Reconstruct a batch of slices.

        Parameters
        ----------
        masked_kspace, mask, num_low_frequencies, calibration, acceleration
            As for the `VarNet`.

        Returns
        -------
        Tensor
            real `(batch, readout, phase)`: the root sum of squares over the coils.
        """
        return rss(self.coil_images(masked_kspace, mask, num_low_frequencies, calibration, acceleration))

    def coil_images(
        self,
        masked_kspace: Tensor,
        mask: Tensor,
        num_low_frequencies: int | Tensor | None = None,
        calibration: Tensor | None = None,
        acceleration: Tensor | None = None,  # noqa: ARG002 - the arguments are those of every network
    ) -> Tensor:
        """Reconstruct a batch of slices to complex coil images `(batch, coils, readout, phase)`."""
        largest = rss(ifft(masked_kspace)).amax(dim=IMAGE_AXES)[:, None, None, None]
        unit = torch.where(largest > 0, largest, 1)
        scaled = masked_kspace / unit
        reference = None if calibration is None else calibration / unit
        lines = batch_calibration_lines(scaled, mask, num_low_frequencies, reference)
        matrix = scaled.shape[-2], scaled.shape[-1]
        measured = Measured.of(scaled, mask)
        maps = batch_sens_maps(lines, matrix).to(scaled.dtype).unsqueeze(1)
        problem = LeastSquares(Encoding(maps, measured.mask, measured.axes), measured.samples)
        return measured.image(self.solve(problem)) * largest
