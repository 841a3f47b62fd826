"""From an acquisition to one of sigpy's apps and back."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from data.acquisition import Acquisition
from recon.coils import rss
from recon.crop import center_crop
from recon.espirit import estimate_sens_maps
from recon.fourier import ifft


def solve_with(app: Callable[..., Any], acquisition: Acquisition, **settings: Any) -> Tensor:
    """Reconstruct one slice with a sigpy app that takes k-space, maps and weights.

    Parameters
    ----------
    app
        `SenseRecon`, `L1WaveletRecon` or `TotalVariationRecon`.
    acquisition
        K-space `(coils, readout, phase)`; it is scaled so that the zero-filled image's maximum is 1, which makes
        the settings independent of the scanner's units, and the image is scaled back.
    **settings
        Passed to the app.

    Returns
    -------
    Tensor
        float32 `(rows, columns)`.
    """
    scale = rss(ifft(acquisition.kspace)).max()
    if scale == 0:
        return torch.zeros(acquisition.crop)
    mask = acquisition.mask.expand(acquisition.matrix)
    image = app(
        _array(acquisition.kspace / scale),
        _array(estimate_sens_maps(acquisition)),
        weights=_array(mask.to(torch.float32)),
        show_pbar=False,
        **settings,
    ).run()
    return center_crop(torch.from_numpy(np.abs(image)).to(scale) * scale, acquisition.crop)


def _array(tensor: Tensor) -> np.ndarray[Any, Any]:
    return np.ascontiguousarray(tensor.cpu().numpy())
