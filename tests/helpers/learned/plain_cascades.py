"""The published networks of Schlemper and Qin, restated as plainly as possible in the layout of their authors.

Images are `(frames, rows, columns)`, lines were left out along the rows, and the Fourier transform is orthonormal,
with DC at index 0.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn.functional import conv2d

CASCADES = 5
LAYERS = 5


def parts(images: Tensor) -> Tensor:
    """Real and imaginary parts as channels."""
    return torch.stack([images.real, images.imag], 1)


def consistent(channels: Tensor, kspace: Tensor, mask: Tensor) -> Tensor:
    """Images of which the measured samples are replaced."""
    predicted = torch.fft.fft2(torch.complex(channels[:, 0], channels[:, 1]), norm="ortho")
    return torch.fft.ifft2(torch.where(mask, kspace, predicted), norm="ortho")


def deep_cascade(
    arrays: Mapping[str, Tensor], kspace: Tensor, mask: Tensor, flipped: bool = True, layers: int = LAYERS
) -> Tensor:
    """D5-C5 (Schlemper et al. 2017), with kernels as Theano convolves, or as stored."""

    def kernel(number: int) -> Tensor:
        stored = arrays[f"arr_{number}"]
        return stored.flip(-2, -1) if flipped else stored

    images = torch.fft.ifft2(kspace, norm="ortho")
    for first in range(0, len(arrays), 2 * layers):
        features = parts(images)
        for number in range(first, first + 2 * layers, 2):
            features = conv2d(features, kernel(number), arrays[f"arr_{number + 1}"], padding=1)
            if number < first + 2 * (layers - 1):
                features = features.relu()
        images = consistent(parts(images) + features, kspace, mask)
    return images


def recurrent_network(weights: Mapping[str, Tensor], kspace: Tensor, mask: Tensor) -> Tensor:
    """CRNN-MRI (Qin et al. 2019), frame by frame."""

    def convolution(name: str) -> Callable[[Tensor], Tensor]:
        return lambda features: conv2d(features, weights[f"{name}.weight"], weights[f"{name}.bias"], padding=1)

    images = torch.fft.ifft2(kspace, norm="ortho")
    frames, rows, columns = images.shape
    chans = len(weights["conv1_x.bias"])
    nothing = torch.zeros(1, chans, rows, columns)
    hidden = {layer: [nothing] * frames for layer in range(4)}
    image_to, over_time, over_iterations = (
        convolution(f"bcrnn.CRNN_model.{part}") for part in ("i2h", "h2h", "ih2ih")
    )
    for _ in range(CASCADES):
        channels = parts(images)
        total = [nothing] * frames
        for order in (range(frames), reversed(range(frames))):
            neighbour = nothing
            for frame in order:
                given = image_to(channels[frame : frame + 1]) + over_iterations(hidden[0][frame])
                neighbour = (given + over_time(neighbour)).relu()
                total[frame] = total[frame] + neighbour
        hidden[0] = total
        for layer in (1, 2, 3):
            features, previous = convolution(f"conv{layer}_x"), convolution(f"conv{layer}_h")
            hidden[layer] = [
                (features(below) + previous(before)).relu()
                for below, before in zip(hidden[layer - 1], hidden[layer], strict=True)
            ]
        correction = torch.cat([convolution("conv4_x")(features) for features in hidden[3]])
        images = consistent(channels + correction, kspace, mask)
    return images
