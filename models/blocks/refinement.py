"""One learned refinement: a U-Net that knows the noise, and how far to trust what it gives."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor, nn

from recon.crop import center_crop, center_pad
from recon.models.blocks.unet import Unet, padded_matrix, soften

SETS = 2
"""Images of a slice: one for each set of maps; the second is empty where the object is not folded."""

FIRST_LAMDA = 0.05

FAINTEST_NOISE = 1e-4
"""Share of the image's root mean square below which noise does not matter."""


@dataclass(frozen=True, eq=False)
class Estimate:
    """What passes from cascade to cascade, for a batch of slices.

    Attributes
    ----------
    images
        complex `(batch, 2, readout, phase)`.
    noise
        real `(batch, readout, phase)`: standard deviation of the noise of the first estimate.
    acceleration
        real `(batch,)`.
    notes
        real `(batch, memory, readout, phase)`, of one refinement for the next; None before the first.
    lamda
        real `(batch,)`: weight of these images in the fit to the data; None before the first refinement.
    """

    images: Tensor
    noise: Tensor
    acceleration: Tensor
    notes: Tensor | None = None
    lamda: Tensor | None = None


class Refinement(nn.Module):
    """`z = x - g R(x, n)`: a U-Net finds artefacts and noise; acceleration and noise level say how much to take off.

    Parameters
    ----------
    chans, pools
        Of the U-Net.
    memory
        Channels of the notes.
    """

    def __init__(self, chans: int, pools: int, memory: int) -> None:
        super().__init__()
        self.pools, self.memory = pools, memory
        self.unet = Unet(2 * SETS + 1 + memory, 2 * SETS + memory, chans, pools)
        self.control = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2))
        for last in (self.unet.last, self.control[-1]):
            soften(last)  # before training next to nothing is refined

    def forward(self, estimate: Estimate) -> Estimate:
        """Refine the images and say how far to trust them."""
        images = estimate.images
        size = images.abs().square().mean((-3, -2, -1)).mul(SETS).sqrt()
        unit = torch.where(size > 0, size, 1)[:, None, None]
        noise = estimate.noise / unit
        levels = torch.stack(
            [noise.mean((-2, -1)).clamp(min=FAINTEST_NOISE).log10(), estimate.acceleration.log()], -1
        )
        log_gain, log_lamda = self.control(levels).float().unbind(-1)

        notes = (
            noise.new_zeros(len(noise), self.memory, *noise.shape[1:]) if estimate.notes is None else estimate.notes
        )
        seen = torch.cat([_channels(images / unit.unsqueeze(1)), noise.log1p().unsqueeze(1), notes], dim=1)
        matrix = (images.shape[-2], images.shape[-1])
        padded = center_pad(seen, padded_matrix(matrix, self.pools)).contiguous(memory_format=torch.channels_last)
        found, notes = torch.split(center_crop(self.unet(padded), matrix).float(), [2 * SETS, self.memory], dim=1)
        taken_off = log_gain.exp()[:, None, None, None] * unit.unsqueeze(1) * _images(found)
        return Estimate(
            images - taken_off, estimate.noise, estimate.acceleration, notes, FIRST_LAMDA * log_lamda.exp()
        )


def _channels(images: Tensor) -> Tensor:
    """Complex `(batch, sets, readout, phase)` to real `(batch, 2 sets, readout, phase)`."""
    return rearrange(torch.view_as_real(images), "batch sets readout phase parts -> batch (sets parts) readout phase")


def _images(channels: Tensor) -> Tensor:
    """Undo `_channels`."""
    parts = rearrange(channels, "batch (sets parts) readout phase -> batch sets readout phase parts", parts=2)
    return torch.view_as_complex(parts.contiguous())
