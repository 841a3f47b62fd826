"""Finds what the calibration lines alone determine of a least-squares problem: virtual coils, maps, brightness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from recon.calibration.acs import Acs, stack_lines
from recon.calibration.ahead import taken
from recon.calibration.brightness import brightness
from recon.calibration.compression import adaptive_compression_matrix, compress
from recon.calibration.espirit import espirit, low_resolution_maps, second_weight, trust
from recon.coils import power_of_two
from recon.timing import timed


@dataclass(frozen=True, eq=False)
class CoilModel:
    """Virtual coils of a batch of slices and their soft maps.

    Attributes
    ----------
    compression
        complex `(batch, coils, virtual)`.
    sens_maps
        complex64 `(batch, sets, virtual, readout, phase)`, see `soft_maps`.
    sets_present
        bool `(batch, sets)`: which sets of maps each slice has; the maps of the others are zero.
    brightness
        float32 `(batch, readout, phase)`: brightness of the low-resolution image, one at its maximum.
    """

    compression: Tensor
    sens_maps: Tensor
    sets_present: Tensor
    brightness: Tensor

    @classmethod
    def of(cls, acs: Sequence[Acs], matrix: tuple[int, int]) -> CoilModel:
        """Learn the coils from calibration lines, or take what was learned from the same lines ahead.

        Lines are multiplied by a power of two first, which rounds nothing, so that equal lines on another such scale
        give the same bits.

        Parameters
        ----------
        acs
            Calibration lines of each slice.
        matrix
            Size of the maps `(readout, phase)`.
        """
        with timed("coil maps"):
            scaled = [replace(one, lines=one.lines / power_of_two(one.lines.abs().amax())) for one in acs]
            return taken(cls._of, scaled, matrix)

    @classmethod
    def _of(cls, acs: Sequence[Acs], matrix: tuple[int, int]) -> CoilModel:
        lines = stack_lines([one.lines for one in acs])
        compression = adaptive_compression_matrix(lines)
        virtual = compress(lines, compression).to(torch.complex64)
        few = [
            replace(one, lines=mixed[:, : one.lines.shape[1], : one.lines.shape[2]])
            for mixed, one in zip(virtual, acs, strict=True)
        ]
        maps, present = soft_maps(few, matrix)
        return cls(compression, maps, present, brightness([one.lines for one in acs], matrix))

    @property
    def nbytes(self) -> int:
        """Number of bytes of all tensors."""
        return sum(one.nbytes for one in (self.compression, self.sens_maps, self.sets_present, self.brightness))


def soft_maps(acs: Sequence[Acs], matrix: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Estimate maps that claim no more signal than the calibration lines explain.

    In the object the first map is weighted by its eigenvalue (soft SENSE, Uecker et al. 2014). Where there is no
    signal it keeps its full weight; otherwise the noise of the background, which the target has, would be lost.

    A second map is used where the object is folded into its own field of view, orthogonal to the first.

    Parameters
    ----------
    acs
        Calibration lines of each slice, complex64, of the same number of coils.
    matrix
        Size of the maps `(readout, phase)`.

    Returns
    -------
    tuple
        Maps, complex64 `(batch, sets, coils, readout, phase)`, and which sets each slice has, bool `(batch, sets)`;
        the others are zero.
    """
    if len(acs[0].lines) == 1:
        maps = low_resolution_maps(acs, matrix).unsqueeze(1)
        return maps, torch.ones(maps.shape[:2], dtype=torch.bool, device=maps.device)
    found = espirit(acs, matrix, sets=2)
    first, *others = found.maps.unbind(1)
    weights = 1 - trust(found.eigenvalues[:, 0]) * (1 - found.eigenvalues[:, 0])
    second = [
        (second_weight(found.eigenvalues[:, 1]) * found.present[:, 1, None, None]).unsqueeze(1)
        * (other - (first.conj() * other).sum(1, keepdim=True) * first)
        for other in others
    ]
    return torch.stack([weights.unsqueeze(1) * first, *second], dim=1), found.present
