"""`recon study` from files to the report: what it measures, resumes, refuses and says."""

import csv
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from scipy.ndimage import gaussian_filter
from typer.testing import Result

from helpers.files.raw_files import write_raw_file
from recon.data.acquisition import Header
from recon.data.formats.fastmri.layout import write_volume
from recon.data.images.nifti import write_nifti
from recon.data.images.placement import stack
from recon.experiments.engine.results.store import StoredResult
from recon.experiments.study.edge_rise import RISE
from recon.fourier import fft

Run = Callable[..., Result]

ROWS, COLUMNS, COILS = 64, 48, 2
HEADER = Header((ROWS, COLUMNS), (0, COLUMNS), field_of_view=(128.0, 96.0), encoded_field_of_view=(128.0, 96.0))
FAT, MUSCLE, SIGMA, BLUR = 100.0, 20.0, 2.0, 2.5
SUBJECTS = 7

STUDY: dict[str, Any] = {
    "title": "Short & <shorter>",
    "arms": {
        "NEX 2": {"method": "zero-filled"},
        "NEX 1": {"method": "zero-filled", "averages": 1},
        "fast": {"method": "sense", "averages": 1, "fraction": 0.6},
    },
    "file_averages": 2,
    "replicas": 2,
    "rois": {
        "air": {"center": [0, -50], "radii": [40, 10]},
        "fat": {"center": [-20, 10], "radii": [10, 16]},
        "muscle": {"center": [20, 10], "radii": [10, 16]},
    },
    "air": "air",
    "reference": "muscle",
    "pairs": [["NEX 2", "NEX 1"]],
    "edges": {"fascia": {"start": [-12, 10], "end": [12, 10], "width": 8}},
}


def write_subject(path: Path, seed: int, header: Header = HEADER, slices: int = 1) -> Path:
    """Write two coils that see fat on the left, muscle on the right, and noise."""
    rng = np.random.default_rng(seed)
    image = np.zeros((ROWS, COLUMNS), np.float32)
    image[20:56, 6:24], image[20:56, 24:42] = FAT, MUSCLE
    image = gaussian_filter(image, BLUR / 2)  # a pixel has 2 mm
    maps = np.array([0.8, 0.6j])[:, None, None]
    kspace = fft(torch.from_numpy((maps * image).astype(np.complex64)))
    noise = rng.normal(0, SIGMA / math.sqrt(2), (slices, COILS, ROWS, COLUMNS, 2)).astype("f4").view("c8")[..., 0]
    write_volume(path, kspace.numpy()[None] + noise, header)
    return path


@pytest.fixture
def study(tmp_path: Path) -> Callable[..., Path]:
    def write(**changes: Any) -> Path:
        path = tmp_path / "study.yaml"
        path.write_text(yaml.safe_dump({**STUDY, **changes}, sort_keys=False))
        return path

    return write


@pytest.fixture
def subjects(tmp_path: Path) -> Path:
    folder = tmp_path / "subjects"
    for number in range(SUBJECTS):
        write_subject(folder / f"scan_{number}.h5", number)
    return folder


def values(output: Path) -> dict[tuple[str, str, str], list[float]]:
    found: dict[tuple[str, str, str], list[float]] = {}
    with (output / "values.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            key = row["measure"], row["place"], row["arm"]
            found.setdefault(key, []).append(float(row["value"] or "nan"))
    return found


def test_a_study_measures_tests_and_reports(
    run_command: Run, study: Callable[..., Path], subjects: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out"
    command = ("study", study(), subjects, "-o", output)
    result = run_command(*command)
    assert (
        "7 of 7 scans hold no single averages: noise of the right size was added to their mean of 2" in result.output
    )

    found = values(output)
    mean = {key: float(np.mean(numbers)) for key, numbers in found.items()}
    assert {len(numbers) for numbers in found.values()} == {SUBJECTS}
    # A coil's image has noise of SIGMA in all; in the air, the magnitude of two coils has a chi distribution.
    chi = math.sqrt(4 - (1.5 * math.sqrt(math.pi / 2)) ** 2)
    per_part = SIGMA / math.sqrt(2)
    assert mean["SNR", "fat", "NEX 2"] == pytest.approx(FAT / (chi * per_part), rel=0.05)
    assert mean["CNR", "fat", "NEX 2"] == pytest.approx((FAT - MUSCLE) / (chi * per_part), rel=0.05)
    few = math.sqrt(2 / math.pi)  # what the standard deviation of two replicas is in the mean
    assert mean["replica SNR", "fat", "NEX 2"] == pytest.approx(FAT / (few * per_part), rel=0.1)
    for measure in ("SNR", "replica SNR"):
        ratio = mean[measure, "fat", "NEX 2"] / mean[measure, "fat", "NEX 1"]
        assert ratio == pytest.approx(math.sqrt(2), rel=0.05)
    assert mean["SI / SI ref", "fat", "NEX 1"] == pytest.approx(FAT / MUSCLE, rel=0.03)
    assert mean["edge rise", "fascia", "NEX 2"] == pytest.approx(RISE * BLUR, rel=0.1)

    summary = json.loads((output / "summary.json").read_text())
    tests = {(test["measure"], test["place"]): test for test in summary["tests"]}
    assert tests["SNR", "fat"]["p"] == 2 / 2**SUBJECTS
    assert tests["SNR", "fat"]["significant"]
    assert len(summary["subjects"]) == SUBJECTS
    assert set(summary["measured shares"]["NEX 1"]) == {1.0}
    assert np.mean(summary["measured shares"]["fast"]) == pytest.approx(0.6, abs=0.1)

    page = (output / "report.html").read_text()
    assert "Short &amp; &lt;shorter&gt;" in page
    assert "<b>" in page
    assert "<td>50 %</td>" in page  # scan time of one average
    assert "noise of the right size was added" in page
    assert len(list((output / "figures").iterdir())) == SUBJECTS + 1

    monkeypatch.setattr(StoredResult, "run", None)  # whatever would be made again fails
    before = (output / "values.csv").read_text()
    assert "report:" in run_command(*command).output
    assert (output / "values.csv").read_text() == before


def test_an_interrupted_study_goes_on_where_it_stopped(
    run_command: Run, study: Callable[..., Path], subjects: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("study", study(replicas=0), subjects, "-o", tmp_path / "out")
    made: list[str] = []
    run = StoredResult.run

    def interrupted(self: StoredResult, on_slice: Callable[[], None]) -> Any:
        if len(made) == 8:
            raise KeyboardInterrupt
        made.append(str(self.path))
        return run(self, on_slice)

    monkeypatch.setattr(StoredResult, "run", interrupted)
    assert "finished results are kept" in run_command(*command, code=130).output
    made.clear()
    run_command(*command, code=130)
    made.clear()
    run_command(*command)
    assert len(made) == 3 * SUBJECTS - 16


def test_a_bad_file_is_named_and_the_rest_is_done(
    run_command: Run, study: Callable[..., Path], subjects: Path, tmp_path: Path
) -> None:
    (subjects / "scan_2.h5").write_bytes(b"no raw data")
    result = run_command("study", study(replicas=0), subjects, "-o", tmp_path / "out", code=2)
    assert "scan_2.h5: the file is not HDF5" in result.output
    assert {len(numbers) for numbers in values(tmp_path / "out").values()} == {SUBJECTS - 1}
    assert "scan_2.h5: the file is not HDF5" in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"rois": {**STUDY["rois"], "fat": {"center": [40, 0], "radii": [10, 5]}}},
            "scan_0.h5: the region 'fat' reaches beyond the image of 96",
        ),
        (
            {"rois": {**STUDY["rois"], "fat": {"center": [1, 0], "radii": [0.5, 0.5]}}},
            "'fat' has 0 pixels; it needs two",
        ),
        ({"slices": [1]}, "scan_0.h5: has 1 slices, so there is no slice 1"),
        (
            {"edges": {"skin": {"start": [0, 0], "end": [5, 5], "slice": 3}}},
            "scan_0.h5: the edge 'skin' lies in slice 3, which",
        ),
        (
            {"file_averages": 1, "arms": {"NEX 2": {"method": "sense", "averages": 2}}, "pairs": []},
            "holds one average",
        ),
        (
            {"labels": "{name}.nii", "rois": {**STUDY["rois"], "fat": {"label": 1}}},
            "scan_0.nii: there is no such label map",
        ),
        ({"preprocess": "prewhitn"}, "unknown preprocessing step 'prewhitn'; did you mean 'prewhiten'"),
    ],
)
def test_what_cannot_be_measured_is_said_in_one_sentence(
    run_command: Run, study: Callable[..., Path], tmp_path: Path, changes: dict[str, Any], sentence: str
) -> None:
    scan = write_subject(tmp_path / "scan_0.h5", 0)
    result = run_command("study", study(**{"replicas": 0, **changes}), scan, "-o", tmp_path / "out", code=2)
    assert sentence in result.output
    assert "Traceback" not in result.output


def test_a_scan_that_was_undersampled_cannot_be_undersampled(
    run_command: Run, study: Callable[..., Path], tmp_path: Path
) -> None:
    scan = write_raw_file(tmp_path / "scan_0.h5", mask=np.arange(40) % 2 == 0)
    result = run_command("study", study(replicas=0), scan, "-o", tmp_path / "out", code=2)
    assert "scan_0.h5: is undersampled already, so the arm 'fast' cannot undersample it" in result.output


def test_files_of_others_are_not_replaced(run_command: Run, study: Callable[..., Path], tmp_path: Path) -> None:
    scan, output = write_subject(tmp_path / "scan_0.h5", 0), tmp_path / "out"
    output.mkdir()
    (output / "values.csv").write_text("a,b\n1,2\n")
    command = ("study", study(replicas=0), scan, "-o", output)
    assert "values.csv: exists already and is no table of a study" in run_command(*command, code=2).output
    (output / "values.csv").rename(output / "summary.json")
    assert "summary.json: exists already without the values.csv" in run_command(*command, code=2).output
    run_command(*command, "--overwrite")
    assert "NEX 1" in (output / "values.csv").read_text()


def test_regions_of_a_label_map_are_those_of_ellipses(
    run_command: Run, study: Callable[..., Path], tmp_path: Path
) -> None:
    from recon.experiments.study.geometry import Ellipse, Frame  # noqa: PLC0415

    scan = write_subject(tmp_path / "scan_0.h5", 0, replace(HEADER, slice_thickness=4.0), slices=3)
    frame = Frame((ROWS, COLUMNS), (2.0, 2.0))
    labels = np.zeros((3, ROWS, COLUMNS), np.float32)
    for number, roi in enumerate(STUDY["rois"].values(), start=1):
        labels[1][Ellipse(roi["center"], roi["radii"]).mask(frame)] = number
    write_nifti(
        tmp_path / "labels" / "scan_0.nii.gz", stack(labels, replace(HEADER, slice_thickness=4.0), (ROWS, COLUMNS))
    )
    rois = {name: {"label": number} for number, name in enumerate(STUDY["rois"], start=1)}
    run_command("study", study(replicas=0), scan, "-o", tmp_path / "ellipses")
    run_command(
        "study", study(replicas=0, rois=rois, labels="labels/{name}.nii.gz"), scan, "-o", tmp_path / "labelled"
    )
    found, expected = values(tmp_path / "labelled"), values(tmp_path / "ellipses")
    assert found == {key: pytest.approx(numbers, rel=1e-6) for key, numbers in expected.items()}


def test_one_subject_is_measured_but_not_tested(run_command: Run, study: Callable[..., Path], tmp_path: Path) -> None:
    scan, output = write_subject(tmp_path / "scan_0.h5", 0), tmp_path / "out"
    result = run_command("study", study(replicas=0, subjects={"scan_1": {"slices": "all"}}), scan, "-o", output)
    assert "number of subjects: 1; with fewer than 6, no signed-rank test reaches p < .05" in result.output
    assert "subjects of the study that are not among the scans: scan_1" in result.output
    summary = json.loads((output / "summary.json").read_text())
    assert all(test["p"] is None and not test["significant"] for test in summary["tests"])
    assert all(mean["std"] is None for mean in summary["means"])
