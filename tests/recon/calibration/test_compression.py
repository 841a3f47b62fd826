import torch

from helpers.scans.objects import object_acquisition
from helpers.scans.slices import random_kspace
from recon.calibration.compression import adaptive_compression_matrix, compress, compression_matrix, expand


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


def coils_kept(kspace: torch.Tensor) -> int:
    return adaptive_compression_matrix(kspace[None]).shape[2]


def test_coils_of_high_snr_are_kept_up_to_sixteen() -> None:
    assert coils_kept(object_acquisition(coils=6).kspace) == 6
    assert coils_kept(random_kspace(6, 12, 10)) == 6
    assert coils_kept(torch.linspace(4, 1, 32)[:, None, None] * random_kspace(32, 64, 60)) == 16
    assert 8 < coils_kept(torch.linspace(4, 1, 12)[:, None, None] * random_kspace(12, 64, 60)) < 12


def test_virtual_coils_that_hold_only_noise_are_left_out() -> None:
    kspace = torch.cat([30 * random_kspace(8, 64, 60), torch.zeros(8, 64, 60)])
    assert coils_kept(kspace + random_kspace(16, 64, 60, seed=1)) == 8


def test_silent_coils_do_not_change_the_number_of_virtual_coils() -> None:
    independent = torch.linspace(4, 1, 14)[:, None, None] * random_kspace(14, 64, 60)
    silent = torch.cat([independent, torch.zeros(2, 64, 60)])
    assert coils_kept(silent) == coils_kept(independent)
