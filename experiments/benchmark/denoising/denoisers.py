"""Lists the denoisers to compare; each of them gets the true noise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recon.data.acquisition import Acquisition, Header
from recon.data.errors import InputError
from recon.data.extras import MissingExtraError, extra
from recon.fourier import fft
from recon.registry import create_stage, stage_names

Denoise = Callable[[Tensor, Tensor], Tensor]
"""Denoises a complex image `(rows, columns)`, given the standard deviation of its real part's noise."""

Part = NDArray[np.floating]
"""Real or imaginary part of an image, `(rows, columns)`."""

BM3D, NOISY = "BM3D", "noisy"

NLM = {"patch_size": 5, "patch_distance": 6, "fast_mode": True}
"""Settings of non-local means, those of scikit-image's own example of a known noise."""

NLM_FILTER = 0.6
"""Strength `h` of non-local means in units of the noise, from the same example."""


def denoisers(stages: Mapping[str, Mapping[str, Any]]) -> tuple[dict[str, Denoise], list[str]]:
    """Return the denoisers that can run by name, and for each of the others a sentence that says why it cannot.

    Parameters
    ----------
    stages
        Settings of the stages to compare, by name.
    """
    found: dict[str, Denoise] = {NOISY: lambda image, _noise: image}
    missing: list[str] = []
    builders: dict[str, Callable[[], Denoise]] = {BM3D: bm3d, "non-local means": non_local_means}
    builders |= {name: _stage_builder(name, settings) for name, settings in stages.items()}
    for name, build in builders.items():
        try:
            found[name] = build()
        except (MissingExtraError, InputError) as error:
            missing.append(f"{name} is left out: {error}")
    return found, missing


def bm3d() -> Denoise:
    """Return BM3D (Dabov et al. 2007) of the package bm3d, on real and imaginary part one after the other.

    Raises
    ------
    MissingExtraError
        If the package is not installed.
    """
    with extra("bm3d", "BM3D"):
        import bm3d as package  # noqa: PLC0415 - an extra

    return lambda image, noise: _by_part(image, noise, package.bm3d)


def non_local_means() -> Denoise:
    """Return non-local means (Buades et al. 2005) of scikit-image, on real and imaginary part one after the other."""
    from skimage.restoration import denoise_nl_means  # noqa: PLC0415 - slow to import

    def denoise(part: Part, sigma: float) -> Part:
        return denoise_nl_means(part, h=NLM_FILTER * sigma, sigma=sigma, **NLM)

    return lambda image, noise: _by_part(image, noise, denoise)


def stage(name: str, settings: Mapping[str, Any]) -> Denoise:
    """Return a post-processing stage.

    Raises
    ------
    InputError
        If there is no such stage, or it cannot be prepared.
    """
    built = create_stage(name, settings)
    built.prepare()

    return lambda image, noise: built(image, noise, _acquisition(image)).to(torch.complex64)


def knowing_the_mean(denoise: Denoise) -> Denoise:
    """Return the denoiser without its noise map: it gets the root mean square of the noise in every pixel."""
    return lambda image, noise: denoise(image, torch.full_like(noise, _mean(noise)))


def known_stages() -> list[str]:
    """Return the names of the available stages that denoise."""
    return [name for name in ("gain", "dlr") if name in stage_names()]


def _stage_builder(name: str, settings: Mapping[str, Any]) -> Callable[[], Denoise]:
    return lambda: stage(name, settings)


def _acquisition(image: Tensor) -> Acquisition:
    """Return the fully sampled scan of one coil that an image comes from."""
    rows, columns = image.shape
    header = Header(crop=(rows, columns), padding=(0, columns))
    return Acquisition(fft(image.unsqueeze(0)), torch.ones(columns, dtype=torch.bool), header)


def _mean(noise: Tensor) -> float:
    return float(noise.square().mean().sqrt())


def _by_part(image: Tensor, noise: Tensor, denoise: Callable[[Part, float], Part]) -> Tensor:
    """Denoise real and imaginary part, scaled to values about 1 as other packages expect, by the mean noise."""
    unit, sigma = float(image.abs().amax()), _mean(noise)
    parts = [denoise((part / unit).numpy(), sigma / unit) for part in (image.real, image.imag)]
    return unit * torch.complex(*(torch.from_numpy(np.asarray(part, np.float32)) for part in parts))
