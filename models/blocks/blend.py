"""Blends the image of the cascades with the first estimate, as far as each band of k-space deserves trust."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor, nn

from recon.fourier import IMAGE_AXES
from recon.models.blocks.refinement import Estimate
from recon.models.blocks.unet import start_near_zero

RADII = (0.0, 0.1, 0.2, 0.35, 0.55, 0.8)
"""Middles of the bands, as shares of half the matrix along either axis; the last one reaches to the corners."""

FAINTEST = 1e-12
"""Share of the image's energy below which a band counts as empty."""

FEATURES, HIDDEN = 8, 12


class Blend(nn.Module):
    """Compute `x = x_0 + F^H sum_b w_b F (x_K - x_0)`: how far to go from the first estimate in band `b` of k-space.

    A U-Net normalises its features, so the error it leaves has a floor in proportion to the image. Where the first
    estimate is closer to the truth than that, as with a small object and low acceleration, the best `w` is far below
    one. A small network computes it from three ratios, each in the band and in all of k-space: the change over the
    first estimate, the noise over the change, and the share of the change that the last cascade made; and from the
    radius of the band and the acceleration. Before training all `w` are close to one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.trust = nn.Sequential(nn.Linear(FEATURES, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, 1))
        start_near_zero(self.trust[-1])  # an untrained blend changes almost nothing

    def forward(self, first: Estimate, before: Tensor, last: Tensor) -> Tensor:
        """Return the blended images.

        Parameters
        ----------
        first
            First estimate, images `(batch, 2, readout, phase)`, with its noise and the acceleration.
        before, last
            Images before and after the last cascade, complex `(batch, 2, readout, phase)`.
        """
        bands = _bands((last.shape[-2], last.shape[-1]), first.noise.dtype, last.device)
        start, before, last = (torch.fft.fft2(images, norm="ortho") for images in (first.images, before, last))
        ratios = _ratios(start, last - start, last - before, first.noise, bands)
        batch, count = len(ratios), len(bands)
        features = torch.cat(
            [
                ratios[:, :-1],
                ratios[:, -1:].expand(-1, count, -1),
                _radii(bands.dtype, bands.device)[:, None].expand(batch, -1, 1),
                first.acceleration.log()[:, None, None].expand(-1, count, 1),
            ],
            -1,
        )
        weights = 1 + self.trust(features).squeeze(-1).to(bands)
        filtered = torch.einsum("nb,bxy->nxy", weights, bands).unsqueeze(1) * (last - start)
        return first.images + torch.fft.ifft2(filtered, norm="ortho")


def _ratios(start: Tensor, change: Tensor, step: Tensor, noise: Tensor, bands: Tensor) -> Tensor:
    """Return change over image and noise over change, as logarithms of amplitudes, and the share of the last step.

    Returns
    -------
    Tensor
        real `(batch, bands + 1, 3)`: in every band, then in all of k-space.
    """
    windows = bands.square()

    def energies(products: Tensor) -> Tensor:
        return torch.einsum("nsxy,bxy->nb", products, windows)

    in_bands = torch.stack(
        [
            energies(start.abs().square()),
            energies(change.abs().square()),
            energies((step * change.conj()).real),
            2 * noise.square().mean(IMAGE_AXES)[:, None] * windows.sum(IMAGE_AXES),
        ]
    )
    size, changed, stepped, noisy = torch.cat([in_bands, in_bands.sum(-1, keepdim=True)], -1)
    least = FAINTEST * size[:, -1:] + torch.finfo(size.dtype).tiny
    log_size, log_changed, log_noise = ((energy + least).log10() / 2 for energy in (size, changed, noisy))
    return torch.stack([log_changed - log_size, log_noise - log_changed, stepped / (changed + least)], -1)


@lru_cache(maxsize=8)
def _bands(matrix: tuple[int, int], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return overlapping bands that add up to one, real `(bands, readout, phase)`, in the order of `torch.fft`."""
    rows, columns = (2 * torch.fft.fftfreq(size, dtype=torch.float64) for size in matrix)
    radius = (rows.square()[:, None] + columns.square()).sqrt().clamp(max=RADII[-1])
    middles = _radii(torch.float64, rows.device)
    upper = torch.searchsorted(middles, radius.contiguous()).clamp(min=1)
    share = (radius - middles[upper - 1]) / (middles[upper] - middles[upper - 1])
    bands = torch.zeros(len(RADII), *matrix, dtype=torch.float64)
    bands.scatter_(0, upper[None], share[None]).scatter_(0, upper[None] - 1, 1 - share[None])
    return bands.to(device, dtype)


@lru_cache
def _radii(dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return `RADII` as a tensor, copied to a device only once."""
    return torch.tensor(RADII, dtype=dtype, device=device)
