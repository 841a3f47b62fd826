"""Tests of the table of values of a study."""

from pathlib import Path

import pytest

from recon.experiments.study.measure import SNR
from recon.experiments.study.results import StudyResults, read_values, rows_of_values, write_values


@pytest.mark.parametrize("subject", ["head", "'head", "=head", "'=head"])
def test_a_table_is_read_as_it_was_written(subject: str, tmp_path: Path) -> None:
    results = StudyResults(("arm",), ())
    results.add(subject, "arm", {(SNR, "white matter"): 12.5})
    write_values(tmp_path / "values.csv", results)
    assert read_values(tmp_path / "values.csv") == rows_of_values(results)
