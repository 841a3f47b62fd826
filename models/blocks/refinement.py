"""Refines images by a U-Net that sees the noise level, and predicts how far to trust the result."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor, nn

from recon.crop import fastmri_crop, fastmri_pad
from recon.models.blocks.unet import Unet, padded_matrix, start_near_zero

SETS = 2
"""Images per slice, one per set of sensitivity maps; the second is zero where the object does not fold over."""

INITIAL_LAMDA = 0.05
"""Weight of refined images in the fit to the data, before training."""

FAINTEST_NOISE = 1e-4
"""Noise level, relative to the root mean square of the image, below which noise does not matter."""


@dataclass(frozen=True, eq=False)
class Estimate:
    """The state passed from cascade to cascade, for a batch of slices.

    Attributes
    ----------
    images
        complex `(batch, 2, readout, phase)`: one image per set of sensitivity maps.
    noise
        real `(batch, readout, phase)`: standard deviation of the noise in the first estimate.
    acceleration
        real `(batch,)`: full number of samples over the number measured.
    hidden
        real `(batch, memory, readout, phase)`: hidden state that one refinement leaves for the next, as in a
        recurrent network; None before the first refinement.
    lamda
        real `(batch,)`: weight of `images` in the fit to the data; None before the first refinement.
    """

    images: Tensor
    noise: Tensor
    acceleration: Tensor
    hidden: Tensor | None = None
    lamda: Tensor | None = None


class Refinement(nn.Module):
    """Compute `z = x - g R(x, n)`: the U-Net `R` predicts artefacts and noise, the gain `g` how much to subtract.

    A small network computes `g`, and the weight `lamda` of `z` in the fit that follows, from the acceleration and the
    mean of the noise level `n`.

    Parameters
    ----------
    chans, pools
        Channels and poolings of the U-Net.
    memory
        Channels of the hidden state.
    inputs
        Number of channels that the images become.
    """

    def __init__(self, chans: int, pools: int, memory: int, inputs: int = 2 * SETS) -> None:
        super().__init__()
        self.pools, self.memory = pools, memory
        self.unet = Unet(inputs + 1 + memory, 2 * SETS + memory, chans, pools)
        self.control = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2))
        for last in (self.unet.last, self.control[-1]):
            start_near_zero(last)  # an untrained network refines almost nothing

    def forward(self, estimate: Estimate) -> Estimate:
        """Refine the images and predict their weight in the fit that follows."""
        images = estimate.images
        size = images.abs().square().mean((-3, -2, -1)).mul(SETS).sqrt()
        unit = torch.where(size > 0, size, 1)[:, None, None]
        noise = estimate.noise / unit
        levels = torch.stack(
            [noise.mean((-2, -1)).clamp(min=FAINTEST_NOISE).log10(), estimate.acceleration.log()], -1
        )
        log_gain, log_lamda = self.control(levels).float().unbind(-1)

        hidden = estimate.hidden
        if hidden is None:
            hidden = noise.new_zeros(len(noise), self.memory, *noise.shape[1:])
        features = torch.cat([self.channels(images / unit.unsqueeze(1)), noise.log1p().unsqueeze(1), hidden], dim=1)
        matrix = (images.shape[-2], images.shape[-1])
        padded = fastmri_pad(features, padded_matrix(matrix, self.pools))
        refined = self.unet(padded.contiguous(memory_format=torch.channels_last))
        artefacts, hidden = torch.split(fastmri_crop(refined, matrix).float(), [2 * SETS, self.memory], dim=1)
        subtracted = log_gain.exp()[:, None, None, None] * unit.unsqueeze(1) * _images(artefacts)
        lamda = INITIAL_LAMDA * log_lamda.exp()
        return Estimate(images - subtracted, estimate.noise, estimate.acceleration, hidden, lamda)

    def channels(self, images: Tensor) -> Tensor:
        """Split complex `(batch, sets, readout, phase)` into the channels that the U-Net sees."""
        return sets_to_channels(images)


def sets_to_channels(images: Tensor) -> Tensor:
    """Split complex `(batch, sets, readout, phase)` into real `(batch, 2 sets, readout, phase)`."""
    return rearrange(torch.view_as_real(images), "batch sets readout phase parts -> batch (sets parts) readout phase")


def _images(channels: Tensor) -> Tensor:
    """Undo `sets_to_channels`."""
    parts = rearrange(channels, "batch (sets parts) readout phase -> batch sets readout phase parts", parts=2)
    return torch.view_as_complex(parts.contiguous())
