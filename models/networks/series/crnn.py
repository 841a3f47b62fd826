"""The convolutional recurrent network for series of frames (Qin et al. 2019)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from recon.models.blocks.unet import from_channels, to_channels
from recon.models.networks.deep_cascade import DataConsistency
from recon.models.networks.series.series_network import SeriesNetwork
from recon.solvers.problem import LeastSquares

LAYERS = 3
"""Number of layers that are recurrent over the iterations alone."""


@dataclass(frozen=True, eq=False)
class Iterate:
    """State that one iteration passes to the next.

    Attributes
    ----------
    kspace
        complex `(frames, coils, readout, phase)`.
    hidden
        real `(frames, chans, readout, phase)`: features of each recurrent layer; empty before the first iteration,
        when they are zero.
    """

    kspace: Tensor
    hidden: tuple[Tensor, ...] = ()


class ConvolutionalRecurrentNetwork(SeriesNetwork):
    """Iterations that pass features on to the next and to neighbouring frames (CRNN-MRI, Qin et al. 2019).

    Each iteration computes `u = S^H F^H k`, `u <- u + R(u, h)`, and `k <- DC(F S u)`. `R` has a layer that is
    recurrent over the iterations and, in both directions, over time; three that are recurrent over the iterations;
    and a last convolution. All iterations share their weights. With one coil this is the paper's network; with
    several, `R` refines the image combined with ESPIRiT maps `S`, which all frames share. Before the first frame and
    after the last the features are zero.

    Parameters
    ----------
    num_cascades
        Number of iterations.
    chans
        Number of channels of the hidden layers.
    noise_weight, real_image
        As for the `DeepCascade`.
    brightness
        Largest value of the zero-filled images as the network sees them, positive.

    Raises
    ------
    ValueError
        If the brightness is not positive.
    """

    def __init__(
        self,
        num_cascades: int = 5,
        chans: int = 64,
        noise_weight: float | None = None,
        real_image: bool = True,
        brightness: float = 1.0,
    ) -> None:
        super().__init__([RecurrentStep(chans, noise_weight)], real_image)
        if brightness <= 0:
            raise ValueError(f"the brightness must be positive, not {brightness:g}")
        self.num_cascades, self.brightness = num_cascades, brightness

    @property
    def steps(self) -> Sequence[nn.Module]:
        """The iterations: the same module again and again."""
        return list(self.cascades) * self.num_cascades

    def largest(self, kspace: Tensor) -> Tensor:
        """Return the unit of the series, by which its largest value is the brightness, real `(1, 1, 1, 1)`."""
        return super().largest(kspace) / self.brightness

    def solve(self, problem: LeastSquares) -> Tensor:
        """Estimate the missing samples, iteration by iteration."""
        return self.unroll(Iterate(problem.measured), problem).kspace


class RecurrentStep(nn.Module):
    """One iteration: recurrent layers with a residual connection, followed by data consistency.

    Parameters
    ----------
    chans, noise_weight
        As for the `ConvolutionalRecurrentNetwork`.
    """

    def __init__(self, chans: int, noise_weight: float | None) -> None:
        super().__init__()
        self.over_time = RecurrentInTime(2, chans)
        self.layers = nn.ModuleList(RecurrentInIterations(chans) for _ in range(LAYERS))
        self.last = convolution(chans, 2)
        self.data_consistency = DataConsistency(noise_weight)

    def forward(self, estimate: Iterate, problem: LeastSquares) -> Iterate:
        """Refine the images of all frames and restore data consistency."""
        images = problem.encoding.combine(estimate.kspace)
        channels = to_channels(images[:, 0])
        hidden = estimate.hidden or (channels.new_zeros(1, self.last.in_channels, 1, 1),) * (LAYERS + 1)
        features = [self.over_time(channels, hidden[0])]
        for layer, before in zip(self.layers, hidden[1:], strict=True):
            features.append(layer(features[-1], before))
        correction = from_channels(self.last(features[-1]).to(images.real.dtype)).unsqueeze(1)
        kspace = self.data_consistency(problem.encoding.coil_kspace(images + correction), problem)
        return Iterate(kspace, tuple(features))


class RecurrentInIterations(nn.Module):
    """Compute `relu(W f + V h)` from the features `f` of the layer before and its own `h` of the iteration before.

    Parameters
    ----------
    chans
        Number of channels.
    """

    def __init__(self, chans: int) -> None:
        super().__init__()
        self.features = convolution(chans, chans)
        self.previous = convolution(chans, chans)

    def forward(self, features: Tensor, hidden: Tensor) -> Tensor:
        """Map real `(frames, chans, readout, phase)` to the same shape; hidden features may be a single zero."""
        return (self.features(features) + self.previous(hidden)).relu()


class RecurrentInTime(nn.Module):
    """Add features passed on from frame to frame in the order of time to those passed on against it.

    In either direction, with the same weights, `g_t = relu(W x_t + V h_t + U g_(t-1))` for frames `x` and the
    features `h` of the iteration before.

    Parameters
    ----------
    inputs, chans
        Number of channels of a frame and of the features.
    """

    def __init__(self, inputs: int, chans: int) -> None:
        super().__init__()
        self.image = convolution(inputs, chans)
        self.neighbour = convolution(chans, chans)
        self.previous = convolution(chans, chans)

    def forward(self, frames: Tensor, hidden: Tensor) -> Tensor:
        """Map real `(frames, inputs, readout, phase)` to `(frames, chans, readout, phase)`."""
        given = self.image(frames) + self.previous(hidden)
        onwards = self._passed_on(given.unbind())
        back = self._passed_on(given.flip(0).unbind())
        return torch.stack(onwards) + torch.stack(back[::-1])

    def _passed_on(self, given: Sequence[Tensor]) -> list[Tensor]:
        passed = [(given[0] + self.neighbour(torch.zeros_like(given[0]))).relu()]
        for frame in given[1:]:
            passed.append((frame + self.neighbour(passed[-1])).relu())
        return passed


def convolution(inputs: int, outputs: int) -> nn.Conv2d:
    """Make a 3x3 convolution that keeps the size."""
    return nn.Conv2d(inputs, outputs, kernel_size=3, padding=1)
