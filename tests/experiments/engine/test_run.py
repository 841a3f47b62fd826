"""The engine runs every method on slices, in batches that fit into the memory, and lets no wrong image pass."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from helpers.files.raw_files import write_raw_file
from helpers.scans.objects import object_acquisition
from helpers.scans.slices import random_acquisition
from recon.classical.zero_filled import ZeroFilled
from recon.contract import Reconstruction, UncertaintyCalibration
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.open import open_volume
from recon.experiments.engine.run import NOISE, UNCERTAINTY, NotFiniteError, Runner
from recon.experiments.engine.sampled_volume import SampledVolume
from recon.quality.noise_map import noise_map
from recon.registry import create

CPU = torch.device("cpu")


@dataclass(frozen=True)
class SmallMemory(Reconstruction):
    """A method whose memory holds only so many slices."""

    room: int
    error: Exception
    sizes: list[int] = field(default_factory=list)

    def __call__(self, acquisition: Acquisition) -> Tensor:
        return self.batch([acquisition])[0]

    def batch(self, acquisitions: Sequence[Acquisition]) -> list[Tensor]:
        self.sizes.append(len(acquisitions))
        if len(acquisitions) > self.room:
            raise self.error
        return [acquisition.kspace.abs().sum(0) for acquisition in acquisitions]

    def batch_size(self, _device: torch.device) -> int:
        return 7


OUT_OF_MEMORY = [
    torch.cuda.OutOfMemoryError("CUDA out of memory"),
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 10 bytes"),
    MemoryError(),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=["cuda", "cpu", "python"])
@pytest.mark.parametrize("room", [1, 2, 3, 8])
def test_all_slices_come_back_in_order_however_small_the_memory(room: int, error: Exception) -> None:
    slices = [random_acquisition(seed=seed) for seed in range(9)]
    method = SmallMemory(room, error)
    results = list(Runner("small", method).slices(iter(slices)))
    assert method.sizes[0] == 7
    assert len(results) == 9
    for result, acquisition in zip(results, slices, strict=True):
        assert (result.image == acquisition.kspace.abs().sum(0).numpy()).all()


def test_a_slice_that_does_not_fit_into_the_memory_is_an_error() -> None:
    with pytest.raises(InputError, match=r"random\.h5: the memory of the cpu is too small for one slice"):
        list(Runner("small", SmallMemory(0, OUT_OF_MEMORY[0])).slices([random_acquisition()] * 2))


def test_another_error_is_not_mistaken_for_a_lack_of_memory() -> None:
    with pytest.raises(RuntimeError, match="shapes"):
        list(Runner("small", SmallMemory(0, RuntimeError("shapes do not match"))).slices([random_acquisition()] * 2))


def test_networks_take_several_slices_on_a_gpu_and_classical_methods_one() -> None:
    gpu = torch.device("cuda")
    assert [create(name).batch_size(gpu) for name in ("zero-filled", "varnet")] == [1, 8]
    assert create("varnet").batch_size(CPU) == 1


def test_a_volume_is_the_same_in_batches_of_any_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = SampledVolume(open_volume(write_raw_file(tmp_path / "discs.h5", slices=5)))
    steps: list[None] = []
    results = []
    for size in (1, 2, 5):
        monkeypatch.setattr(ZeroFilled, "batch_size", lambda *_, size=size: size)
        results.append(Runner("zero-filled", ZeroFilled()).volume(scan, lambda: steps.append(None)))
    assert len(steps) == 15
    for result in results[1:]:
        assert (result.images == results[0].images).all()


@dataclass(frozen=True)
class Returns(Reconstruction):
    """A method that returns the same image for every slice."""

    image: Tensor

    def __call__(self, _acquisition: Acquisition) -> Tensor:
        return self.image


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("calibration", [None, UncertaintyCalibration()])
def test_no_image_leaves_the_engine_that_is_not_finite(
    value: float, calibration: UncertaintyCalibration | None
) -> None:
    image = torch.ones(32, 24)
    image[3, 5] = value
    with pytest.raises(NotFiniteError, match=r"^random\.h5: the image of the scan is not finite$"):
        next(Runner("broken", Returns(image), uncertainty=calibration).slices([random_acquisition()]))


@pytest.mark.parametrize(
    "image", [torch.ones(32, 24, dtype=torch.complex64), torch.ones(1, 32, 24), torch.ones(3).int()]
)
def test_an_image_that_breaks_the_contract_is_an_error(image: Tensor) -> None:
    with pytest.raises(InputError, match=r"the method mine returned torch\.\w+ of shape .* expected torch\.float32"):
        next(Runner("mine", Returns(image)).slices([random_acquisition()]))


def test_maps_are_computed_only_when_asked_for() -> None:
    slices = [object_acquisition(noise=0.1), object_acquisition(noise=0.2)]
    method = create("zero-filled")
    plain = Runner("zero-filled", method).volume(slices)
    full = Runner("zero-filled", method, CPU, UncertaintyCalibration(), noise=True).volume(slices)
    assert not plain.maps
    assert list(full.maps) == [UNCERTAINTY, NOISE]
    assert np.array_equal(plain.images, full.images)
    assert all(values.shape == full.images.shape for values in full.maps.values())
    assert np.array_equal(full.maps[NOISE][1], noise_map(method, slices[1]).numpy())


def test_a_network_under_gradients_gives_an_image_all_the_same() -> None:
    (result,) = Runner("mine", Returns(torch.ones(32, 24, requires_grad=True))).slices([random_acquisition()])
    assert (result.image == 1).all()
