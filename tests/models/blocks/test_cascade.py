import torch
from torch import Tensor, nn

from helpers.scans.slices import line_mask, random_kspace
from recon.coils import coil_combine, coil_expand
from recon.fourier import ifft
from recon.models.blocks.cascade import Cascade
from recon.models.blocks.sensitivity import divide_by_rss
from recon.solvers.measured import Measured


class ZeroRegulariser(nn.Module):
    """A regulariser that predicts zero, so the step is data consistency alone."""

    def forward(self, image: Tensor) -> Tensor:
        return torch.zeros_like(image)


def undersampled() -> tuple[Tensor, Measured, Tensor]:
    """Return full k-space, its measured samples, and sensitivity maps."""
    mask = line_mask(20)
    full = random_kspace(2, 3, 18, 20, dtype=torch.complex128)
    sens_maps = divide_by_rss(random_kspace(2, 3, 18, 20, seed=1, dtype=torch.complex128))
    return full, Measured.of(torch.where(mask, full, 0), mask), sens_maps


def to_space_of(measured: Measured, kspace: Tensor) -> Tensor:
    return measured.kspace(ifft(kspace))


def test_full_data_consistency_restores_measured_samples_and_keeps_the_rest() -> None:
    _, measured, sens_maps = undersampled()
    estimate = to_space_of(measured, random_kspace(2, 3, 18, 20, seed=2, dtype=torch.complex128))
    after = Cascade(ZeroRegulariser()).double()(estimate, measured, sens_maps)
    torch.testing.assert_close(after, torch.where(measured.mask, measured.samples, estimate))


def test_half_data_consistency_goes_half_the_way() -> None:
    _, measured, sens_maps = undersampled()
    estimate = to_space_of(measured, random_kspace(2, 3, 18, 20, seed=2, dtype=torch.complex128))
    cascade = Cascade(ZeroRegulariser()).double()
    cascade.dc_weight.data.fill_(0.5)
    expected = torch.where(measured.mask, (measured.samples + estimate) / 2, estimate)
    torch.testing.assert_close(cascade(estimate, measured, sens_maps), expected)


def test_true_kspace_is_a_fixed_point_without_regulariser() -> None:
    full, measured, sens_maps = undersampled()
    truth = to_space_of(measured, full)
    torch.testing.assert_close(Cascade(ZeroRegulariser()).double()(truth, measured, sens_maps), truth)


def test_subtracting_the_whole_image_leaves_what_the_maps_cannot_explain() -> None:
    full, measured, sens_maps = undersampled()
    truth = to_space_of(measured, full)
    after = measured.image(Cascade(nn.Identity()).double()(truth, measured, sens_maps))
    explained = coil_expand(coil_combine(ifft(full), sens_maps), sens_maps)
    torch.testing.assert_close(after, ifft(full) - explained)
    torch.testing.assert_close(coil_combine(after, sens_maps), torch.zeros(2, 18, 20, dtype=torch.complex128))
