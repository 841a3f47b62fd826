"""The stage Gain: denoising by the noise map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from recon.data.acquisition import Acquisition
from recon.postprocessing.multi_wavelet import denoise
from recon.postprocessing.stage import Stage
from recon.registry import register_stage


@register_stage("gain")
@dataclass(frozen=True)
class Gain(Stage):
    """`argmin_a SURE(sum_i a_i f_i(y))` over a bank of wavelet denoisers `f` of the complex image, in two passes.

    Siemens' Deep Resolve Gain denoises iteratively in the wavelet domain, with the noise map of parallel imaging as
    prior knowledge and an adjustable strength (Behl, MAGNETOM Flash; Kannengiesser et al. 2016). A patent describes
    the algorithm (Mailhe, Nadar, Kannengiesser, US 9,569,843): a bank of undecimated wavelet denoisers, each
    threshold scaled by the noise that propagates to its coefficient, combined with the current best image at the
    least complex risk of Stein, repeatedly. This part is implemented as published. The wavelets and rules of the
    product are not published: Haar and steerable wavelets, a weight for each scale, thresholding by the power of
    neighbours, the Wiener filter in the second pass, and the meaning of the strength are our own choices.

    Attributes
    ----------
    strength
        Factor of the noise map: 0 changes nothing, 1 minimises the estimated error, 2 removes more than
        noise.
    """

    strength: Annotated[float, Field(ge=0, le=2)] = 1.0

    def __call__(self, image: Tensor, noise: Tensor, acquisition: Acquisition) -> Tensor:
        """Denoise complex64 `(rows, columns)`."""
        return denoise(image, self.strength * noise, noise_support(acquisition, image)).image

    @property
    def takes_magnitude(self) -> bool:
        """Whether images without raw data can be denoised: yes."""
        return True

    def magnitude(self, image: Tensor, noise: Tensor) -> Tensor:
        """Denoise float32 `(rows, columns)`; a magnitude never becomes negative."""
        return denoise(image, self.strength * noise).image.clamp(min=0)


def noise_support(acquisition: Acquisition, image: Tensor) -> Tensor:
    """Mark the frequencies of an image that the scanner measured; the others are padding without noise.

    Parameters
    ----------
    acquisition
        The slice, k-space `(coils, readout, phase)`.
    image
        `(rows, columns)`: its image, cropped or not.

    Returns
    -------
    Tensor
        bool `(rows, columns)`, in the order of the fast Fourier transform.
    """
    rows = torch.nonzero(acquisition.kspace.any(dim=0).any(dim=-1)).flatten()
    reach = (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, acquisition.matrix[0])
    down, across = (
        _between(size, (first - samples // 2) / samples, (last - samples // 2) / samples)
        for size, samples, (first, last) in zip(
            image.shape, acquisition.matrix, (reach, acquisition.header.padding), strict=True
        )
    )
    return torch.outer(down, across).to(image.device)


def _between(size: int, first: float, last: float) -> Tensor:
    """Mark the frequencies `[first, last)`, in cycles per pixel, of an axis."""
    frequencies = torch.fft.fftfreq(size, dtype=torch.float64)
    return (frequencies >= first - 0.5 / size) & (frequencies < last - 0.5 / size)
