from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from helpers.learned.training import make_config, write_folders
from recon.data.errors import InputError
from recon.data.open import open_volume
from recon.experiments.training.shutdown import Shutdown
from recon.experiments.training.validation.validator import Validation, Validator, VolumeScore
from recon.experiments.training.validation.volume_trial import volume_trials

SCORES = [
    VolumeScore("a.h5", "AXT2", 4.0, ssim=0.9, psnr=30.0, nmse=0.01),
    VolumeScore("a.h5", "AXT2", 8.0, ssim=0.7, psnr=26.0, nmse=0.03),
    VolumeScore("b.h5", "AXT1", 4.0, ssim=0.8, psnr=28.0, nmse=0.02),
]


def test_scores_are_averaged_over_all_and_within_contrast_and_acceleration() -> None:
    validation = Validation(SCORES, [])
    assert validation.means() == pytest.approx({"ssim": 0.8, "psnr": 28, "nmse": 0.02})
    groups = validation.groups()
    assert list(groups) == ["AXT1 4x", "AXT2 4x", "AXT2 8x"]
    assert groups["AXT2 8x"] == {"ssim": 0.7, "psnr": 26.0, "nmse": 0.03, "volumes": 1}
    assert validation.quality == pytest.approx(0.8)


def test_self_supervised_quality_ignores_targets() -> None:
    better, worse = (VolumeScore("a.h5", "", 4.0, ssim=ssim, heldout=loss) for ssim, loss in ((0.1, 0.5), (0.9, 0.6)))
    assert Validation([better], []).quality > Validation([worse], []).quality


def test_volume_without_target_has_no_metrics_and_is_named_as_scanned() -> None:
    validation = Validation([VolumeScore("a.h5", "AXT2", None, heldout=0.5), *SCORES], [])
    assert validation.groups()["AXT2 as scanned"] == {"heldout": 0.5, "volumes": 1}
    assert validation.means()["ssim"] == pytest.approx(0.8)
    assert "ssim" not in Validation([], []).means()


class WithoutFiniteValues(nn.Module):
    def forward(self, kspace: Tensor, _mask: Tensor, **_others: Any) -> Tensor:
        return torch.full_like(kspace[:, 0].real, torch.nan)


def test_a_network_whose_images_are_not_finite_is_not_scored(tmp_path: Path) -> None:
    folders = write_folders(tmp_path)
    config, volume = make_config(folders, tmp_path / "out"), open_volume(folders / "val" / "d.h5")
    accelerator = Accelerator(cpu=True)
    with pytest.raises(InputError, match=r"d\.h5: the image of slice 0 is not finite"):
        Validator(accelerator, volume_trials(config, [volume]))(WithoutFiniteValues(), Shutdown(accelerator, None))
