import fastmri.models
import pytest
import torch

from recon.models.blocks import unet
from recon.models.blocks.unet import Convolution, NormUnet, Unet, from_channels, padded_matrix, to_channels


@pytest.mark.parametrize("size", [1, 300, 1000, 2**26])
def test_convolution_in_chunks_equals_that_with_all_weights(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)
    layer = Convolution(3, 10, kernel_size=3, padding=1, bias=False)
    features = torch.randn(2, 3, 9, 7, generator=generator).to(memory_format=torch.channels_last)
    expected = layer(features)
    monkeypatch.setattr(unet, "CHUNK_BYTES", size)
    with torch.no_grad():
        chunked = layer(features)
    torch.testing.assert_close(chunked, expected)
    assert chunked.is_contiguous(memory_format=torch.channels_last)


def test_unet_equals_fastmris() -> None:
    ours = Unet(2, 3, chans=4, pools=3)
    theirs = fastmri.models.Unet(2, 3, chans=4, num_pool_layers=3)
    ours.load_state_dict(theirs.state_dict())
    image = torch.randn(2, 2, 32, 48)
    expected = theirs(image)
    assert (ours(image) - expected).norm() < 2e-6 * expected.norm()


def test_channels_and_complex_images_convert_both_ways() -> None:
    image = torch.randn(2, 5, 7, dtype=torch.complex64)
    assert torch.equal(from_channels(to_channels(image)), image)


@pytest.mark.parametrize("pools", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("matrix", [(1, 1), (5, 16), (33, 31), (16, 17), (32, 32), (640, 368)])
def test_padded_matrix_can_be_halved_and_keeps_more_than_one_pixel(matrix: tuple[int, int], pools: int) -> None:
    height, width = padded_matrix(matrix, pools)
    assert height % 2**pools == width % 2**pools == 0
    assert height >= matrix[0]
    assert width >= matrix[1]
    assert (height // 2**pools) * (width // 2**pools) > 1


@pytest.mark.parametrize("scale", [1e-12, 1e-4, 1e6])
def test_refined_image_scales_with_the_image(scale: float) -> None:
    network = NormUnet(chans=4, pools=2)
    image = torch.randn(1, 20, 27, dtype=torch.complex64)
    torch.testing.assert_close(network(image * scale) / scale, network(image), rtol=1e-4, atol=1e-4)


def test_the_mean_of_the_image_is_kept() -> None:
    network = NormUnet(chans=4, pools=2).double()
    image = torch.randn(1, 20, 27, dtype=torch.complex128)
    torch.testing.assert_close(network(image + (3 - 2j)), network(image) + (3 - 2j))


@pytest.mark.parametrize("value", [0, 2 + 1j])
def test_constant_image_comes_back_with_finite_gradients(value: complex) -> None:
    network = NormUnet(chans=4, pools=2)
    image = torch.full((1, 16, 16), value, dtype=torch.complex64, requires_grad=True)
    refined = network(image)
    refined.abs().square().sum().backward()
    assert torch.equal(refined, image)
    assert image.grad.isfinite().all()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())


def test_images_of_a_batch_are_independent() -> None:
    network = NormUnet(chans=4, pools=2).double()
    images = torch.randn(3, 20, 27, dtype=torch.complex128)
    together = network(images)
    torch.testing.assert_close(together, torch.cat([network(image[None]) for image in images]))
