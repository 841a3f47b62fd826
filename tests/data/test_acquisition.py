import torch

from helpers.objects import object_acquisition


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
