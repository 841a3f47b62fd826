"""How a denoiser under training is scored."""

from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from recon.data.errors import InputError
from recon.experiments.training.shutdown import Shutdown
from recon.experiments.training.validation.denoising_trial import DenoisingTrial
from recon.experiments.training.validation.validator import Validator
from recon.simulation.scanner.anatomy import load_anatomies


class Unchanged(nn.Module):
    def forward(self, images: Tensor, _sigma: Tensor) -> Tensor:
        return images


class NotFinite(nn.Module):
    def forward(self, images: Tensor, _sigma: Tensor) -> Tensor:
        return images * torch.nan


@pytest.fixture
def trials(tmp_path: Path) -> list[DenoisingTrial]:
    disc = np.hypot(*np.meshgrid(*[np.linspace(-1.2, 1.2, 60)] * 2)) < 1
    np.savez(tmp_path / "disc.npz", image=np.stack([disc, disc]).astype(np.float32))
    (disc_file,) = load_anatomies([tmp_path])
    return [DenoisingTrial(disc_file, level, phase) for phase in (True, False) for level in (0.02, 0.1)]


def test_noise_of_the_stated_level_is_added(trials: list[DenoisingTrial]) -> None:
    validation = Validator(Accelerator(cpu=True), trials)(Unchanged(), Shutdown(Accelerator(cpu=True), None))
    assert validation is not None
    assert list(validation.groups()) == ["noise 0.02", "noise 0.1"]
    for score in validation.scores:  # of a disc of ones, whose noise is about that of its real part
        assert score.psnr == pytest.approx(-20 * np.log10(score.noise), abs=2)
    assert validation.quality == pytest.approx(validation.means()["psnr"])


def test_a_denoiser_whose_images_are_not_finite_is_not_scored(trials: list[DenoisingTrial]) -> None:
    with pytest.raises(InputError, match=r"disc\.npz: the denoised image is not finite"):
        Validator(Accelerator(cpu=True), trials)(NotFinite(), Shutdown(Accelerator(cpu=True), None))
