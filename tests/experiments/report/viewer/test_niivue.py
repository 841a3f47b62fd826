"""The viewer's library is the published one, and stands beside its licence."""

import gzip
import hashlib
from base64 import b64decode
from importlib.resources import files

from recon.experiments.report.viewer.niivue import niivue


def test_the_library_is_the_file_that_its_licence_names() -> None:
    licence = (files("recon.experiments.report.viewer") / "niivue.LICENSE.txt").read_text()
    script = gzip.decompress(b64decode(niivue()))
    assert f"sha256 {hashlib.sha256(script).hexdigest()}" in licence
    assert "BSD 2-Clause License" in licence
    assert "Redistributions in binary form must reproduce the above copyright notice" in licence


def test_the_library_is_a_small_part_of_a_page() -> None:
    assert len(niivue()) < 1_200_000
