"""Images in files are scored against targets in files, or against full scans, and frames of series one by one."""

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from typer.testing import Result

from helpers.scans.cine import cine as beating_series
from helpers.scans.volumes import kspace_3d, object_3d, write_3d
from recon.data.formats.fastmri.layout import write_volume
from recon.experiments.engine.scores.evaluate import evaluate
from recon.experiments.engine.scores.metrics import score

Run = Callable[..., Result]


@pytest.fixture
def cine(tmp_path: Path) -> tuple[Path, Path, np.ndarray]:
    """A series of five frames with a target, and images of it, frame 3 of which is worst."""
    series = beating_series(frames=5, readout=32, phase=32, coils=2)
    target = torch.stack([frame.target for frame in series if frame.target is not None]).numpy()
    path = tmp_path / "raw" / "cine.h5"
    path.parent.mkdir()
    write_volume(path, torch.stack([frame.kspace for frame in series]).numpy(), series[0].header, target)
    images = target + np.float32(0.01 * target.max()) * np.random.default_rng(0).standard_normal(target.shape)
    images[3] *= np.float32(0.9)
    (tmp_path / "images").mkdir()
    with h5py.File(tmp_path / "images" / "cine.h5", "w") as file:
        file["reconstruction"] = images.astype(np.float32)
    return path, tmp_path / "images", images


def test_frames_are_scored_as_compare_does(cine: tuple[Path, Path, np.ndarray]) -> None:
    path, folder, images = cine
    (found,) = evaluate(path, folder).values()
    with h5py.File(path) as file:
        target = file["reconstruction_rss"][()]
    (series,) = found.series
    expected = [score(target[[frame]], images[[frame]].astype(np.float32), target.max()) for frame in range(5)]
    assert series.psnr == pytest.approx([one.psnr for one in expected], abs=1e-4)
    assert series.ssim == pytest.approx([one.ssim for one in expected], abs=1e-6)
    assert series.summary["psnr_worst_frame"] == 3
    changes = score(np.diff(target, axis=0), np.diff(images, axis=0).astype(np.float32), target.max())
    assert series.psnr_changes == pytest.approx(changes.psnr, abs=1e-4)


def test_all_frames_are_written_once(run_command: Run, cine: tuple[Path, Path, np.ndarray], tmp_path: Path) -> None:
    path, folder, _ = cine
    command = ("evaluate", "--targets", path, "--predictions", folder, "--output", tmp_path / "scores.json")
    assert "frames of each series" in run_command(*command).output
    (series,) = json.loads((tmp_path / "scores.json").read_text())["cine.h5"]["series"]
    assert len(series["psnr"]) == 5
    assert series["psnr_worst"] == min(series["psnr"])
    assert "exists already" in " ".join(run_command(*command, code=2).output.split())
    run_command(*command, "--overwrite")


def test_a_full_3d_scan_is_the_target_of_its_reconstruction(run_command: Run, tmp_path: Path) -> None:
    kspace, _ = kspace_3d(object_3d((10, 32, 24)), 4)
    path, _ = write_3d(tmp_path / "head.mrd", kspace, (10, 32, 24))
    sampling = ("--acceleration", 2, "--mask", "caipi:1x2", "--center-fraction", 0.1)
    words = run_command("reconstruct", path, "--method", "sense", *sampling, "-o", tmp_path / "images").output
    assert "head.mrd: 10 positions in" in words
    (found,) = evaluate(path, tmp_path / "images").values()
    assert found.volume.psnr > 30
    assert not found.series
