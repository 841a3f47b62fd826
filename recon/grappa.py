"""GRAPPA: missing lines as linear combinations of their measured neighbours, learned on the calibration lines."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor

from data.acquisition import Acquisition
from data.errors import InputError
from recon.calibration import calibration_lines
from recon.coils import rss
from recon.crop import center_crop
from recon.fourier import ifft
from recon.registry import register

Geometry = tuple[int, ...]
"""Where a missing line's measured neighbours lie, as offsets along phase."""


@register("grappa")
@dataclass(frozen=True)
class Grappa:
    """Each missing sample is `sum w y` over its measured neighbours in all coils (Griswold et al. 2002, eq. 1).

    The weights solve `min ||D (A w - b)||^2 + lamda ||D A||^2 ||w||^2` on the calibration lines, where `D` divides
    each equation by the magnitude of its samples: else those about DC alone would decide. Missing lines are
    grouped by the geometry of their neighbours, so that any mask along phase is served, not just regular ones.

    Attributes
    ----------
    lamda
        Tikhonov weight relative to the mean diagonal of the normal matrix.
    kernel
        Width along readout, odd.
    neighbours
        How many measured lines to combine at most, half of them on either side; even.
    """

    lamda: float = 1e-2
    kernel: int = 5
    neighbours: int = 2

    def __call__(self, acquisition: Acquisition) -> Tensor:
        """Reconstruct `(coils, readout, phase)` to `(rows, columns)`."""
        return center_crop(rss(ifft(self.fill(acquisition))), acquisition.crop)

    def fill(self, acquisition: Acquisition) -> Tensor:
        """Fill in the missing lines.

        Parameters
        ----------
        acquisition
            One slice, mask `(phase,)`.

        Returns
        -------
        Tensor
            complex64 `(coils, readout, phase)`; measured lines are unchanged.

        Raises
        ------
        InputError
            If the mask varies along readout or there are too few calibration lines.
        """
        if acquisition.mask.ndim != 1:
            raise InputError(f"{acquisition.name}: GRAPPA needs a mask along phase only")
        if acquisition.mask.all() or not acquisition.kspace.any():
            return acquisition.kspace
        calibration = calibration_lines(acquisition)
        filled = acquisition.kspace.clone()
        sources = _readout_windows(acquisition.kspace, self.kernel)
        for geometry, lines in self._group(acquisition, calibration.shape[-1]).items():
            weights = self._calibrate(calibration, geometry)
            columns = torch.tensor(lines, device=filled.device)
            offsets = torch.tensor(geometry, device=filled.device)
            patches = sources[..., columns[:, None] + offsets]
            patches = rearrange(patches, "coils kernel readout line offset -> (readout line) (coils kernel offset)")
            filled[..., columns] = rearrange(
                patches @ weights, "(readout line) coils -> coils readout line", line=len(lines)
            )
        return filled

    def _group(self, acquisition: Acquisition, calibration_width: int) -> dict[Geometry, list[int]]:
        """Group the missing lines by the geometry of the neighbours that will fill them."""
        first, last = acquisition.header.padding
        measured = torch.nonzero(acquisition.mask).flatten().tolist()
        groups: dict[Geometry, list[int]] = defaultdict(list)
        for line in torch.nonzero(~acquisition.mask).flatten().tolist():
            if first <= line < last:
                geometry = self._neighbourhood(line, measured, calibration_width)
                if geometry:
                    groups[geometry].append(line)
        return groups

    def _neighbourhood(self, line: int, measured: list[int], calibration_width: int) -> Geometry:
        """Choose the nearest measured lines on either side, as far as their span leaves rows to calibrate on."""
        widest = calibration_width - min(FEWEST_SHIFTS, calibration_width // 2)
        below = [other - line for other in measured if other < line][-self.neighbours // 2 :]
        above = [other - line for other in measured if other > line][: self.neighbours // 2]
        chosen: list[int] = []
        for offset in sorted(below + above, key=abs):
            if max(0, offset, *chosen) - min(0, offset, *chosen) <= widest:
                chosen.append(offset)
        return tuple(sorted(chosen))

    def _calibrate(self, calibration: Tensor, geometry: Geometry) -> Tensor:
        """Learn the weights `(coils kernel offset, coils)` of one geometry."""
        before, after = max(0, -min(geometry)), max(0, *geometry)
        windows = _readout_windows(calibration, self.kernel)[:, :, self.kernel // 2 : -(self.kernel // 2) or None]
        targets = calibration[:, self.kernel // 2 : -(self.kernel // 2) or None]
        places = torch.arange(before, calibration.shape[-1] - after, device=calibration.device)
        offsets = torch.tensor(geometry, device=calibration.device)
        A = rearrange(
            windows[..., places[:, None] + offsets],
            "coils kernel readout place offset -> (readout place) (coils kernel offset)",
        )
        b = rearrange(targets[..., places], "coils readout place -> (readout place) coils")
        energy = A.abs().square().mean(dim=1, keepdim=True)
        weight = 1 / (energy + ENERGY_FLOOR * energy.mean())
        gram = A.mH @ (weight * A)
        ridge = self.lamda * gram.diagonal().real.mean()
        identity = torch.eye(len(gram), device=gram.device)
        return torch.linalg.solve(gram + ridge * identity, A.mH @ (weight * b))


ENERGY_FLOOR = 1e-2
"""Share of the mean energy below which an equation is mostly noise and gains no more weight."""

FEWEST_SHIFTS = 3
"""Positions along phase on which a kernel should at least be seen while calibrating."""


def _readout_windows(kspace: Tensor, kernel: int) -> Tensor:
    """Neighbours along readout `(coils, readout, lines)` to `(coils, kernel, readout, lines)`, zero outside."""
    padded = torch.nn.functional.pad(kspace, (0, 0, kernel // 2, kernel // 2))
    return rearrange(padded.unfold(1, kernel, 1), "coils readout lines kernel -> coils kernel readout lines")
