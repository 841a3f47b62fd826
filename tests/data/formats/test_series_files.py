"""Frames of a series are found in every format that can hold them, each with the mask it was measured under."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from helpers.files import ismrmrd_files, twix_files
from recon.data.acquisition import Header
from recon.data.errors import InputError
from recon.data.formats.format import Format
from recon.data.formats.whole_scan import WholeScan
from recon.data.open import FORMATS, Volume, open_volume
from recon.data.series import Frame, array_counts, counted_frames

FRAMES, SLICES, COILS, READOUT, PHASE = 4, 2, 3, 20, 16
WRITTEN = {fmt.name: fmt for fmt in FORMATS if fmt.write}

Complex = NDArray[np.complex64]


@pytest.fixture(scope="module")
def kspace() -> Complex:
    """K-space `(frames, slices, coils, readout, phase)` whose frames measured every other line, in turn."""
    random = np.random.default_rng(0).standard_normal((FRAMES, SLICES, COILS, READOUT, 2 * PHASE))
    full = random.astype(np.float32).view(np.complex64)
    return full * masks()[:, None, None, None]


def masks() -> NDArray[np.bool_]:
    """Masks `(frames, phase)`."""
    return (np.arange(PHASE) - np.arange(FRAMES)[:, None]) % 2 == 0


def bart(path: Path, kspace: Complex) -> Volume:
    dimensions = np.ones(16, int)
    dimensions[[0, 1, 3, 10, 13]] = READOUT, PHASE, COILS, FRAMES, SLICES
    path.with_suffix(".hdr").write_text(f"# Dimensions\n{' '.join(map(str, dimensions))}\n")
    kspace.transpose(1, 0, 2, 4, 3).tofile(path.with_suffix(".cfl"))
    return open_volume(path.with_suffix(".cfl"))


def numpy_array(path: Path, kspace: Complex) -> Volume:
    np.save(path.with_suffix(".npy"), kspace)
    return open_volume(path.with_suffix(".npy"), axes="frames slices coils readout phase")


def ismrmrd_counting(counter: str) -> Callable[[Path, Complex], Volume]:
    def write(path: Path, kspace: Complex) -> Volume:
        readouts = [
            ismrmrd_files.readout(kspace[frame, place, ..., line], line, slice=place, **{counter: frame})
            for place in range(SLICES)
            for frame in range(FRAMES)
            for line in np.flatnonzero(masks()[frame]).tolist()
        ]
        header = ismrmrd_files.xml(READOUT, PHASE)
        return open_volume(ismrmrd_files.write(path.with_suffix(".mrd"), header, readouts))

    return write


def twix_counting(counter: str) -> Callable[[Path, Complex], Volume]:
    def write(path: Path, kspace: Complex) -> Volume:
        readouts = [
            twix_files.readout(
                kspace[frame, place, ..., line], line, CenterLin=PHASE // 2, Sli=place, **{counter: frame}
            )
            for frame in range(FRAMES)
            for place in range(SLICES)
            for line in np.flatnonzero(masks()[frame]).tolist()
        ]
        text = twix_files.protocol(READOUT, PHASE, oversampling=1)
        return open_volume(twix_files.write(path.with_suffix(".dat"), text, readouts))

    return write


def cmrxrecon(name: str, user_block: int = 512) -> Callable[[Path, Complex], Volume]:
    """Write as the challenge's MATLAB does: axes reversed, and complex numbers of two fields."""

    def write(path: Path, kspace: Complex) -> Volume:
        stored = np.empty(kspace.transpose(0, 1, 2, 4, 3).shape, [("real", "<f4"), ("imag", "<f4")])
        stored["real"], stored["imag"] = kspace.transpose(0, 1, 2, 4, 3).real, kspace.transpose(0, 1, 2, 4, 3).imag
        with h5py.File(path.with_suffix(".mat"), "w", userblock_size=user_block) as file:
            file[name] = stored
        return open_volume(path.with_suffix(".mat"))

    return write


WRITERS = {
    "BART": bart,
    "NumPy": numpy_array,
    "ISMRMRD phases": ismrmrd_counting("phase"),
    "ISMRMRD repetitions": ismrmrd_counting("repetition"),
    "twix phases": twix_counting("Phs"),
    "twix repetitions": twix_counting("Rep"),
    "CMRxRecon 2023": cmrxrecon("kspace_sub04"),
    "CMRxRecon 2025": cmrxrecon("kus", user_block=0),
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_frames_of_a_place_form_a_series_and_have_masks_of_their_own(
    write: Callable[[Path, Complex], Volume], kspace: Complex, tmp_path: Path
) -> None:
    volume = write(tmp_path / "cine", kspace)
    assert volume.shape == (FRAMES * SLICES, COILS, READOUT, PHASE)
    assert [len(series) for series in volume.header.series] == [FRAMES] * SLICES
    for place, series in enumerate(volume.header.series):
        for frame, index in enumerate(series):
            read = volume.read(index)
            assert (read.frame, read.series) == (frame, series)
            np.testing.assert_array_equal(read.mask.numpy(), masks()[frame])
            np.testing.assert_allclose(read.kspace.numpy(), kspace[frame, place], rtol=1e-6)


@pytest.mark.parametrize("frames", [1, FRAMES])
def test_single_coil_files_of_cmrxrecon_have_no_axis_of_coils(kspace: Complex, tmp_path: Path, frames: int) -> None:
    single = kspace[:frames, :, 0]
    stored = single.transpose(0, 1, 3, 2)
    with h5py.File(tmp_path / "cine_sax.mat", "w", userblock_size=512) as file:
        file["kspace_single_sub04"] = stored if frames > 1 else stored[0]  # MATLAB drops a last axis of size 1
    volume = open_volume(tmp_path / "cine_sax.mat")
    assert volume.shape == (frames * SLICES, 1, READOUT, PHASE)
    assert [len(series) for series in volume.header.series] == ([FRAMES] * SLICES if frames > 1 else [])
    np.testing.assert_array_equal(volume.read(1).kspace[0].numpy(), single[0, 1])


def series_scan(kspace: Complex, frames: tuple[Frame, ...], **header: object) -> WholeScan:
    images = kspace.reshape(-1, *kspace.shape[2:])
    known = Header(
        crop=(READOUT, PHASE), padding=(0, PHASE), field_of_view=(40.0, 32.0), encoded_field_of_view=(40.0, 32.0)
    )
    return WholeScan("cine", images, (images != 0).any(axis=(1, 2)), replace(known, frames=frames, **header))


@pytest.mark.parametrize("fmt", [fmt for fmt in WRITTEN.values() if "header" in fmt.keeps], ids=lambda fmt: fmt.name)
@pytest.mark.parametrize("echoes", [1, 2])
@pytest.mark.parametrize("undersampled", [True, False])
def test_a_series_is_read_back(kspace: Complex, tmp_path: Path, fmt: Format, echoes: int, undersampled: bool) -> None:
    full = kspace if undersampled else np.where(kspace == 0, np.complex64(1), kspace)
    frames = counted_frames(1, FRAMES // echoes, echoes, SLICES)
    assert frames is not None
    scan = series_scan(full, frames, frame_interval=41.5)
    path = tmp_path / f"cine{fmt.suffixes[0]}"
    assert fmt.write is not None
    fmt.write(path, scan)
    read = open_volume(path)
    assert read.header.frame_interval == 41.5
    assert [len(series) for series in read.header.series] == [FRAMES // echoes] * SLICES * echoes
    before = [scan.kspace[list(series)] for series in scan.header.series]
    after = [np.stack([read.read(index).kspace.numpy() for index in series]) for series in read.header.series]
    np.testing.assert_array_equal(
        np.sort_complex(np.stack(after).reshape(-1)), np.sort_complex(scan.kspace.reshape(-1))
    )
    for one in before:
        assert any(np.array_equal(one, other) for other in after)
    assert (read.mask is None) != undersampled
    for index in range(len(read)):
        image = read.read(index)
        np.testing.assert_array_equal(image.mask.numpy(), (image.kspace != 0).any(0).any(0).numpy())


def test_bart_gets_frames_in_its_dimension_of_time(kspace: Complex, tmp_path: Path) -> None:
    write = WRITTEN["BART"].write
    frames = counted_frames(1, FRAMES, 1, SLICES)
    assert write is not None
    assert frames is not None
    write(tmp_path / "cine.cfl", series_scan(kspace, frames))
    sizes = (tmp_path / "cine.hdr").read_text().splitlines()[1].split()
    assert (sizes[10], sizes[13]) == (str(FRAMES), str(SLICES))
    assert array_counts(frames) == (1, FRAMES, 1, SLICES)
    assert array_counts(tuple(Frame(repetition=frame) for _ in range(SLICES) for frame in range(FRAMES))) is None
    assert array_counts(()) is None


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (np.zeros((3, 4), np.uint16), "is not a table of 4 whole numbers for each of 8 images"),
        (np.zeros((8, 4)), "is not a table of 4 whole numbers"),
        (np.full((8, 4), -1), "holds numbers that are not 0 to 65535"),
    ],
)
def test_impossible_counters_are_refused(kspace: Complex, tmp_path: Path, table: object, words: str) -> None:
    write = WRITTEN["fastMRI"].write
    assert write is not None
    write(tmp_path / "cine.h5", series_scan(np.ones_like(kspace), (Frame(),) * FRAMES * SLICES))
    with h5py.File(tmp_path / "cine.h5", "a") as file:
        del file["frames"]
        file["frames"] = table
    with pytest.raises(InputError, match=words):
        open_volume(tmp_path / "cine.h5")


def test_an_impossible_interval_is_left_out_with_a_warning(kspace: Complex, tmp_path: Path) -> None:
    write = WRITTEN["fastMRI"].write
    assert write is not None
    frames = counted_frames(1, FRAMES, 1, SLICES)
    write(tmp_path / "cine.h5", series_scan(np.ones_like(kspace), frames or (), frame_interval=-3.0))
    with pytest.warns(UserWarning, match="frame_interval_ms"):
        assert open_volume(tmp_path / "cine.h5").header.frame_interval is None


def test_masks_of_single_samples_are_kept_for_every_image(kspace: Complex, tmp_path: Path) -> None:
    write = WRITTEN["fastMRI"].write
    assert write is not None
    random = np.random.default_rng(1).random((FRAMES * SLICES, READOUT, PHASE)) < 0.5
    scan = series_scan(np.ones_like(kspace), (Frame(),) * FRAMES * SLICES)
    write(tmp_path / "points.h5", replace(scan, kspace=scan.kspace * random[:, None], masks=random))
    volume = open_volume(tmp_path / "points.h5")
    for index, mask in enumerate(random):
        np.testing.assert_array_equal(volume.read(index).mask.numpy(), mask)


def test_a_frame_without_any_line_is_refused(kspace: Complex, tmp_path: Path) -> None:
    write = WRITTEN["fastMRI"].write
    assert write is not None
    write(tmp_path / "cine.h5", series_scan(kspace, (Frame(),) * FRAMES * SLICES))
    with h5py.File(tmp_path / "cine.h5", "a") as file:
        file["mask"][3] = 0
    with pytest.raises(InputError, match="nothing was measured"):
        open_volume(tmp_path / "cine.h5")
