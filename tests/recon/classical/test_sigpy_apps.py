"""sigpy's apps as methods: converged, reproducible, and with maps from measured samples alone."""

import sys
from dataclasses import replace
from functools import cache

import pytest
import torch
from sigpy.mri.app import EspiritCalib, L1WaveletRecon, SenseRecon, TotalVariationRecon

from helpers.programs.without_extras import Missing
from helpers.scans.objects import object_acquisition, smooth_maps
from recon.classical.sigpy_apps import SigpyReconstruction, as_sigpy_array, automatic_lamda, espirit_maps
from recon.coils import rss
from recon.crop import center_crop
from recon.data.acquisition import Acquisition, Header
from recon.data.errors import InputError
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.fourier import fft, ifft
from recon.registry import create

NAMES = ("sigpy-sense", "sigpy-wavelet", "sigpy-tv")
APPS = {"sigpy-sense": SenseRecon, "sigpy-wavelet": L1WaveletRecon, "sigpy-tv": TotalVariationRecon}

every_app = pytest.mark.parametrize("name", NAMES)


@cache
def undersampled() -> Acquisition:
    return Sampling(MaskKind.EQUISPACED, acceleration=3, center_fraction=0.2)(
        object_acquisition(4, 48, 50, noise=2e-3)
    )


def distance(image: torch.Tensor, other: torch.Tensor) -> float:
    return float((image - other).norm() / other.norm())


@every_app
def test_twice_the_iterations_change_the_image_by_less_than_a_hundredth(name: str) -> None:
    method = create(name)
    assert isinstance(method, SigpyReconstruction)
    converged = replace(method, iterations=2 * method.iterations)
    assert distance(method(undersampled()), converged(undersampled())) < 0.01


@every_app
def test_two_runs_agree_to_the_last_bit(name: str) -> None:
    method = create(name, {"iterations": 20})
    torch.testing.assert_close(method(undersampled()), method(undersampled()), rtol=0, atol=0)


@every_app
def test_the_image_is_that_of_the_app_as_sigpy_runs_it(name: str) -> None:
    acquisition, lamda = undersampled(), 3e-3
    kspace = acquisition.kspace / rss(ifft(acquisition.kspace)).amax()
    maps = EspiritCalib(kspace.numpy(), calib_width=10, kernel_width=5, crop=0, show_pbar=False).run()
    app = APPS[name](
        kspace.numpy(), maps, lamda=lamda, max_iter=100 if name == "sigpy-sense" else 800, show_pbar=False
    )
    image = create(name, {"lamda": lamda})(acquisition)
    expected = torch.from_numpy(app.run()).abs() * rss(ifft(acquisition.kspace)).amax()
    assert distance(image, expected) < 0.02


def test_maps_are_those_of_the_coils_up_to_a_phase() -> None:
    truth = smooth_maps(4, 48, 50)
    found = espirit_maps(undersampled())
    inside = object_acquisition(4, 48, 50).target > 0.2
    agreement = (found.conj() * truth).sum(0).abs()[inside]
    assert agreement.min() > 0.98
    torch.testing.assert_close(rss(found), torch.ones(48, 50))


def test_only_measured_samples_are_calibrated_on() -> None:
    """A mask whose measured run is not symmetric about DC calibrates on its symmetric part."""
    full = object_acquisition(4, 48, 50)
    mask = torch.zeros(50, dtype=torch.bool)
    mask[22:34] = True  # DC is at 25
    symmetric = torch.zeros(50, dtype=torch.bool)
    symmetric[22:29] = True
    torch.testing.assert_close(espirit_maps(full.undersample(mask)), espirit_maps(full.undersample(symmetric)))


def test_a_separate_reference_scan_gives_the_maps() -> None:
    full = object_acquisition(4, 48, 50)
    lines = full.kspace[..., 25 - 8 : 25 + 8]
    prospective = replace(full.undersample(torch.arange(50) % 2 == 0), calibration=lines)
    inside = full.target > 0.2
    agreement = (espirit_maps(prospective).conj() * smooth_maps(4, 48, 50)).sum(0).abs()[inside]
    assert agreement.min() > 0.98


def test_a_coil_without_signal_is_left_out() -> None:
    silent = undersampled()
    dead = replace(silent, kspace=torch.cat([torch.zeros(1, 48, 50), silent.kspace]).to(torch.complex64))
    method = create("sigpy-sense")
    torch.testing.assert_close(method(dead), method(silent))


def test_readout_oversampling_is_removed_first() -> None:
    narrow = object_acquisition(4, 32, 50)
    wide = torch.zeros(4, 64, 50, dtype=torch.complex64)
    wide[:, 16:48] = ifft(narrow.kspace)
    header = Header(crop=(32, 50), padding=(0, 50))
    mask = undersampled().mask
    image = create("sigpy-sense")(Acquisition(fft(wide), narrow.mask, header, name="wide").undersample(mask))
    other = create("sigpy-sense")(replace(narrow, header=header).undersample(mask))
    torch.testing.assert_close(image, other, rtol=1e-3, atol=1e-4)


@every_app
def test_a_mask_of_two_dimensions_is_reconstructed(name: str) -> None:
    full = object_acquisition(4, 48, 50)
    mask = torch.rand(48, 50, generator=torch.Generator().manual_seed(0)) < 0.4
    mask[16:32, 17:33] = True
    under = full.undersample(mask)
    zero_filled = center_crop(rss(ifft(under.kspace)), full.crop)
    assert distance(create(name)(under), full.target) < 0.5 * distance(zero_filled, full.target)


def test_the_weight_grows_with_the_extent_of_the_object() -> None:
    acquisition = undersampled()
    maps = espirit_maps(acquisition)
    brighter = replace(acquisition, kspace=2 * acquisition.kspace)
    weight = automatic_lamda(acquisition, maps, 1.0, 0.5)
    assert automatic_lamda(brighter, maps, 1.0, 0.5) == pytest.approx(2 * weight)
    assert weight == pytest.approx(acquisition.acceleration**0.5 * automatic_lamda(acquisition, maps, 1.0, 0.0))


def test_without_cupy_a_gpu_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(InputError, match=r"sigpy on a GPU needs cupy: pip install 'unrolled-recon\[gpu\]'"):
        as_sigpy_array(torch.empty(1, device="meta"))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@every_app
def test_a_gpu_gives_the_same_image(name: str) -> None:
    pytest.importorskip("cupy", reason="cupy is not installed")
    image = create(name)(undersampled().to("cuda"))
    assert image.device.type == "cuda"
    torch.testing.assert_close(image.cpu(), create(name)(undersampled()), rtol=1e-2, atol=1e-3)


def test_without_sigpy_its_methods_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "sigpy"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Missing(["sigpy"]), *sys.meta_path])
    with pytest.raises(InputError, match="sigpy is not installed"):
        create("sigpy-sense")(undersampled())
