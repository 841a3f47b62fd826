"""Frames are scored one by one, in the range of their volume."""

from pathlib import Path

import numpy as np
import pytest

from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.data.open import open_volume
from recon.experiments.engine.sampled_volume import SampledVolume
from recon.experiments.engine.scores.frame_scores import series_in
from recon.experiments.engine.scores.metrics import score
from recon.experiments.report.scores.series import score_series, series_table

FRAMES, SLICES = 4, 2


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> SampledVolume:
    path = tmp_path_factory.mktemp("series") / "cine.npy"
    np.save(path, np.ones((FRAMES, SLICES, 2, 16, 16), np.complex64))
    volume = open_volume(path, axes="frames slices coils readout phase")
    return SampledVolume(volume, Sampling(MaskKind.KT_RANDOM, 2, 0.1))


@pytest.fixture
def target() -> np.ndarray:
    return np.random.default_rng(0).random((FRAMES * SLICES, 16, 16)).astype(np.float32)


def test_the_mean_over_the_frames_is_the_score_of_the_volume(scan: SampledVolume, target: np.ndarray) -> None:
    images = (target + 0.1 * np.random.default_rng(1).standard_normal(target.shape)).astype(np.float32)
    first, second = score_series(scan, "sense", target, images)
    assert (first.images, second.images) == ((0, 2, 4, 6), (1, 3, 5, 7))
    whole = score(target, images)
    assert np.mean([*first.ssim, *second.ssim]) == pytest.approx(whole.ssim, abs=1e-6)
    errors = [10 ** (-value / 10) for value in (*first.psnr, *second.psnr)]
    assert -10 * np.log10(np.mean(errors)) == pytest.approx(whole.psnr, abs=1e-4)


def test_the_worst_frame_is_named_by_its_number_in_the_series(scan: SampledVolume, target: np.ndarray) -> None:
    images = target + np.float32(0.01)
    images[5] += np.float32(0.2)  # frame 2 of the second slice
    first, second = score_series(scan, "sense", target, images)
    assert second.summary["psnr_worst_frame"] == second.summary["ssim_worst_frame"] == 2
    assert second.summary["psnr_worst"] < first.summary["psnr_worst"]
    assert second.summary["psnr_mean"] == pytest.approx(np.mean(second.psnr))


def test_changes_are_lost_where_time_is_blurred_and_not_by_a_constant_error(
    scan: SampledVolume, target: np.ndarray
) -> None:
    blurred = target.reshape(FRAMES, SLICES, 16, 16).mean(0, keepdims=True).repeat(FRAMES, 0).reshape(target.shape)
    (lost, _), (kept, _) = (list(score_series(scan, "l+s", target, one)) for one in (blurred, target + 0.05))
    assert lost.psnr_changes < 12
    assert kept.psnr_changes > 60


def test_nothing_is_scored_without_a_target_or_a_series(
    scan: SampledVolume, target: np.ndarray, tmp_path: Path
) -> None:
    assert not list(score_series(scan, "sense", None, target))
    np.save(tmp_path / "slices.npy", np.ones((3, 2, 16, 16), np.complex64))
    slices = open_volume(tmp_path / "slices.npy")
    assert not list(series_in(slices.header, range(len(slices))))


def test_the_terminal_shows_the_worst_of_all_series(scan: SampledVolume, target: np.ndarray) -> None:
    table = series_table(list(score_series(scan, "sense", target, target + np.float32(0.1))))
    assert [next(iter(column.cells)) for column in table.columns][:2] == ["kt-random", "2x"]
    assert list(table.columns[-1].cells) == [str(FRAMES * SLICES)]
