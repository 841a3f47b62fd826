"""Weights of the authors of the deep cascade and of the recurrent network give what their networks compute."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from helpers.learned.plain_cascades import deep_cascade, recurrent_network
from recon.data.acquisition import Acquisition, Header
from recon.data.errors import InputError
from recon.data.masks.kt import kt_random
from recon.models.checkpoints.checkpoint import load_model
from recon.models.checkpoints.schlemper import BRIGHTNESS, RECURRENT_KEYS
from recon.registry import create

ACCELERATION, CENTRE_LINES, SEED = 4, 8, 7


def random_arrays(shapes: Sequence[tuple[int, ...]], scale: float = 0.1) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [scale * random.standard_normal(shape).astype(np.float32) for shape in shapes]


def cascade_arrays(cascades: int = 2, layers: int = 3, chans: int = 4) -> list[np.ndarray]:
    channels = [2, *[chans] * (layers - 1), 2]
    shapes = [
        shape
        for _ in range(cascades)
        for before, after in pairwise(channels)
        for shape in ((after, before, 3, 3), (after,))
    ]
    return random_arrays(shapes)


def recurrent_weights(chans: int = 4) -> dict[str, Tensor]:
    sizes = {"bcrnn.CRNN_model.i2h": (chans, 2), "conv4_x": (2, chans)}
    shapes = {name: sizes.get(name, (chans, chans)) for name in RECURRENT_KEYS}
    named = {f"{name}.weight": (*size, 3, 3) for name, size in shapes.items()}
    named |= {f"{name}.bias": size[:1] for name, size in shapes.items()}
    arrays = random_arrays(list(named.values()))
    return {name: torch.from_numpy(array) for name, array in zip(named, arrays, strict=True)}


def series(images: Tensor) -> tuple[list[Acquisition], Tensor, Tensor]:
    """Undersample `(frames, rows, columns)` along the rows: scans in our layout, k-space and mask in the authors'."""
    frames, rows, _ = images.shape
    masks = torch.stack([kt_random(rows, ACCELERATION, CENTRE_LINES / rows, SEED, frame) for frame in range(frames)])
    kspace = torch.fft.fft2(images.to(torch.complex64), norm="ortho")
    theirs = torch.fft.ifftshift(masks, -1).unsqueeze(-1)
    # An image in its natural order and its centred transform differ by a linear phase of the k-space alone.
    shifted = torch.fft.ifftshift(images.to(torch.complex64), (-2, -1))
    ours = torch.fft.fftshift(torch.fft.fft2(shifted, norm="ortho"), (-2, -1)).mT
    header = Header(crop=(images.shape[2], rows), padding=(0, rows))
    scans = [
        Acquisition(frame.unsqueeze(0), torch.ones_like(mask), header, name="cine.h5").undersample(mask)
        for frame, mask in zip(ours, masks, strict=True)
    ]
    return scans, kspace * theirs, theirs


def at_unit(kspace: Tensor, together: bool, brightness: float = 1.0) -> tuple[Tensor, Tensor]:
    """Scale k-space so that the largest value of the zero-filled image, or of all of them, is the brightness."""
    largest = torch.fft.ifft2(kspace, norm="ortho").abs().amax((-2, -1), keepdim=True) / brightness
    largest = largest.amax(0, keepdim=True) if together else largest
    return kspace / largest, largest


def drawing(frames: int = 3, rows: int = 36, columns: int = 30) -> Tensor:
    return torch.rand(frames, rows, columns, generator=torch.Generator().manual_seed(0))


def psnr(images: Tensor, truth: Tensor) -> float:
    """Mean PSNR of the frames, in dB."""
    error = (images - truth).square().mean((-2, -1))
    return float((10 * (truth.amax((-2, -1)).square() / error).log10()).mean())


def reconstructed(method: str, path: Path, scans: list[Acquisition]) -> Tensor:
    return torch.stack(create(method, {"checkpoint": str(path)}).batch(scans)).mT


def test_arrays_of_a_deep_cascade_compute_what_it_computes(tmp_path: Path) -> None:
    arrays = cascade_arrays()
    path = tmp_path / "d3_c2.npz"
    np.savez(path, *arrays)
    loaded = load_model(path)
    assert (loaded.name, loaded.arguments["num_cascades"], loaded.arguments["layers"]) == ("deep-cascade", 2, 3)
    scans, kspace, mask = series(drawing())
    unit, largest = at_unit(kspace, together=False)
    named = {f"arr_{number}": torch.from_numpy(array) for number, array in enumerate(arrays)}
    expected = deep_cascade(named, unit, mask, layers=3).abs() * largest
    torch.testing.assert_close(reconstructed("deep-cascade", path, scans), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("frames", [1, 3])
def test_the_state_dict_of_the_recurrent_network_computes_what_it_computes(tmp_path: Path, frames: int) -> None:
    weights = recurrent_weights()
    path = tmp_path / "crnn.pth"
    torch.save(weights, path)
    scans, kspace, mask = series(drawing(frames))
    unit, largest = at_unit(kspace, together=True, brightness=BRIGHTNESS)
    expected = recurrent_network(weights, unit, mask).abs() * largest
    torch.testing.assert_close(reconstructed("crnn", path, scans), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "arrays",
    [
        cascade_arrays()[:-1],
        cascade_arrays()[2:],
        [np.zeros((4, 2, 5, 5), np.float32), np.zeros(4, np.float32)],
        [np.zeros((2, 2, 3, 3), np.float32), np.zeros(2, np.float32)],
        [],
    ],
)
def test_other_arrays_are_refused(tmp_path: Path, arrays: list[np.ndarray]) -> None:
    path = tmp_path / "other.npz"
    np.savez(path, *arrays) if arrays else np.savez(path, image=np.zeros(3))
    with pytest.raises(InputError, match=r"other\.npz: holds neither a VarNet nor a U-Net"):
        load_model(path)


@pytest.mark.parametrize("name", ["conv1_x.bias", "conv2_h.weight", "bcrnn.CRNN_model.i2h.weight"])
@pytest.mark.parametrize("shape", [(), (3,), (4, 4, 3, 5)])
def test_a_recurrent_network_whose_weights_do_not_fit_is_refused(
    tmp_path: Path, name: str, shape: tuple[int, ...]
) -> None:
    torch.save(recurrent_weights() | {name: torch.ones(shape)}, tmp_path / "other.pth")
    with pytest.raises(InputError, match=r"other\.pth: the weights do not fit"):
        load_model(tmp_path / "other.pth")


@pytest.mark.parametrize(
    ("array", "sentence"),
    [(np.array([{}]), "pickled objects"), (np.zeros(3, complex), "weights are real"), (np.array("a"), "weights are")],
)
def test_arrays_that_are_no_numbers_are_refused(tmp_path: Path, array: np.ndarray, sentence: str) -> None:
    np.savez(tmp_path / "other.npz", array)
    with pytest.raises(InputError, match=sentence):
        load_model(tmp_path / "other.npz")


def test_a_truncated_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cut.npz"
    np.savez(path, *cascade_arrays())
    content = bytearray(path.read_bytes())
    content[100:200] = bytes(100)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"cut\.npz"):
        load_model(path)


@pytest.fixture(scope="module")
def cine(real_data: Path) -> Tensor:
    """Twelve frames of the cine, 32 columns through the heart, scaled to a maximum of one."""
    with np.load(real_data / "anatomy" / "cardiac_cine_ima.npz") as stored:
        frames = torch.from_numpy(stored["image"][:12, :, 56:88])
    return frames / frames.max()


def zero_filled(scans: list[Acquisition]) -> Tensor:
    method = create("zero-filled")
    return torch.stack([method(scan) for scan in scans]).mT


@pytest.mark.slow
def test_the_authors_deep_cascade_gains_3_db_over_zero_filling_on_a_cine(real_data: Path, cine: Tensor) -> None:
    path = real_data / "peers" / "schlemper_d5_c5.npz"
    scans, kspace, mask = series(cine)
    unit, largest = at_unit(kspace, together=False)
    with np.load(path) as stored:
        arrays = {name: torch.from_numpy(stored[name]) for name in stored.files}
    expected = deep_cascade(arrays, unit, mask).abs() * largest
    images = reconstructed("deep-cascade", path, scans)
    torch.testing.assert_close(images, expected, rtol=0, atol=1e-5)
    assert psnr(images, cine) > psnr(zero_filled(scans), cine) + 3


@pytest.mark.slow
def test_the_authors_recurrent_network_gains_4_db_over_zero_filling_on_a_cine(real_data: Path, cine: Tensor) -> None:
    path = real_data / "peers" / "crnn_mri_d5_c5.pth"
    scans, kspace, mask = series(cine)
    unit, largest = at_unit(kspace, together=True, brightness=BRIGHTNESS)
    weights = torch.load(path, map_location="cpu", weights_only=True)
    expected = recurrent_network(weights, unit, mask).abs() * largest
    images = reconstructed("crnn", path, scans)
    torch.testing.assert_close(images, expected, rtol=0, atol=1e-5)
    assert psnr(images, cine) > psnr(zero_filled(scans), cine) + 4
