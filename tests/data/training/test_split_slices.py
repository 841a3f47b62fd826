from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from helpers.files.raw_files import write_raw_file
from helpers.scans.objects import object_acquisition
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.data.open import open_volume
from recon.data.training.split_slices import Split, SplitSlices

SAMPLINGS = (Sampling(MaskKind.RANDOM, 2, 0.2), Sampling(MaskKind.RANDOM, 3, 0.1))
SPLIT = Split(SAMPLINGS, fraction=0.4, center=4, holdout=0.25)


@pytest.fixture
def scanned() -> Acquisition:
    return SPLIT.scanned(object_acquisition(2, 32, 40))


def set_aside(scanned: Acquisition, split: Split = SPLIT) -> Tensor:
    return torch.stack([split.for_validation(scanned, part).held for part in range(split.parts)]).any(dim=0)


def test_a_fully_sampled_scan_is_always_undersampled_alike_and_an_undersampled_one_not_again() -> None:
    full = object_acquisition(2, 32, 40)
    first, second = SPLIT.scanned(full), SPLIT.scanned(full)
    assert torch.equal(first.mask, second.mask)
    assert not first.mask.all()
    assert SPLIT.scanned(first) is first


def test_given_held_and_set_aside_samples_are_disjoint(scanned: Acquisition) -> None:
    aside = set_aside(scanned)
    for part in range(SPLIT.parts):
        validation = SPLIT.for_validation(scanned, part)
        assert torch.equal(validation.given, scanned.mask.reshape(1, 1, -1) & ~validation.held)
    for epoch in range(5):
        part = SPLIT.for_training(scanned, seed=0, epoch=epoch)
        assert part.held.any()
        assert not (part.given & part.held).any()
        assert not ((part.given | part.held) & aside).any()
        assert not part.kspace[..., aside.flatten()].any(), "the network shall not see them either"
        assert torch.equal(part.given | part.held | aside, scanned.mask.reshape(1, 1, -1))


def test_every_line_set_aside_is_predicted_in_one_part_from_all_others(scanned: Acquisition) -> None:
    held = torch.stack([SPLIT.for_validation(scanned, part).held for part in range(SPLIT.parts)])
    assert SPLIT.parts > 1
    assert held.flatten(1).any(dim=1).all()
    assert (held.sum(dim=0) <= 1).all()


def with_lines(lines: list[int]) -> Acquisition:
    mask = torch.zeros(40, dtype=torch.bool)
    mask[[*range(18, 22), *lines]] = True
    return object_acquisition(2, 32, 40).undersample(mask)


def test_of_two_lines_one_is_set_aside_and_predicted() -> None:
    aside = set_aside(with_lines([5, 30]))
    assert aside.sum() == 1
    assert SPLIT.for_training(with_lines([5, 30]), seed=0, epoch=0).held.sum() == 1


@pytest.mark.parametrize("lines", [[], [5]])
def test_a_scan_with_too_few_lines_to_set_some_aside_is_refused(lines: list[int]) -> None:
    for split in (SPLIT.for_validation, partial(SPLIT.for_training, seed=0, epoch=0)):
        with pytest.raises(InputError, match="has too few lines outside its calibration region"):
            split(with_lines(lines))


def test_every_epoch_has_its_own_split(scanned: Acquisition) -> None:
    held = [SPLIT.for_training(scanned, seed=0, epoch=epoch).held for epoch in (0, 0, 1)]
    assert torch.equal(held[0], held[1])
    assert not torch.equal(held[0], held[2])


def test_the_center_is_always_given(scanned: Acquisition) -> None:
    for epoch in range(5):
        assert SPLIT.for_training(scanned, seed=0, epoch=epoch).given[..., 18:22].all()


def test_without_a_holdout_validation_holds_the_fraction(scanned: Acquisition) -> None:
    part = Split(SAMPLINGS, fraction=0.4, center=4).for_validation(scanned)
    assert int(part.held.sum()) == round(0.4 * (int(scanned.mask.sum()) - 4))


def test_files_without_a_target_are_read(tmp_path: Path) -> None:
    mask = np.arange(24) % 2 == 0
    path = write_raw_file(tmp_path / "a.h5", coils=2, matrix=(32, 24), mask=mask, target=False)
    slices = SplitSlices([open_volume(path)], SPLIT.for_validation)
    assert slices.shapes() == [(2, 32, 24)] * 2
    assert slices[1].kspace.shape == (2, 32, 24)
    assert slices.where(1) == f"{path}, slice 1"


def test_a_separate_reference_scan_is_refused() -> None:
    full = object_acquisition(2, 32, 40)
    scan = Acquisition(full.kspace, full.mask, full.header, calibration=full.kspace, name="scan.h5")
    with pytest.raises(InputError, match=r"scan\.h5: has a separate reference scan"):
        SPLIT.scanned(scan)
