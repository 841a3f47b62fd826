"""SENSE in closed form for a lattice along both axes: few pixels fold onto each other, along readout and phase."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d, pad

from recon.classical.unfolding.lines import LEAST_LAMDA, resample
from recon.coils import rss

AXES = (-2, -1)

SURELY_MEASURED = 0.9
"""Size of the ellipse, over that of the measured region, in which no sample of a lattice may be missing."""


@dataclass(frozen=True)
class PlaneLattice:
    """Samples of k-space at equal steps along both axes, shifted along phase from row to row.

    Attributes
    ----------
    steps
        Distances of neighbouring rows, and of neighbouring samples in a row.
    shift
        Distance along phase of the samples of one row from those of the row before.
    origin
        Indices of one of the samples.
    """

    steps: tuple[int, int]
    shift: int
    origin: tuple[int, int]

    @property
    def acceleration(self) -> int:
        """Number of pixels that fold onto each other."""
        return self.steps[0] * self.steps[1]

    def mask(self, matrix: tuple[int, int], device: torch.device) -> Tensor:
        """Mark the samples of a matrix, bool `(readout, phase)`."""
        row, column = (
            torch.arange(size, device=device) - first for size, first in zip(matrix, self.origin, strict=True)
        )
        columns = column - self.shift * row.div(self.steps[0], rounding_mode="floor")[:, None]
        return (row % self.steps[0] == 0)[:, None] & (columns % self.steps[1] == 0)


def find_plane_lattice(mask: Tensor) -> PlaneLattice | None:
    """Find the lattice of the measured samples outside the fully sampled ones; None if they form none.

    The corners of k-space may be missing.

    Parameters
    ----------
    mask
        bool `(readout, phase)`.
    """
    if mask.all():
        return PlaneLattice((1, 1), 0, (0, 0))
    outer = mask & ~_filled(mask)
    places = outer.nonzero()
    if len(places) < 2:
        return None
    rows = outer.any(1).nonzero().flatten()
    within = places[1:] - places[:-1]
    gaps = within[within[:, 0] == 0, 1]
    if not len(gaps):
        return None
    down, across = int(rows.diff().min()) if len(rows) > 1 else len(mask), int(gaps.min())
    first = places[0]
    others = places[(places[:, 0] - first[0]) == down]
    shift = int(others[0, 1] - first[1]) % across if len(others) else 0
    lattice = PlaneLattice((down, across), shift, (int(first[0]), int(first[1])))
    points = lattice.mask((mask.shape[0], mask.shape[1]), mask.device)
    if (outer & ~points).any() or (points & ~mask & _well_inside(outer)).any():
        return None
    return lattice


def _filled(mask: Tensor) -> Tensor:
    """Mark the samples that lie in a fully measured square of 2 x 2."""
    missing = pad((~mask).float()[None, None], [1] * 4, value=1.0)
    full = 1 - max_pool2d(missing, 2, stride=1)
    return max_pool2d(full, 2, stride=1)[0, 0] > 0


def _well_inside(outer: Tensor) -> Tensor:
    """Mark an ellipse within the rectangle that holds all samples."""
    reach = []
    for axis in (1, 0):
        places = outer.any(axis).nonzero()
        middle, half = (places.amax() + places.amin()) / 2, (places.amax() - places.amin() + 1) / 2
        reach.append((torch.arange(outer.shape[1 - axis], device=outer.device) - middle) / half)
    return torch.hypot(reach[0][:, None], reach[1]) <= SURELY_MEASURED


@dataclass(frozen=True, eq=False)
class PlaneFolding:
    """Pixels that fold onto each other, and the sensitivity of each coil to them.

    The image has so many pixels that whole ones fold onto each other: the matrix itself where the steps
    divide it, and otherwise a slightly finer one over the same field of view.

    Attributes
    ----------
    lattice
        Samples to unfold.
    matrix
        Size of k-space `(readout, phase)`.
    sens_maps
        complex64 `(coils, rows, columns)` of the finer image, pixels from the centre on.
    groups
        int64 `(cells, acceleration)`: the flat indices of the pixels that fold onto each other.
    phases
        complex64 `(acceleration,)`: phase with which each of them folds.
    """

    lattice: PlaneLattice
    matrix: tuple[int, int]
    sens_maps: Tensor
    groups: Tensor
    phases: Tensor

    @classmethod
    def of(cls, sens_maps: Tensor, lattice: PlaneLattice) -> PlaneFolding:
        """Resample maps `(coils, readout, phase)` to the pixels that fold."""
        matrix = sens_maps.shape[1:]
        (down, across), shift = lattice.steps, lattice.shift
        repeat = down * (across // math.gcd(shift, across))
        size = -(-matrix[0] // repeat) * repeat, -(-matrix[1] // across) * across
        maps = resample(resample(sens_maps, size[1]).mT, size[0]).mT
        maps = torch.fft.ifftshift(maps, dim=AXES).contiguous()
        device = sens_maps.device
        turns, columns = torch.cartesian_prod(
            torch.arange(down, device=device), torch.arange(across, device=device)
        ).T
        moved = (
            size[0] // down * turns - size[0] * shift * columns // (down * across),
            size[1] // across * columns,
        )
        origin = [first - length // 2 for first, length in zip(lattice.origin, matrix, strict=True)]
        angles = -2 * math.pi * (origin[0] * moved[0] / size[0] + origin[1] * moved[1] / size[1])
        cells = torch.cartesian_prod(
            torch.arange(size[0] // down, device=device), torch.arange(size[1] // across, device=device)
        )
        rows = (cells[:, :1] + moved[0]) % size[0]
        groups = rows * size[1] + (cells[:, 1:] + moved[1]) % size[1]
        return cls(lattice, (matrix[0], matrix[1]), maps, groups, torch.polar(torch.ones_like(angles), angles))

    def unfold(self, kspace: Tensor, lamda: float) -> Tensor:
        """Solve `(S^H S + lamda R) x = S^H a` for every set of pixels folded into one value `a`.

        Parameters
        ----------
        kspace
            complex64 `(coils, readout, phase)`.
        lamda
            Weight of the regularisation.

        Returns
        -------
        Tensor
            complex64 `x`, `(rows, columns)`, with pixels ordered as in the maps.
        """
        points = self.lattice.mask(self.matrix, kspace.device)
        aliased = torch.fft.ifftn(self._widened(kspace * points), dim=AXES) * self._scale * self.lattice.acceleration
        maps = self._grouped()
        matched = torch.einsum("csn,cn->ns", maps.conj(), aliased.flatten(1)[:, self.groups[:, 0]])
        solved = torch.linalg.solve(self._normal(maps, lamda), matched) * self.phases.conj()
        image = torch.empty_like(self.sens_maps[0]).flatten()
        image[self.groups] = solved
        return image.reshape(self.sens_maps.shape[1:])

    def coil_kspace(self, image: Tensor) -> Tensor:
        """Encode an image `(rows, columns)` to complex64 `(coils, readout, phase)`."""
        spectrum = torch.fft.fftn(self.sens_maps * image, dim=AXES) / self._scale
        return torch.fft.fftshift(spectrum, dim=AXES)[(..., *self._middle())]

    def noise(self, covariance: Tensor, lamda: float) -> Tensor:
        """Return the standard deviation of the image's noise where all of it comes from the lattice."""
        maps = self._grouped()
        inverse = torch.linalg.inv(self._normal(maps, lamda))
        color = torch.einsum("csn,cd,dtn->nst", maps.conj(), covariance.to(maps), maps)
        pixels = self.sens_maps[0].numel()
        factor = self.lattice.acceleration * pixels / (2 * math.prod(self.matrix))
        variance = (inverse @ color @ inverse).diagonal(dim1=-2, dim2=-1).real.clamp(min=0) * factor
        deviation = torch.empty(pixels, device=maps.device)
        deviation[self.groups] = variance.sqrt()
        shown = deviation.reshape(self.sens_maps.shape[1:]) * rss(self.sens_maps)
        shown = torch.fft.fftshift(shown, dim=AXES)
        return resample(resample(shown, self.matrix[1]).mT, self.matrix[0]).mT

    @property
    def _scale(self) -> float:
        """Factor from transforms over the finer image to orthonormal ones over the matrix."""
        return self.sens_maps[0].numel() / math.sqrt(math.prod(self.matrix))

    def _grouped(self) -> Tensor:
        """Return the maps of the pixels that fold, complex64 `(coils, acceleration, cells)`."""
        return self.sens_maps.flatten(1)[:, self.groups.T]

    def _normal(self, maps: Tensor, lamda: float) -> Tensor:
        normal = torch.einsum("csn,ctn->nst", maps.conj(), maps)
        normal.diagonal(dim1=-2, dim2=-1).add_(max(lamda, LEAST_LAMDA) * self.lattice.acceleration)
        return normal

    def _middle(self) -> tuple[slice, slice]:
        """Return where the matrix lies in the k-space of the finer image."""
        first = [wide // 2 - size // 2 for wide, size in zip(self.sens_maps.shape[1:], self.matrix, strict=True)]
        return slice(first[0], first[0] + self.matrix[0]), slice(first[1], first[1] + self.matrix[1])

    def _widened(self, kspace: Tensor) -> Tensor:
        """Lay `(coils, readout, phase)` into the k-space of the finer image, in the order of the transform."""
        wide = kspace.new_zeros(self.sens_maps.shape)
        wide[(..., *self._middle())] = kspace
        return torch.fft.ifftshift(wide, dim=AXES)
