"""`recon audit` catches each fault that is planted, whatever the files are called, and raises no false alarm."""

import json
from collections.abc import Callable
from dataclasses import replace as changed
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from helpers.programs.command import run
from recon.data.open import find_files, open_volume
from recon.experiments.comparability.content import fingerprint_of, read_content
from recon.experiments.comparability.overlap import COPY, NEAR
from recon.fourier import fft, ifft

SLICES, MATRIX = 6, (64, 56)


@pytest.fixture(scope="module")
def heads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of scans of different heads, without identifiers of patients."""
    folder = tmp_path_factory.mktemp("heads")
    size = "x".join(map(str, MATRIX))
    run("simulate", folder, "--volumes", 3, "--slices", SLICES, "--coils", 3, "--size", size)
    for path in folder.glob("*.h5"):
        with h5py.File(path, "r+") as file:
            file.attrs["patient_id"] = ""
    return folder


class Split:
    """A training set and a validation set, copied from the scans of different heads."""

    def __init__(self, heads: Path, folder: Path) -> None:
        self.sources = sorted(heads.glob("*.h5"))
        self.folder = folder
        for name in ("train", "val"):
            (folder / name).mkdir()
        self.add(0, "train/a.h5")
        self.add(1, "train/b.h5")
        self.add(2, "val/c.h5")

    def add(self, source: int, name: str, change: Callable[[h5py.File], None] = lambda _file: None) -> Path:
        """Copy a scan under a name, and change the copy."""
        path = self.folder / name
        path.write_bytes(self.sources[source].read_bytes())
        with h5py.File(path, "r+") as file:
            change(file)
        return path

    def faults(self, code: int = 1) -> list[str]:
        """Audit both sets, check the exit code, and return the sentences about faults."""
        report = self.folder / "report.json"
        run("audit", *(f"data.{name}={self.folder / name}" for name in ("train", "val")), "--json", report, code=code)
        return [f"{one['kind']}: {one['sentence']}" for one in json.loads(report.read_text())["faults"]]

    def fault(self, kind: str) -> str:
        """Return the sentence about the only fault, of a kind."""
        (sentence,) = self.faults()
        assert sentence.startswith(f"{kind}: ")
        return sentence


@pytest.fixture
def split(heads: Path, tmp_path: Path) -> Split:
    return Split(heads, tmp_path)


def replace(file: h5py.File, **datasets: Any) -> None:
    for name, value in datasets.items():
        if name in file:
            del file[name]
        if value is not None:
            file[name] = value


def of_kspace(
    change: Callable[[Any], Any], target: Callable[[Any], Any] | None = None
) -> Callable[[h5py.File], None]:
    """Return a function that changes the k-space of a file, and its target or leaves it out."""

    def apply(file: h5py.File) -> None:
        images = file["reconstruction_rss"][()]
        replace(file, kspace=np.ascontiguousarray(change(file["kspace"][()]).astype(np.complex64)))
        replace(file, reconstruction_rss=None if target is None else target(images))
        if target is None:
            del file.attrs["max"]
        else:
            file.attrs["max"] = float(target(images).max())

    return apply


def undersampled(center: int) -> Callable[[Any], Any]:
    """Return a function that keeps every fourth line and the centre."""

    def keep_some(kspace: Any) -> Any:
        mask = np.arange(kspace.shape[-1]) % 4 == 0
        middle = kspace.shape[-1] // 2
        mask[middle - center // 2 : middle + center // 2] = True
        return kspace * mask

    return keep_some


def with_unitary(kspace: Any) -> Any:
    matrix = np.linalg.qr(np.random.default_rng(0).normal(size=(2, kspace.shape[1], kspace.shape[1])))[0]
    return np.einsum("ij,sjxy->sixy", matrix[0], kspace)


def test_a_clean_split_raises_no_alarm(split: Split) -> None:
    assert split.faults(code=0) == []


def test_real_scans_of_different_objects_raise_no_alarm(real_data: Path) -> None:
    names = {"train": "kspace", "val": "kspace_lowfield", "test": "kspace_prospective"}
    run("audit", *(f"data.{name}={real_data / folder}" for name, folder in names.items()))


COPIES = {
    "renamed": lambda _file: None,
    "rescaled": of_kspace(lambda kspace: kspace * (3e4 * np.exp(0.7j)), lambda target: target * 3e4),
    "saved in another chunking": of_kspace(lambda kspace: kspace, lambda target: target),
    "with other coils": of_kspace(with_unitary),
    "with noise": of_kspace(lambda kspace: kspace * (1 + 1e-3 * np.random.default_rng(0).normal(size=kspace.shape))),
    "mirrored along readout": of_kspace(lambda kspace: np.flip(kspace, -2)),
    "mirrored along phase": of_kspace(lambda kspace: np.flip(kspace, -1)),
    "conjugated": of_kspace(np.conj),
    "undersampled": of_kspace(undersampled(24)),
}


@pytest.mark.parametrize("change", COPIES.values(), ids=COPIES)
def test_copies_in_both_sets_are_found(split: Split, change: Callable[[h5py.File], None]) -> None:
    split.add(0, "val/another_name.h5", change)
    sentence = split.fault("volume in both sets")
    assert "train/a.h5" in sentence
    assert "val/another_name.h5" in sentence


def test_a_copy_with_few_central_lines_is_found_as_the_same_patient(split: Split) -> None:
    split.add(0, "val/another_name.h5", of_kspace(undersampled(10)))
    assert "train/a.h5" in split.fault("patient in both sets")


def test_a_copy_in_another_format_is_found(split: Split) -> None:
    run("convert", split.sources[0], split.folder / "val" / "scan.cfl")
    assert "a.h5" in split.fault("volume in both sets")


def test_some_slices_of_a_volume_are_found(split: Split) -> None:
    split.add(0, "val/part.h5", lambda file: keep(file, [1, 3]))
    assert "2 slices of the same samples" in split.fault("volume in both sets")


def keep(file: h5py.File, slices: list[int]) -> None:
    kspace, target = (file[name][()][slices] for name in ("kspace", "reconstruction_rss"))
    replace(file, kspace=kspace, reconstruction_rss=target, geometry=None)
    file.attrs["max"] = float(target.max())


def test_neighbouring_slices_of_one_patient_are_found_by_anatomy(real_data: Path, tmp_path: Path) -> None:
    """Without any identifier: odd slices of one head for training, even ones for validation."""
    (source,) = (real_data / "kspace_lowfield").glob("brain_fse*")
    for name, slices in (("train", [0, 2, 4, 6]), ("val", [1, 3]), ("test", [8, 9, 10, 11, 12, 13, 14, 15])):
        path = tmp_path / name / "scan.h5"
        path.parent.mkdir()
        path.write_bytes(source.read_bytes())
        with h5py.File(path, "r+") as file:
            keep(file, slices)
            file.attrs["patient_id"] = ""
    sets = {name: f"data.{name}={tmp_path / name}" for name in ("train", "val", "test")}
    output = " ".join(run("audit", sets["train"], sets["val"], code=1).output.split())
    assert "patient in both sets" in output
    assert "similar anatomy" in output
    run("audit", sets["train"], sets["test"])  # slices 0 to 7 and 8 to 15 are of different people


@pytest.mark.parametrize(("first", "second", "same"), [("7f3a", "7f3a", True), ("7f3a", "9c1d", False)])
def test_one_patient_in_two_sets_is_found_by_identifier(split: Split, first: str, second: str, same: bool) -> None:
    split.add(0, "train/a.h5", lambda file: file.attrs.update(patient_id=first))
    split.add(2, "val/c.h5", lambda file: file.attrs.update(patient_id=second))
    if same:
        assert "patient 7f3a" in split.fault("patient in both sets")
    else:
        assert split.faults(code=0) == []


@pytest.mark.parametrize(
    ("section", "element", "value", "found"),
    [
        ("subjectInformation", "patientID", "P0815", True),
        ("studyInformation", "studyInstanceUID", "1.2.840.113619", True),
        ("subjectInformation", "patientName", "anonymous", False),
        ("subjectInformation", "patientID", "xxxxxxxx", False),
    ],
)
def test_identifiers_of_the_xml_header_count_unless_they_name_nobody(
    split: Split, section: str, element: str, value: str, found: bool
) -> None:
    def name(file: h5py.File) -> None:
        text = file["ismrmrd_header"][()].decode()
        start = text.index("<measurementInformation>")
        inserted = f"<{section}><{element}>{value}</{element}></{section}>"
        replace(file, ismrmrd_header=text[:start] + inserted + text[start:])

    split.add(0, "train/a.h5", name)
    split.add(2, "val/c.h5", name)
    if found:
        assert value in split.fault("patient in both sets")
    else:
        assert split.faults(code=0) == []


def cropped(rows: int, columns: int) -> Callable[[Any], Any]:
    """Return a function that crops the images of k-space."""

    def crop(kspace: Any) -> Any:
        images = ifft(torch.from_numpy(kspace))
        top, left = (MATRIX[0] - rows) // 2, (MATRIX[1] - columns) // 2
        return fft(images[..., top : top + rows, left : left + columns]).numpy()

    return crop


def test_a_scan_cropped_along_phase_before_masking_is_found(split: Split) -> None:
    split.add(2, "val/c.h5", of_kspace(cropped(64, 48)))
    assert "48 phase encodings, the header says that 56" in split.fault("crop before masking")


def test_oversampling_along_readout_may_be_removed(split: Split) -> None:
    split.add(2, "val/c.h5", of_kspace(cropped(56, 56)))
    assert split.faults(code=0) == []


def test_kspace_made_from_magnitudes_is_found(split: Split) -> None:
    def magnitudes(kspace: Any) -> Any:
        return fft(ifft(torch.from_numpy(kspace)).abs().to(torch.complex64)).numpy() * np.exp(0.3j)

    split.add(2, "val/c.h5", of_kspace(magnitudes))
    assert "magnitude images" in split.fault("crop before masking")


def test_energy_in_zero_padding_is_found(split: Split) -> None:
    def pad(file: h5py.File, blur: bool) -> None:
        text = file["ismrmrd_header"][()].decode()
        text = text.replace("<maximum>55</maximum><center>28</center>", "<maximum>47</maximum><center>24</center>")
        kspace = file["kspace"][()]
        kspace[..., :4] = kspace[..., 52:] = 0
        if blur:
            images = ifft(torch.from_numpy(kspace))
            images[..., :10] = 0
            kspace = fft(images).numpy()
        replace(file, ismrmrd_header=text, kspace=kspace, reconstruction_rss=None)
        del file.attrs["max"]

    split.add(2, "val/c.h5", lambda file: pad(file, blur=False))
    assert split.faults(code=0) == []
    split.add(2, "val/c.h5", lambda file: pad(file, blur=True))
    assert "zero padding" in split.fault("crop before masking")


def test_the_maximum_of_a_slice_instead_of_the_volume_is_found(split: Split) -> None:
    def state(file: h5py.File) -> None:
        largest = file["reconstruction_rss"][()].max((1, 2))
        file.attrs["max"] = float(largest[largest.argmin()])

    split.add(2, "val/c.h5", state)
    assert "that of slice" in split.fault("maximum by slice")


def scaled(file: h5py.File, kspace: bool, target: bool) -> None:
    """Scale each slice by the largest value of its target."""
    images = file["reconstruction_rss"][()]
    factor = 1 / images.max((1, 2))
    if kspace:
        replace(file, kspace=(file["kspace"][()] * factor[:, None, None, None]).astype(np.complex64))
    if target:
        replace(file, reconstruction_rss=(images * factor[:, None, None]).astype(np.float32))
        file.attrs["max"] = 1.0


@pytest.mark.parametrize(("kspace", "target"), [(True, True), (False, True), (True, False)])
def test_slices_scaled_one_by_one_are_found(split: Split, kspace: bool, target: bool) -> None:
    split.add(1, "train/b.h5", lambda file: scaled(file, kspace, target))
    assert all(sentence.startswith("maximum by slice: train: ") for sentence in split.faults())


def test_a_volume_that_is_there_twice_in_one_set_is_found(split: Split) -> None:
    split.add(1, "train/again.h5")
    assert f"{SLICES} slices are in" in split.fault("duplicated rows")


def test_a_slice_that_is_there_twice_in_one_volume_is_found(split: Split) -> None:
    split.add(1, "train/b.h5", lambda file: keep(file, [0, 1, 2, 1]))
    assert "slices 1, 3 hold the same samples" in split.fault("duplicated rows")


def test_a_line_that_is_there_twice_in_one_slice_is_found(split: Split) -> None:
    def copy(kspace: Any) -> Any:
        kspace[2, ..., 10] = kspace[2, ..., 12]
        return kspace

    split.add(1, "train/b.h5", of_kspace(copy))
    assert "1 lines of slice 2 are copies" in split.fault("duplicated rows")


def test_fingerprints_tell_people_apart(real_data: Path) -> None:
    """Of four heads in four slices, neighbouring slices are alike, and other people's are not."""
    (path,) = (real_data / "kspace_lowfield").glob("brain_flair*")
    prints = np.stack([one.print.ravel() for one in read_content(path).slices])
    correlation = prints @ prints.T
    people = np.arange(16) // 4
    assert correlation[people[:, None] != people].max() < NEAR - 0.15
    assert np.diag(correlation, 1)[people[1:] == people[:-1]].min() > NEAR
    assert np.diag(correlation, 1).max() < COPY


def test_a_fingerprint_survives_another_matrix(heads: Path) -> None:
    """A scan of half the resolution has the same anatomy at low resolution."""
    volume = open_volume(find_files([heads])[0])
    scan = volume.read(3)
    part = scan.kspace[:, 8:-8, 8:-8].contiguous()
    header = changed(scan.header, crop=(MATRIX[0] - 16, MATRIX[1] - 16), padding=(0, MATRIX[1] - 16))
    smaller = changed(scan, kspace=part, mask=scan.mask[8:-8], header=header, target=None)
    assert (fingerprint_of(scan) * fingerprint_of(smaller)).sum() > COPY


@pytest.mark.parametrize(
    "words", [["data.trian=x"], ["train"], ["data.train=[1]"], ["data.train=[]"], ["data.train={"], ["data.test=no"]]
)
def test_wrong_sets_are_refused(words: list[str], tmp_path: Path) -> None:
    assert "error: " in run("audit", *words, code=2).output


def test_the_sets_of_a_training_config_are_audited(split: Split) -> None:
    config = split.folder / "config.yaml"
    config.write_text(f"data: {{train: {split.folder / 'train'}, val: [{split.folder / 'val'}]}}")
    assert "2 files" in run("audit", config).output
    test = split.add(0, "renamed.h5")
    assert "train and test" in " ".join(run("audit", config, f"data.test={test}", code=1).output.split())


def test_a_file_that_cannot_be_read_is_reported(split: Split) -> None:
    (split.folder / "val" / "broken.h5").write_bytes(b"nothing")
    assert split.faults(code=2) == []
