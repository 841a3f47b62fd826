"""The deep cascade with data sharing for series of frames (Schlemper et al. 2018)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import ClassVar

import torch
from einops import rearrange
from torch import Tensor, nn

from recon.models.blocks.frames import shifted
from recon.models.blocks.unet import from_channels
from recon.models.networks.deep_cascade import DataConsistency
from recon.models.networks.series.series_network import SeriesNetwork
from recon.solvers.problem import LeastSquares


class DeepCascadeSeries(SeriesNetwork):
    """Data sharing, 3-D convolutions over frames, and data consistency in turn (Schlemper et al. 2018), multi-coil.

    Each cascade computes `u = S^H F^H k` and `u_n = S^H F^H k_n` for `n` from 1 to `neighbours`, where `k_n` has its
    missing samples replaced by their mean over `n` frames before and after. A network sees all of them,
    `u <- u + R(u, u_1, u_2, ...)`, and `k <- DC(F S u)` makes the result consistent, `(k + lamda k0) / (1 + lamda)`
    where measured. The first cascade takes the mean over the frames that measured a sample; the others, which have
    an estimate of every sample, that of all frames. All frames share the ESPIRiT maps `S`.

    Parameters
    ----------
    num_cascades
        Number of cascades (the paper's `n_c`).
    layers
        Number of convolutions in each network (`n_d`), 3x3x3.
    chans
        Number of channels between the convolutions (`n_f`).
    neighbours
        Largest number of frames before and after whose samples are shared.
    circular
        Whether the first frame follows the last, as in a series over one heart beat; otherwise the means and the
        convolutions end with the series.
    noise_weight, real_image
        As for the `DeepCascade`.
    """

    def __init__(
        self,
        num_cascades: int = 10,
        layers: int = 5,
        chans: int = 64,
        neighbours: int = 4,
        circular: bool = True,
        noise_weight: float | None = None,
        real_image: bool = True,
    ) -> None:
        steps = (
            SharingStep(layers, chans, neighbours, circular, noise_weight, first=number == 0)
            for number in range(num_cascades)
        )
        super().__init__(steps, real_image)

    def solve(self, problem: LeastSquares) -> Tensor:
        """Estimate the missing samples, cascade by cascade."""
        return self.unroll(problem.measured, problem)


class SharingStep(nn.Module):
    """One cascade: data sharing, a network with a residual connection, and data consistency.

    Parameters
    ----------
    layers, chans, neighbours, circular, noise_weight
        As for the `DeepCascadeSeries`.
    first
        Whether missing samples are zero, so that they do not count in the mean over neighbouring frames.
    """

    def __init__(
        self, layers: int, chans: int, neighbours: int, circular: bool, noise_weight: float | None, first: bool
    ) -> None:
        super().__init__()
        self.neighbours, self.circular, self.first = neighbours, circular, first
        self.network = FrameConvolutions(2 * (neighbours + 1), layers, chans, circular)
        self.data_consistency = DataConsistency(noise_weight)

    def forward(self, kspace: Tensor, problem: LeastSquares) -> Tensor:
        """Refine the images of complex `(frames, coils, readout, phase)` k-space and restore data consistency."""
        encoding = problem.encoding
        measured = encoding.mask.expand(len(kspace), -1, -1, -1)
        images = [encoding.combine(one) for one in (kspace, *self._shared(kspace, measured))]
        channels = torch.view_as_real(torch.cat(images, dim=1))
        correction = self.network(rearrange(channels, "frames images ... parts -> frames (images parts) ..."))
        refined = images[0] + from_channels(correction.to(images[0].real.dtype)).unsqueeze(1)
        return self.data_consistency(encoding.coil_kspace(refined), problem)

    def _shared(self, kspace: Tensor, measured: Tensor) -> Iterator[Tensor]:
        """Fill missing samples with their mean over 1, 2, ... frames before and after."""
        given = (measured if self.first else torch.ones_like(measured)).to(kspace.real.dtype)
        total, count = kspace, given
        for distance in range(1, self.neighbours + 1):
            for step in (-distance, distance):
                total = total + shifted(kspace, step, self.circular)
                count = count + shifted(given, step, self.circular)
            yield torch.where(measured, kspace, total / count.clamp(min=1))


class FrameConvolutions(nn.Module):
    """A stack of 3x3x3 convolutions with ReLUs in between, to the two channels of a correction.

    Parameters
    ----------
    inputs
        Number of channels of the first one.
    layers, chans, circular
        As for the `DeepCascadeSeries`.
    """

    compilable: ClassVar[bool] = True

    def __init__(self, inputs: int, layers: int, chans: int, circular: bool) -> None:
        super().__init__()
        self.circular = circular
        # A convolution over three frames is one over three times as many channels.
        self.layers = nn.ModuleList()
        for before, after in pairwise([inputs, *[chans] * (layers - 1), 2]):
            layer = nn.Conv2d(3 * before, after, kernel_size=3, padding=1)
            last = len(self.layers) == layers - 1
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="linear" if last else "relu")
            self.layers.append(layer)

    def forward(self, channels: Tensor) -> Tensor:
        """Map real `(frames, inputs, readout, phase)` to `(frames, 2, readout, phase)`."""
        for number, layer in enumerate(self.layers):
            features = channels.relu() if number else channels
            channels = layer(torch.cat([shifted(features, step, self.circular) for step in (1, 0, -1)], dim=1))
        return channels
