"""`recon reconstruct` writes every format once, chosen by option or by the name of the output."""

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import nibabel as nib
import numpy as np
import pydicom
import pytest
from typer.testing import CliRunner, Result

from helpers.files.raw_files import write_raw_file
from helpers.scans.stacks import oblique_stack
from recon.data.errors import InputError
from recon.experiments.cli import app
from recon.experiments.engine.results.image_formats import ImageFormat, write_images

Run = Callable[..., Result]


@pytest.fixture
def run() -> Run:
    def invoke(*arguments: object, code: int = 0) -> Result:
        result = CliRunner().invoke(app, ["reconstruct", *map(str, arguments), "--method", "zero-filled"])
        assert result.exit_code == code, result.output + repr(result.exception)
        return result

    return invoke


def test_all_formats_hold_the_same_images(run: Run, raw_file: Path, tmp_path: Path) -> None:
    run(raw_file, "--format", "h5,nifti,dicom,png", "-o", tmp_path)
    with h5py.File(tmp_path / "discs.h5") as file:
        images = file["reconstruction"][()]
    nifti = nib.load(tmp_path / "discs.nii.gz").get_fdata()
    np.testing.assert_array_equal(nifti.transpose(2, 0, 1), images)
    dicoms = [pydicom.dcmread(path) for path in sorted((tmp_path / "discs_dicom").iterdir())]
    stored = np.stack([dicom.pixel_array for dicom in dicoms])
    np.testing.assert_allclose(stored / stored.max(), images / images.max(), atol=1e-3)
    assert [path.name for path in sorted((tmp_path / "discs_png").iterdir())] == ["0001.png", "0002.png"]


def test_formats_that_were_written_before_are_not_written_again(run: Run, raw_file: Path, tmp_path: Path) -> None:
    run(raw_file, "--format", "nifti,dicom", "-o", tmp_path)
    assert "done before" in run(raw_file, "--format", "nifti,dicom", "-o", tmp_path).output
    assert not (tmp_path / "discs.h5").exists()
    before = (tmp_path / "discs.nii.gz").stat().st_mtime_ns
    assert "2 slices in" in run(raw_file, "--format", "nifti,png", "-o", tmp_path).output
    assert (tmp_path / "discs.nii.gz").stat().st_mtime_ns == before
    (tmp_path / "discs_dicom" / "0002.dcm").unlink()
    assert "2 slices in" in run(raw_file, "--format", "dicom", "-o", tmp_path).output


def test_another_protocol_removes_the_images_of_the_old_series(run: Run, tmp_path: Path) -> None:
    run(write_raw_file(tmp_path / "scan.h5", slices=3), "--format", "dicom", "-o", tmp_path / "out")
    run(write_raw_file(tmp_path / "scan.h5", slices=2), "--format", "dicom", "-o", tmp_path / "out")
    series = [pydicom.dcmread(path).SeriesInstanceUID for path in (tmp_path / "out" / "scan_dicom").iterdir()]
    assert len(series) == 2
    assert len(set(series)) == 1


@pytest.mark.parametrize("name", ["image.h5", "image.nii", "image.nii.gz", "image.dcm", "image.PNG"])
def test_the_name_of_the_output_chooses_the_format(run: Run, tmp_path: Path, name: str) -> None:
    raw = write_raw_file(tmp_path / "raw.h5", slices=1)
    run(raw, "-o", tmp_path / "out" / name)
    assert (tmp_path / "out" / name).stat().st_size > 500
    assert "done before" in run(raw, "-o", tmp_path / "out" / name).output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("-o", "x.png"), "only one of the 2 slices"),
        (("-o", "x.nii.gz", "--format", "dicom"), "the name says nifti"),
        (("-o", "x", "--format", "dicm"), "did you mean 'dicom'"),
    ],
)
def test_contradictory_options_are_an_error(
    run: Run,
    raw_file: Path,
    tmp_path: Path,
    arguments: tuple[str, ...],
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert sentence in " ".join(run(raw_file, *arguments, code=2).output.split())


def test_two_inputs_for_one_file_are_an_error(run: Run, raw_file: Path, tmp_path: Path) -> None:
    write_raw_file(raw_file.with_name("other.h5"))
    assert "one file for 2 inputs" in run(raw_file.parent, "-o", tmp_path / "x.nii", code=2).output


@pytest.mark.parametrize("output", [".", "discs.h5"])
def test_raw_data_is_not_replaced_by_its_image(
    run: Run, raw_file: Path, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    monkeypatch.chdir(raw_file.parent)
    before = raw_file.read_bytes()
    assert "holds no reconstruction" in " ".join(run(raw_file, "-o", output, code=2).output.split())
    assert raw_file.read_bytes() == before


def test_inputs_whose_names_differ_in_the_ending_only_are_an_error(run: Run, raw_file: Path, tmp_path: Path) -> None:
    write_raw_file(raw_file.with_suffix(".hdf5"))
    sentence = "differs from discs.h5 in its ending only"
    output = run(raw_file.parent, "--format", "nifti", "-o", tmp_path / "out", code=2).output
    assert sentence in " ".join(output.split())
    run(raw_file.parent, "-o", tmp_path / "out")


@pytest.mark.parametrize("kind", ["nifti", "dicom", "png"])
def test_values_that_are_not_finite_are_not_written(tmp_path: Path, kind: str) -> None:
    wrong = oblique_stack(1, scale=np.nan)
    with pytest.raises(InputError, match="NaN or Inf"):
        write_images(tmp_path / "out", ImageFormat(kind), wrong)
    assert not list(tmp_path.iterdir())


def others(tmp_path: Path, name: str) -> Path:
    """Write a file of the user where an image or a record would go."""
    path = tmp_path / "out" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('{"RepetitionTime": 2}')
    return path


@pytest.mark.parametrize(
    ("name", "formats"),
    [
        ("discs.json", "nifti"),
        ("discs.json", "h5,png"),
        ("discs.nii.gz", "nifti"),
        ("discs_noise.nii.gz", "nifti"),
        ("discs_dicom/0001.dcm", "dicom"),
        ("discs_png/0007.png", "png"),
        ("discs.h5", "h5"),
    ],
)
def test_files_of_the_user_are_replaced_only_when_asked(
    run: Run, raw_file: Path, tmp_path: Path, name: str, formats: str
) -> None:
    path = others(tmp_path, name)
    before = path.read_bytes()
    noise = ("--noise-map",) if "noise" in name else ()
    command = (raw_file, "--format", formats, *noise, "-o", tmp_path / "out")
    output = " ".join(run(*command, code=2).output.split())
    assert name.rpartition("/")[2] in output
    assert path.read_bytes() == before
    assert [file for file in (tmp_path / "out").rglob("*") if file.is_file()] == [path]
    run(*command, "--overwrite")
    assert not path.exists() or path.read_bytes() != before
    assert "done before" in run(*command).output


def test_a_reconstruction_of_another_program_is_not_replaced(run: Run, raw_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "out" / "discs.h5"
    path.parent.mkdir()
    with h5py.File(path, "w") as file:
        file["reconstruction"] = np.ones((2, 4, 4), np.float32)
    assert "not written by this program" in run(raw_file, "-o", path, code=2).output.replace("\n", " ")
    run(raw_file, "-o", path, "--overwrite")


def test_raw_data_is_never_replaced(run: Run, raw_file: Path) -> None:
    before = raw_file.read_bytes()
    assert "is raw data of this run" in run(raw_file, "-o", raw_file.parent, "--overwrite", code=2).output
    assert raw_file.read_bytes() == before


@pytest.mark.parametrize("name", ["discs.nii.gz", "discs_png/0002.png", "discs.h5"])
def test_an_image_that_has_changed_is_written_again(run: Run, raw_file: Path, tmp_path: Path, name: str) -> None:
    command = (raw_file, "--format", "h5,nifti,png", "-o", tmp_path / "out")
    run(*command)
    path = tmp_path / "out" / name
    before = path.read_bytes()
    if path.suffix == ".h5":
        with h5py.File(path, "r+") as file:
            file["reconstruction"][1, 3, 4] += 1
    else:
        path.write_bytes(before[:-1] + b"?")
    assert "done before" not in run(*command).output
    assert path.suffix == ".h5" or path.read_bytes() == before
    assert "done before" in run(*command).output


RECORDS = [
    "",
    "[]",
    "null",
    "[" * 100_000,
    "{}",
    '{"protocol": 1}',
    '{"protocol": {}, "seconds": null, "files": [], "use": "not for diagnostic use"}',
    '{"protocol": {}, "seconds": null, "files": {"discs.nii.gz": 3}, "use": "not for diagnostic use"}',
    '{"protocol": {}, "seconds": "a", "files": {}, "use": "not for diagnostic use"}',
    "9" * 5000,
    "\ufeff{}",
    b"\xff\xfe",
]


@pytest.mark.parametrize("record", RECORDS, ids=range(len(RECORDS)))
def test_a_record_that_was_tampered_with_is_an_error(
    run: Run, raw_file: Path, tmp_path: Path, record: str | bytes
) -> None:
    command = (raw_file, "--format", "nifti", "-o", tmp_path / "out")
    run(*command)
    before = (tmp_path / "out" / "discs.nii.gz").read_bytes()
    (tmp_path / "out" / "discs.json").write_bytes(record if isinstance(record, bytes) else record.encode())
    assert "not this program's record" in " ".join(run(*command, code=2).output.split())
    run(*command, "--overwrite")
    assert (tmp_path / "out" / "discs.nii.gz").read_bytes() == before


@pytest.mark.parametrize("files", [{}, {"discs.nii.gz": None}, {"discs.nii.gz": "0"}, {"../raw/discs.h5": ""}])
def test_a_record_that_claims_too_much_is_not_believed(run: Run, raw_file: Path, tmp_path: Path, files: dict) -> None:
    command = (raw_file, "--format", "nifti", "-o", tmp_path / "out")
    run(*command)
    record = json.loads((tmp_path / "out" / "discs.json").read_text())
    (tmp_path / "out" / "discs.json").write_text(json.dumps(record | {"files": files}))
    (tmp_path / "out" / "discs.nii.gz").unlink()
    assert "2 slices in" in run(*command).output
    assert (tmp_path / "out" / "discs.nii.gz").stat().st_size > 500


@pytest.mark.parametrize("formats", ["h5", "png", "nifti"])
def test_a_name_that_is_too_long_for_its_images_does_not_end_the_run(
    run: Run, raw_file: Path, tmp_path: Path, formats: str
) -> None:
    long = raw_file.with_name(f"{'a' * 251}.npy")
    np.save(long, np.ones((1, 2, 16, 12), np.complex64))
    output = run(raw_file.parent, "--format", formats, "-o", tmp_path / "out", code=2).output
    assert "too long" in output
    assert "discs.h5: 2 slices in" in output


@pytest.mark.parametrize("length", [240, 243, 250, 252])
def test_the_longest_names_are_written(run: Run, raw_file: Path, tmp_path: Path, length: int) -> None:
    name = f"{'a' * length}.h5"
    raw_file.rename(raw_file.with_name(name))
    run(raw_file.parent, "-o", tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == [name]


def test_a_file_in_place_of_the_folder_is_told_at_once(run: Run, raw_file: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    assert "is not a folder" in run(raw_file, "-o", tmp_path / "out" / "deep", code=2).output.replace("\n", " ")


def test_one_dicom_file_of_several_images_is_enhanced(run: Run, raw_file: Path, tmp_path: Path) -> None:
    run(raw_file, "-o", tmp_path / "image.dcm")
    run(raw_file, "--format", "enhanced-dicom", "-o", tmp_path / "out")
    for path in (tmp_path / "image.dcm", tmp_path / "out" / "discs.dcm"):
        assert pydicom.dcmread(path).NumberOfFrames == 2
    assert "done before" in run(raw_file, "-o", tmp_path / "image.dcm").output
    assert "done before" in run(raw_file, "--format", "enhanced-dicom", "-o", tmp_path / "out").output
