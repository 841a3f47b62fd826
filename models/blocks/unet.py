"""The U-Net, and the doors through which a complex image enters and leaves it.

Features lie in memory with their channels last, on all the way: so a complex image is two channels without being
copied, and convolutions of few channels are up to three times faster.
"""

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from recon.crop import center_crop, center_pad
from recon.models.blocks.convolution import Convolution
from recon.models.blocks.instance_norm import InstanceNormLeakyReLU

FASTMRI_MULTIPLE = 16

SOFT_START = 0.01


class ConvBlock(nn.Module):
    """Two 3x3 convolutions, each followed by instance normalisation, leaky ReLU and dropout."""

    def __init__(self, in_chans: int, out_chans: int, drop_prob: float) -> None:
        super().__init__()
        # Numbered as in fastMRI, whose normalisation and activation are two modules.
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
        """`(batch, in_chans, height, width)` to `(batch, out_chans, height, width)`."""
        refined: Tensor = self.layers(features)
        return refined


class TransposeConvBlock(nn.Module):
    """A transposed convolution that doubles both axes, instance normalisation and leaky ReLU."""

    def __init__(self, in_chans: int, out_chans: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.ConvTranspose2d(in_chans, out_chans, kernel_size=2, stride=2, bias=False),
            InstanceNormLeakyReLU(),
        )

    def forward(self, features: Tensor) -> Tensor:
        """`(batch, in_chans, height, width)` to `(batch, out_chans, 2 height, 2 width)`."""
        upsampled: Tensor = self.layers(features)
        return upsampled


class Unet(nn.Module):
    """The U-Net (Ronneberger et al. 2015) in fastMRI's form (Zbontar et al. 2018).

    Its parameters carry fastMRI's names, so that weights pass between the two unchanged.

    Parameters
    ----------
    in_chans, out_chans
        Real channels of the input and the output.
    chans
        Channels after the first convolution; they double with every pooling.
    pools
        How many times both axes are halved.
    drop_prob
        Probability with which a channel is dropped in training.
    """

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
        """The convolution that gives the output."""
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
            features = upsample(features)  # step by step, so that what was used is let go
            features = torch.cat([features, skipped.pop()], dim=1)
            features = convolve(features)
        return features


class NormUnet(nn.Module):
    """A U-Net for images of any size, blind to their mean and scale.

    What enters is brought to zero mean and unit standard deviation, channel by channel, and padded with zeros
    to a size that can be halved `pools` times; what leaves is cropped and brought back. The result scales with
    the image, and an image that is constant, all zeros above all, comes back as it is.

    Parameters
    ----------
    chans, pools, drop_prob
        As for the `Unet`.
    in_chans
        Real channels of the image: 2 for a complex one, 1 for a magnitude.
    """

    def __init__(self, chans: int, pools: int, in_chans: int = 2, drop_prob: float = 0.0) -> None:
        super().__init__()
        self.pools = pools
        self.unet = Unet(in_chans, in_chans, chans, pools, drop_prob)

    def forward(self, image: Tensor) -> Tensor:
        """Refine a complex `(batch, readout, phase)` or a real `(batch, in_chans, readout, phase)` image."""
        if image.is_complex():
            return from_channels(self(to_channels(image)))
        mean = image.mean(dim=(-2, -1), keepdim=True)
        centred = image - mean
        variance = centred.square().sum(dim=(-2, -1), keepdim=True) / (image.shape[-2] * image.shape[-1] - 1)
        # The square root is kept away from zero, where its slope is infinite and would make the gradient NaN.
        varies = variance > 0
        std = torch.where(varies, variance, 1).sqrt()

        matrix = (image.shape[-2], image.shape[-1])
        padded = center_pad(centred / std, padded_matrix(matrix, self.pools))
        refined = center_crop(self.unet(padded.contiguous(memory_format=torch.channels_last)), matrix)
        return refined.to(image.dtype) * torch.where(varies, std, 0) + mean


def to_channels(image: Tensor) -> Tensor:
    """Complex `(batch, readout, phase)` to its real and imaginary part, `(batch, 2, readout, phase)`."""
    return torch.view_as_real(image).permute(0, 3, 1, 2)


def from_channels(channels: Tensor) -> Tensor:
    """Real and imaginary part `(batch, 2, readout, phase)` to one complex `(batch, readout, phase)`."""
    return torch.view_as_complex(channels.permute(0, 2, 3, 1).contiguous())


def padded_matrix(matrix: tuple[int, int], pools: int) -> tuple[int, int]:
    """Smallest size that can be halved `pools` times; for up to 4 pools the multiple of 16 of fastMRI's weights."""
    multiple = max(FASTMRI_MULTIPLE, 2**pools)
    height, width = (-(-size // multiple) * multiple for size in matrix)
    # Instance normalisation needs more than the one pixel that would be left at the bottom.
    single_pixel = height == width == 2**pools
    return height, 2 * width if single_pixel else width


@torch.no_grad()
def soften(last: nn.Module) -> None:
    """Make the weights of a fresh last layer a hundredth, so that before training a network does next to nothing."""
    for parameter in last.parameters():
        parameter.mul_(SOFT_START)
