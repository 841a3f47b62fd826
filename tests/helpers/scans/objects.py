"""A small object seen by smooth coils: k-space on which physics can be checked."""

import torch
from torch import Tensor

from recon.coils import coil_expand, rss
from recon.data.acquisition import Acquisition, Header
from recon.fourier import fft


def smooth_maps(coils: int, readout: int, phase: int) -> Tensor:
    """Smooth complex sensitivities `(coils, readout, phase)` of unit root sum of squares."""
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, readout), torch.linspace(-1, 1, phase), indexing="ij")
    angles = 2 * torch.pi * torch.arange(coils)[:, None, None] / coils
    distance = (rows - 1.3 * torch.cos(angles)) ** 2 + (columns - 1.3 * torch.sin(angles)) ** 2
    turn = rows * torch.sin(angles) + columns * torch.cos(angles) + angles
    maps = torch.polar(1 / (0.4 + distance), turn)
    return maps / rss(maps)


def discs(readout: int, phase: int) -> Tensor:
    """A large disc with smaller ones inside, float32 `(readout, phase)`, its surroundings empty."""
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, readout), torch.linspace(-1, 1, phase), indexing="ij")
    image = torch.zeros(readout, phase)
    for row, column, radius, value in [
        (0, 0, 0.7, 1.0),
        (0.2, 0.2, 0.2, -0.5),
        (-0.3, 0.1, 0.15, 0.8),
        (0, -0.4, 0.1, 0.6),
    ]:
        image += value * torch.sigmoid((radius - torch.hypot(rows - row, columns - column)) * min(readout, phase))
    return image


def object_acquisition(
    coils: int = 6, readout: int = 64, phase: int = 60, noise: float = 0.0, crop: tuple[int, int] | None = None
) -> Acquisition:
    """Make the fully sampled scan of the discs, `noise` standard deviations on real and imaginary k-space."""
    kspace = fft(coil_expand(discs(readout, phase).to(torch.complex64), smooth_maps(coils, readout, phase)))
    kspace = kspace + noise * torch.randn(
        kspace.shape, generator=torch.Generator().manual_seed(1), dtype=kspace.dtype
    )
    return Acquisition(
        kspace=kspace,
        mask=torch.ones(phase, dtype=torch.bool),
        header=Header(crop=crop or (readout, phase), padding=(0, phase), contrast="DISCS"),
        target=discs(readout, phase),
        name="discs.h5",
        slice=0,
    )


def padded(scan: Acquisition, width: int) -> Acquisition:
    """Surround k-space with columns that the scanner never acquires."""
    phase = scan.matrix[1]
    first = width // 2 - phase // 2
    kspace = torch.zeros(*scan.kspace.shape[:-1], width, dtype=scan.kspace.dtype)
    kspace[..., first : first + phase] = scan.kspace
    mask = torch.zeros(width, dtype=torch.bool)
    mask[first : first + phase] = scan.mask
    header = Header(crop=(scan.matrix[0], width), padding=(first, first + phase))
    return Acquisition(kspace, mask, header, name="padded.h5")
