import torch

from helpers.scans.objects import object_acquisition
from helpers.scans.slices import line_mask
from recon.calibration.compression import compress, compression_matrix
from recon.calibration.geometric_compression import READOUT, aligned_matrices, compress_geometrically
from recon.coils import rss
from recon.data.masks.measured import center_lines
from recon.fourier import ifft


def test_it_keeps_more_energy_than_one_matrix_for_all_places() -> None:
    acquisition = object_acquisition(coils=8, readout=64, phase=48)
    lines = acquisition.kspace[..., 12:36]
    energy = acquisition.kspace.abs().square().sum()
    for virtual in (2, 3, 4):
        one = compress(acquisition.kspace, compression_matrix(lines, virtual)).abs().square().sum()
        geometric = compress_geometrically(acquisition, virtual).kspace.abs().square().sum()
        assert one < geometric <= energy * (1 + 1e-5)


def test_virtual_coils_are_orthonormal_and_neighbours_alike() -> None:
    acquisition = object_acquisition(coils=8, readout=64, phase=48, noise=1e-3)
    matrices = aligned_matrices(ifft(acquisition.kspace[..., 12:36], READOUT), 4)
    torch.testing.assert_close(matrices.mH @ matrices, torch.eye(4).to(matrices).expand(64, 4, 4), atol=1e-5, rtol=0)
    inside = matrices[16:48]
    overlap = torch.linalg.diagonal(inside[1:].mH @ inside[:-1]).real
    assert overlap.mean() > 0.95


def test_with_as_many_coils_as_needed_the_image_stays() -> None:
    acquisition = object_acquisition(coils=8, readout=64, phase=48)
    image = rss(ifft(compress_geometrically(acquisition, 7).kspace))
    torch.testing.assert_close(image, rss(ifft(acquisition.kspace)), atol=2e-3, rtol=0)


def test_lines_that_were_not_measured_stay_empty() -> None:
    acquisition = object_acquisition(coils=8).undersample(line_mask(60, center=16).reshape(60))
    compressed = compress_geometrically(acquisition, 4)
    assert not compressed.kspace[..., ~acquisition.mask].any()
    assert center_lines(compressed.mask) == center_lines(acquisition.mask)
