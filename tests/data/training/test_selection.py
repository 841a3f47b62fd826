import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.files.raw_files import write_raw_file
from recon.data.acquisition import Header
from recon.data.open import Volume, open_volume
from recon.data.training.selection import Filter, SomeSlices, sample_slices, sample_volumes


@pytest.fixture(scope="module")
def volumes(tmp_path_factory: pytest.TempPathFactory) -> list[Volume]:
    folder = tmp_path_factory.mktemp("raw")
    contrasts = ("AXT1", "AXT2", "AXT2", "AXFLAIR")
    return [
        open_volume(
            write_raw_file(
                folder / f"{index}.h5",
                slices=5,
                coils=2 + index,
                matrix=(16, 12),
                header=Header(crop=(16, 12), padding=(0, 12), contrast=contrast),
            )
        )
        for index, contrast in enumerate(contrasts)
    ]


def slices_of(volumes: list[Volume]) -> list[tuple[str, int]]:
    return [(volume.name, volume.number(index)) for volume in volumes for index in range(len(volume))]


def test_some_slices_are_those_of_the_file(volumes: list[Volume]) -> None:
    part = SomeSlices(SomeSlices(volumes[0], (1, 3, 4)), (0, 2))
    assert len(part) == part.shape[0] == 2
    for index, number in enumerate((1, 4)):
        whole = volumes[0].read(number)
        assert torch.equal(part.read(index).kspace, whole.kspace)
        assert part.read(index).slice == part.number(index) == number
        assert torch.equal(torch.from_numpy(part.read_target()[index]), whole.target)
    assert part.target_max == volumes[0].target_max


def test_filters_keep_the_chosen_volumes_and_slices(volumes: list[Volume]) -> None:
    assert [volume.name for volume in Filter(acquisitions=("AXT2",))(volumes)] == ["1.h5", "2.h5"]
    assert [volume.name for volume in Filter(coils=(3, 4))(volumes)] == ["1.h5", "2.h5"]
    assert slices_of(Filter(slices=(1, -2))(volumes[:1])) == [("0.h5", 1), ("0.h5", 2)]
    assert Filter(slices=(7, None))(volumes) == []
    assert Filter()(volumes) == volumes


@given(fraction=st.floats(0.01, 1), seed=st.integers(0, 5))
def test_a_fraction_has_its_size_and_repeats(volumes: list[Volume], fraction: float, seed: int) -> None:
    drawn = sample_volumes(volumes, fraction, seed)
    assert len(drawn) == max(1, round(4 * fraction))
    slices = slices_of(sample_slices(volumes, fraction, seed))
    assert len(set(slices)) == len(slices) == max(1, round(20 * fraction))
    assert set(slices) <= set(slices_of(volumes))
    assert slices == sorted(slices) == slices_of(sample_slices(volumes, fraction, seed))


def test_another_seed_draws_another_part(volumes: list[Volume]) -> None:
    parts = {tuple(slices_of(sample_slices(volumes, 0.5, seed))) for seed in range(5)}
    assert len(parts) > 1
