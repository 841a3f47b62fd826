from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from torch import Tensor

from helpers.raw_files import write_raw_file
from helpers.slices import random_acquisition
from recon.classical.zero_filled import ZeroFilled
from recon.contract import Reconstruction
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.open import open_volume
from recon.experiments.engine.batches import in_halves, reconstruct_slices
from recon.experiments.engine.job import Job
from recon.registry import create

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Cramped(Reconstruction):
    """A method in whose memory only so many slices find room."""

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


OUT_OF_MEMORY = [
    torch.cuda.OutOfMemoryError("CUDA out of memory"),
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 10 bytes"),
    MemoryError(),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=["cuda", "cpu", "python"])
@pytest.mark.parametrize("room", [1, 2, 3, 8])
def test_every_slice_comes_back_in_order_whatever_the_room(room: int, error: Exception) -> None:
    slices = [random_acquisition(seed=seed) for seed in range(7)]
    method = Cramped(room, error)
    images = list(reconstruct_slices(method, slices, CPU))
    assert method.sizes[0] == 7
    assert len(images) == 7
    for image, acquisition in zip(images, slices, strict=True):
        assert torch.equal(image, acquisition.kspace.abs().sum(0))


def test_the_user_is_told_when_one_slice_is_too_much() -> None:
    with pytest.raises(InputError, match=r"random\.h5: the memory of the cpu does not suffice for one slice"):
        list(reconstruct_slices(Cramped(0, OUT_OF_MEMORY[0]), [random_acquisition()] * 2, CPU))


def test_another_error_is_not_taken_for_a_lack_of_memory() -> None:
    with pytest.raises(RuntimeError, match="shapes"):
        list(in_halves(Cramped(0, RuntimeError("shapes do not match")).batch, [random_acquisition()] * 2))


def test_networks_take_several_slices_on_a_gpu_and_classical_methods_one() -> None:
    gpu = torch.device("cuda")
    assert [create(name).batch_size(gpu) for name in ("zero-filled", "varnet")] == [1, 8]
    assert create("varnet").batch_size(CPU) == 1


def test_a_volume_is_the_same_in_batches_of_any_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    volume = open_volume(write_raw_file(tmp_path / "discs.h5", slices=5))
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    results = []
    for size in (1, 2, 5):
        monkeypatch.setattr(ZeroFilled, "batch_size", lambda *_, size=size: size)
        job = Job(volume, None, "zero-filled", create("zero-filled"), tmp_path / str(size) / "discs.h5")
        results.append(job.run(count))
    assert steps == 15
    for result in results[1:]:
        assert (result.images == results[0].images).all()
