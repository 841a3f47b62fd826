import pytest
import torch

from recon.models.blocks import convolution
from recon.models.blocks.convolution import Convolution


@pytest.mark.parametrize("part", [1, 300, 1000, 2**26])
def test_parts_of_the_weights_give_what_all_of_them_give(part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)
    layer = Convolution(3, 10, kernel_size=3, padding=1, bias=False)
    features = torch.randn(2, 3, 9, 7, generator=generator).to(memory_format=torch.channels_last)
    wanted = layer(features)
    monkeypatch.setattr(convolution, "LARGEST_PART", part)
    with torch.no_grad():
        found = layer(features)
    torch.testing.assert_close(found, wanted)
    assert found.is_contiguous(memory_format=torch.channels_last)
