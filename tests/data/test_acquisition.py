import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from helpers.scans.objects import object_acquisition
from helpers.scans.slices import random_acquisition
from helpers.scans.stacks import oblique_geometry
from recon.data.acquisition import as_table, from_table, is_valid_geometry


def test_undersampling_keeps_what_the_mask_selects_and_leaves_the_original_alone() -> None:
    full = object_acquisition(phase=20)
    mask = torch.arange(20) % 3 == 0
    part = full.undersample(mask)
    torch.testing.assert_close(part.kspace[..., mask], full.kspace[..., mask], rtol=0, atol=0)
    assert not part.kspace[..., ~mask].any()
    assert full.mask.all()


def test_undersampling_twice_keeps_the_intersection() -> None:
    full = object_acquisition(phase=24)
    even, third = torch.arange(24) % 2 == 0, torch.arange(24) % 3 == 0
    part = full.undersample(even).undersample(third)
    assert torch.equal(part.mask, torch.arange(24) % 6 == 0)
    assert part.acceleration == 6


def test_the_crop_never_exceeds_the_matrix() -> None:
    assert object_acquisition(readout=40, phase=30, crop=(32, 64)).crop == (32, 30)


def test_moving_to_the_device_it_is_on_changes_nothing() -> None:
    acquisition = object_acquisition()
    moved = acquisition.to("cpu")
    torch.testing.assert_close(moved.kspace, acquisition.kspace, rtol=0, atol=0)
    assert moved.name == acquisition.name


def test_a_geometry_survives_its_table() -> None:
    geometry = oblique_geometry(3)
    assert as_table(geometry).shape == (3, 15)
    assert from_table(as_table(geometry)) == geometry


@pytest.mark.parametrize(
    "impossible",
    [
        {"position": (math.nan, 0.0, 0.0)},
        {"read_dir": (1e300, 0.0, 0.0)},
        {"slice_dir": (0.0, 0.0, 0.0)},
        {"field_of_view": (240.0, 0.0, 4.0)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_impossible_geometry_is_invalid(impossible: dict[str, Any]) -> None:
    first, second = oblique_geometry(2)
    assert is_valid_geometry((first, second))
    assert not is_valid_geometry((first, replace(second, **impossible)))


@pytest.mark.parametrize("lines", [5, 6])
@pytest.mark.parametrize("phase", [24, 25])
def test_reference_scan_is_laid_with_its_dc_on_the_dc_of_kspace(lines: int, phase: int) -> None:
    acquisition = random_acquisition(phase=phase)
    scanned = torch.zeros(3, 32, lines, dtype=torch.complex64)
    scanned[:, 16, lines // 2] = 1
    placed = replace(acquisition, calibration=scanned).reference_kspace()
    assert torch.equal(placed.nonzero()[:, 1:].unique(dim=0), torch.tensor([[16, phase // 2]]))


def test_without_a_reference_scan_there_is_no_reference_kspace() -> None:
    assert random_acquisition().reference_kspace() is None
