"""`recon info` says in words what the images of a file are."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from typer.testing import Result

from helpers.scans.volumes import kspace_3d, object_3d, write_3d
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling


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
    assert "positions x coils │ 12 x 2" in output
    assert "per position" in output
