"""The benchmark of denoisers."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from helpers.files.raw_files import write_raw_file
from helpers.learned.networks import write_weights
from recon.data.errors import InputError
from recon.experiments.benchmark.denoising import benchmark, scenes
from recon.experiments.benchmark.denoising.benchmark import denoising
from recon.experiments.benchmark.denoising.denoisers import BM3D, NOISY, denoisers
from recon.experiments.benchmark.denoising.scenes import UNFOLDED, read_scenes, simulate_scenes, simulate_unfolded


@pytest.fixture(autouse=True)
def small_heads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenes, "HEAD_MATRIX", (64, 64))


@pytest.fixture
def halving(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Put a denoiser that halves in the place of the package bm3d."""

    def put() -> None:
        package = ModuleType("bm3d")
        package.bm3d = lambda part, _sigma: part / 2  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "bm3d", package)

    return put


def test_noise_of_the_stated_level_is_added_the_same_every_time() -> None:
    (head,) = simulate_scenes(1)
    case = head.case(0.05)
    noise = (case.noisy - case.clean) / case.noise
    assert float(noise.real.std()) == pytest.approx(1, abs=0.05)
    assert float(noise.imag.std()) == pytest.approx(1, abs=0.05)
    assert torch.equal(case.noisy, next(simulate_scenes(1)).case(0.05).noisy)
    assert not case.mapped


def test_the_noise_map_of_unfolded_scans_is_that_of_their_noise() -> None:
    (case,) = simulate_unfolded(1)
    inside = case.clean.abs() > 0.1 * case.clean.abs().amax()
    noise = ((case.noisy - case.clean) / case.noise)[inside]
    assert case.mapped
    assert float(noise.abs().square().mean().sqrt()) == pytest.approx(2**0.5, rel=0.2)


def test_the_image_of_a_file_combines_its_coils(tmp_path: Path) -> None:
    path = write_raw_file(tmp_path / "a.h5", coils=3, matrix=(64, 64))
    (scene,) = read_scenes([path])
    assert scene.name == "a"
    assert scene.image.is_complex()
    assert scene.image.shape == (64, 64)


def test_every_denoiser_is_measured_on_every_image_and_level(tmp_path: Path, halving: Callable[[], None]) -> None:
    halving()
    weights = write_weights(tmp_path / "dlr.safetensors", "dlr")
    report = denoising([], (0.03, 0.1), 2, {"dlr": {"checkpoint": str(weights)}}, tmp_path)
    known = (NOISY, BM3D, "non-local means", "dlr")
    names = {"0.03": known, "0.1": known, UNFOLDED: (*known, "dlr, mean")}
    assert {(one.scene, one.level, one.denoiser) for one in report.results} == {
        (scene, level, name) for scene in ("head 1", "head 2") for level in names for name in names[level]
    }
    assert len(json.loads((tmp_path / "denoising.json").read_text())["results"]) == 26
    scores = {(one.level, one.denoiser): one.psnr for one in report.results if one.scene == "head 1"}
    assert scores["0.1", "non-local means"] > scores["0.1", NOISY] + 3
    assert scores["0.03", NOISY] == pytest.approx(-20 * np.log10(0.03), abs=1.5)  # the range is that of the levels


def test_what_is_missing_is_left_out_and_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "bm3d", None)
    found, missing = denoisers({"dlr": {"checkpoint": str(tmp_path / "no.safetensors")}})
    assert list(found) == [NOISY, "non-local means"]
    assert "pip install 'unrolled-recon[bm3d]'" in missing[0]
    assert "no such checkpoint" in missing[1]


def test_other_denoisers_get_values_about_one(halving: Callable[[], None]) -> None:
    halving()
    found, _ = denoisers({})
    image = 1e-9 * torch.randn(8, 8, dtype=torch.complex64)
    torch.testing.assert_close(found[BM3D](image, torch.full((8, 8), 1e-10)), image / 2)


def test_a_foreign_file_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / benchmark.REPORT).write_text("mine")
    with pytest.raises(InputError, match="is no report of a benchmark"):
        denoising([], (0.03,), 1, {}, tmp_path)
