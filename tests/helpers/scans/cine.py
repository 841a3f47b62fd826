"""A beating heart in a resting body, seen by smooth coils: a series on which methods for series can be checked."""

from collections.abc import Sequence
from math import cos, pi, sin

import torch
from torch import Tensor

from helpers.scans.objects import smooth_maps
from recon.coils import coil_expand
from recon.data.acquisition import Acquisition, Header
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.data.series import Frame
from recon.fourier import fft


def ellipse(matrix: tuple[int, int], centre: tuple[float, float], radii: tuple[float, float]) -> Tensor:
    """An ellipse of one in an empty image, its edge smoothed over a pixel; units of half the field of view."""
    rows, columns = torch.meshgrid(*(torch.linspace(-1, 1, size) for size in matrix), indexing="ij")
    distance = torch.hypot((rows - centre[0]) / radii[0], (columns - centre[1]) / radii[1])
    return torch.sigmoid((1 - distance) * min(radii) * min(matrix))


def beating_heart(frames: int, readout: int, phase: int) -> Tensor:
    """A body with a heart that contracts, turns bright and moves in one period, `(frames, readout, phase)`."""
    matrix, images = (readout, phase), []
    body = 0.5 * ellipse(matrix, (0, 0), (0.7, 0.8)) + 0.3 * ellipse(matrix, (0.4, -0.3), (0.12, 0.2))
    for frame in range(frames):
        angle = 2 * pi * frame / frames
        size, centre = 0.24 - 0.08 * sin(angle), (-0.15 + 0.05 * cos(angle), 0.15)
        wall = ellipse(matrix, centre, (size + 0.12, size + 0.1))
        blood = ellipse(matrix, centre, (size, 0.9 * size))
        images.append(body - 0.3 * wall + (0.7 + 0.1 * cos(angle)) * blood)
    return torch.stack(images)


def cine(
    frames: int = 8,
    readout: int = 48,
    phase: int = 56,
    coils: int = 6,
    noise: float = 2e-3,
    images: Tensor | None = None,
    maps: Tensor | None = None,
) -> list[Acquisition]:
    """Make fully sampled frames, `noise` standard deviations on real and imaginary k-space; targets are without it.

    Other images `(frames, readout, phase)` and maps `(coils, readout, phase)` replace the phantom.
    """
    images = beating_heart(frames, readout, phase) if images is None else images
    frames, readout, phase = images.shape
    maps = smooth_maps(coils, readout, phase) if maps is None else maps
    rows = torch.linspace(-1, 1, readout)[:, None]
    turned = images * torch.exp(0.8j * rows)
    kspace = fft(coil_expand(turned.to(torch.complex64), maps))
    generator = torch.Generator().manual_seed(1)
    kspace = kspace + noise * torch.randn(kspace.shape, generator=generator, dtype=kspace.dtype) * 2**0.5
    header = Header(
        crop=(readout, phase),
        padding=(0, phase),
        contrast="CINE",
        frames=tuple(Frame(phase=number) for number in range(frames)),
    )
    return [
        Acquisition(
            kspace=kspace[number],
            mask=torch.ones(phase, dtype=torch.bool),
            header=header,
            target=images[number].abs(),
            name="cine.h5",
            slice=number,
        )
        for number in range(frames)
    ]


def undersampled(
    series: Sequence[Acquisition],
    acceleration: float = 4,
    kind: MaskKind = MaskKind.KT_RANDOM,
    center_lines: int = 6,
    seed: int = 0,
) -> list[Acquisition]:
    """Keep other lines of every frame."""
    fraction = 0.0 if kind is MaskKind.KT_EQUISPACED else center_lines / series[0].matrix[1]
    sampling = Sampling(kind, acceleration, fraction, seed)
    return [sampling(frame) for frame in series]


def psnr(images: Sequence[Tensor], series: Sequence[Acquisition]) -> float:
    """Return the peak signal-to-noise ratio of a whole series in dB."""
    truth = torch.stack([frame.target for frame in series if frame.target is not None])
    error = (torch.stack(list(images)) - truth).square().mean().sqrt()
    return float(20 * torch.log10(truth.max() / error))
