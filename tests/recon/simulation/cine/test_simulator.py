"""Simulated hearts beat, and their raw data is that of their images."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from recon.coils import rss
from recon.data.errors import InputError
from recon.data.open import open_volume
from recon.fourier import ifft
from recon.simulation.cine.files import simulate_cines
from recon.simulation.cine.motion import breathing, contraction, displace, pulsate
from recon.simulation.cine.simulator import CinePlan, CineSimulator
from recon.simulation.cine.sources import MeasuredCine, load_cines, load_pictures
from recon.simulation.cine.torso import MATRIX, PIXEL, Torso

PLAN = CinePlan(matrix=(40, 36), frames=4, coils=3, snr=1e6)


def test_the_heart_contracts_once_in_every_beat() -> None:
    phases = np.linspace(0, 2, 401)
    curve = contraction(phases)
    assert curve.min() >= -1e-12
    assert curve.max() == pytest.approx(1)
    assert curve[0] == curve[200] == curve[400] == pytest.approx(0)
    assert np.abs(np.diff(curve)).max() < 0.05
    np.testing.assert_allclose(curve[:200], curve[200:400], atol=1e-12)


def test_the_cavity_shrinks_and_all_that_is_far_from_the_heart_stays() -> None:
    torso = replace(Torso.draw(np.random.default_rng(1)), heart=(30.0, -20.0))
    relaxed, contracted = torso.render(np.array([0.0, 0.36]))
    y, x = np.meshgrid(*(2 * [(np.arange(MATRIX) - MATRIX // 2) * PIXEL]), indexing="ij")
    near = np.hypot(x - 30, y + 20) < torso.cavity
    far = np.hypot(x - 30, y + 20) > 110
    blood = [(frame[near] > 0.65).sum() for frame in (relaxed, contracted)]
    assert blood[1] < 0.65 * blood[0]
    aorta = np.hypot(x - 28, y - 0.45 * torso.chest[1]) < 14
    np.testing.assert_array_equal(relaxed[far & ~aorta], contracted[far & ~aorta])


def test_breathing_moves_the_chest_and_hardly_the_back() -> None:
    image = torch.zeros(1, 61, 20)
    image[0, 10], image[0, 50] = 1, 1
    moved = displace(image, np.array([4.0]))[0].mean(1)
    chest = float((moved[:30] * torch.arange(30)).sum() / moved[:30].sum())
    back = float((moved[30:] * torch.arange(30, 61)).sum() / moved[30:].sum())
    assert chest == pytest.approx(10 + 4 * (0.2 + 0.8 * 5 / 6), abs=0.3)
    assert back == pytest.approx(50 + 4 * (0.2 + 0.8 / 6), abs=0.3)
    shares = breathing(np.linspace(0, 10, 100), np.random.default_rng(0))
    assert shares.min() >= 0
    assert shares.max() <= 1


def test_a_picture_moves_with_the_heart_and_returns() -> None:
    picture = torch.rand(48, 40, generator=torch.Generator().manual_seed(0))
    first, contracted, last = pulsate(picture, np.array([0.0, 0.36, 1.0]), np.random.default_rng(2))
    torch.testing.assert_close(first, last, atol=1e-4, rtol=0)
    assert (first - contracted).abs().max() > 0.05


def test_still_images_become_series_of_one_of_their_slices(tmp_path: Path) -> None:
    volume = np.random.default_rng(0).random((2, 32, 32)).astype(np.float32)
    np.savez(tmp_path / "head.npz", image=volume)
    (source,) = load_pictures([tmp_path])
    beat = source.beat(5, 2, 1, np.random.default_rng(1))
    assert beat.images.shape == (2, 5, 32, 32)
    np.testing.assert_array_equal(beat.images[0], beat.images[1])
    assert np.abs(np.diff(beat.images[0], axis=0)).max() > 0


@pytest.mark.parametrize("varied", [True, False])
def test_kspace_is_that_of_the_target_and_frames_are_counted(varied: bool) -> None:
    scan = CineSimulator(varied=varied).scan(PLAN, np.random.default_rng(3))
    assert scan.kspace.shape == (4, 3, 40, 36)
    assert torch.allclose(rss(ifft(scan.kspace)), scan.target, atol=1e-4 * float(scan.target.max()))
    assert scan.header.series == ((0, 1, 2, 3),)
    images = scan.acquisitions("heart")
    assert [one.frame for one in images] == [0, 1, 2, 3]
    assert images[2].target is not None
    moved = (scan.target[2] - scan.target[0]).norm() / scan.target[0].norm()
    assert 0.02 < moved < 0.6


def test_the_noise_is_white_and_as_strong_as_the_snr_says() -> None:
    noisy = CineSimulator().scan(replace(PLAN, snr=20.0), np.random.default_rng(3))
    clean = CineSimulator().scan(replace(PLAN, snr=1e9), np.random.default_rng(3))
    assert torch.equal(noisy.target, clean.target)
    noise = (noisy.kspace - clean.kspace).reshape(-1)
    assert float(noise.real.std()) == pytest.approx(noisy.noise, rel=0.03)
    assert float(noise.imag.std()) == pytest.approx(noisy.noise, rel=0.03)


def test_a_series_depends_on_its_random_numbers_alone() -> None:
    simulator = CineSimulator()
    one, again, other = (simulator.scan(PLAN, np.random.default_rng(seed)).kspace for seed in (5, 5, 6))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


@pytest.fixture(scope="module")
def cine_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A square that grows from frame to frame."""
    path = tmp_path_factory.mktemp("anatomy") / "cine.npz"
    image = np.zeros((6, 30, 30), np.float32)
    for frame in range(6):
        image[frame, 5 : 15 + 2 * frame, 5 : 15 + 2 * frame] = 100
    np.savez(path, image=image)
    return path


def test_measured_frames_follow_one_another_in_time(cine_file: Path) -> None:
    (source,) = load_cines([cine_file])
    for seed in range(5):
        sizes = source.beat(5, 1, 1, np.random.default_rng(seed)).images[0].sum((1, 2)) ** 0.5
        steps = np.diff(sizes.round(3))
        ordinary = np.abs(np.abs(steps) - 2) < 1e-3
        assert ordinary.sum() >= len(steps) - 1  # but for the one from the last frame to the first


def test_measured_cines_refuse_what_they_do_not_show(cine_file: Path, tmp_path: Path) -> None:
    (source,) = load_cines([cine_file])
    assert isinstance(source, MeasuredCine)
    with pytest.raises(InputError, match="shows one slice at its own heart rate"):
        source.beat(5, 2, 1, np.random.default_rng(0))
    np.savez(tmp_path / "two.npz", image=np.ones((2, 30, 30), np.float32))
    with pytest.raises(InputError, match="holds 2 images; a cine has at least 3"):
        load_cines([tmp_path / "two.npz"])


def test_measured_maps_are_used_and_must_have_enough_coils() -> None:
    measured = np.ones((4, 16, 16), np.complex64) * np.array([1, 1j, -1, -1j], np.complex64)[:, None, None]
    simulator = CineSimulator(maps=[measured], varied=False)
    maps = simulator.scan(PLAN, np.random.default_rng(0)).sens_maps
    assert torch.allclose(maps, maps[:, :1, :1].expand_as(maps), atol=1e-6)
    with pytest.raises(InputError, match="at most 4 coils, fewer than the 5 asked for"):
        simulator.scan(replace(PLAN, coils=5), np.random.default_rng(0))


def test_files_hold_series_of_every_slice_and_repeat_bit_for_bit(tmp_path: Path) -> None:
    plan = replace(PLAN, slices=2, snr=30.0, breath=6.0)
    for folder in ("one", "two"):
        simulate_cines(tmp_path / folder, CineSimulator(varied=False), plan, 1, 7)
    volume = open_volume(tmp_path / "one" / "cine_0000.h5")
    assert volume.shape == (8, 3, 40, 36)
    assert volume.header.series == ((0, 2, 4, 6), (1, 3, 5, 7))
    assert volume.header.frame_interval is not None
    assert 650 < volume.header.frame_interval * plan.frames < 1100
    again = open_volume(tmp_path / "two" / "cine_0000.h5")
    for index in range(8):
        assert torch.equal(volume.read(index).kspace, again.read(index).kspace)
    target = volume.read(5).target
    assert target is not None
    assert torch.allclose(target, rss(ifft(volume.read(5).kspace)), rtol=1e-4)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"frames": 1}, "a series of 1 frames; at least 2"),
        ({"breath": -1.0}, "cannot move by -1 mm"),
        ({"breath": float("nan")}, "cannot move by nan mm"),
        ({"beats": 0}, "cannot simulate 0 beats"),
        ({"snr": 0.0}, "is not above 0"),
        ({"matrix": (16, 40)}, "at least 32x32"),
    ],
)
def test_impossible_plans_are_refused(change: dict[str, object], words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words):
        simulate_cines(tmp_path, CineSimulator(), replace(PLAN, **change), 1, 0)
