"""Images in files are scored against targets in files, or against full scans, and frames of series one by one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from typer.testing import Result

from helpers.files.raw_files import edit, write_raw_file
from helpers.programs.command import run
from helpers.scans.cine import cine as beating_series
from helpers.scans.volumes import kspace_3d, object_3d, write_3d
from recon.data.formats.fastmri.layout import write_volume
from recon.experiments.cli import INTERRUPTED
from recon.experiments.engine.results.evaluation import Evaluation
from recon.experiments.engine.scores import evaluate as evaluate_module
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


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Write three scans with targets, and reconstruct them."""
    files = [write_raw_file(tmp_path / "raw" / f"scan{number}.h5", slices=number + 1) for number in range(3)]
    run("reconstruct", *files, "--method", "zero-filled", "--acceleration", 4, "-o", tmp_path / "images")
    return tmp_path / "raw"


def evaluated(*options: object, code: int = 0) -> str:
    return run("evaluate", "--targets", "raw", "--predictions", "images", *options, code=code).output


def tables(output: str) -> str:
    """Return what a run prints but the sentence about earlier scores and the names of files."""
    return "\n".join(line for line in output.splitlines() if ".json" not in line and "before" not in line)


@pytest.mark.parametrize("count", [2, 5])
def test_runs_of_parts_and_one_that_merges_give_the_table_of_one_run(
    cine: tuple[Path, Path, np.ndarray], scans: Path, count: int
) -> None:
    whole = evaluated("-o", "one.json")
    for number in range(count, 0, -1):
        assert "fastMRI metrics" not in evaluated("-o", "parts.json", "--part", f"{number}/{count}")
    assert not Path("parts.json").exists()
    merged = evaluated("-o", "parts.json")
    assert "4 of 4 files were scored before" in merged
    assert tables(merged) == tables(whole)
    assert Path("parts.json").read_bytes() == Path("one.json").read_bytes()


def test_scores_of_parts_count_only_as_long_as_their_files_are_the_same(scans: Path) -> None:
    for part in ("1/2", "2/2"):
        evaluated("-o", "parts.json", "--part", part)
    edit(Path("images/scan1.h5"), reconstruction=np.ones((2, 48, 40), np.float32))
    assert "2 of 3 files were scored before" in evaluated("-o", "parts.json")
    evaluated("-o", "one.json")
    damaged = next(Path().glob("parts.part-1-of-2.json"))
    damaged.write_text(damaged.read_text().replace('"psnr"', '"pnsr"', 1))
    evaluated("-o", "again.json")
    assert Path("parts.json").read_bytes() == Path("one.json").read_bytes()
    evaluated("-o", "parts.json", "--overwrite")
    assert Path("parts.json").read_bytes() == Path("one.json").read_bytes()


def test_a_part_goes_on_where_it_was_interrupted(scans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scored: list[str] = []
    score_one = evaluate_module.score_prediction

    def counted(*arguments: Any) -> Evaluation:
        scored.append(Path(arguments[1][0]).name)
        if len(scored) == 2:
            raise KeyboardInterrupt
        return score_one(*arguments)

    monkeypatch.setattr(evaluate_module, "score_prediction", counted)
    part = ("-o", "parts.json", "--part", "1/2")
    evaluated(*part, code=INTERRUPTED)
    evaluated(*part)
    assert scored == ["scan0.h5", "scan2.h5", "scan2.h5"]


def test_a_part_without_an_output_or_over_another_file_is_refused(scans: Path) -> None:
    assert "give --output" in " ".join(evaluated("--part", "1/2", code=2).split())
    other = Path("scores.part-1-of-2.json")
    other.write_text("[]")
    assert "exists already" in " ".join(evaluated("-o", "scores.json", "--part", "1/2", code=2).split())
    assert other.read_text() == "[]"


def test_what_fails_in_a_part_is_tried_again_at_the_end(scans: Path) -> None:
    Path("images/scan1.h5").unlink()
    for part in ("1/2", "2/2"):
        evaluated("-o", "parts.json", "--part", part, code=2 if part == "2/2" else 0)
    assert "scan1.h5" in evaluated("-o", "parts.json", code=2)
    assert sorted(json.loads(Path("parts.json").read_text())) == ["scan0.h5", "scan2.h5"]
