import torch
from torch import Tensor, nn

from helpers.slices import line_mask, random_kspace
from models.cascade import Cascade
from models.sensitivity import divide_by_rss
from recon.coils import coil_combine, coil_expand
from recon.fourier import fft, ifft


class Nothing(nn.Module):
    """A regulariser that leaves the image to the data."""

    def forward(self, image: Tensor) -> Tensor:
        return torch.zeros_like(image)


def setting() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    mask = line_mask(20)
    full = random_kspace(2, 3, 18, 20, dtype=torch.complex128)
    sens_maps = divide_by_rss(random_kspace(2, 3, 18, 20, seed=1, dtype=torch.complex128))
    return full, torch.where(mask, full, 0), mask, sens_maps


def test_full_data_consistency_restores_what_was_measured_and_keeps_the_rest() -> None:
    estimate = random_kspace(2, 3, 18, 20, seed=2, dtype=torch.complex128)
    _, measured, mask, sens_maps = setting()
    after = Cascade(Nothing()).double()(estimate, measured, mask, sens_maps)
    torch.testing.assert_close(after, torch.where(mask, measured, estimate))


def test_true_kspace_is_a_fixed_point_without_regulariser() -> None:
    full, measured, mask, sens_maps = setting()
    assert torch.equal(Cascade(Nothing()).double()(full, measured, mask, sens_maps), full)


def test_regulariser_that_takes_the_whole_image_leaves_what_the_coils_cannot_explain() -> None:
    full, measured, mask, sens_maps = setting()
    after = Cascade(nn.Identity()).double()(full, measured, mask, sens_maps)
    explained = fft(coil_expand(coil_combine(ifft(full), sens_maps), sens_maps))
    torch.testing.assert_close(after, full - explained)
    torch.testing.assert_close(coil_combine(ifft(after), sens_maps), torch.zeros(2, 18, 20, dtype=torch.complex128))
