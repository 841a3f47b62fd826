"""`recon compare`, its oracles and `recon tune` take full 3-D scans in formats that hold no targets."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import Result

from helpers.scans.volumes import kspace_3d, object_3d, write_3d

Run = Callable[..., Result]
MATRIX = (8, 32, 24)


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Path:
    kspace, _ = kspace_3d(object_3d(MATRIX), 4)
    noise = np.random.default_rng(0).standard_normal((2, *kspace.shape)).astype(np.float32)
    kspace = kspace + np.float32(2e-3) * (noise[0] + 1j * noise[1])
    return write_3d(tmp_path_factory.mktemp("heads") / "head.mrd", kspace.astype(np.complex64), MATRIX)[0]


@pytest.mark.parametrize("method", ["sense", "cs-tv3d"])
def test_a_comparison_scores_a_full_3d_scan_and_no_weight_beats_the_oracle(
    run_command: Run, head: Path, tmp_path: Path, method: str
) -> None:
    options = ("--methods", f"zero-filled,{method}", "--oracle", method, "--accelerations", 4, "--mask", "poisson")
    run_command("compare", head, *options, "--center-fraction", 0.1, "--output", tmp_path)
    rows = json.loads((tmp_path / "summary.json").read_text())["groups"]
    psnr = {row["method"]: row["psnr"]["mean"] for row in rows}
    assert np.isfinite(psnr["zero-filled"])
    assert psnr[method] <= psnr[f"{method}-oracle"] + 0.05
    page = (tmp_path / "report.html").read_text()
    assert "position 4" in page
    assert all(f'alt="{method}, {name}"' in page for name in ("axial", "coronal", "sagittal"))


def test_a_method_for_3d_scans_refuses_2d_ones(run_command: Run, raw_file: Path, tmp_path: Path) -> None:
    result = run_command("reconstruct", raw_file, "--method", "cs-tv3d", "--output", tmp_path / "out.h5", code=2)
    assert "is a 2-D scan; cs-tv3d reconstructs neighbouring positions" in result.output


def test_weights_are_tuned_on_a_full_3d_scan(run_command: Run, head: Path, tmp_path: Path) -> None:
    options = ("--methods", "sense", "--accelerations", 4, "--mask", "poisson", "--center-fraction", 0.1)
    output = run_command("tune", head, *options, "--slices", 2, "--output", tmp_path / "tuned.yaml").output
    assert "sense: lamda" in output
    assert "lamda" in yaml.safe_load((tmp_path / "tuned.yaml").read_text())["settings"][0]["methods"]["sense"]
