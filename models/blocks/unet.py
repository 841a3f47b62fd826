"""The U-Net, its layers, and the conversion of complex images to channels and back.

Features are stored channels last throughout. A complex image is then two channels without a copy, and convolutions of
few channels are up to three times faster.
"""

from collections import OrderedDict
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d

from recon.blocking import in_blocks
from recon.crop import fastmri_crop, fastmri_pad
from recon.models.blocks.instance_norm import InstanceNormLeakyReLU

FASTMRI_MULTIPLE = 16
"""Multiple to which fastMRI pads both sides of an image."""

INITIAL_SCALE = 0.01
"""Factor that makes the weights of a fresh last layer small."""

CHUNK_BYTES = 2**26
"""Size of the largest chunk of weights that a convolution uses at once on a CPU."""


class Convolution(nn.Conv2d):
    """A convolution without bias that uses large weights in chunks, in inference on a CPU.

    There torch makes two reordered copies of the weights in every call. Output channels do not depend on each other,
    so one chunk of them at a time bounds the memory of these copies.
    """

    def forward(self, features: Tensor) -> Tensor:
        """Convolve `(batch, in_chans, height, width)` to `(batch, out_chans, height, width)`."""
        chunks = -(-self.weight.nbytes // CHUNK_BYTES)
        if chunks == 1 or torch.is_grad_enabled() or not in_blocks(features):
            return super().forward(features)
        weights = self.weight.chunk(chunks)
        return torch.cat([conv2d(features, chunk, padding=self.padding) for chunk in weights], dim=1)


class ConvBlock(nn.Module):
    """Two 3x3 convolutions, each followed by instance normalisation, leaky ReLU and dropout."""

    def __init__(self, in_chans: int, out_chans: int, drop_prob: float) -> None:
        super().__init__()
        # The names are fastMRI's, where normalisation and activation are two modules.
        self.layers = nn.Sequential(
            OrderedDict(
                {
                    "0": Convolution(in_chans, out_chans, kernel_size=3, padding=1, bias=False),
                    "1": InstanceNormLeakyReLU(),
                    "3": nn.Dropout2d(drop_prob),
                    "4": Convolution(out_chans, out_chans, kernel_size=3, padding=1, bias=False),
                    "5": InstanceNormLeakyReLU(),
                    "7": nn.Dropout2d(drop_prob),
                }
            )
        )

    def forward(self, features: Tensor) -> Tensor:
        """Map `(batch, in_chans, height, width)` to `(batch, out_chans, height, width)`."""
        refined: Tensor = self.layers(features)
        return refined


class TransposeConvBlock(nn.Module):
    """A transposed convolution that doubles both axes, then instance normalisation and leaky ReLU."""

    def __init__(self, in_chans: int, out_chans: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.ConvTranspose2d(in_chans, out_chans, kernel_size=2, stride=2, bias=False),
            InstanceNormLeakyReLU(),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Map `(batch, in_chans, height, width)` to `(batch, out_chans, 2 height, 2 width)`."""
        upsampled: Tensor = self.layers(features)
        return upsampled


class Unet(nn.Module):
    """The U-Net (Ronneberger et al. 2015) in fastMRI's form (Zbontar et al. 2018).

    Parameter names are fastMRI's, so weights pass between the two unchanged.

    Parameters
    ----------
    in_chans, out_chans
        Number of real channels of the input and the output.
    chans
        Number of channels after the first convolution; it doubles with every pooling.
    pools
        Number of times both axes are halved.
    drop_prob
        Probability of dropping a channel in training.
    """

    compilable: ClassVar[bool] = True

    def __init__(
        self, in_chans: int, out_chans: int, chans: int = 32, pools: int = 4, drop_prob: float = 0.0
    ) -> None:
        super().__init__()
        widths = [chans * 2**level for level in range(pools)]
        deepest = widths[-1] * 2
        self.down_sample_layers = nn.ModuleList(
            ConvBlock(before, width, drop_prob) for before, width in zip([in_chans, *widths], widths, strict=False)
        )
        self.conv = ConvBlock(widths[-1], deepest, drop_prob)
        self.up_transpose_conv = nn.ModuleList(TransposeConvBlock(2 * width, width) for width in reversed(widths))
        blocks: list[nn.Module] = [ConvBlock(2 * width, width, drop_prob) for width in reversed(widths)]
        blocks[-1] = nn.Sequential(blocks[-1], nn.Conv2d(chans, out_chans, kernel_size=1))
        self.up_conv = nn.ModuleList(blocks)

    @property
    def last(self) -> nn.Module:
        """The convolution that computes the output."""
        *_, convolution = self.up_conv[-1].children()
        return convolution

    def forward(self, image: Tensor) -> Tensor:
        """Refine an image whose height and width are multiples of `2**pools`.

        Parameters
        ----------
        image
            real `(batch, in_chans, height, width)`.

        Returns
        -------
        Tensor
            real `(batch, out_chans, height, width)`.
        """
        features, skipped = image, []
        for down in self.down_sample_layers:
            features = down(features)
            skipped.append(features)
            features = avg_pool2d(features, kernel_size=2)
        features = self.conv(features)
        for upsample, convolve in zip(self.up_transpose_conv, self.up_conv, strict=True):
            features = upsample(features)  # one step at a time, so that used features are freed
            features = torch.cat([features, skipped.pop()], dim=1)
            features = convolve(features)
        return features


class NormUnet(nn.Module):
    """A U-Net for images of any size, mean and scale (fastMRI's `NormUnet`, Sriram et al. 2020).

    Each channel of the input is normalised to zero mean and unit standard deviation and padded with zeros to a size
    that can be halved `pools` times; the output is cropped and the normalisation undone. The output scales with the
    image, and a constant image, such as all zeros, is returned unchanged.

    Parameters
    ----------
    chans, pools, drop_prob
        As for the `Unet`.
    in_chans
        Number of real channels of the image: 2 for a complex image, 1 for a magnitude.
    """

    def __init__(self, chans: int, pools: int, in_chans: int = 2, drop_prob: float = 0.0) -> None:
        super().__init__()
        self.pools = pools
        self.unet = Unet(in_chans, in_chans, chans, pools, drop_prob)

    def forward(self, image: Tensor) -> Tensor:
        """Refine complex images `(batch, readout, phase)` or real ones `(batch, in_chans, readout, phase)`."""
        if image.is_complex():
            return from_channels(self(to_channels(image)))
        mean = image.mean(dim=(-2, -1), keepdim=True)
        centred = image - mean
        variance = centred.square().sum(dim=(-2, -1), keepdim=True) / (image.shape[-2] * image.shape[-1] - 1)
        # The square root has infinite slope at zero, which would make the gradient NaN.
        varies = variance > 0
        std = torch.where(varies, variance, 1).sqrt()

        matrix = (image.shape[-2], image.shape[-1])
        padded = fastmri_pad(centred / std, padded_matrix(matrix, self.pools))
        refined = fastmri_crop(self.unet(padded.contiguous(memory_format=torch.channels_last)), matrix)
        return refined.to(image.dtype) * torch.where(varies, std, 0) + mean


def to_channels(image: Tensor) -> Tensor:
    """View complex `(batch, readout, phase)` as real and imaginary parts, `(batch, 2, readout, phase)`."""
    return torch.view_as_real(image).permute(0, 3, 1, 2)


def from_channels(channels: Tensor) -> Tensor:
    """Join real and imaginary parts `(batch, 2, readout, phase)` to complex `(batch, readout, phase)`."""
    return torch.view_as_complex(channels.permute(0, 2, 3, 1).contiguous())


def padded_matrix(matrix: tuple[int, int], pools: int) -> tuple[int, int]:
    """Return the smallest size that can be halved `pools` times, at least a multiple of 16 as in fastMRI."""
    multiple = max(FASTMRI_MULTIPLE, 2**pools)
    height, width = (-(-size // multiple) * multiple for size in matrix)
    # Instance normalisation needs more than one pixel at the coarsest level.
    single_pixel = height == width == 2**pools
    return height, 2 * width if single_pixel else width


@torch.no_grad()
def start_near_zero(last: nn.Module) -> None:
    """Scale the weights of a fresh last layer by `INITIAL_SCALE`, so that an untrained network changes little."""
    for parameter in last.parameters():
        parameter.mul_(INITIAL_SCALE)
