"""The Sharp network as a post-processing stage."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers.learned import networks
from helpers.learned.enlarged import measured_kspace
from helpers.scans.objects import object_acquisition
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.fourier import fft, ifft
from recon.models.networks.postprocessing.sharp import enlarged_kspace
from recon.preprocessing.measured_centre import measured_centre
from recon.quality.false_details import count_details
from recon.quality.resolution import bands
from recon.registry import create, create_stage
from recon.simulation.cropped_scans import lowered
from recon.simulation.raw_files import simulate_volume

FULL = object_acquisition(coils=4, noise=1e-3)
CENTRE = Sampling(MaskKind.CENTER, 4, 0.5)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(networks.write_weights(tmp_path_factory.mktemp("weights") / "sharp.safetensors", "sharp"))


@pytest.mark.parametrize(("name", "stage_name"), [("sense", "sharp"), ("zero-filled", "sharp"), ("sense", "mfcn")])
@pytest.mark.parametrize("sampling", [CENTRE, Sampling(MaskKind.CENTER_PHASE, 2, 0.5)])
def test_the_image_has_the_matrix_of_the_scan_and_the_centre_of_the_methods(
    tmp_path: Path, name: str, stage_name: str, sampling: Sampling
) -> None:
    weights = str(networks.write_weights(tmp_path / "weights.safetensors", stage_name))
    scan, stage = sampling(FULL), create_stage(stage_name, {"checkpoint": weights})
    low = create(name).complex_image(measured_centre(scan))
    assert low is not None
    enlarged = stage(low, torch.full(low.shape, 1e-3), scan)
    assert enlarged.shape == scan.crop
    error = measured_kspace(enlarged, low.shape) - fft(low)
    assert error.abs().amax() < 1e-6 * fft(low).abs().amax()
    composed = create(f"{name}+{stage_name}", {f"{stage_name}.checkpoint": weights})(scan)
    assert composed.shape == scan.crop
    assert (composed - enlarged.abs()).norm() < 0.05 * composed.norm()  # the noise map differs


def test_it_composes_with_acceleration_of_the_centre(weights: str) -> None:
    scan = Sampling(MaskKind.EQUISPACED, 2, 0.3, within=(2, 2))(FULL)
    image = create("sense+sharp", {"sharp.checkpoint": weights})(scan)
    assert image.shape == scan.crop
    bright = FULL.target > 0.5
    assert (image - FULL.target)[bright].norm() < 0.3 * FULL.target[bright].norm()


def test_a_full_scan_is_enlarged_by_the_factor_and_by_default_left_alone(weights: str) -> None:
    plain = create("sense").complex_image(FULL)
    assert plain is not None
    same = create("sense+sharp", {"sharp.checkpoint": weights})
    torch.testing.assert_close(same(FULL), plain.abs())
    assert "changes nothing" in same.range_warnings(FULL)[0]
    larger = create("sense+sharp", {"sharp.checkpoint": weights, "sharp.factor": 2})
    assert larger(FULL).shape == (2 * FULL.crop[0], 2 * FULL.crop[1])
    assert not larger.range_warnings(FULL)


@pytest.mark.parametrize("factor", [1e-20, 1e20])
def test_the_scale_of_an_image_does_not_matter(weights: str, factor: float) -> None:
    scan, stage = CENTRE(FULL), create_stage("sharp", {"checkpoint": weights})
    low = create("sense").complex_image(measured_centre(scan))
    assert low is not None
    noise = torch.full(low.shape, 1e-3)
    scaled = stage(factor * low, factor * noise, scan) / factor
    torch.testing.assert_close(scaled, stage(low, noise, scan), rtol=1e-4, atol=1e-5)


def test_it_follows_and_precedes_other_stages(weights: str, tmp_path: Path) -> None:
    dlr = str(networks.write_weights(tmp_path / "dlr.safetensors", "dlr"))
    for name in ("sense+dlr+sharp", "sense+sharp+dlr"):
        method = create(name, {"sharp.checkpoint": weights, "dlr.checkpoint": dlr})
        assert method(CENTRE(FULL)).shape == FULL.crop


def test_an_empty_slice_stays_empty(weights: str) -> None:
    stage = create_stage("sharp", {"checkpoint": weights})
    empty = stage(torch.zeros(32, 30, dtype=torch.complex64), torch.zeros(32, 30), CENTRE(FULL))
    assert empty.shape == FULL.crop
    assert not empty.any()


def small_centre(scan: Acquisition) -> Acquisition:
    return replace(Sampling(MaskKind.CENTER, 16, 0.25)(scan), name="small.h5")


def test_more_than_twice_the_matrix_is_refused(weights: str) -> None:
    method = create("sense+sharp", {"sharp.checkpoint": weights})
    with pytest.raises(InputError, match=r"small\.h5: only the 16 central samples of 64 along readout"):
        method(small_centre(FULL))
    with pytest.raises(InputError, match="sharp, setting factor"):
        create("sense+sharp", {"sharp.factor": 3})


def test_a_stage_without_shipped_weights_says_how_to_get_some() -> None:
    with pytest.raises(InputError, match=r"no weights ship for mfcn: .* `recon train mfcn`"):
        create("sense+mfcn").prepare()


def test_the_shipped_weights_win_back_resolution_and_invent_nothing() -> None:
    head = simulate_volume((128, 112), 1, 1, 100.0, np.random.default_rng(8))
    image = torch.from_numpy(head.image[0])
    low = lowered(image, (64, 56))
    enlarged = create_stage("sharp").enlarge(low, torch.full(low.shape, 1e-3) * low.abs().amax(), (128, 112))
    zeros = ifft(enlarged_kspace(low, (128, 112)))
    assert (enlarged - image).norm() < 0.85 * (zeros - image).norm()
    assert count_details(enlarged.abs(), image.abs()).invented == 0
    assert all(band.correlation > 0.5 for band in bands(enlarged, image, (0.5, 0.6, 0.7)))


@pytest.mark.parametrize("method", ["sense+sharp", "varnet+sharp"])
def test_methods_use_the_shipped_weights_unless_others_are_named(method: str) -> None:
    scan = Sampling(MaskKind.EQUISPACED, 2, 0.3, within=(2, 2))(FULL)
    enlarged = create(method)
    assert enlarged(scan).shape == scan.crop
    assert enlarged.settings()["sharp"]["checkpoint"] == "sharp.safetensors"
