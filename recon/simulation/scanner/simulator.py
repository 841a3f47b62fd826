"""Simulates one slice: from an image of some anatomy to undersampled k-space and its noise-free target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from recon.coils import rss
from recon.crop import center_crop, fastmri_crop, fastmri_pad
from recon.data.acquisition import Acquisition, Header
from recon.data.masks.sampling import sample_mask
from recon.data.training.datasets import Slice
from recon.fourier import fft, ifft
from recon.preprocessing.echo import centre_echo
from recon.simulation.biot_savart import Maps
from recon.simulation.scanner.coil_maps import draw_maps
from recon.simulation.scanner.effects import coil_noise, fold, nyquist_ghost, truncate
from recon.simulation.scanner.sampling import cut_lines, draw_plane_mask
from recon.simulation.scanner.scan_plan import Ranges, ScanPlan
from recon.simulation.scanner.shares import Shares
from recon.simulation.scanner.subject.anatomy import Anatomy
from recon.simulation.scanner.subject.contrast import gamma, vary_contrast
from recon.simulation.scanner.subject.objects import add_implants, add_lesions, deform, mix
from recon.simulation.scanner.subject.phase import echo_ramp, vary_phase
from recon.simulation.scanner.subject.placement import ObjectPlacement, draw_aspect

FINER = 2
"""Factor by which the object is drawn finer than the image, so that k-space is truncated as by a scanner."""

REFERENCE_NOISE = (0.3, 1.0)
"""Range of the noise of a reference scan, relative to that of the scan."""


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
        Ranges of matrix, coils, noise and sampling, and shares of special scans.
    device
        Device on which images are computed.
    """

    anatomies: Sequence[Anatomy]
    maps: Sequence[Maps] = ()
    ranges: Ranges = field(default_factory=Ranges)
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def scan(self, rng: np.random.Generator, shape: ScanPlan | None = None) -> Slice:
        """Draw one undersampled slice; its target is the noise-free root sum of squares.

        The echo is centred after undersampling, as before every reconstruction.

        Parameters
        ----------
        rng
            Source of everything that is drawn.
        shape
            Plan to take all from but noise and sampling; None to draw all.
        """
        plan = ScanPlan.draw(self.ranges, rng)
        if shape is not None:
            plan = replace(shape, snr=plan.snr, sampling=plan.sampling, partial=plan.partial)
        full, target = self.full_scan(plan, rng)
        mask = draw_mask(plan, rng).to(self.device)
        scan = centre_echo(full.undersample(mask))
        return Slice(
            kspace=scan.kspace,
            mask=scan.mask.reshape(1, -1, plan.phase),
            target=target,
            maximum=target.amax(),
            acceleration=mask.float().mean().reciprocal(),
            calibration=scan.reference_kspace(),
        )

    def full_scan(self, plan: ScanPlan, rng: np.random.Generator) -> tuple[Acquisition, Tensor]:
        """Draw one fully sampled slice with noise.

        Parameters
        ----------
        plan
            Shapes of the scan.
        rng
            Source of everything else.

        Returns
        -------
        tuple
            The slice as the scanner measures it, with its echo where the plan says; and the root sum of squares
            without noise, real `(rows, columns)`.
        """
        image = self.object(rng)
        kspace, reference = full_kspace(image, plan, self.maps, self.ranges.shares, rng)
        crop = (plan.readout, plan.phase)
        measured = Acquisition(
            kspace=kspace + coil_noise(kspace, plan.snr, rng),
            mask=torch.ones(plan.phase, dtype=torch.bool, device=self.device),
            header=Header(crop=crop, padding=(0, plan.phase)),
            calibration=reference,
        )
        return measured, fastmri_crop(rss(ifft(kspace)), crop)

    def object(self, rng: np.random.Generator) -> Tensor:
        """Draw a slice of some anatomy, real `(rows, columns)`, and vary it."""
        shares, image = self.ranges.shares, self._slice(rng)
        if rng.random() < shares.mixed:
            image = mix(image, self._slice(rng), rng)
        for share, vary in (
            (shares.deformed, deform),
            (shares.lesions, add_lesions),
            (shares.implants, add_implants),
        ):
            if rng.random() < share:
                image = vary(image, rng)
        return image

    def _slice(self, rng: np.random.Generator) -> Tensor:
        anatomy = self.anatomies[int(rng.integers(len(self.anatomies)))]
        return torch.from_numpy(anatomy.slice(int(rng.integers(len(anatomy))))).to(self.device)


def draw_mask(plan: ScanPlan, rng: np.random.Generator) -> Tensor:
    """Draw the mask of a scan, bool `(phase,)` or `(oversampled readout, phase)`."""
    sampling, shape = plan.sampling, (plan.oversampled, plan.phase)
    if plan.plane is not None:
        return draw_plane_mask(plan.plane, shape, sampling.acceleration, rng)
    seed = int(rng.integers(2**32))
    mask = sample_mask(sampling.kind, plan.phase, sampling.acceleration, sampling.center_fraction, seed)
    if plan.offset[1]:
        mask = mask.roll(plan.offset[1])  # the scanner's fully sampled lines lie about the echo
    return mask if plan.partial == 1 else cut_lines(mask, plan.partial)


def full_kspace(
    image: Tensor, plan: ScanPlan, maps: Sequence[Maps], shares: Shares, rng: np.random.Generator
) -> tuple[Tensor, Tensor | None]:
    """Scan a magnitude image without noise.

    Parameters
    ----------
    image
        real `(rows, columns)`, roughly between 0 and 1.
    plan
        Shapes of the scan.
    maps
        Measured coil maps to choose from.
    shares
        Shares of scans with a ghost and of images with synthetic contrast.
    rng
        Source of everything else.

    Returns
    -------
    tuple
        K-space, complex64 `(coils, oversampled readout, phase)`, and the lines of a separate reference scan with its
        noise, complex64 `(coils, rows, lines)`; None if there is none.
    """
    extended = (plan.readout, plan.wider)
    aspect = draw_aspect(plan.readout, plan.wider, rng)
    fine = ObjectPlacement.draw(rng).render(image, (FINER * extended[0], FINER * extended[1]), aspect)
    brightness = vary_contrast(fine, shares.synthetic, rng)
    echo = vary_phase(brightness, rng)
    if plan.offset != (0, 0):
        cycles = plan.offset[0] * plan.readout / plan.oversampled, plan.offset[1] * plan.wider / plan.phase
        echo = echo * echo_ramp((echo.shape[0], echo.shape[1]), cycles, echo.device)
    sens_maps = torch.from_numpy(draw_maps(extended, aspect, plan.coils, maps, rng)).to(image.device)

    def scanned(magnetisation: Tensor) -> Tensor:
        coil_images = fold(sens_maps * truncate(magnetisation, extended), plan.phase)
        return fft(fastmri_pad(coil_images, (plan.oversampled, plan.phase)))

    kspace = scanned(echo)
    if rng.random() < shares.ghosted:
        kspace = nyquist_ghost(kspace, rng)
    if not plan.reference:
        return kspace, None
    reference = scanned(vary_phase(gamma(brightness, rng), rng))  # another echo time: contrast and phase differ
    reference = reference + coil_noise(reference, plan.snr / rng.uniform(*REFERENCE_NOISE), rng)
    size = (min(2 * plan.reference, plan.oversampled), min(plan.reference, plan.phase))
    return kspace, center_crop(reference, size)
