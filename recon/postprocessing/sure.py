"""Combines candidates for a denoised image so that Stein's unbiased risk estimate of the combination is least."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

STEP = 0.1
"""Step of the numerical derivatives, in standard deviations of the noise."""

RIDGE = 1e-7
"""Share that is added to the diagonal, so that the system stays solvable if candidates are alike."""


class Candidate(NamedTuple):
    """Result of a denoiser for the images of a `Probe`.

    Attributes
    ----------
    images
        complex64 `(2, rows, columns)`.
    divergence
        float64 `()`: sum of the denoiser's derivatives, each pixel by itself, weighted by the variance of its noise.
    """

    images: Tensor
    divergence: Tensor


@dataclass(frozen=True, eq=False)
class Probe:
    """The noisy image, and the same image with a little more noise, which measures the divergence of denoisers.

    The divergence of a denoiser `f` is `E[b^H (f(y + e b) - f(y))] / e` for noise `b` (Ramani et al. 2008). Every
    step of a denoiser acts on both images.

    Attributes
    ----------
    images
        complex64 `(2, rows, columns)`: `y` and `y + e b`.
    noise
        complex64 `(rows, columns)`: `b`.
    power
        float64 `()`: expected sum of the squares of the noise.
    """

    images: Tensor
    noise: Tensor
    power: Tensor

    @classmethod
    def of(cls, image: Tensor, deviation: Tensor, support: Tensor) -> Probe:
        """Add noise to an image.

        Parameters
        ----------
        image
            complex64 or float32 `(rows, columns)`. A real image gets real noise.
        deviation
            float32 `(rows, columns)`: standard deviation of the real part of the noise.
        support
            bool `(rows, columns)`: frequencies at which there is noise, in the order of the fast Fourier transform.
        """
        generator = torch.Generator().manual_seed(0)
        white = torch.randn(image.shape, generator=generator, dtype=torch.complex64).to(image.device)
        cut = torch.fft.ifft2(torch.fft.fft2(white) * support) / support.float().mean().sqrt()
        if not image.is_complex():
            cut = cut.real.to(cut)
        noise = 2**0.5 * deviation * cut
        power = deviation.double().square().sum() * (2 if image.is_complex() else 1)
        images = torch.stack([image.to(noise), image + STEP * noise])
        return cls(images, noise, power)

    @property
    def unchanged(self) -> Candidate:
        """The noisy image itself."""
        return Candidate(self.images, self.power)

    def candidate(self, images: Tensor, linear: Tensor, trace: Tensor) -> Candidate:
        """Measure the divergence of a denoiser that is close to a linear one.

        Parameters
        ----------
        images
            complex64 `(2, rows, columns)`: the denoiser's result for both images.
        linear
            complex64 `(rows, columns)`: result for the second image of a linear operator that agrees with the
            denoiser on the first; its divergence is known.
        trace
            real `()`: divergence of the linear operator.
        """
        measured = ((images[1] - linear) * self.noise.conj()).real.double().sum() / STEP
        return Candidate(images, trace.double() + measured)

    def combine(self, candidates: Sequence[Candidate]) -> tuple[Candidate, Tensor]:
        """Return the linear combination of candidates with the least risk.

        The risk of `f` is `||f - y||^2 - tr C + 2 div_C f` (Stein 1981), a quadratic function of the weights (Blu &
        Luisier 2007).

        Returns
        -------
        tuple
            The combination; and the estimate of its squared error, summed over all pixels, float64 `()`.
        """
        images = torch.stack([one.images for one in candidates])
        divergence = torch.stack([one.divergence for one in candidates])
        flat = torch.view_as_real(images[:, 0]).flatten(1).double()
        measured = torch.view_as_real(self.images[0]).flatten().double()
        gram = flat @ flat.T
        unit = gram.diagonal().sqrt().clamp(min=torch.finfo(torch.float32).tiny)
        normal = gram / unit / unit[:, None] + RIDGE * torch.eye(len(gram)).to(gram)
        weights = torch.linalg.solve(normal, (flat @ measured - divergence) / unit) / unit
        best = Candidate(torch.einsum("n,nkrc->krc", weights.to(images), images), weights @ divergence)
        distance = (best.images[0] - self.images[0]).abs().square().double().sum()
        return best, distance - self.power + 2 * best.divergence
