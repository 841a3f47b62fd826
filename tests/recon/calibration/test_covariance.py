import pytest
import torch

from helpers.scans.objects import object_acquisition, smooth_maps
from recon.calibration.covariance import REACH, ROWS, kspace_covariance


def test_covariances_are_hermitian_and_positive() -> None:
    covariance = kspace_covariance(object_acquisition(5).kspace[..., 22:38])
    lines = torch.tensor([3, 7, 8, 30])
    matrix = covariance.between(lines, lines)
    torch.testing.assert_close(matrix, matrix.mH, atol=1e-6, rtol=1e-4)
    assert torch.linalg.eigvalsh(matrix).amin() > -1e-5


@pytest.mark.parametrize("distance", [0, 1, 5, REACH - 1])
def test_exchanging_lines_conjugates(distance: int) -> None:
    covariance = kspace_covariance(object_acquisition(4).kspace[..., 22:38])
    a, b = torch.tensor([10 + distance]), torch.tensor([10])
    torch.testing.assert_close(covariance.between(a, b), covariance.between(b, a).mH, atol=1e-6, rtol=1e-4)


def test_the_scale_is_that_of_a_mean_sample() -> None:
    kspace = object_acquisition(4).kspace[..., 20:40]
    line = torch.tensor([0])
    for scale in (1e-6, 1, 1e6):
        matrix = kspace_covariance(kspace * scale).between(line, line)
        torch.testing.assert_close(matrix.diagonal(dim1=-2, dim2=-1).real.sum(-1).mean(), torch.tensor(1.0))


def test_silence_does_no_harm() -> None:
    assert torch.isfinite(torch.view_as_real(kspace_covariance(torch.zeros(4, 64, 16) + 0j).values)).all()


def test_the_covariance_at_distance_zero_lies_in_the_span_of_the_coils() -> None:
    maps = smooth_maps(6, ROWS, 60)[:, ROWS // 2]
    covariance = kspace_covariance(object_acquisition(6).kspace[..., 18:42])
    line = torch.tensor([0])
    measured = covariance.between(line, line)[ROWS // 2]
    expected = maps @ maps.mH
    overlap = (measured * expected.conj()).sum().real / (measured.norm() * expected.norm())
    assert overlap > 0.95
