"""Settings by contrast and acceleration, from the file to the methods."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from helpers.raw_files import write_raw_file
from recon.classical.sense import Sense
from recon.data.errors import InputError
from recon.data.open import open_volume
from recon.experiments.cli import app
from recon.experiments.engine.tuning.settings import Entry, Tuned, read_tuned
from recon.experiments.report.scores import read_csv
from recon.registry import create

ACCELERATIONS = (2.0, 4.0, 8.0)


def tuned(contrast: str = "DISCS") -> Tuned:
    """Make settings whose lamda tells the acceleration."""
    return Tuned(
        settings=[
            Entry(contrast=contrast, acceleration=value, methods={"sense": {"lamda": value, "iterations": 7}})
            for value in ACCELERATIONS
        ]
    )


def run(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output + repr(result.exception)
    return result


@given(st.floats(1, 40))
def test_the_nearest_acceleration_is_nearest_in_ratio(acceleration: float) -> None:
    chosen = tuned().choose("sense", "DISCS", acceleration)["lamda"]
    ratios = {value: max(value / acceleration, acceleration / value) for value in ACCELERATIONS}
    assert ratios[chosen] == pytest.approx(min(ratios.values()))


def test_a_method_that_was_not_tuned_stays_as_it_is_and_a_foreign_contrast_is_told() -> None:
    assert tuned().choose("cs-tv", "DISCS", 4) == {}
    with pytest.raises(InputError, match="sense was tuned for 'DISCS', not for the contrast 'AXT2'"):
        tuned().choose("sense", "AXT2", 4)


def test_a_method_that_was_not_tuned_is_not_copied(raw_file: Path) -> None:
    method = create("cs-tv")
    assert tuned().adapt("cs-tv", method, open_volume(raw_file), None) is method


def test_what_was_written_is_read(tmp_path: Path) -> None:
    tuned().write(tmp_path / "tuned.yaml")
    assert read_tuned(tmp_path / "tuned.yaml") == tuned()


def test_numbers_that_yaml_takes_for_text_are_numbers(tmp_path: Path) -> None:
    path = tmp_path / "tuned.yaml"
    path.write_text("settings: [{contrast: A, acceleration: 4, methods: {sense: {lamda: 1e-3}}}]")
    assert read_tuned(path).choose("sense", "A", 4) == {"lamda": 1e-3}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "is no YAML"),
        ("a: 1", "a: Extra inputs"),
        ("settings: [{contrast: A, acceleration: 0}]", "greater than 0"),
        ("settings: [{contrast: A, acceleration: 4, methods: {senze: {}}}]", "did you mean 'sense'"),
        ("settings: [{contrast: A, acceleration: 4, methods: {sense: {lamba: 1}}}]", "did you mean 'lamda'"),
        ("settings: [{contrast: A, acceleration: 4, methods: {sense: {lamda: much}}}]", "setting lamda"),
    ],
)
def test_a_wrong_file_is_told_in_a_sentence(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "tuned.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        read_tuned(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_compare_takes_the_settings_and_records_them(tmp_path: Path, raw_file: Path) -> None:
    tuned().write(tmp_path / "tuned.yaml")
    run(
        *("compare", raw_file, "--methods", "zero-filled,sense", "--accelerations", "2,3.5", "--mask", "random"),
        *("--center-fraction", 0.2, "--settings", tmp_path / "tuned.yaml", "--output", tmp_path / "out"),
    )
    assert len(read_csv(tmp_path / "out" / "metrics.csv")) == 4
    protocol = json.loads((tmp_path / "out" / "summary.json").read_text())["protocol"]
    assert protocol["methods"]["sense"]["lamda"] == "tuned"
    assert protocol["tuned settings"]["DISCS 4x"] == {"sense": {"lamda": 4.0, "iterations": 7}}


def test_reconstruct_takes_the_settings_of_the_nearest_acceleration(tmp_path: Path, raw_file: Path) -> None:
    tuned().write(tmp_path / "tuned.yaml")
    command = ("reconstruct", raw_file, "--method", "sense", "--acceleration", 3, "--output", tmp_path / "out")
    run(*command, "--set", "lamda=4", "--set", "iterations=7")
    assert "done before" in run(*command, "--settings", tmp_path / "tuned.yaml").output


def test_a_setting_given_twice_and_a_file_without_the_method_are_told(tmp_path: Path, raw_file: Path) -> None:
    tuned().write(tmp_path / "tuned.yaml")
    options = ("--settings", tmp_path / "tuned.yaml", "--output", tmp_path / "out")
    command = ("compare", raw_file, *options)
    assert "given twice" in run(*command, "--methods", "sense", "--set", "sense.lamda=1", code=2).output
    assert "holds no settings for grappa" in run(*command, "--methods", "grappa", code=2).output


def test_a_foreign_contrast_is_reported_and_the_rest_is_done(tmp_path: Path, raw_file: Path) -> None:
    tuned("AXT1").write(tmp_path / "tuned.yaml")
    options = ("--settings", tmp_path / "tuned.yaml", "--output", tmp_path / "out")
    assert raw_file.name in run("reconstruct", raw_file, "--method", "sense", *options, code=2).output


def test_a_prospective_scan_is_served_by_the_acceleration_it_was_measured_at(tmp_path: Path) -> None:
    path = write_raw_file(tmp_path / "scan.h5", mask=np.arange(40) % 2 == 0, target=False)
    assert tuned().adapt("sense", Sense(), open_volume(path), None) == Sense(lamda=2.0, iterations=7)
