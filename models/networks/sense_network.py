"""What the unrolled networks with given sensitivity maps share: the problem they solve, at unit scale."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from recon.coils import coil_combine, coil_expand, rss
from recon.fourier import IMAGE_AXES, fft, ifft
from recon.models.blocks.physics_maps import physics_maps


@dataclass(frozen=True, eq=False)
class SenseProblem:
    """`y = M F S x` for a batch of slices.

    Where the mask is the same for all points of the readout, the transform along readout cancels and `F` is along
    phase alone; "k-space" is then transformed along phase only.

    Attributes
    ----------
    measured
        complex `y`, `(batch, coils, readout, phase)`, zero where not measured.
    mask
        bool `M`, `(batch or 1, 1, 1 or readout, phase)`.
    sens_maps
        complex `S`, `(batch, coils, readout, phase)`, of unit root sum of squares.
    axes
        Those of `F`.
    """

    measured: Tensor
    mask: Tensor
    sens_maps: Tensor
    axes: tuple[int, ...]

    def kspace(self, image: Tensor) -> Tensor:
        """Apply `F S`: complex `(batch, readout, phase)` to `(batch, coils, readout, phase)`, not yet masked."""
        return fft(coil_expand(image, self.sens_maps), self.axes)

    def image(self, kspace: Tensor) -> Tensor:
        """Apply `S^H F^H`: complex `(batch, coils, readout, phase)` to `(batch, readout, phase)`."""
        return coil_combine(ifft(kspace, self.axes), self.sens_maps)

    def normal(self, image: Tensor) -> Tensor:
        """Apply `A^H A` on complex `(batch, readout, phase)`."""
        return self.image(torch.where(self.mask, self.kspace(image), 0))


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
    def solve(self, problem: SenseProblem) -> Tensor:
        """Estimate the k-space, complex `(batch, coils, readout, phase)`, transformed as in the problem."""

    def unroll(self, estimate: Tensor, problem: SenseProblem) -> Tensor:
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
    ) -> Tensor:
        """Reconstruct a batch of slices.

        Parameters
        ----------
        masked_kspace, mask, num_low_frequencies, calibration
            As for the `VarNet`.

        Returns
        -------
        Tensor
            real `(batch, readout, phase)`: the root sum of squares over the coils.
        """
        return rss(self.coil_images(masked_kspace, mask, num_low_frequencies, calibration))

    def coil_images(
        self,
        masked_kspace: Tensor,
        mask: Tensor,
        num_low_frequencies: int | Tensor | None = None,
        calibration: Tensor | None = None,
    ) -> Tensor:
        """Reconstruct a batch of slices to complex coil images `(batch, coils, readout, phase)`."""
        largest = rss(ifft(masked_kspace)).amax(dim=IMAGE_AXES)[:, None, None, None]
        unit = torch.where(largest > 0, largest, 1)
        scaled = masked_kspace / unit
        along_phase = mask.shape[-2] == 1
        problem = SenseProblem(
            measured=ifft(scaled, axes=(-2,)) if along_phase else scaled,
            mask=mask,
            sens_maps=physics_maps(
                scaled, mask, num_low_frequencies, None if calibration is None else calibration / unit
            ),
            axes=(-1,) if along_phase else IMAGE_AXES,
        )
        return ifft(self.solve(problem), problem.axes) * largest
