"""Simulated heads of the special kinds on which maps are hard to estimate."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from recon.coils import rss
from recon.data.acquisition import Acquisition, Header
from recon.fourier import fft, ifft
from recon.simulation.raw_files import simulate_volume

IMPLANTS = [(70, 40), (96, 58), (120, 70), (110, 40), (84, 76), (132, 52)]
"""Rows and columns of details in the folded head, beside and inside of where it is folded."""


def simulated_head(
    shape: tuple[int, int], coils: int, snr: float, seed: int, details: Tensor | None = None
) -> Acquisition:
    """Simulate a fully sampled head.

    Parameters
    ----------
    shape
        Matrix `(readout, phase)`.
    coils, snr, seed
        As `simulate_volume` takes them.
    details
        real `(readout, phase)`: relative changes of the object.
    """
    volume = simulate_volume(shape, 1, coils, snr, np.random.default_rng(seed))
    kspace = torch.from_numpy(volume.kspace[0])
    if details is not None:
        kspace = kspace + fft(torch.from_numpy(volume.sens_maps[0] * volume.image[0]) * details)
    return Acquisition(
        kspace, torch.ones(shape[1], dtype=torch.bool), volume.header, rss(ifft(kspace)), name="head.h5", slice=0
    )


def folded(acquisition: Acquisition, width: int) -> Acquisition:
    """Take a fully sampled scan with a narrower field of view: what lies outside is folded in."""
    coil_images = ifft(acquisition.kspace)
    first = coil_images.shape[-1] // 2 - width // 2
    narrow = coil_images[..., first : first + width].clone()
    narrow[..., width - first :] += coil_images[..., :first]
    beyond = coil_images[..., first + width :]
    narrow[..., : beyond.shape[-1]] += beyond
    header = Header(crop=(coil_images.shape[-2], width), padding=(0, width))
    return replace(
        acquisition,
        kspace=fft(narrow),
        mask=torch.ones(width, dtype=torch.bool),
        header=header,
        target=rss(narrow),
        name="folded.h5",
    )


def spots(shape: tuple[int, int], places: list[tuple[int, int]], contrast: float) -> Tensor:
    """Draw spots of 1 to 4 pixels at half maximum, in turn bright and dark, real `(rows, columns)`."""
    rows, columns = torch.meshgrid(*(torch.arange(size) for size in shape), indexing="ij")
    image = torch.zeros(shape)
    for number, (row, column) in enumerate(places):
        width = 1 + number % 4
        square = ((rows - row) ** 2 + (columns - column) ** 2) / width**2
        image += (-1) ** number * contrast * torch.exp2(-4 * square)
    return image
