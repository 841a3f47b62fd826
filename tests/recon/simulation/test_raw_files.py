from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from recon.coils import rss
from recon.data.errors import InputError
from recon.data.formats.fastmri.layout import open_fastmri
from recon.fourier import fft, ifft
from recon.simulation.raw_files import (
    RAW_SCALE,
    TISSUE,
    SimulatedVolume,
    image_phase,
    simulate_folder,
    simulate_volume,
)


def simulate(
    seed: int = 0, shape: tuple[int, int] = (48, 40), slices: int = 2, coils: int = 4, snr: float = 30
) -> SimulatedVolume:
    return simulate_volume(shape, slices, coils, snr, np.random.default_rng(seed))


def folder(output: Path, volumes: int = 2, **changes) -> list[Path]:
    settings = {"slices": 1, "coils": 2, "size": (32, 32), "seed": 5, "snr": 30.0} | changes
    return simulate_folder(output, volumes, **settings)


@pytest.mark.parametrize(("shape", "coils"), [((48, 40), 4), ((33, 47), 3), ((40, 33), 1)])
def test_target_is_the_root_sum_of_squares_of_the_noisy_kspace(shape: tuple[int, int], coils: int):
    volume = simulate(shape=shape, coils=coils)
    assert volume.kspace.shape == (2, coils, *shape)
    assert volume.kspace.dtype == np.complex64
    assert volume.target.dtype == np.float32
    expected = rss(ifft(torch.from_numpy(volume.kspace))).numpy()
    np.testing.assert_allclose(volume.target, expected, atol=1e-6 * expected.max())


@pytest.mark.parametrize("shape", [(48, 40), (33, 47)])
def test_noiseless_kspace_is_the_transform_of_the_coil_images(shape: tuple[int, int]):
    volume = simulate(shape=shape, snr=np.inf)
    coil_images = torch.from_numpy(volume.sens_maps * volume.image[:, None])
    expected = fft(coil_images).numpy()
    np.testing.assert_allclose(volume.kspace, expected, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("snr", [8.0, 40.0])
@pytest.mark.parametrize("coils", [1, 6])
def test_measured_snr_is_the_stated_one(snr: float, coils: int):
    noisy, clean = simulate(2, coils=coils, snr=snr), simulate(2, coils=coils, snr=np.inf)
    noise = ifft(torch.from_numpy(noisy.kspace - clean.kspace)).numpy()
    tissue = np.abs(clean.image) > TISSUE * np.abs(clean.image).max()
    signal = clean.target[tissue].mean()
    for part in (noise.real, noise.imag):
        assert signal / part.std() == pytest.approx(snr, rel=0.1)


def test_noise_is_white_and_independent_between_coils():
    noisy, clean = simulate(2, (64, 64), slices=1, snr=10), simulate(2, (64, 64), slices=1, snr=np.inf)
    noise = (noisy.kspace - clean.kspace)[0]
    covariance = np.cov(noise.reshape(4, -1)) / (2 * noisy.noise**2)
    np.testing.assert_allclose(covariance, np.eye(4), atol=0.08)
    quarters = [
        np.abs(noise[:, :32, :32]).std(),
        np.abs(noise[:, 32:, 32:]).std(),
        np.abs(noise[:, 16:48, 16:48]).std(),
    ]
    assert max(quarters) < 1.1 * min(quarters)


def test_largest_value_lies_in_the_range_of_raw_data():
    volume = simulate(snr=np.inf)
    assert RAW_SCALE[0] <= volume.target.max() * 1.001
    assert volume.target.max() <= RAW_SCALE[1] * 1.001


def test_header_describes_the_simulated_scan():
    volume = simulate(shape=(48, 40))
    assert volume.header.crop == (48, 40)
    assert volume.header.padding == (0, 40)
    assert volume.header.contrast.startswith("AX")
    assert volume.header.field_strength in (1.5, 3.0)
    rows, columns = volume.header.field_of_view
    assert rows / 48 == pytest.approx(columns / 40)


def test_phase_is_smooth_but_not_constant():
    phase = image_phase((64, 64), 3, np.random.default_rng(0))
    assert np.abs(np.diff(phase, axis=1)).max() < 0.5
    assert np.abs(np.diff(phase, axis=2)).max() < 0.5
    assert np.ptp(phase) > 0.5


def test_every_volume_differs_and_every_seed_repeats_bit_for_bit(tmp_path: Path):
    first, again, other = (
        folder(tmp_path / "first"),
        folder(tmp_path / "again"),
        folder(tmp_path / "other", seed=6),
    )
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]
    kspaces = [open_fastmri(path).read(0).kspace.numpy() for path in (*first, *other)]
    for index, kspace in enumerate(kspaces):
        assert not any(np.array_equal(kspace, before) for before in kspaces[:index])


def test_few_volumes_are_the_first_of_many(tmp_path: Path):
    few, many = folder(tmp_path / "few", 2), folder(tmp_path / "many", 3)
    assert [path.name for path in many] == ["simulated_0000.h5", "simulated_0001.h5", "simulated_0002.h5"]
    for path, same in zip(few, many, strict=False):
        assert path.read_bytes() == same.read_bytes()


def test_a_contrast_that_is_chosen_is_that_of_every_volume(tmp_path: Path):
    for path in folder(tmp_path, 3, contrast="AXT2"):
        assert open_fastmri(path).header.contrast == "AXT2"


def test_files_are_read_as_fastmri_files(tmp_path: Path):
    (path,) = folder(tmp_path / "new" / "folder", 1, slices=2, coils=3, size=(40, 33))
    file = open_fastmri(path)
    assert file.shape == (2, 3, 40, 33)
    assert file.mask is None
    assert file.header.contrast.startswith("AX")
    assert file.header.crop == (40, 33)
    slice_ = file.read(1)
    torch.testing.assert_close(rss(ifft(slice_.kspace)), slice_.target)
    with h5py.File(path) as raw:
        assert raw.attrs["acquisition"] == file.header.contrast
        assert raw.attrs["patient_id"] == "simulated_5_0000"


def test_progress_is_reported_volume_by_volume(tmp_path: Path):
    reports: list[int] = []
    folder(tmp_path, 3, progress=lambda: reports.append(len(list(tmp_path.glob("*.h5")))))
    assert reports == [1, 2, 3]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"volumes": 0}, "0 volumes"),
        ({"slices": 0}, "0 slices"),
        ({"coils": -1}, "-1 coils"),
        ({"size": (31, 64)}, "31x64"),
        ({"seed": -2}, "seed -2"),
        ({"snr": 0.0}, "SNR 0.0"),
        ({"snr": float("nan")}, "SNR nan"),
        ({"contrast": "AXT3"}, "unknown contrast 'AXT3'; did you mean 'AXT2'"),
    ],
)
def test_errors_name_the_wrong_number_and_nothing_is_written(tmp_path: Path, change: dict, message: str):
    with pytest.raises(InputError, match=message):
        folder(tmp_path / "out", **change)
    assert not (tmp_path / "out").exists()


def test_error_names_a_file_in_place_of_the_folder(tmp_path: Path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(InputError, match=str(blocked)):
        folder(blocked)


@pytest.mark.slow
def test_files_of_other_programs_are_kept_unless_overwriting_is_asked_for(tmp_path: Path):
    other = tmp_path / "simulated_0001.h5"
    with h5py.File(other, "w") as file:
        file["kspace"] = 1
    content = other.read_bytes()
    with pytest.raises(InputError, match="simulated_0001.h5: exists already and was not written by this program"):
        folder(tmp_path)
    assert other.read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == [other.name]
    folder(tmp_path, overwrite=True)
    folder(tmp_path, seed=6)  # its own files are replaced


def test_kspace_decays_like_that_of_a_real_brain(real_data: Path):
    """Power per ring of k-space, relative to the mean, agrees within 6 dB with a measured T1 and T2 brain."""

    def decay(kspace: np.ndarray) -> np.ndarray:
        y, x = (np.linspace(-0.5, 0.5, n, endpoint=False) for n in kspace.shape[-2:])
        radius = np.hypot(y[:, None], x)
        power = (np.abs(kspace) ** 2).sum(0)
        rings = [power[(radius >= r) & (radius < r + 0.05)].mean() for r in np.arange(0, 0.4, 0.05)]
        return 10 * np.log10(np.array(rings) / power.mean())

    measured = [
        decay(open_fastmri(real_data / "kspace" / name).read(0).kspace.numpy())
        for name in ("brain_t1_7ch.h5", "brain_t2_4ch.h5")
    ]
    simulated = [decay(simulate(seed, (256, 256), 1, 8, snr=50).kspace[0]) for seed in range(4)]
    np.testing.assert_allclose(np.mean(simulated, axis=0), np.mean(measured, axis=0), atol=6)
