"""What `recon info` says about the dimensions of a file."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from typer.testing import Result

from helpers.volumes import kspace_3d, object_3d, write_3d
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling

Run = Callable[..., Result]


def words(run: Run, *arguments: object) -> str:
    return " ".join(run("info", *arguments).output.split())


def test_a_3d_scan_is_described_by_its_positions_and_both_phase_encodings(run_command: Run, tmp_path: Path) -> None:
    kspace, _ = kspace_3d(object_3d((12, 40, 36)), 2)
    mask = Sampling(MaskKind.CAIPI, 4, 0.1).mask((40, 36), 0).numpy()
    path, _ = write_3d(tmp_path / "scan.mrd", kspace, (12, 40, 36), mask=mask)
    output = words(run_command, path)
    assert "3-D: 12 positions along the readout" in output
    assert "matrix (phase x phase) │ 40 x 36" in output
    assert "16 x 16 samples at the centre" in output


def test_frames_of_slices_are_counted(run_command: Run, tmp_path: Path) -> None:
    np.save(tmp_path / "cine.npy", np.ones((5, 2, 3, 8, 6), np.complex64))
    assert "2-D + time: 2 slices, 5 frames" in words(
        run_command, tmp_path / "cine.npy", "--axes", "frames slices coils readout phase"
    )
