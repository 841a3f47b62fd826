"""Simulates one slice: from an image of some anatomy to undersampled k-space and its noise-free target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from recon.coils import rss
from recon.crop import fastmri_crop, fastmri_pad
from recon.data.masks import sample_mask
from recon.data.training.datasets import Slice
from recon.fourier import fft, ifft
from recon.simulation.biot_savart import Maps
from recon.simulation.scanner.anatomy import Anatomy
from recon.simulation.scanner.coil_maps import draw_maps
from recon.simulation.scanner.contrast import vary_contrast
from recon.simulation.scanner.effects import coil_noise, fold, nyquist_ghost, truncate
from recon.simulation.scanner.phase import vary_phase
from recon.simulation.scanner.placement import ObjectPlacement
from recon.simulation.scanner.scan_plan import Ranges, ScanPlan, log_uniform

FINER = 2
"""Factor by which the object is drawn finer than the image, so that k-space is truncated as by a scanner."""

GHOSTED = 0.08
"""Share of scans with a Nyquist ghost."""


@dataclass(frozen=True, eq=False)
class Simulator:
    """Draws scans of some anatomy, each determined by its random numbers alone.

    Attributes
    ----------
    anatomies
        Volumes to scan; each is drawn about as often, whatever the number of its slices.
    maps
        Measured coil maps to choose from, besides those of simulated loops.
    ranges
        Ranges of matrix, coils, noise and sampling.
    device
        Device on which images are computed.
    """

    anatomies: Sequence[Anatomy]
    maps: Sequence[Maps] = ()
    ranges: Ranges = field(default_factory=Ranges)
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def scan(self, rng: np.random.Generator, shape: ScanPlan | None = None) -> Slice:
        """Draw one undersampled slice; its target is the noise-free root sum of squares.

        Parameters
        ----------
        rng
            Source of everything that is drawn.
        shape
            Plan to take all from but the sampling; None to draw all.
        """
        plan = ScanPlan.draw(self.ranges, rng)
        if shape is not None:
            plan = replace(shape, sampling=plan.sampling)
        anatomy = self.anatomies[int(rng.integers(len(self.anatomies)))]
        image = torch.from_numpy(anatomy.slice(int(rng.integers(len(anatomy))))).to(self.device)
        kspace = full_kspace(image, plan, self.maps, rng)
        target = fastmri_crop(rss(ifft(kspace)), (plan.readout, plan.phase))
        kspace = kspace + coil_noise(kspace, log_uniform(self.ranges.snr, rng), rng)
        sampling = plan.sampling
        seed = int(rng.integers(2**32))
        mask = sample_mask(sampling.kind, plan.phase, sampling.acceleration, sampling.center_fraction, seed).to(
            self.device
        )
        acceleration = mask.float().mean().reciprocal()
        return Slice(kspace * mask, mask.reshape(1, 1, -1), target, target.amax(), acceleration)


def full_kspace(image: Tensor, plan: ScanPlan, maps: Sequence[Maps], rng: np.random.Generator) -> Tensor:
    """Scan a magnitude image without noise.

    Parameters
    ----------
    image
        real `(rows, columns)`, roughly between 0 and 1.
    plan
        Shapes of the scan.
    maps
        Measured coil maps to choose from.
    rng
        Source of everything else.

    Returns
    -------
    Tensor
        complex64 `(coils, oversampled readout, phase)`.
    """
    extended = (plan.readout, plan.wider)
    aspect = plan.wider / plan.readout * float(np.exp(rng.normal(0, 0.08)))
    fine = ObjectPlacement.draw(rng).render(image, (FINER * extended[0], FINER * extended[1]), aspect)
    scanned = truncate(vary_phase(vary_contrast(fine, rng), rng), extended)
    sens_maps = torch.from_numpy(draw_maps(extended, aspect, plan.coils, maps, rng)).to(image.device)
    coil_images = fold(sens_maps * scanned, plan.phase)
    kspace = fft(fastmri_pad(coil_images, (plan.oversampled, plan.phase)))
    return nyquist_ghost(kspace, rng) if rng.random() < GHOSTED else kspace
