"""`compare` brings all images to the noise floor of a full scan, `reconstruct` only if asked."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import recon
from helpers.scans.objects import object_acquisition
from recon.coils import rss
from recon.data.formats.fastmri.layout import write_volume
from recon.data.open import open_volume
from recon.experiments.cli import app
from recon.experiments.engine.run import Runner
from recon.experiments.engine.tuning.best_weight import BestWeight
from recon.fourier import ifft
from recon.quality.noise_floor import RULE, with_noise_floor
from recon.registry import create

Run = Callable[..., None]


@pytest.fixture
def raw_file(tmp_path: Path) -> Path:
    """A file of noisy discs."""
    scan = object_acquisition(4, 48, 40, noise=0.05)
    path = tmp_path / "raw" / "discs.h5"
    path.parent.mkdir()
    write_volume(path, scan.kspace.numpy()[None], scan.header, rss(ifft(scan.kspace)).numpy()[None])
    return path


@pytest.fixture
def run(raw_file: Path) -> Run:
    def invoke(command: str, *arguments: object) -> None:
        result = CliRunner().invoke(app, [command, str(raw_file), *map(str, arguments)])
        assert result.exit_code == 0, result.output + repr(result.exception)

    return invoke


def images(path: Path) -> np.ndarray:
    with h5py.File(path) as file:
        return file["reconstruction"][()]


@pytest.mark.parametrize(
    ("option", "floor", "rule"), [((), "full scan", RULE), (("--no-noise-floor",), "none", "none")]
)
def test_a_comparison_says_which_floor_its_images_have(
    run: Run, tmp_path: Path, option: tuple[str, ...], floor: str, rule: str
) -> None:
    run("compare", "--methods", "zero-filled,sense", "--accelerations", 3, "--output", tmp_path / "out", *option)
    with (tmp_path / "out" / "metrics.csv").open() as file:
        assert {row["noise_floor"] for row in csv.DictReader(file)} == {floor}
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["protocol"]["noise floor"] == rule
    assert {group["noise_floor"] for group in summary["groups"]} == {floor}
    assert f"noise floor {floor}" in (tmp_path / "out" / "report.html").read_text()


def test_results_of_the_other_floor_are_made_again(run: Run, tmp_path: Path, raw_file: Path) -> None:
    command = ("compare", "--methods", "zero-filled", "--accelerations", 3, "--output", tmp_path)
    path = tmp_path / "reconstructions" / "3x-equispaced_fraction" / "zero-filled" / raw_file.name
    run(*command)
    raised = images(path)
    run(*command, "--no-noise-floor")
    assert (images(path) <= raised).all()
    assert (images(path) < raised).any()
    with h5py.File(path) as file:
        assert json.loads(file.attrs["protocol"])["noise floor"] == "none"


def test_the_rule_is_the_same_for_every_method(raw_file: Path) -> None:
    scan = recon.undersample(open_volume(raw_file).read(0), 3)
    for name in ("zero-filled", "sense", "cs-wavelet"):
        method = create(name)
        (result,) = Runner(name, method, floor=True).slices([scan])
        assert np.array_equal(result.image, with_noise_floor(method(scan), scan).numpy())


def test_images_have_no_floor_unless_asked(run: Run, tmp_path: Path, raw_file: Path) -> None:
    run("reconstruct", "--method", "zero-filled", "--acceleration", 3, "-o", tmp_path / "plain")
    run("reconstruct", "--method", "zero-filled", "--acceleration", 3, "--noise-floor", "-o", tmp_path / "raised")
    plain, raised = (images(tmp_path / name / raw_file.name) for name in ("plain", "raised"))
    assert (plain < raised).all()
    scan = recon.undersample(open_volume(raw_file).read(0), 3)
    assert np.array_equal(plain[0], create("zero-filled")(scan).numpy())
    assert np.array_equal(recon.reconstruct(scan, "zero-filled", noise_floor=True), raised[0])
    assert np.array_equal(recon.reconstruct(scan, "zero-filled"), plain[0])


def test_an_oracle_looks_at_images_as_they_are_scored(raw_file: Path) -> None:
    scan = recon.undersample(open_volume(raw_file).read(0), 3)
    assert scan.target is not None

    def error(floor: bool) -> float:
        image = with_noise_floor(BestWeight(create("sense"), floor)(scan), scan)
        return float((image - torch.as_tensor(scan.target)).norm())

    assert error(floor=True) <= error(floor=False)
