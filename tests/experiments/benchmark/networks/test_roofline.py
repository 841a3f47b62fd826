import pytest
import torch
from torch.nn.functional import conv2d, conv_transpose2d

from recon.experiments.benchmark.networks.roofline import Operation, Rates, count_operations, measure_rates

META = torch.device("meta")


def test_convolution_counts_its_multiplications_and_its_three_tensors() -> None:
    image, weight = torch.empty(2, 3, 10, 12, device=META), torch.empty(5, 3, 3, 3, device=META)
    (one,) = count_operations(lambda: conv2d(image, weight, padding=1))
    assert one.flops == 2 * 2 * 5 * 3 * 9 * 120
    assert one.bytes == 4 * (image.numel() + weight.numel() + 2 * 5 * 120)


def test_transposed_convolution_counts_as_the_convolution_it_is_the_adjoint_of() -> None:
    image, weight = torch.empty(1, 6, 10, 12, device=META), torch.empty(6, 3, 2, 2, device=META)
    (one,) = count_operations(lambda: conv_transpose2d(image, weight, stride=2))
    assert one.flops == 2 * 6 * 3 * 4 * 120


def test_the_backward_pass_costs_the_same_again_for_image_and_for_weights() -> None:
    image = torch.empty(1, 3, 10, 12, device=META, requires_grad=True)
    weight = torch.empty(5, 3, 3, 3, device=META, requires_grad=True)
    there, *back = count_operations(lambda: conv2d(image, weight, padding=1).sum().backward())
    assert [one.flops for one in back] == [there.flops, there.flops]


def test_fourier_transform_counts_five_n_log_n() -> None:
    image = torch.empty(3, 16, 8, dtype=torch.complex64, device=META)
    (one,) = count_operations(lambda: torch.fft.fft(image))
    assert one.flops == 5 * 3 * 16 * 8 * 3
    assert one.bytes == 2 * 8 * image.numel()


def test_least_time_is_the_larger_bound_of_each_operation() -> None:
    rates = Rates(single=10, half=40, bytes=5)
    operations = [Operation(True, 100, 5), Operation(True, 10, 50), Operation(False, 20, 5)]
    assert rates.least_seconds(operations) == pytest.approx(10 + 10 + 2)
    assert rates.least_seconds(operations, half=True) == pytest.approx(2.5 + 5 + 2)


def test_measured_rates_are_plausible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recon.experiments.benchmark.networks.roofline.COPIED", 2**22)
    monkeypatch.setattr("recon.experiments.benchmark.networks.roofline.CHANS", 32)
    rates = measure_rates(torch.device("cpu"))
    assert 1e8 < rates.single < 1e15
    assert 1e8 < rates.half < 1e16
    assert 1e7 < rates.bytes < 1e14
