"""The best weight of a method that takes series is one for all of its frames; tuning reads whole series."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from helpers.scans.cine import cine
from recon.contract import Reconstruction, SeriesReconstruction
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.open import open_volume
from recon.experiments.engine.run import Runner
from recon.experiments.engine.sampled_volume import SampledVolume
from recon.experiments.engine.tuning.best_weight import BestWeight

SERIES = cine(frames=3, readout=12, phase=16, coils=2)


@dataclass(frozen=True)
class Scaled(SeriesReconstruction):
    """Gives every frame its target times the weight over a tenth, if it is given all frames."""

    lamda: float = 1.0

    def batch(self, acquisitions: Sequence[Acquisition]) -> list[Tensor]:
        assert len(acquisitions) == len(SERIES)
        return [one.target * (self.lamda / 0.1) for one in acquisitions if one.target is not None]


@dataclass(frozen=True)
class ScaledByFrame(Reconstruction):
    """Does the same one by one; the best weight of the last frame is half of that of the others."""

    lamda: float = 1.0

    def __call__(self, acquisition: Acquisition) -> Tensor:
        assert acquisition.target is not None
        return acquisition.target * (self.lamda / (0.05 if acquisition.frame == 2 else 0.1))


@pytest.mark.parametrize("method", [Scaled(), ScaledByFrame()], ids=["series", "frames"])
@pytest.mark.parametrize("floor", [False, True])
def test_the_best_weight_is_found_for_the_series_or_for_each_frame(method: Reconstruction, floor: bool) -> None:
    results = list(Runner("best", BestWeight(method, floor)).slices(SERIES))
    assert [result.index for result in results] == [0, 1, 2]
    for result, frame in zip(results, SERIES, strict=True):
        assert np.allclose(result.image, frame.target, atol=0.05)


def test_a_frame_without_target_is_named() -> None:
    with pytest.raises(InputError, match="cine.h5: has no target"):
        BestWeight(Scaled()).batch([*SERIES[:2], replace(SERIES[2], target=None)])


def test_the_series_of_a_file_are_its_places_and_other_slices_stand_alone(tmp_path: Path) -> None:
    kspace = torch.stack([frame.kspace for frame in SERIES])
    np.save(tmp_path / "cine.npy", torch.stack([kspace, kspace], 1).numpy())
    volume = open_volume(tmp_path / "cine.npy", axes="frames slices coils readout phase")
    assert SampledVolume(volume).series == [[0, 2, 4], [1, 3, 5]]
    slices = open_volume(tmp_path / "cine.npy", axes="averages slices coils readout phase")
    assert [len(series) for series in SampledVolume(slices).series] == [1] * len(slices)
