"""Learns the kernels of GRAPPA: which measured lines fill each gap of the mask, and with which weights."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise

import torch
from einops import rearrange
from torch import Tensor

from recon.calibration.compression import compress, expand
from recon.calibration.covariance import REACH, KspaceCovariance
from recon.classical.grappa.readout_grid import ReadoutGrid


@dataclass(frozen=True)
class Gap:
    """A run of missing lines and the measured lines that fill it, as positions along phase."""

    targets: tuple[int, ...]
    sources: tuple[int, ...]

    def shape(self) -> Gap:
        """Return the gap shifted so that its first target is zero; gaps of one shape share their weights."""
        first = self.targets[0]
        return Gap(tuple(line - first for line in self.targets), tuple(line - first for line in self.sources))


def find_gaps(mask: Tensor, acquired: tuple[int, int], neighbours: int) -> list[Gap]:
    """List the gaps of a mask.

    Parameters
    ----------
    mask
        bool `(phase,)`.
    acquired
        Lines `[first, last)` outside of which nothing is filled.
    neighbours
        Largest number of measured lines that serve a gap, half of them on either side. Lines too far away for their
        covariance to be known are left out, and so are gaps that are too wide.
    """
    measured = torch.nonzero(mask).flatten().tolist()
    bounds = [-1, *measured, len(mask)]
    gaps = []
    for index, (below, above) in enumerate(pairwise(bounds)):
        targets = tuple(line for line in range(below + 1, above) if acquired[0] <= line < acquired[1])
        near = measured[max(0, index - neighbours // 2) : index + neighbours // 2]
        sources = _within_reach(near, targets) if targets else ()
        if sources:
            gaps.append(Gap(targets, sources))
    return gaps


def _within_reach(near: list[int], targets: tuple[int, ...]) -> tuple[int, ...]:
    middle = (targets[0] + targets[-1]) / 2
    chosen: list[int] = []
    for line in sorted(near, key=lambda line: abs(line - middle)):
        lines = [*targets, *chosen, line]
        if max(lines) - min(lines) < REACH:
            chosen.append(line)
    return tuple(sorted(chosen))


@dataclass(frozen=True, eq=False)
class Kernel:
    """Weights that serve all gaps of one shape.

    Attributes
    ----------
    sources, targets
        int64 `(sources, gaps)` and `(targets, gaps)`: positions along phase.
    weights
        complex64 `(rows, coils * targets, coils * sources)`, on a coarse grid along readout.
    """

    sources: Tensor
    targets: Tensor
    weights: Tensor

    def __call__(self, cells: Tensor) -> Tensor:
        """Predict missing `(rows, coils, targets, gaps, slots)` from measured `(rows, coils, phase, slots)`."""
        sources = rearrange(cells[:, :, self.sources], "row coil source gap slot -> row (coil source) (gap slot)")
        return rearrange(
            self.weights @ sources,
            "row (coil target) (gap slot) -> row coil target gap slot",
            coil=cells.shape[1],
            slot=cells.shape[-1],
        )


@dataclass(frozen=True, eq=False)
class Kernels:
    """The linear map from the measured lines of one mask to all its lines.

    Attributes
    ----------
    mask
        bool `(phase,)`.
    kernels
        One kernel for each shape of gap.
    compression
        complex64 `(coils, virtual)`.
    grid
        Grid of the weights along readout.
    """

    mask: Tensor
    kernels: tuple[Kernel, ...]
    compression: Tensor
    grid: ReadoutGrid

    def fill(self, kspace: Tensor) -> Tensor:
        """Fill the missing lines of complex64 `(coils, readout, phase)`, in image space along readout."""
        measured = self.grid.split(compress(kspace, self.compression))
        missing = torch.zeros_like(measured)
        for kernel in self.kernels:
            missing[:, :, kernel.targets] = kernel(measured)
        return torch.where(self.mask, kspace, expand(self.grid.join(missing), self.compression))


def learn_kernels(covariance: KspaceCovariance, gaps: list[Gap], lamdas: list[float]) -> tuple[Kernel, ...]:
    """Find the weights that predict the targets with the least expected square error.

    Parameters
    ----------
    covariance
        Covariance of k-space.
    gaps
        Gaps to fill.
    lamdas
        Variance of error and noise in each sample, relative to the signal of all coils, for every gap. Gaps of one
        shape and one lamda share their weights.
    """
    groups: dict[tuple[Gap, float], list[Gap]] = defaultdict(list)
    for gap, lamda in zip(gaps, lamdas, strict=True):
        groups[gap.shape(), lamda].append(gap)
    device = covariance.values.device
    return tuple(
        Kernel(
            sources=torch.tensor([gap.sources for gap in alike], device=device).T,
            targets=torch.tensor([gap.targets for gap in alike], device=device).T,
            weights=_weights(covariance, shape, lamda),
        )
        for (shape, lamda), alike in groups.items()
    )


def _weights(covariance: KspaceCovariance, gap: Gap, lamda: float) -> Tensor:
    """Return `w = R_ts (R_ss + lamda I)^-1`, complex64 `(rows, coils * targets, coils * sources)`."""
    targets = torch.tensor(gap.targets, device=covariance.values.device)
    sources = torch.tensor(gap.sources, device=covariance.values.device)
    noisy = covariance.between(sources, sources)
    noisy.diagonal(dim1=-2, dim2=-1).add_(lamda)
    # For matrices as small as these the inverse takes half as long as solving.
    return covariance.between(targets, sources) @ torch.cholesky_inverse(torch.linalg.cholesky(noisy))
