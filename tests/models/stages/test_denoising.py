"""The DLR network as a post-processing stage."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from helpers.learned import networks
from helpers.scans.objects import object_acquisition
from recon import registry
from recon.data.errors import InputError
from recon.models.checkpoints import locate
from recon.models.checkpoints.checkpoint import load_model
from recon.registry import create, create_stage


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return networks.write_weights(tmp_path_factory.mktemp("weights") / "dlr.safetensors", "dlr")


def noisy_image() -> tuple[Tensor, Tensor]:
    image = create("zero-filled").complex_image(object_acquisition(noise=1e-3))
    assert image is not None
    generator = torch.Generator().manual_seed(0)
    noise = 0.05 * image.abs().amax() * (1 + torch.rand(image.shape, generator=generator))
    return image, noise


def test_the_image_is_that_of_the_network(weights: Path) -> None:
    image, noise = noisy_image()
    stage = create_stage("dlr", {"checkpoint": str(weights)})
    with torch.no_grad():
        expected = load_model(weights).network(image[None], noise[None])[0]
    torch.testing.assert_close(stage(image, noise, object_acquisition()), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("factor", [1e-20, 1e20])
def test_the_scale_of_an_image_does_not_matter(weights: Path, factor: float) -> None:
    image, noise = noisy_image()
    stage, scan = create_stage("dlr", {"checkpoint": str(weights)}), object_acquisition()
    scaled = stage(factor * image, factor * noise, scan) / factor
    torch.testing.assert_close(scaled, stage(image, noise, scan), rtol=1e-4, atol=1e-5)


def test_strength_is_a_factor_of_the_noise_and_zero_changes_nothing(weights: Path) -> None:
    image, noise = noisy_image()
    scan = object_acquisition()
    plain, strong, none = (
        create_stage("dlr", {"checkpoint": str(weights), "strength": strength}) for strength in (1, 2, 0)
    )
    torch.testing.assert_close(strong(image, noise, scan), plain(image, 2 * noise, scan))
    assert torch.equal(none(image, noise, scan), image)


def test_pixels_without_noise_stay(weights: Path) -> None:
    image, noise = noisy_image()
    noise[:20] = 0
    denoised = create_stage("dlr", {"checkpoint": str(weights)})(image, noise, object_acquisition())
    assert torch.equal(denoised[:20], image[:20])
    assert (denoised[20:] != image[20:]).any()


def test_it_follows_every_method_that_keeps_the_phase(weights: Path) -> None:
    method = create("sense+dlr", {"dlr.checkpoint": str(weights)})
    assert method.trained
    assert method.settings()["dlr"]["sha256"] == load_model(weights).sha256
    assert method(object_acquisition(noise=1e-3)).shape == object_acquisition().crop


def test_a_magnitude_image_is_denoised_and_stays_positive(weights: Path) -> None:
    image, noise = noisy_image()
    stage = create_stage("dlr", {"checkpoint": str(weights)})
    denoised = stage.magnitude(image.abs(), noise)
    assert stage.takes_magnitude
    torch.testing.assert_close(denoised, stage(image.abs(), noise, object_acquisition()).clamp(min=0))
    assert (denoised >= 0).all()
    assert not torch.equal(denoised, image.abs())


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    other = networks.write_weights(tmp_path / "unet.safetensors", "unet")
    with pytest.raises(InputError, match="holds weights of the network unet, not of dlr"):
        create_stage("dlr", {"checkpoint": str(other)}).prepare()


def test_without_weights_the_message_says_how_to_get_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locate, "weights_folder", lambda: tmp_path)
    with pytest.raises(InputError, match="recon train dlr"):
        create_stage("dlr").prepare()


def test_dlr_is_a_stage_and_no_method() -> None:
    assert "dlr" in registry.stage_names()
    assert "dlr" not in registry.method_names()
