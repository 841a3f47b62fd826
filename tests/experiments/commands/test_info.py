"""`recon info` says in words what the images of a file are."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import Result

from helpers.volumes import kspace_3d, object_3d, write_3d
from recon.data.acquisition import Header
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.data.series import Frame, counted_frames
from recon.experiments.commands.info import describe_images


@pytest.mark.parametrize(
    ("counts", "interval", "words"),
    [
        ((1, 25, 1, 3), 41.5, "3 slices x 25 frames, 41.5 ms apart"),
        ((1, 2, 1, 1), None, "1 slice x 2 frames"),
        ((1, 1, 2, 4), 41.5, "4 slices x 2 echoes"),
        ((3, 1, 1, 4), None, "4 slices x 3 sets"),
        ((1, 5, 2, 1), None, "1 slice x 5 frames x 2 echoes"),
    ],
)
def test_images_are_counted_in_words(counts: tuple[int, ...], interval: float | None, words: str) -> None:
    header = Header((8, 8), (0, 8), frames=counted_frames(*counts), frame_interval=interval)
    assert describe_images(header) == words


def test_series_of_different_lengths_are_told() -> None:
    frames = (*(Frame(phase=phase) for phase in (0, 0, 1, 1, 2)),)
    assert describe_images(Header((8, 8), (0, 8), frames=frames)) == "2 slices x 2 to 3 frames"


def test_masks_of_their_own_are_told(run_command: Callable[..., Result], tmp_path: Path) -> None:
    kspace = np.ones((4, 2, 16, 12), np.complex64)
    kspace[::2, ..., ::2] = 0
    kspace[1::2, ..., 1::2] = 0
    np.save(tmp_path / "cine.npy", kspace)
    output = run_command("info", tmp_path / "cine.npy", "--axes", "frames coils readout phase").output
    assert "1 slice x 4 frames" in output
    assert "other lines in every frame" in " ".join(output.split()).replace("│", "")


def test_a_3d_scan_is_described_by_its_positions_and_both_phase_encodings(
    run_command: Callable[..., Result], tmp_path: Path
) -> None:
    kspace, _ = kspace_3d(object_3d((12, 40, 36)), 2)
    mask = Sampling(MaskKind.CAIPI, 4, 0.1).mask((40, 36), 0).numpy()
    path, _ = write_3d(tmp_path / "scan.mrd", kspace, (12, 40, 36), mask=mask)
    output = " ".join(run_command("info", path).output.split())
    assert "3-D, 12 positions along the readout" in output
    assert "matrix (phase x phase) │ 40 x 36" in output
    assert "16 x 16 samples at the centre" in output
