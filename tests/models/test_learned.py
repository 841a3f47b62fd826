from dataclasses import replace
from pathlib import Path

import pytest
import torch

from helpers.learned.networks import SMALL, write_weights
from helpers.learned.weights import ship
from helpers.scans.objects import object_acquisition
from helpers.scans.slices import random_acquisition, random_kspace
from recon.calibration.compression import compress_coils
from recon.coils import rss
from recon.contract import Reconstruction
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.models.checkpoints.checkpoint import save_weights
from recon.models.learned import LearnedReconstruction
from recon.models.networks.general_varnet import GeneralVarNet
from recon.models.networks.series.series_network import takes_series
from recon.models.zoo import NETWORKS, build, method_of
from recon.preprocessing.oversampling import without_oversampling
from recon.registry import create

VARNET = SMALL["varnet"]


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    for name in SMALL:
        write_weights(folder / f"{name}.safetensors", name)
    return folder


@pytest.fixture(params=NETWORKS)
def method(request: pytest.FixtureRequest, checkpoints: Path) -> Reconstruction:
    return create(method_of(request.param), {"checkpoint": str(checkpoints / f"{request.param}.safetensors")})


@pytest.mark.parametrize("crop", [(32, 24), (20, 16), (99, 10)])
def test_image_has_the_size_of_the_crop(method: Reconstruction, crop: tuple[int, int]) -> None:
    acquisition = random_acquisition(crop=crop)
    image = method(acquisition)
    assert image.shape == acquisition.crop
    assert image.dtype == torch.float32
    assert not image.requires_grad


def test_networks_that_predict_coil_images_keep_the_phase(method: Reconstruction) -> None:
    acquisition = object_acquisition(4, 40, 36)
    image, combined = method(acquisition), method.complex_image(acquisition)
    has_phase = not isinstance(method, type(create("unet"))) and not method.takes_series
    assert method.keeps_phase == (combined is not None) == has_phase
    if combined is not None:
        bright = acquisition.target > 0.3
        assert combined.dtype == torch.complex64
        # The maps of weights that are not trained differ from the true ones.
        assert (combined.abs() - image)[bright].norm() < 0.15 * image[
            bright
        ].norm()  # of weights that are not trained


@pytest.mark.parametrize("scale", [1e-7, 3.0, 1e7])
@pytest.mark.parametrize("raw", [1e-4, 1.0])
def test_image_scales_with_the_kspace(method: Reconstruction, scale: float, raw: float) -> None:
    acquisition = random_acquisition()
    original = replace(acquisition, kspace=acquisition.kspace * raw)
    scaled = replace(acquisition, kspace=acquisition.kspace * raw * scale)
    torch.testing.assert_close(method(scaled) / (scale * raw), method(original) / raw, rtol=5e-4, atol=5e-4)


def test_scaling_before_and_after_the_network_changes_nothing(checkpoints: Path) -> None:
    method = LearnedReconstruction(checkpoints / "varnet.safetensors")
    acquisition = random_acquisition()
    mask = acquisition.mask.reshape(1, 1, 1, -1)
    expected = method.loaded.network(acquisition.kspace.unsqueeze(0), mask).squeeze(0)
    torch.testing.assert_close(method(acquisition), expected, rtol=1e-4, atol=1e-4)


def test_empty_slice_gives_an_empty_image(method: Reconstruction) -> None:
    acquisition = random_acquisition()
    assert torch.equal(method(replace(acquisition, kspace=0 * acquisition.kspace)), torch.zeros(32, 24))


def test_a_mask_expanded_along_readout_gives_the_same_image(method: Reconstruction) -> None:
    acquisition = random_acquisition()
    expanded = replace(acquisition, mask=acquisition.mask.expand(32, 24))
    torch.testing.assert_close(method(expanded), method(acquisition), rtol=1e-4, atol=1e-4)


def test_weights_are_read_once(checkpoints: Path, tmp_path: Path) -> None:
    path = tmp_path / "moved.safetensors"
    path.write_bytes((checkpoints / "varnet.safetensors").read_bytes())
    method = LearnedReconstruction(path)
    first = method(random_acquisition())
    path.unlink()
    assert torch.equal(method(random_acquisition()), first)


def test_weights_of_another_network_are_refused(checkpoints: Path) -> None:
    with pytest.raises(InputError, match="weights of the network unet, not of varnet"):
        LearnedReconstruction(checkpoints / "unet.safetensors")(random_acquisition())


def test_a_method_takes_the_weights_of_every_variant_of_its_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(NETWORKS, "varnet-twin", NETWORKS["varnet"])
    save_weights(tmp_path / "twin.safetensors", build("varnet-twin", VARNET), "varnet-twin", VARNET, {})
    assert create("varnet", {"checkpoint": str(tmp_path / "twin.safetensors")})(random_acquisition()).any()


def test_without_a_checkpoint_the_shipped_weights_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = ship(monkeypatch, tmp_path)
    acquisition = random_acquisition()
    image = create("varnet")(acquisition)
    assert torch.equal(image, create("varnet", {"checkpoint": str(path)})(acquisition))
    assert torch.equal(image, create("varnet", {"checkpoint": "varnet-general"})(acquisition))


def test_without_weights_the_error_says_where_to_get_some() -> None:
    with pytest.raises(InputError, match=r"--checkpoint.*recon train"):
        create("unet")(random_acquisition())


def test_reference_scan_changes_the_varnets_image(checkpoints: Path) -> None:
    method = LearnedReconstruction(checkpoints / "varnet.safetensors")
    acquisition = random_acquisition()
    with_scan = replace(acquisition, calibration=random_kspace(3, 32, 6, seed=5))
    assert not torch.allclose(method(with_scan), method(acquisition))


def test_only_networks_that_learn_the_coils_ahead_are_given_incomplete_slices(method: LearnedReconstruction) -> None:
    given: list[str] = []

    def read() -> Acquisition:
        given.append("an incomplete slice")
        return object_acquisition(4, 40, 36)

    method.prepare_coils(read)
    assert bool(given) == isinstance(method.loaded.network, GeneralVarNet)


@pytest.mark.parametrize("shape", [(2, 32, 6), (3, 33, 6), (3, 32, 25)])
def test_reference_scan_that_does_not_fit_is_refused(method: Reconstruction, shape: tuple[int, ...]) -> None:
    acquisition = random_acquisition()
    with pytest.raises(InputError, match=r"random\.h5: the reference scan"):
        method(replace(acquisition, calibration=random_kspace(*shape)))


@pytest.mark.parametrize("method", [name for name, cls in NETWORKS.items() if not takes_series(cls)], indirect=True)
def test_a_batch_gives_the_same_images_as_single_slices(method: LearnedReconstruction) -> None:
    slices = [
        random_acquisition(coils, readout, phase, seed=seed)
        for seed, (coils, readout, phase) in enumerate([(3, 32, 24), (2, 32, 24), (4, 28, 26), (3, 32, 24)])
    ]
    slices[3] = replace(slices[3], calibration=random_kspace(3, 32, 6, seed=5))
    slices[1] = replace(slices[1], kspace=1e5 * slices[1].kspace)
    for image, acquisition in zip(method.batch(slices), slices, strict=True):
        alone = method(acquisition)
        assert (image - alone).norm() < 1e-5 * alone.norm()


@pytest.mark.parametrize(("precision", "bound"), [("bf16", 0.02), ("fp16", 0.003)])
def test_half_precision_is_close_to_single(
    checkpoints: Path, precision: str, bound: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recon.models.precision.fast_bf16", lambda _: True)
    settings = {"checkpoint": str(checkpoints / "varnet.safetensors")}
    acquisition = random_acquisition()
    expected = create("varnet", settings)(acquisition)
    image = create("varnet", settings | {"precision": precision})(acquisition)
    assert image.dtype == torch.float32
    assert 0 < (image - expected).norm() < bound * expected.norm()


def test_unknown_precision_is_refused() -> None:
    with pytest.raises(InputError, match="precision"):
        create("varnet", {"precision": "int8"})


def test_oversampling_is_removed_before_the_network(checkpoints: Path) -> None:
    path = checkpoints / "varnet.safetensors"
    acquisition = random_acquisition(readout=40, crop=(20, 24))
    image = LearnedReconstruction(path, remove_oversampling=True)(acquisition)
    assert image.shape == (20, 24)
    torch.testing.assert_close(image, LearnedReconstruction(path)(without_oversampling(acquisition)))


def test_mask_that_varies_along_readout_keeps_its_oversampling(checkpoints: Path) -> None:
    path = checkpoints / "varnet.safetensors"
    acquisition = random_acquisition(readout=40, crop=(20, 24))
    points = replace(acquisition, mask=acquisition.mask.expand(40, 24))
    torch.testing.assert_close(
        LearnedReconstruction(path, remove_oversampling=True)(points), LearnedReconstruction(path)(points)
    )


def test_preprocessing_of_the_training_is_applied(tmp_path: Path) -> None:
    steps = {"remove_oversampling": True, "virtual_coils": 2}
    path = write_weights(tmp_path / "a.safetensors", protocol={"training": {"data": {"preprocessing": steps}}})
    other = write_weights(tmp_path / "b.safetensors")
    acquisition = random_acquisition(coils=4, readout=40, crop=(20, 24))
    torch.testing.assert_close(
        LearnedReconstruction(path)(acquisition), LearnedReconstruction(other, **steps)(acquisition)
    )


def test_compression_to_the_true_number_of_coils_loses_nothing() -> None:
    two = random_acquisition(coils=2)
    mixing = torch.randn(5, 2, generator=torch.Generator().manual_seed(0), dtype=torch.complex64)
    five = replace(two, kspace=torch.einsum("vc,cxy->vxy", mixing, two.kspace))
    few = compress_coils(five, 2)
    assert few.coils == 2
    torch.testing.assert_close(rss(few.kspace), rss(five.kspace), rtol=1e-4, atol=1e-4)


def test_coils_are_compressed_before_the_network(checkpoints: Path) -> None:
    path = checkpoints / "varnet.safetensors"
    acquisition = replace(random_acquisition(coils=4), calibration=random_kspace(4, 32, 6, seed=5))
    image = LearnedReconstruction(path, virtual_coils=2)(acquisition)
    torch.testing.assert_close(image, LearnedReconstruction(path)(compress_coils(acquisition, 2)))
    torch.testing.assert_close(
        LearnedReconstruction(path, virtual_coils=9)(acquisition), LearnedReconstruction(path)(acquisition)
    )
