"""Properties of networks that reconstruct the frames of a series together."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from helpers.learned.networks import SMALL, write_weights
from helpers.scans.objects import object_acquisition
from helpers.scans.slices import line_mask, random_kspace
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.fourier import fft, ifft
from recon.models.blocks.frames import shifted
from recon.models.networks.series.crnn import ConvolutionalRecurrentNetwork
from recon.models.networks.series.deep_cascade_series import DeepCascadeSeries, FrameConvolutions, SharingStep
from recon.models.networks.series.series_network import takes_series
from recon.models.zoo import NETWORKS, build, method_of
from recon.registry import create
from recon.solvers.encoding import Encoding
from recon.solvers.problem import LeastSquares

SERIES = [name for name, network in NETWORKS.items() if takes_series(network)]
CIRCULAR = ["deep-cascade-series", "varnet-series"]


def network_of(name: str, **arguments: object) -> nn.Module:
    torch.manual_seed(0)
    return build(name, SMALL[name] | arguments)


def frames(count: int = 5, coils: int = 3, matrix: tuple[int, int] = (20, 24)) -> tuple[Tensor, Tensor]:
    mask = line_mask(matrix[1], batch=count)
    return torch.where(mask, random_kspace(count, coils, *matrix), 0), mask


@pytest.mark.parametrize("name", SERIES)
def test_frames_depend_on_one_another(name: str) -> None:
    network = network_of(name)
    kspace, mask = frames()
    changed = kspace.clone()
    changed[2] += torch.where(mask[2], random_kspace(3, 20, 24, seed=1), 0)
    difference = (network(changed, mask) - network(kspace, mask)).abs().amax((-2, -1))
    assert (difference[1:4] > 1e-3).all()


@pytest.mark.parametrize("name", SERIES)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_short_series_are_reconstructed(name: str, count: int) -> None:
    image = network_of(name)(*frames(count))
    assert image.shape == (count, 20, 24)
    assert image.isfinite().all()


@pytest.mark.parametrize("name", CIRCULAR)
@pytest.mark.parametrize("circular", [True, False])
def test_only_in_circular_series_does_the_first_frame_follow_the_last(name: str, circular: bool) -> None:
    network = network_of(name, circular=circular)
    kspace, mask = frames(6)
    rolled = network(kspace.roll(2, 0), mask.roll(2, 0))
    assert torch.allclose(rolled, network(kspace, mask).roll(2, 0), rtol=1e-3, atol=1e-4) == circular


def test_the_recurrent_network_treats_both_directions_of_time_alike() -> None:
    network = network_of("crnn")
    kspace, mask = frames()
    torch.testing.assert_close(network(kspace.flip(0), mask.flip(0)).flip(0), network(kspace, mask))


@pytest.mark.parametrize("name", SERIES)
def test_frames_keep_their_relative_brightness(name: str) -> None:
    """A series has one scale: a dark frame is not made as bright as the others on the way."""
    network = network_of(name)
    kspace, mask = frames()
    kspace[1] *= 1e-3
    image = network(kspace, mask)
    torch.testing.assert_close(network(3 * kspace, mask), 3 * image, rtol=1e-4, atol=1e-4)
    measured = fft(network.coil_images(kspace, mask))
    torch.testing.assert_close(torch.where(mask, measured, 0), kspace, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", SERIES)
def test_one_mask_for_all_frames_may_be_given_once(name: str) -> None:
    network = network_of(name)
    mask = line_mask(24)
    kspace = torch.where(mask, random_kspace(3, 2, 20, 24), 0)
    torch.testing.assert_close(network(kspace, mask), network(kspace, mask.expand(3, -1, -1, -1)))


@pytest.mark.parametrize("name", SERIES)
def test_masks_of_two_dimensions_are_taken(name: str) -> None:
    mask = torch.rand(3, 1, 20, 24, generator=torch.Generator().manual_seed(0)) < 0.4
    mask[..., 7:13, 9:15] = True
    kspace = torch.where(mask, random_kspace(3, 2, 20, 24), 0)
    network = network_of(name)
    measured = fft(network.coil_images(kspace, mask))
    torch.testing.assert_close(torch.where(mask, measured, 0), kspace, rtol=1e-3, atol=1e-3)


def test_shifting_moves_frames_and_fills_up_with_zeros() -> None:
    series = torch.arange(1, 5)
    assert shifted(series, 1, circular=True).tolist() == [4, 1, 2, 3]
    assert shifted(series, 1, circular=False).tolist() == [0, 1, 2, 3]
    assert shifted(series, -2, circular=False).tolist() == [3, 4, 0, 0]
    assert shifted(series, 9, circular=False).tolist() == [0, 0, 0, 0]
    assert shifted(series, 0, circular=False).tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("first", [True, False])
def test_missing_samples_are_the_mean_of_neighbouring_frames_and_measured_ones_are_kept(first: bool) -> None:
    step = SharingStep(2, 2, neighbours=2, circular=False, noise_weight=None, first=first)
    mask = torch.tensor([[True, False, True], [False, False, True], [True, True, False]]).reshape(3, 1, 1, 3)
    kspace = random_kspace(3, 1, 2, 3)
    if first:
        kspace = torch.where(mask, kspace, 0)
    nearest, second = step._shared(kspace, mask)
    assert torch.equal(torch.where(mask, nearest, 0), torch.where(mask, kspace, 0))
    given = mask[1:, ..., 1].sum() if first else 2
    assert given == (1 if first else 2)
    # Column 1 of frame 0 is missing; within one frame it was measured nowhere, within two in frame 2.
    expected = [kspace[:2, ..., 1].sum(0) / (1 if first else 2), kspace[..., 1].sum(0) / (1 if first else 3)]
    torch.testing.assert_close(nearest[0, ..., 1], expected[0])
    torch.testing.assert_close(second[0, ..., 1], expected[1])


def test_convolutions_over_frames_are_three_dimensional() -> None:
    layers = FrameConvolutions(inputs=4, layers=2, chans=3, circular=False)
    for layer in layers.layers:
        nn.init.normal_(layer.bias)
    volume = torch.randn(5, 4, 8, 6)
    expected = volume.transpose(0, 1).unsqueeze(0)
    for number, layer in enumerate(layers.layers):
        weight = layer.weight.unflatten(1, (3, -1)).transpose(1, 2)
        features = expected.relu() if number else expected
        expected = nn.functional.conv3d(features, weight, layer.bias, padding=1)
    torch.testing.assert_close(layers(volume), expected[0].transpose(0, 1), rtol=1e-4, atol=1e-5)


def test_data_sharing_alone_reconstructs_an_object_that_stands_still() -> None:
    """Frames that together measure everything complete one another, before any network."""
    full = object_acquisition(3, 32, 32, noise=0.0)
    mask = torch.stack([(torch.arange(32) + shift) % 4 == 0 for shift in range(4)]).reshape(4, 1, 1, 32)
    kspace = torch.where(mask, full.kspace, 0)
    problem = LeastSquares(Encoding(torch.ones(4, 1, 3, 32, 32, dtype=torch.complex64), mask, (-1,)), kspace)
    step = SharingStep(2, 2, neighbours=2, circular=True, noise_weight=None, first=True)
    *_, shared = step._shared(kspace, problem.encoding.mask)
    torch.testing.assert_close(ifft(shared), ifft(full.kspace).expand(4, -1, -1, -1), rtol=1e-4, atol=1e-5)


def test_an_untrained_varnet_reconstructs_an_object_that_stands_still_from_frames_without_a_centre() -> None:
    full = object_acquisition(4, 40, 36, noise=1e-4)
    mask = torch.stack([(torch.arange(36) + shift) % 3 == 0 for shift in range(6)]).reshape(6, 1, 1, 36)
    network = network_of("varnet-series", start_iterations=30)
    with torch.no_grad():
        images = network(torch.where(mask, full.kspace, 0), mask)
    assert full.target is not None
    assert (images - full.target).norm() < 0.02 * full.target.expand_as(images).norm()


def series_of(scan: Acquisition, count: int) -> list[Acquisition]:
    masks = line_mask(scan.matrix[1], batch=count).flatten(1)
    return [replace(scan.undersample(mask), target=None) for mask in masks]


@pytest.mark.parametrize("name", SERIES)
@pytest.mark.parametrize("scale", [1e-7, 1e7])
def test_the_method_gives_the_networks_images_in_the_scanners_units(tmp_path: Path, name: str, scale: float) -> None:
    method = create(method_of(name), {"checkpoint": str(write_weights(tmp_path / "w.safetensors", name))})
    assert method.takes_series
    assert method.batch_size(torch.device("cuda")) == 1
    series = series_of(object_acquisition(3, 24, 32), 3)
    series[1] = replace(series[1], kspace=0.5 * series[1].kspace)
    images = torch.stack(method.batch(series))
    kspace = torch.stack([one.kspace for one in series])
    expected = method.loaded.network(kspace, torch.stack([one.mask for one in series]).reshape(3, 1, 1, -1))
    torch.testing.assert_close(images, expected, rtol=1e-4, atol=1e-4)
    scaled = method.batch([replace(one, kspace=scale * one.kspace) for one in series])
    torch.testing.assert_close(torch.stack(scaled) / scale, images, rtol=1e-3, atol=1e-4)


def test_frames_of_different_sizes_are_refused(tmp_path: Path) -> None:
    method = create("crnn", {"checkpoint": str(write_weights(tmp_path / "w.safetensors", "crnn"))})
    with pytest.raises(InputError, match="frames of a series differ in size"):
        method.batch([object_acquisition(2, 24, 32), object_acquisition(2, 24, 30)])


def test_classes_are_registered() -> None:
    assert NETWORKS["crnn"] is ConvolutionalRecurrentNetwork
    assert NETWORKS["deep-cascade-series"] is DeepCascadeSeries
