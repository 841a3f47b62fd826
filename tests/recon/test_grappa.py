import pytest
import torch

from data.errors import InputError
from data.masks import MaskKind, Sampling
from helpers.objects import object_acquisition
from recon.grappa import Grappa


@pytest.mark.parametrize("kind", list(MaskKind))
def test_measured_lines_are_left_as_they_are(kind: MaskKind) -> None:
    acquisition = Sampling(kind, 3, 0.2)(object_acquisition(noise=1e-2))
    filled = Grappa().fill(acquisition)
    torch.testing.assert_close(
        filled[..., acquisition.mask], acquisition.kspace[..., acquisition.mask], rtol=0, atol=0
    )


def test_missing_lines_of_a_noiseless_scan_are_recovered() -> None:
    full = object_acquisition(coils=8)
    acquisition = full.undersample(
        (torch.arange(60) % 2 == 0) | ((torch.arange(60) > 18) & (torch.arange(60) < 42))
    )
    filled = Grappa(lamda=1e-6).fill(acquisition)
    missing = ~acquisition.mask
    error = (filled - full.kspace)[..., missing].norm() / full.kspace[..., missing].norm()
    assert error < 0.05


def test_a_mask_that_varies_along_readout_is_refused() -> None:
    full = object_acquisition()
    mask = torch.rand(64, 60, generator=torch.Generator().manual_seed(0)) > 0.3
    with pytest.raises(InputError, match="along phase only"):
        Grappa()(full.undersample(mask))
