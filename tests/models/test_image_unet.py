import pytest
import torch

from helpers.slices import line_mask, random_kspace
from models.image_unet import ImageUnet


@pytest.mark.parametrize("matrix", [(33, 47), (16, 16)])
def test_image_has_the_size_and_the_scale_of_the_kspace(matrix: tuple[int, int]) -> None:
    network = ImageUnet(chans=4, pools=3).double()
    mask = line_mask(matrix[1])
    kspace = torch.where(mask, random_kspace(2, 3, *matrix, dtype=torch.complex128), 0)
    image = network(kspace, mask)
    assert image.shape == (2, *matrix)
    torch.testing.assert_close(network(kspace * 1e-6, mask), image * 1e-6)


def test_empty_slice_stays_empty_with_finite_gradients() -> None:
    network = ImageUnet(chans=4, pools=3)
    image = network(torch.zeros(1, 3, 24, 24, dtype=torch.complex64), line_mask(24))
    image.sum().backward()
    assert torch.equal(image, torch.zeros(1, 24, 24))
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())
