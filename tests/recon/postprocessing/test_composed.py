"""Composition by name: a method and the stages behind it are one method, which needs the complex image."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from helpers.scans.objects import object_acquisition
from recon import registry
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.postprocessing.noise import image_noise
from recon.postprocessing.stage import Stage
from recon.quality.pseudo_replica import pseudo_replica
from recon.registry import create, method_names, register_stage

KEEPING = [name for name in method_names() if create(name).keeps_phase and not create(name).trained]


@pytest.fixture(autouse=True)
def _stages(monkeypatch: pytest.MonkeyPatch) -> None:
    stages = registry._stages
    stages.load()
    monkeypatch.setattr(stages, "registered", dict(stages.registered))

    @register_stage("twice")
    @dataclass(frozen=True)
    class Twice(Stage):
        """`times x`."""

        times: float = 2.0

        def __call__(self, image: Tensor, noise: Tensor, acquisition: Acquisition) -> Tensor:
            del noise, acquisition
            return self.times * image

    @register_stage("noise")
    @dataclass(frozen=True)
    class Noise(Stage):
        """`sigma`."""

        def __call__(self, image: Tensor, noise: Tensor, acquisition: Acquisition) -> Tensor:
            del image, acquisition
            return noise


def undersampled(noise: float = 0.0) -> Acquisition:
    return Sampling(MaskKind.EQUISPACED, acceleration=3, center_fraction=0.16)(object_acquisition(noise=noise))


def test_stages_follow_the_method_in_the_order_of_the_name() -> None:
    acquisition = undersampled(1e-3)
    sense = create("sense").complex_image(acquisition)
    assert sense is not None
    torch.testing.assert_close(create("sense+twice")(acquisition), 2 * sense.abs())
    torch.testing.assert_close(create("sense+twice+noise")(acquisition), create("sense+noise")(acquisition))
    once = {"twice.times": "1"}
    torch.testing.assert_close(create("sense+twice", once)(acquisition), sense.abs())


def test_settings_go_to_the_method_or_to_the_stage_they_begin_with() -> None:
    built = create("sense+twice", {"lamda": "0.5", "twice.times": "3"})
    assert built.settings() == create("sense", {"lamda": 0.5}).settings() | {"twice": {"times": 3.0}}
    assert registry.setting_names("sense+twice") == [*registry.setting_names("sense"), "twice.times"]


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("sense+twise", {}, "unknown stage 'twise' in 'sense\\+twise'; did you mean 'twice'"),
        ("sens+twice", {}, "unknown method 'sens'; did you mean 'sense'"),
        ("twice", {}, "'twice' is a stage, which follows a method, for example sense\\+twice"),
        ("sense+twice+twice", {}, "the stage 'twice' is named twice"),
        ("sense+", {}, "unknown stage ''"),
        ("sense+twice", {"twice.time": 1}, "has no setting 'twice.time'; did you mean 'twice.times'"),
        ("sense+twice", {"noise.times": 1}, "has no setting 'noise.times'"),
        ("sense", {"twice.times": 1}, "method sense has no setting 'twice.times'"),
        ("sense+twice", {"twice.times": "many"}, "stage twice, setting times"),
        ("unet+twice", {}, "unet\\+twice: a stage needs the complex image, .* only its magnitude"),
    ],
)
def test_a_wrong_name_is_told_in_a_sentence(name: str, settings: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        create(name, settings)


def test_a_name_with_the_joint_cannot_be_registered() -> None:
    with pytest.raises(InputError, match="stands for a method with stages"):
        register_stage("a+b")(type("A", (Stage,), {}))


@pytest.mark.parametrize("name", KEEPING)
def test_the_complex_image_has_the_magnitude_of_the_image_where_there_is_signal(name: str) -> None:
    acquisition, method = undersampled(), create(name)
    combined, image = method.complex_image(acquisition), method(acquisition)
    assert combined is not None
    assert combined.dtype == torch.complex64
    bright = acquisition.target > 0.2 * acquisition.target.amax()
    assert (combined.abs() - image)[bright].norm() < 0.02 * image[bright].norm()


@pytest.mark.parametrize("name", ["sense", "sense-unfold", "grappa", "cs-tv"])
def test_the_noise_map_is_the_noise_of_the_complex_image(name: str) -> None:
    full = object_acquisition(noise=2e-3)
    method, acquisition = create(name), undersampled(2e-3)
    covariance = (2e-3) ** 2 * torch.eye(full.coils, dtype=torch.complex64)
    _, sigma = image_noise(method, acquisition)

    def real_part(one: Acquisition) -> Tensor:
        image = method.complex_image(one)
        assert image is not None
        return image.real

    true = pseudo_replica(real_part, acquisition, covariance, replicas=30)
    bright = acquisition.target > 0.2 * acquisition.target.amax()
    assert (sigma[bright].mean() / true[bright].mean() - 1).abs() < 0.2
