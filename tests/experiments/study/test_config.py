"""Errors in a study's file are reported in one sentence, with the nearest right name."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

from recon.data.errors import InputError
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.experiments.study.config import folder_name, load_study

SHIPPED = sorted((Path(str(files("recon.experiments.configs"))) / "studies").glob("*.yaml"))

STUDY: dict[str, Any] = {
    "arms": {
        "NEX 2": {"method": "zero-filled"},
        "NEX 1 + CS": {"method": "cs-wavelet", "averages": 1, "fraction": 0.55, "settings": {"lamda": 0.002}},
    },
    "rois": {
        "air": {"center": [-80, -80], "radii": [9, 9]},
        "fat": {"center": [10, 5.5], "radii": [6, 4], "angle": 20},
        "muscle": {"center": [0, 0], "radii": [3, 3]},
    },
    "air": "air",
    "reference": "muscle",
    "pairs": [["NEX 2", "NEX 1 + CS"]],
    "file_averages": 2,
    "edges": {"skin": {"start": [0, 0], "end": [10, 0]}},
    "subjects": {"scan_3": {"rois": {"fat": {"center": [20, 5]}}, "slices": [4], "edges": {"rim": {"roi": "fat"}}}},
}


def write(path: Path, **changes: Any) -> Path:
    path.write_text(yaml.safe_dump({**STUDY, **changes}, sort_keys=False))
    return path


def test_arms_say_how_scans_are_undersampled(tmp_path: Path) -> None:
    study, file = load_study(write(tmp_path / "study.yaml"))
    assert file == tmp_path / "study.yaml"
    full, fast = study.arms.values()
    assert full.sampling is None
    assert fast.sampling == Sampling(MaskKind.RANDOM, 1 / 0.55, 0.32 * 0.55)
    assert study.methods()["NEX 1 + CS"].settings()["lamda"] == 0.002
    assert study.tissues == ["fat", "muscle"]


def test_a_subject_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    study, _ = load_study(write(tmp_path / "study.yaml"))
    assert study.for_subject("scan_4") is study
    changed = study.for_subject("scan_3")
    assert changed.rois["fat"].center == (20, 5)
    assert changed.rois["fat"].angle == 20
    assert changed.rois["muscle"] == study.rois["muscle"]
    assert changed.slices == (4,)
    assert study.model_dump(mode="json")["subjects"]["scan_3"]["slices"] == [4]
    assert list(changed.edges) == ["skin", "rim"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"arm": {}}, "unknown key 'arm'; did you mean 'arms'"),
        ({"arms": {"a": {"methd": "sense"}}}, "unknown key 'arms.a.methd'; did you mean 'arms.a.method'"),
        ({"arms": {"a": {}}}, r"arms.a.method is missing; give it in the file$"),
        ({"arms": {}}, "arms: .* at least 1"),
        ({"arms": {"a": "sense"}}, "arms.a: must be a section of keys and values"),
        ({"arms": {"a": {"method": "sense", "averages": 0}}}, "arms.a.averages: .* greater than or equal to 1"),
        ({"arms": {"a": {"method": "sense", "fraction": 55}}}, "arms.a.fraction: .* less than or equal to 1"),
        (
            {"arms": {"a": {"method": "sense", "fraction": 0.5, "acceleration": 2}}},
            "arms.a: give the acceleration or",
        ),
        ({"arms": {"a": {"method": "sense", "mask": "randm", "fraction": 0.5}}}, "arms.a.mask: .*'random'"),
        ({"arms": {"a b": {"method": "sense"}, "a_b": {"method": "sense"}}}, "pairs: unknown name 'NEX 2'"),
        ({"arms": {"a b": {"method": "sense"}, "a_b": {"method": "sense"}}, "pairs": []}, "would share a folder"),
        (
            {"rois": {**STUDY["rois"], "fat": {"centre": [1, 2]}}},
            "unknown key 'rois.fat.centre'; did you mean 'rois.fat.center'",
        ),
        ({"rois": {**STUDY["rois"], "fat": {"center": [1, 2]}}}, "rois.fat: give an ellipse by center"),
        (
            {"rois": {**STUDY["rois"], "fat": {"center": [1, 2], "radii": [0, 1]}}},
            "rois.fat: the radii must be above 0",
        ),
        ({"rois": {**STUDY["rois"], "fat": {"center": [1], "radii": [1, 1]}}}, "rois.fat.center"),
        ({"rois": {**STUDY["rois"], "fat": {"label": 1, "radii": [1, 1]}}}, "rois.fat: give an ellipse or a label"),
        (
            {"rois": {**STUDY["rois"], "fat": {"label": 1}}, "subjects": {}},
            "a region has a label, but labels names no",
        ),
        ({"air": "backgrond"}, "air: unknown name 'backgrond'; available: air, fat, muscle"),
        ({"reference": "muscel"}, "reference: unknown name 'muscel'; did you mean 'muscle'"),
        ({"reference": "air"}, "the reference tissue must be another region than the air"),
        ({"pairs": [["NEX 2", "NEX 1"]]}, "pairs: unknown name 'NEX 1'; did you mean 'NEX 2'"),
        ({"pairs": [["NEX 2", "NEX 2"]]}, "pairs: 'NEX 2' cannot be tested against itself"),
        ({"edges": {"skin": {"start": [0, 0]}}}, "edges.skin: give a line by start"),
        ({"edges": {"skin": {"start": [0, 0], "end": [0, 0]}}}, "edges.skin: start and end are the same point"),
        ({"edges": {"skin": {"roi": "fatt"}}}, "edges.skin.roi: unknown name 'fatt'; did you mean 'fat'"),
        ({"slices": "midle"}, "slices: give all, middle, or a list of numbers of slices"),
        ({"slices": [-1]}, "slices: give all, middle, or a list of numbers of slices"),
        ({"replicas": 1}, "a standard deviation takes two replicas or more"),
        ({"subjects": {"a": {"rois": {"fatt": {}}}}}, "subjects.a.rois: unknown name 'fatt'; did you mean 'fat'"),
        ({"subjects": {"a": {"roi": {}}}}, "unknown key 'subjects.a.roi'; did you mean 'subjects.a.rois'"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(tmp_path: Path, changes: dict[str, Any], sentence: str) -> None:
    path = write(tmp_path / "study.yaml", **changes)
    with pytest.raises(InputError, match=sentence) as caught:
        load_study(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_region_of_a_subject_must_stay_a_region(tmp_path: Path) -> None:
    study, _ = load_study(write(tmp_path / "study.yaml", subjects={"a": {"rois": {"fat": {"radii": [0, 1]}}}}))
    with pytest.raises(InputError, match="subjects.a: rois.fat: the radii must be above 0"):
        study.for_subject("a")


@pytest.mark.parametrize(
    ("arm", "sentence"),
    [
        ({"method": "cs-wavlet"}, "arm 'fast': unknown method 'cs-wavlet'; did you mean 'cs-wavelet'"),
        ({"method": "sense", "settings": {"lambda": 1}}, "arm 'fast': .* no setting 'lambda'; did you mean 'lamda'"),
    ],
)
def test_an_arm_that_cannot_be_built_is_named(tmp_path: Path, arm: dict[str, Any], sentence: str) -> None:
    study, _ = load_study(write(tmp_path / "study.yaml", arms={"fast": arm}, pairs=[]))
    with pytest.raises(InputError, match=sentence):
        study.methods()


def test_an_unknown_study_is_answered_with_those_that_ship(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="shorter_t1: no such config file; available: .*shorter_t2.yaml"):
        load_study(Path("shorter_t1"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_study_that_ships_can_be_run(path: Path) -> None:
    study, file = load_study(Path(path.stem))
    assert file == path
    assert len(study.methods()) == len(study.arms) > 1
    for method in study.methods().values():
        method.prepare()  # its weights ship
    assert len({folder_name(arm) for arm in study.arms}) == len(study.arms)
    for name in study.subjects:
        study.for_subject(name)
