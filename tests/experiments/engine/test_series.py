"""The engine gives methods whole series, calibrated together, and returns images in the order of the file."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch
from torch import Tensor

from helpers.scans.objects import object_acquisition
from recon.contract import Reconstruction, SeriesReconstruction
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.data.open import Volume, open_volume
from recon.experiments.engine.run import Runner
from recon.experiments.engine.sampled_volume import SampledVolume
from recon.registry import create

FRAMES, SLICES = 4, 3
SAMPLING = Sampling(MaskKind.KT_EQUISPACED, 2, 0.0)


@dataclass(frozen=True)
class BrightestOfAll(SeriesReconstruction):
    """Gives every frame the largest sample of its series, and notes the frames it was given."""

    given: list[list[int]] = field(default_factory=list)

    def batch(self, acquisitions: Sequence[Acquisition]) -> list[Tensor]:
        self.given.append([int(one.slice or 0) for one in acquisitions])
        largest = max(float(one.kspace.abs().max()) for one in acquisitions)
        return [torch.full(one.crop, largest) for one in acquisitions]


@pytest.fixture(scope="module", params=["frames slices", "slices frames"])
def volume(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Volume:
    """A file of series of which each is brighter than the one before, slices or frames running fastest."""
    full = object_acquisition(6, 32, 48, noise=1e-4).kspace
    kspace = torch.stack([torch.stack([full * (1 + place) for place in range(SLICES)]) for _ in range(FRAMES)])
    path = tmp_path_factory.mktemp("series") / "cine.npy"
    order = (0, 1) if request.param == "frames slices" else (1, 0)
    np.save(path, kspace.permute(*order, 2, 3, 4).numpy())
    return open_volume(path, axes=f"{request.param} coils readout phase")


def test_a_method_that_takes_series_gets_all_frames_of_a_place_and_images_keep_their_order(volume: Volume) -> None:
    method = BrightestOfAll()
    images = Runner("brightest", method).volume(SampledVolume(volume)).images
    places = images[:, 0, 0].reshape(FRAMES, SLICES)
    assert np.array_equal(places[0], places[-1])
    assert np.allclose(places[0] / places[0, 0], [1, 2, 3])
    assert sorted(len(frames) for frames in method.given) == [FRAMES] * SLICES


@pytest.mark.parametrize("method", ["sense", "grappa", "cs-tv"])
def test_frames_without_central_lines_are_reconstructed_one_by_one(volume: Volume, method: str) -> None:
    undersampled = Runner(method, create(method)).volume(SampledVolume(volume, SAMPLING)).images
    full = Runner(method, create(method)).volume(SampledVolume(volume)).images
    assert np.linalg.norm(undersampled - full) < 0.1 * np.linalg.norm(full)


def test_every_frame_is_measured_along_other_lines(volume: Volume) -> None:
    masks = [one.mask for one in SampledVolume(volume, SAMPLING)]
    assert torch.equal(masks[0], ~masks[1])
    assert torch.equal(masks[0], masks[2])


def test_maps_of_methods_that_take_series_are_refused(volume: Volume) -> None:
    with pytest.raises(InputError, match="reconstructs all frames of a series at once"):
        Runner("brightest", BrightestOfAll(), noise=True).volume(SampledVolume(volume))


def test_a_single_image_is_a_series_of_one_frame() -> None:
    method: Reconstruction = BrightestOfAll()
    scan = object_acquisition(2, 16, 16)
    (result,) = Runner("brightest", method).slices([replace(scan, slice=5)])
    assert result.index == 5
    assert method(scan).shape == scan.crop
