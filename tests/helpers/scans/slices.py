"""Small random slices for tests that need k-space but no anatomy."""

import torch
from torch import Tensor

from recon.data.acquisition import Acquisition, Header


def random_kspace(*shape: int, seed: int = 0, dtype: torch.dtype = torch.complex64) -> Tensor:
    """K-space `(..., coils, readout, phase)` of white noise."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.complex128).to(dtype)


def line_mask(phase: int, center: int = 6, every: int = 4, batch: int = 1) -> Tensor:
    """Masks `(batch, 1, 1, phase)`: every n-th line, shifted from one to the next, and `center` lines about DC."""
    index = torch.arange(phase)
    first = (phase - center + 1) // 2
    acs = (index >= first) & (index < first + center)
    return torch.stack([acs | ((index + shift) % every == 1) for shift in range(batch)]).reshape(batch, 1, 1, phase)


def random_acquisition(
    coils: int = 3, readout: int = 32, phase: int = 24, seed: int = 0, crop: tuple[int, int] | None = None
) -> Acquisition:
    """One undersampled slice of white noise."""
    full = Acquisition(
        kspace=random_kspace(coils, readout, phase, seed=seed),
        mask=torch.ones(phase, dtype=torch.bool),
        header=Header(crop=crop or (readout, phase), padding=(0, phase)),
        name="random.h5",
    )
    return full.undersample(line_mask(phase).reshape(phase))
