"""One simulated slice, from an image of some anatomy to undersampled k-space and its noise-free target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from recon.coils import rss
from recon.crop import center_crop, center_pad
from recon.data.masks import MaskKind, Sampling, sample_mask
from recon.data.training.datasets import Slice
from recon.fourier import fft, ifft
from recon.simulation.scanner.anatomy import Anatomy
from recon.simulation.scanner.coils import Maps, draw_maps
from recon.simulation.scanner.contrast import vary_contrast
from recon.simulation.scanner.effects import coil_noise, fold, nyquist_ghost, truncate
from recon.simulation.scanner.field_of_view import View
from recon.simulation.scanner.phase import vary_phase

KINDS = (MaskKind.RANDOM, MaskKind.EQUISPACED, MaskKind.EQUISPACED_FRACTION)

FINER = 2
"""How much finer than the image the object is drawn."""

FOLDED, WIDEST = 0.2, 1.35
"""How often the object may reach beyond the field of view along phase, and by how much at most."""

OVERSAMPLED, MOST_OVERSAMPLING = 0.15, 1.25
"""How often the readout is longer than the image, and by how much at most."""

GHOSTED = 0.08

MOST_CENTER = 0.9
"""Share of the lines that are measured which the centre may make up."""


@dataclass(frozen=True)
class Ranges:
    """Between what a simulated scan is drawn.

    Attributes
    ----------
    matrix
        Smallest and largest side; small ones are drawn more often.
    coils, snr
        Drawn evenly in the logarithm; the SNR is that of `coil_noise`.
    accelerations, center_fractions
        Of the masks, drawn evenly in the logarithm.
    """

    matrix: tuple[int, int] = (96, 384)
    coils: tuple[int, int] = (1, 32)
    snr: tuple[float, float] = (4, 200)
    accelerations: tuple[float, float] = (2, 10)
    center_fractions: tuple[float, float] = (0.03, 0.16)


@dataclass(frozen=True)
class Protocol:
    """What is decided before anything is simulated: shapes, so that slices can be sorted by them, and sampling."""

    readout: int
    phase: int
    oversampled: int
    wider: int
    coils: int
    sampling: Sampling

    @classmethod
    def draw(cls, ranges: Ranges, rng: np.random.Generator) -> Protocol:
        """Draw a matrix, the number of coils and the sampling."""
        smallest, largest = ranges.matrix
        # The square favours small matrices: four of them cost as much as one twice as large.
        sides = smallest * (largest / smallest) ** (rng.random(2) ** 2)
        shared = sides.mean()
        readout, phase = (int(round((shared + side) / 4) * 2) for side in sides)
        widening = rng.uniform(1, WIDEST) if rng.random() < FOLDED else 1
        oversampling = rng.uniform(1, MOST_OVERSAMPLING) if rng.random() < OVERSAMPLED else 1
        return cls(
            readout=readout,
            phase=phase,
            oversampled=2 * round(readout * oversampling / 2),
            wider=phase + 2 * round(phase * (widening - 1) / 2),
            coils=round(_log_uniform(ranges.coils, rng)),
            sampling=draw_sampling(ranges, rng),
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """Of k-space and target: coils, samples of the readout, lines, rows and columns of the image."""
        return self.coils, self.oversampled, self.phase, self.readout, self.phase


@dataclass(frozen=True, eq=False)
class Simulator:
    """Draws scans of some anatomy, each determined by its random numbers alone.

    Attributes
    ----------
    anatomies
        What is scanned; each is drawn about as often, whatever the number of its slices.
    maps
        Measured sensitivities to choose from beside those of loops.
    ranges
        Of protocols and noise.
    device
        Where images are computed.
    """

    anatomies: Sequence[Anatomy]
    maps: Sequence[Maps] = ()
    ranges: Ranges = field(default_factory=Ranges)
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def scan(self, rng: np.random.Generator) -> Slice:
        """Draw one undersampled slice; its target is the root sum of squares free of noise."""
        protocol = Protocol.draw(self.ranges, rng)
        anatomy = self.anatomies[int(rng.integers(len(self.anatomies)))]
        image = torch.from_numpy(anatomy.slice(int(rng.integers(len(anatomy))))).to(self.device)
        kspace = full_kspace(image, protocol, self.maps, rng)
        target = center_crop(rss(ifft(kspace)), (protocol.readout, protocol.phase))
        kspace = kspace + coil_noise(kspace, _log_uniform(self.ranges.snr, rng), rng)
        sampling = protocol.sampling
        seed = int(rng.integers(2**32))
        mask = sample_mask(sampling.kind, protocol.phase, sampling.acceleration, sampling.center_fraction, seed).to(
            self.device
        )
        acceleration = mask.float().mean().reciprocal()
        return Slice(kspace * mask, mask.reshape(1, 1, -1), target, target.amax(), acceleration)


def full_kspace(image: Tensor, protocol: Protocol, maps: Sequence[Maps], rng: np.random.Generator) -> Tensor:
    """Scan a magnitude image without noise.

    Parameters
    ----------
    image
        real `(rows, columns)`, about between 0 and 1.
    protocol
        Shapes.
    maps
        Measured sensitivities to choose from.
    rng
        Draws all else.

    Returns
    -------
    Tensor
        complex64 `(coils, oversampled readout, phase)`.
    """
    extended = (protocol.readout, protocol.wider)
    aspect = protocol.wider / protocol.readout * float(np.exp(rng.normal(0, 0.08)))
    fine = View.draw(rng).render(image, (FINER * extended[0], FINER * extended[1]), aspect)
    scanned = truncate(vary_phase(vary_contrast(fine, rng), rng), extended)
    sens_maps = torch.from_numpy(draw_maps(extended, aspect, protocol.coils, maps, rng)).to(image.device)
    coil_images = fold(sens_maps * scanned, protocol.phase)
    kspace = fft(center_pad(coil_images, (protocol.oversampled, protocol.phase)))
    return nyquist_ghost(kspace, rng) if rng.random() < GHOSTED else kspace


def draw_sampling(ranges: Ranges, rng: np.random.Generator) -> Sampling:
    """Draw the kind of mask, an acceleration and a centre that leaves some lines for the rest."""
    kind = KINDS[rng.integers(len(KINDS))]
    acceleration = _log_uniform(ranges.accelerations, rng)
    if kind == MaskKind.EQUISPACED:
        acceleration = float(round(acceleration))
    lower, upper = ranges.center_fractions
    return Sampling(kind, acceleration, _log_uniform((lower, min(upper, MOST_CENTER / acceleration)), rng))


def _log_uniform(ends: tuple[float, float], rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(np.log(ends[0]), np.log(ends[1]))))
