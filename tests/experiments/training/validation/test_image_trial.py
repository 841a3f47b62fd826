"""Checks the scores of a denoiser or an enlarger under training."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from recon.data.errors import InputError
from recon.experiments.training.shutdown import Shutdown
from recon.experiments.training.validation.image_trial import ImageTrial
from recon.experiments.training.validation.validator import Validator
from recon.fourier import ifft
from recon.models.networks.postprocessing.sharp import enlarged_kspace
from recon.simulation.scanner.subject.anatomy import load_anatomies


class Unchanged(nn.Module):
    def forward(self, images: Tensor, _sigma: Tensor) -> Tensor:
        return images


class NotFinite(nn.Module):
    def forward(self, images: Tensor, _sigma: Tensor) -> Tensor:
        return images * torch.nan


@pytest.fixture
def trials(tmp_path: Path) -> list[ImageTrial]:
    disc = np.hypot(*np.meshgrid(*[np.linspace(-1.2, 1.2, 60)] * 2)) < 1
    np.savez(tmp_path / "disc.npz", image=np.stack([disc, disc]).astype(np.float32))
    (disc_file,) = load_anatomies([tmp_path])
    return [ImageTrial(disc_file, level, phase) for phase in (True, False) for level in (0.02, 0.1)]


def test_noise_of_the_stated_level_is_added(trials: list[ImageTrial]) -> None:
    validation = Validator(Accelerator(cpu=True), trials)(Unchanged(), Shutdown(Accelerator(cpu=True), None))
    assert validation is not None
    assert list(validation.groups()) == ["noise 0.02", "noise 0.1"]
    for score in validation.scores:  # of a disc of ones, whose noise is about that of its real part
        assert score.psnr == pytest.approx(-20 * np.log10(score.noise), abs=2)
    assert validation.quality == pytest.approx(validation.means()["psnr"])


class Zeros(nn.Module):
    def forward(self, images: Tensor, _sigma: Tensor, size: tuple[int, int]) -> Tensor:
        return ifft(enlarged_kspace(images, size))


def test_an_enlarger_gets_the_central_half_of_k_space(trials: list[ImageTrial]) -> None:
    enlarging = [replace(trial, largest=60) for trial in trials if trial.phase]
    validation = Validator(Accelerator(cpu=True), enlarging)(Zeros(), Shutdown(Accelerator(cpu=True), None))
    assert validation is not None
    quiet, loud = (score.psnr for score in validation.scores)
    assert 15 < loud < quiet < 30  # the edge of the disc is blurred


def test_an_anatomy_with_more_pixels_than_the_largest_side_is_cut_in_k_space(trials: list[ImageTrial]) -> None:
    _, example = replace(trials[0], largest=40)(Zeros(), Accelerator(cpu=True))
    assert example is not None
    assert example.target.shape == example.image.shape == (40, 40)


def test_a_denoiser_whose_images_are_not_finite_is_not_scored(trials: list[ImageTrial]) -> None:
    with pytest.raises(InputError, match=r"disc\.npz: the denoised image is not finite"):
        Validator(Accelerator(cpu=True), trials)(NotFinite(), Shutdown(Accelerator(cpu=True), None))
