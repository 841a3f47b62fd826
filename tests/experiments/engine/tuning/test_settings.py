"""Settings by contrast and acceleration reach the methods of a command."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.files.raw_files import write_raw_file
from helpers.programs.command import run
from recon.classical.sense import Sense
from recon.data.errors import InputError
from recon.data.open import open_volume
from recon.experiments.engine.sampled_volume import SampledVolume
from recon.experiments.engine.tuning.settings import TunedEntry, TunedSettings, read_tuned
from recon.experiments.report.scores.files import read_csv
from recon.registry import create

ACCELERATIONS = (2.0, 4.0, 8.0)


def tuned(contrast: str = "DISCS") -> TunedSettings:
    """Make settings whose lamda equals the acceleration."""
    return TunedSettings(
        settings=[
            TunedEntry(contrast=contrast, acceleration=value, methods={"sense": {"lamda": value, "iterations": 7}})
            for value in ACCELERATIONS
        ]
    )


@given(st.floats(1, 40))
def test_the_nearest_acceleration_is_nearest_in_ratio(acceleration: float) -> None:
    chosen = tuned().choose("sense", "DISCS", acceleration)["lamda"]
    ratios = {value: max(value / acceleration, acceleration / value) for value in ACCELERATIONS}
    assert ratios[chosen] == pytest.approx(min(ratios.values()))


def test_a_method_that_was_not_tuned_is_unchanged_and_another_contrast_is_an_error() -> None:
    assert tuned().choose("cs-tv", "DISCS", 4) == {}
    with pytest.raises(InputError, match="sense was tuned for 'DISCS', not for the contrast 'AXT2'"):
        tuned().choose("sense", "AXT2", 4)


def test_a_method_that_was_not_tuned_is_not_copied(raw_file: Path) -> None:
    method = create("cs-tv")
    assert tuned().adapt("cs-tv", method, SampledVolume(open_volume(raw_file))) is method


def test_settings_are_read_as_they_were_written(tmp_path: Path) -> None:
    tuned().write(tmp_path / "tuned.yaml")
    assert read_tuned(tmp_path / "tuned.yaml") == tuned()


def test_a_number_that_yaml_reads_as_text_is_a_number(tmp_path: Path) -> None:
    path = tmp_path / "tuned.yaml"
    path.write_text("settings: [{contrast: A, acceleration: 4, methods: {sense: {lamda: 1e-3}}}]")
    assert read_tuned(path).choose("sense", "A", 4) == {"lamda": 1e-3}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "is not valid YAML"),
        ("a: 1", "a: Extra inputs"),
        ("settings: [{contrast: A, acceleration: 0}]", "greater than 0"),
        ("settings: [{contrast: A, acceleration: 4, methods: {senze: {}}}]", "did you mean 'sense'"),
        ("settings: [{contrast: A, acceleration: 4, methods: {sense: {lamba: 1}}}]", "did you mean 'lamda'"),
        ("settings: [{contrast: A, acceleration: 4, methods: {sense: {lamda: much}}}]", "setting lamda"),
    ],
)
def test_a_wrong_file_is_an_error_of_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "tuned.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        read_tuned(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_compare_uses_the_settings_and_records_them(tmp_path: Path, raw_file: Path) -> None:
    tuned().write(tmp_path / "tuned.yaml")
    run(
        *("compare", raw_file, "--methods", "zero-filled,sense", "--accelerations", "2,3.5", "--mask", "random"),
        *("--center-fraction", 0.2, "--settings", tmp_path / "tuned.yaml", "--output", tmp_path / "out"),
    )
    assert len(read_csv(tmp_path / "out" / "metrics.csv")) == 4
    protocol = json.loads((tmp_path / "out" / "summary.json").read_text())["protocol"]
    assert protocol["methods"]["sense"]["lamda"] == "tuned"
    assert protocol["tuned settings"]["DISCS 4x"] == {"sense": {"lamda": 4.0, "iterations": 7}}


def test_reconstruct_uses_the_settings_of_the_nearest_acceleration(tmp_path: Path, raw_file: Path) -> None:
    tuned().write(tmp_path / "tuned.yaml")
    command = ("reconstruct", raw_file, "--method", "sense", "--acceleration", 3, "--output", tmp_path / "out")
    run(*command, "--set", "lamda=4", "--set", "iterations=7")
    assert "done before" in run(*command, "--settings", tmp_path / "tuned.yaml").output


def test_a_setting_given_twice_and_a_file_without_the_method_are_errors(tmp_path: Path, raw_file: Path) -> None:
    tuned().write(tmp_path / "tuned.yaml")
    options = ("--settings", tmp_path / "tuned.yaml", "--output", tmp_path / "out")
    command = ("compare", raw_file, *options)
    assert "given twice" in run(*command, "--methods", "sense", "--set", "sense.lamda=1", code=2).output
    assert "holds no settings for grappa" in run(*command, "--methods", "grappa", code=2).output


def test_another_contrast_is_reported_with_the_file(tmp_path: Path, raw_file: Path) -> None:
    tuned("AXT1").write(tmp_path / "tuned.yaml")
    options = ("--settings", tmp_path / "tuned.yaml", "--output", tmp_path / "out")
    assert raw_file.name in run("reconstruct", raw_file, "--method", "sense", *options, code=2).output


def test_a_prospective_scan_gets_the_settings_of_its_measured_acceleration(tmp_path: Path) -> None:
    path = write_raw_file(tmp_path / "scan.h5", mask=np.arange(40) % 2 == 0, target=False)
    assert tuned().adapt("sense", Sense(), SampledVolume(open_volume(path))) == Sense(lamda=2.0, iterations=7)
