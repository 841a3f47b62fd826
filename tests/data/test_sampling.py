import torch

from helpers.slices import random_kspace
from recon.data.sampling import measured


def test_single_zeros_are_no_undersampling() -> None:
    kspace = random_kspace(1, 40, 30)
    kspace[:, 3, 7] = kspace[:, 20, 8] = kspace[:, :6] = kspace[..., 1::2] = 0
    assert torch.equal(measured(kspace), torch.arange(30) % 2 == 0)


def test_points_that_were_left_out_are() -> None:
    mask = torch.rand(40, 30, generator=torch.Generator().manual_seed(0)) < 0.9
    assert torch.equal(measured(random_kspace(2, 40, 30) * mask), mask)


def test_an_empty_slice_is_no_undersampling() -> None:
    assert measured(torch.zeros(2, 40, 30, dtype=torch.complex64)).tolist() == [True] * 30
