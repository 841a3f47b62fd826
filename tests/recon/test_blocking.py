"""What is computed block by block on a CPU equals what is computed at once, as on a GPU."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from helpers.scans.slices import line_mask, random_kspace
from recon.blocking import as_on_gpu, in_blocks
from recon.coils import rss
from recon.models.blocks.sensitivity import SensitivityModel
from recon.solvers.encoding import Encoding


def normal() -> Tensor:
    maps, mask = random_kspace(3, 2, 4, 150, 20, dtype=torch.complex128), line_mask(20, batch=3)
    return Encoding(maps, mask, (-1,)).normal(random_kspace(3, 2, 150, 20, seed=1, dtype=torch.complex128))


@torch.no_grad()
def learned_maps() -> Tensor:
    torch.manual_seed(0)
    return SensitivityModel(2, 2)(random_kspace(1, 6, 384, 320), line_mask(320, center=20))


def root_sum_of_squares() -> Tensor:
    return rss(random_kspace(2, 5, 8, 9))


def root_sum_of_squares_and_slope() -> Tensor:
    images = random_kspace(2, 5, 8, 9)
    images[0, :, 0] = 0
    images.requires_grad_()
    rss(images).sum().backward()
    assert images.grad is not None
    return images.grad


@pytest.mark.parametrize("work", [normal, learned_maps, root_sum_of_squares, root_sum_of_squares_and_slope])
def test_blocks_change_no_value(work: Callable[[], Tensor]) -> None:
    with as_on_gpu():
        at_once = work()
    torch.testing.assert_close(work(), at_once)


def test_blocks_are_for_the_cpu_alone() -> None:
    assert in_blocks(torch.zeros(1))
    assert not in_blocks(torch.zeros(1, device="meta"))
    with as_on_gpu():
        assert not in_blocks(torch.zeros(1))
    assert in_blocks(torch.zeros(1))
