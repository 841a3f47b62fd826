import pytest
import torch

from helpers.scans.objects import object_acquisition
from recon.classical.zero_filled import ZeroFilled
from recon.coils import rss
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.fourier import ifft
from recon.quality.pseudo_replica import pseudo_replica


def real_part_of_first_coil(acquisition: Acquisition) -> torch.Tensor:
    return ifft(acquisition.kspace)[0].real


def test_the_noise_of_a_unitary_transform_is_that_of_k_space() -> None:
    covariance = torch.tensor([[4.0, 1.0], [1.0, 3.0]], dtype=torch.complex64)
    noise = pseudo_replica(real_part_of_first_coil, object_acquisition(2, 32, 32), covariance, replicas=200)
    assert abs(noise.square().mean().sqrt() - 2**0.5) < 0.02
    assert noise.std() / noise.mean() < 1.2 / (2 * 199) ** 0.5


def test_what_was_not_measured_has_no_noise() -> None:
    full = object_acquisition(2, 32, 32)
    half = full.undersample(torch.arange(32) % 2 == 0)
    identity = torch.eye(2, dtype=torch.complex64)
    of_half, of_full = (pseudo_replica(real_part_of_first_coil, one, identity, 200) for one in (half, full))
    assert abs((of_half / of_full).mean() - 0.5**0.5) < 0.02  # zero filling loses half the power


def test_the_same_seed_gives_the_same_map() -> None:
    scan = object_acquisition(2, 16, 16)
    covariance = torch.eye(2, dtype=torch.complex64)
    first, again, other = (pseudo_replica(ZeroFilled(), scan, covariance, 4, seed) for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_root_sum_of_squares_takes_the_noise_along_the_signal() -> None:
    scan = object_acquisition(4, 32, 32)
    noise = pseudo_replica(ZeroFilled(), scan, 1e-6 * torch.eye(4, dtype=torch.complex64), replicas=200)
    bright = rss(ifft(scan.kspace)) > 0.3
    assert abs(noise[bright].mean() / (1e-3 / 2**0.5) - 1) < 0.03


def test_one_replica_is_refused() -> None:
    with pytest.raises(InputError, match="two replicas or more"):
        pseudo_replica(ZeroFilled(), object_acquisition(2, 16, 16), torch.eye(2, dtype=torch.complex64), 1)
