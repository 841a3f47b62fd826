"""Maps are computed while lines still arrive, and the images are those of `recon reconstruct`, bit for bit."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import ismrmrd
import numpy as np
import pytest
import torch

from helpers.files import ismrmrd_files
from helpers.files.ismrmrd_files import readout, write
from helpers.programs.command import run
from helpers.programs.serving import serving
from helpers.scans.objects import object_acquisition
from recon.calibration import ahead
from recon.data.stream.scan import StreamedScan
from recon.preprocessing.steps import parse_steps
from recon.registry import create
from recon.solvers import coil_model

COILS, READOUT, PHASE = 8, 48, 64
CENTRAL = range(PHASE // 2 - 12, PHASE // 2 + 12)
LINEAR = [step for step in range(PHASE) if step % 4 == 0 or step in CENTRAL]
CENTRIC = sorted(LINEAR, key=lambda step: abs(step - PHASE // 2))
INTERLEAVED = [*LINEAR[::2], *LINEAR[1::2]]
RANDOM = np.random.default_rng(0).permutation(LINEAR).tolist()


@pytest.fixture
def learned(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """List the calls that learn coils: whether each was ahead of the image."""
    calls: list[bool] = []
    espirit = coil_model.soft_maps

    def counted(*arguments: Any) -> Any:
        calls.append(ahead.is_ahead())
        return espirit(*arguments)

    monkeypatch.setattr(coil_model, "soft_maps", counted)
    yield calls
    assert not ahead.kept_bytes()


def write_scan(path: Path, order: Sequence[int], slices: int = 2, reference: bool = False) -> Path:
    """Write slices whose lines are measured in an order, with a noise scan and perhaps reference lines first."""
    kspace = object_acquisition(COILS, READOUT, PHASE).kspace.numpy()
    noise = np.random.default_rng(0).normal(size=(COILS, READOUT, 2)).astype(np.float32).view(np.complex64)[..., 0]
    readouts = [readout(1e-3 * noise, flags=[ismrmrd.ACQ_IS_NOISE_MEASUREMENT])]
    for slice_ in range(slices):
        whole = kspace * (1 + slice_)
        if reference:
            flags = [ismrmrd.ACQ_IS_PARALLEL_CALIBRATION]
            readouts += [readout(whole[..., step], step, flags, slice=slice_) for step in CENTRAL]
        for step in order:
            last = [ismrmrd.ACQ_LAST_IN_SLICE] if step == order[-1] else []
            readouts.append(readout(whole[..., step], step, last, slice=slice_))
    mode = "separate" if reference else "embedded"
    return write(path, ismrmrd_files.xml(READOUT, PHASE, calibration=mode), readouts)


def stored(path: Path) -> np.ndarray[Any, Any]:
    with h5py.File(path) as file:
        images: np.ndarray[Any, Any] = file["reconstruction"][()]
    return images


@pytest.mark.parametrize(
    ("method", "order"),
    [("sense", LINEAR), ("sense", CENTRIC), ("cs-wavelet", LINEAR), ("sense+gain", LINEAR), ("varnet", CENTRIC)],
)
def test_maps_are_computed_once_and_early_and_the_image_is_that_of_the_command(
    tmp_path: Path, learned: list[bool], method: str, order: Sequence[int]
) -> None:
    path = write_scan(tmp_path / "scan.mrd", order)
    run("reconstruct", path, "--method", method, "-o", tmp_path / "direct.h5", "--workers", "1")
    whole = len(learned)
    learned.clear()
    with serving(steps=parse_steps("auto")) as server:
        run("send", path, "--port", server.address[1], "--method", method, "-o", tmp_path / "sent.h5")
    assert (learned.count(True), len(learned)) == (2, whole)
    np.testing.assert_array_equal(stored(tmp_path / "sent.h5"), stored(tmp_path / "direct.h5"))


@pytest.mark.parametrize("method", ["sense", "varnet"])
def test_a_reference_scan_is_used_with_the_first_line(tmp_path: Path, learned: list[bool], method: str) -> None:
    path = write_scan(tmp_path / "scan.mrd", LINEAR[::2], reference=True)
    run("reconstruct", path, "--method", method, "-o", tmp_path / "direct.h5", "--workers", "1")
    learned.clear()
    with serving(steps=parse_steps("auto")) as server:
        run("send", path, "--port", server.address[1], "--method", method, "-o", tmp_path / "sent.h5")
    assert learned == [True] * 2
    np.testing.assert_array_equal(stored(tmp_path / "sent.h5"), stored(tmp_path / "direct.h5"))


@pytest.mark.parametrize("order", [INTERLEAVED, RANDOM], ids=["interleaved", "random"])
def test_a_wrong_guess_changes_no_image(tmp_path: Path, order: Sequence[int]) -> None:
    path = write_scan(tmp_path / "scan.mrd", order)
    run("reconstruct", path, "--method", "sense", "-o", tmp_path / "direct.h5", "--workers", "1")
    with serving(steps=parse_steps("auto")) as server:
        run("send", path, "--port", server.address[1], "--method", "sense", "-o", tmp_path / "sent.h5")
    np.testing.assert_array_equal(stored(tmp_path / "sent.h5"), stored(tmp_path / "direct.h5"))


def test_methods_that_use_no_maps_assemble_no_incomplete_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_scan(tmp_path / "scan.mrd", LINEAR)
    monkeypatch.delattr(StreamedScan, "so_far")
    with serving(steps=parse_steps("auto")) as server:
        run("send", path, "--port", server.address[1], "--method", "zero-filled", "-o", tmp_path / "sent.h5")
    assert stored(tmp_path / "sent.h5").shape[0] == 2


def test_what_nobody_asks_for_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "LARGEST", 3 << 20)
    scan = object_acquisition(COILS, READOUT, PHASE)
    mask = torch.tensor([step in LINEAR for step in range(PHASE)])
    method = create("sense")
    for number in range(40):
        noise = torch.randn(scan.kspace.shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(number))
        noisy = replace(scan, kspace=(scan.kspace + 1e-3 * noise) * mask, mask=mask)
        with ahead.ahead():
            method.prepare_coils(partial(replace, noisy))
        assert 0 < ahead.kept_bytes() <= 3 << 20
    monkeypatch.setattr(ahead, "_kept", type(ahead._kept)())
