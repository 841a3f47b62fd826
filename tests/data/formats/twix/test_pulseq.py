"""Reads scans of Pulseq, whose protocols do not describe them, and refuses those that counters cannot describe."""

from pathlib import Path

import numpy as np
import pytest
import torch
from twixtools.mdb import Mdb_local

from helpers.files.twix_files import protocol, readout, write, write_vb
from helpers.scans.objects import discs, object_acquisition
from recon.coils import rss
from recon.data.errors import InputError, InputWarning
from recon.data.open import open_volume
from recon.fourier import fft, ifft

COILS, READOUT, PHASE = 2, 48, 40
KSPACE = object_acquisition(COILS, READOUT, PHASE, noise=1e-3).kspace.numpy()
SAID = (
    r"measured with Pulseq; its matrix \({} x {}\) and the centre of k-space \(line {}\) are taken from its readouts"
)


def lines(kspace: np.ndarray, **head: object) -> list[Mdb_local]:
    return [readout(kspace[..., column], column, **{"CenterLin": 0, **head}) for column in range(kspace.shape[-1])]


def scan(folder: Path, readouts: list[Mdb_local], base: int = 64, count: int = 64, **parameters: object) -> Path:
    name = r'"%CustomerSeq%\pulseq_v1_4"'
    path, text = folder / "scan.dat", protocol(base, count, 1, tSequenceFileName=name, **parameters)
    return write(path, text, readouts) if readouts[0].version_is_ve else write_vb(path, text, readouts)


@pytest.mark.parametrize("vb", [False, True])
def test_matrix_and_centre_follow_from_counters_and_samples(tmp_path: Path, vb: bool) -> None:
    with pytest.warns(InputWarning, match=SAID.format(READOUT, PHASE, PHASE // 2)):
        volume = open_volume(scan(tmp_path, lines(KSPACE, vb=vb)))
    assert (volume.shape, volume.header.crop) == ((1, COILS, READOUT, PHASE), (READOUT, PHASE))
    assert (volume.mask, volume.header.field_of_view, volume.header.geometry) == (None, None, None)
    np.testing.assert_array_equal(volume.read(0).kspace, KSPACE)


@pytest.mark.parametrize("center", [0, PHASE // 2, PHASE // 2 - 1])
def test_the_field_of_view_is_known_if_the_protocol_has_the_matrix(tmp_path: Path, center: int) -> None:
    volume = open_volume(scan(tmp_path, lines(KSPACE, CenterLin=center), READOUT, PHASE))
    assert volume.header.field_of_view == (2.0 * READOUT, 2.0 * PHASE)
    np.testing.assert_array_equal(volume.read(0).kspace, KSPACE)


@pytest.mark.parametrize("center", [0, PHASE // 2])
def test_partial_fourier_is_recognised_by_its_strongest_line(tmp_path: Path, center: int) -> None:
    readouts = lines(KSPACE, CenterLin=center)[: PHASE - 12]
    volume = open_volume(scan(tmp_path, readouts))
    assert (volume.shape[-1], volume.header.padding) == (PHASE, (0, PHASE - 12))
    np.testing.assert_array_equal(volume.read(0).kspace[..., : PHASE - 12], KSPACE[..., : PHASE - 12])


def test_reflected_readouts_are_turned_round(tmp_path: Path) -> None:
    volume = open_volume(scan(tmp_path, lines(KSPACE[:, ::-1], flags=["REFLECT"])))
    np.testing.assert_array_equal(volume.read(0).kspace, KSPACE)


@pytest.mark.parametrize("order", ["interleaved", "random", "falling"])
def test_labelled_lines_may_come_in_any_order(tmp_path: Path, order: str) -> None:
    numbers = {
        "interleaved": np.arange(PHASE).reshape(5, -1).T.ravel(),
        "random": np.random.default_rng(0).permutation(PHASE),
        "falling": np.arange(PHASE)[::-1],
    }[order]
    readouts = lines(KSPACE)
    volume = open_volume(scan(tmp_path, [readouts[number] for number in numbers]))
    np.testing.assert_array_equal(volume.read(0).kspace, KSPACE)


@pytest.mark.parametrize("train", [20, 40])
def test_an_epi_of_several_shots_without_flags_is_refused(tmp_path: Path, train: int) -> None:
    numbers = np.arange(PHASE).reshape(train, -1)
    kspace = KSPACE.copy()
    kspace[..., numbers[1::2].ravel()] = kspace[:, ::-1, numbers[1::2].ravel()]
    readouts = lines(kspace)
    with pytest.raises(InputError, match="EPI"):
        open_volume(scan(tmp_path, [readouts[number] for number in numbers.T.ravel()]))


def symmetric_epi() -> np.ndarray:
    """K-space of a disc in the middle, whose echoes are early in every other line and late between them."""
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, READOUT), torch.linspace(-1, 1, PHASE), indexing="ij")
    disc = torch.sigmoid((0.6 - torch.hypot(rows, columns)) * READOUT)
    ramp = torch.exp(2j * torch.pi * 1.5 / READOUT * torch.arange(READOUT))[:, None]
    early, late = fft((disc * ramp)[None]), fft((disc * ramp.conj())[None])
    return torch.where(torch.arange(PHASE) % 2 == 0, early, late).numpy()


@pytest.mark.parametrize("symmetric", [False, True])
def test_an_epi_without_flags_is_refused(tmp_path: Path, symmetric: bool) -> None:
    kspace = symmetric_epi() if symmetric else KSPACE.copy()
    if not symmetric:
        kspace[..., 1::2] = kspace[:, ::-1, 1::2]
    with pytest.raises(InputError, match=r"alternating direction \(EPI\) without flags and need a phase correction"):
        open_volume(scan(tmp_path, lines(kspace)))


def radial() -> np.ndarray:
    """Readouts through the centre of k-space at different angles."""
    angles = np.pi * np.arange(PHASE) / PHASE
    radii = np.arange(READOUT) - READOUT // 2
    rows, columns = (np.arange(size) - size // 2 for size in (READOUT, PHASE))
    image = discs(READOUT, PHASE).numpy()
    spokes = []
    for angle in angles:
        turn = np.exp(-2j * np.pi * np.outer(radii * np.cos(angle) / READOUT, rows))
        spokes.append(
            ((turn @ image) * np.exp(-2j * np.pi * np.outer(radii * np.sin(angle) / PHASE, columns))).sum(1)
        )
    return np.stack(spokes, axis=-1)[None].astype(np.complex64)


def shuffled() -> np.ndarray:
    """Lines of an object of coarse blocks, in random order."""
    rng = np.random.default_rng(0)
    blocks = np.kron(rng.standard_normal((8, 8)), np.ones((READOUT // 8, PHASE // 8)))
    return fft(torch.from_numpy(blocks[None])).numpy()[..., rng.permutation(PHASE)].astype(np.complex64)


@pytest.mark.parametrize(
    ("kspace", "words"),
    [
        (radial(), "not ordered by phase encoding"),
        (shuffled(), "not ordered by phase encoding"),
        (KSPACE[..., :4], "tell only 4 lines apart"),
        (np.tile(KSPACE[:, 20:28], 6), "240 lines of 8 samples"),
        (KSPACE[..., PHASE // 2 :], "one side of the centre|cannot be read"),
    ],
    ids=["radial", "shuffled", "few", "many", "half"],
)
def test_what_counters_do_not_describe_is_refused(tmp_path: Path, kspace: np.ndarray, words: str) -> None:
    with pytest.raises(InputError, match=words):
        open_volume(scan(tmp_path, lines(np.ascontiguousarray(kspace))))


def test_readouts_of_different_lengths_are_refused(tmp_path: Path) -> None:
    readouts = [*lines(KSPACE), readout(KSPACE[:, :16, 0], PHASE)]
    with pytest.raises(InputError, match=r"different numbers of samples \(16, 48\)"):
        open_volume(scan(tmp_path, readouts))


def case(real_data: Path, name: str) -> Path:
    path = real_data / ".." / "cases" / name
    if not path.exists():
        pytest.skip(f"the file {name} is not beside the real measurements")
    return path


@pytest.mark.parametrize(
    ("name", "shape", "said"),
    [
        ("ve11_two_ascconv.dat", (1, 32, 64, 64), SAID.format(64, 64, 32)),
        ("ve12_all_reflected.dat", (1, 1, 256, 256), None),
        ("vb19_pulseq_centerlin0.dat", (1, 1, 256, 256), SAID.format(256, 256, 128)),
    ],
)
@pytest.mark.filterwarnings("error::recon.data.errors.InputWarning")
def test_files_of_scanners_give_the_object_in_the_middle(
    real_data: Path, name: str, shape: tuple[int, ...], said: str | None
) -> None:
    path = case(real_data, name)
    if said:
        with pytest.warns(InputWarning, match=said):
            volume = open_volume(path)
    else:
        volume = open_volume(path)
    assert (volume.shape, volume.mask) == (shape, None)
    kspace = volume.read(0).kspace
    strongest = np.unravel_index(int(rss(kspace).argmax()), shape[2:])
    assert all(abs(index - size // 2) <= 1 for index, size in zip(strongest, shape[2:], strict=True))
    power = rss(ifft(kspace)).square()
    edge = shape[2] // 10  # an N/2 ghost or a wrong centre would shift the object into the corners
    corners = power.roll((edge, edge), dims=(0, 1))[: 2 * edge, : 2 * edge]
    assert corners.mean() < 0.05 * power.mean()


def test_the_epi_of_a_scanner_without_flags_is_refused(real_data: Path) -> None:
    with pytest.raises(InputError, match="EPI"):
        open_volume(case(real_data, "vb19_pulseq_epi_unflagged.dat"))
