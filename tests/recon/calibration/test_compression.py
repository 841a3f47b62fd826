import torch

from helpers.objects import object_acquisition
from helpers.slices import random_kspace
from recon.calibration.compression import compress, compression_matrix, expand


def test_as_many_virtual_coils_as_coils_lose_nothing() -> None:
    kspace = random_kspace(5, 12, 10)
    matrix = compression_matrix(kspace, 5)
    torch.testing.assert_close(expand(compress(kspace, matrix), matrix), kspace)


def test_the_columns_are_orthonormal_and_ordered_by_energy() -> None:
    kspace = random_kspace(6, 12, 10)
    matrix = compression_matrix(kspace, 4)
    torch.testing.assert_close(matrix.mH @ matrix, torch.eye(4, dtype=matrix.dtype), atol=1e-5, rtol=0)
    energies = compress(kspace, matrix).abs().square().sum((-2, -1))
    assert torch.equal(energies, energies.sort(descending=True).values)


def test_few_virtual_coils_keep_most_of_an_object() -> None:
    kspace = object_acquisition(coils=12).kspace
    matrix = compression_matrix(kspace, 8)
    assert (expand(compress(kspace, matrix), matrix) - kspace).norm() < 0.03 * kspace.norm()
